from enum import Enum
from pathlib import Path

import pytest

from gen_trainkit.publishing import CardFacts, Publishing, write_card
from gen_trainkit.tasks import Outcome, Recipe
from gen_trainkit.wording import in_words


class Way(Enum):
    UP = "up"


@pytest.mark.parametrize(("value", "words"), [
    (None, "not set"), (True, "yes"), (False, "no"), (0, "0"), (2e-5, "2e-05"), (float("nan"), "not a number"),
    (float("-inf"), "infinite"), (("a", True), "a, yes"), ([], ""), (Path("a b"), "a b"), (Way.UP, "up"), ("x", "x"),
])  # fmt: skip
def test_settings_in_words(value, words):
    assert in_words(value) == words


def card(**settings):
    facts, outcome = CardFacts("Made.", "x", {}), Outcome(1, 1, {}, None, 0)
    return write_card(Publishing(Path("out")), facts, Recipe(**settings), outcome, goal="valid_loss", device="cpu")


@pytest.mark.parametrize(("settings", "told", "left_out"), [
    ({}, "| epochs | 1.0 |", ["head_rate", "steps |", "matrix_rate"]),
    ({"steps": 3, "head_rate": 0.1}, "| head_rate | 0.1 |", ["epochs |"]),
    ({"optimizer": "muon"}, "| matrix_rate | 0.004 |", ["head_rate"]),
])  # fmt: skip
def test_a_card_has_what_is_set_and_matters(settings, told, left_out):
    text = card(**settings)
    assert told in text
    assert not [name for name in [*left_out, "None", "1 steps"] if name in text]
