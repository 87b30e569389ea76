"""The texts of five hundred requests are those that were recorded: nothing that anyone gets changes unnoticed."""

import pytest
from ratchet import COMMANDS, MODELS, REQUESTS, found, read

RECORDS = read()
SHARE = 20
"""One record in so many is checked by each run, all by the slow tests."""


def changed(records):
    return [each for each, now in zip(records, found(records), strict=True) if each["hash"] != now]


def test_five_hundred_requests_are_recorded():
    assert len(RECORDS) == REQUESTS + COMMANDS == 500
    assert {each["model"] for each in RECORDS if "model" in each} == set(MODELS)
    assert len({str(each.get("command", each)) for each in RECORDS}) == 500


def test_a_share_of_the_recorded_texts_is_as_it_was():
    assert changed(RECORDS[::SHARE]) == []


@pytest.mark.slow
@pytest.mark.parametrize("part", range(1, SHARE))
def test_all_other_recorded_texts_are_as_they_were(part):
    assert changed(RECORDS[part::SHARE]) == []
