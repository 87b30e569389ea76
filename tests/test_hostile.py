"""Hostile input of every kind: no hang, little memory, no stack trace, no half-written file, one sentence."""

from collections import Counter

import pytest
from hostile import environment, files, numbers, plugins, streams, texts, weights
from hostile.case import JUDGE, MODEL
from hostile.models import make_gpt2, make_judge
from hostile.run import broken, ended

KINDS = (texts, files, weights, numbers, streams, environment, plugins)
CASES = [case for kind in KINDS for case in kind.CASES]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    place = tmp_path_factory.mktemp("models")
    make_gpt2(place / "gpt2")
    make_judge(place / "judge")
    return {MODEL: place / "gpt2", JUDGE: place / "judge"}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hostile_command_line_ends_well(case, models, tmp_path):
    end = ended(case, tmp_path / "here", models)
    assert list(broken(case, end)) == [], end


def test_there_are_many_cases_of_every_kind_no_two_alike():
    assert len(CASES) >= 240
    assert min(len(kind.CASES) for kind in KINDS) >= 15
    assert [name for name, count in Counter(case.name for case in CASES).items() if count > 1] == []
