from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_engine.errors import GenError
from gen_evaluate.overlap import Rouge, bleu, distinct, rouge

EXAMPLES = settings(deadline=None, max_examples=60, derandomize=True, database=None)
line = st.text("春夏秋冬 ", max_size=9)
LINES = ["白日依山尽", "黄河入海流", "欲穷千里目"]


@cache
def googles():
    scorer = pytest.importorskip("rouge_score.rouge_scorer")
    return scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=Characters())


class Characters:
    """The tokenizer that rouge-score must be given: its own finds nothing in Chinese."""

    def tokenize(self, text):
        return [char for char in text if not char.isspace()]


def test_identical_texts_have_the_highest_score_and_strange_ones_none():
    assert bleu(LINES, [LINES]) == pytest.approx(100)
    assert bleu(LINES, [["春夏秋冬风"] * 3]) == 0
    assert rouge(LINES, [LINES])["rougeL"] == Rouge(1, 1, 1)
    assert rouge(LINES, [["春夏秋冬风"] * 3])["rouge1"] == Rouge(0, 0, 0)


def test_bleu_is_that_of_characters():
    assert bleu(["白日依山近"], [["白日依山尽"]]) == pytest.approx(100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25)


def test_of_several_references_the_best_counts():
    assert bleu(LINES, [LINES[::-1], LINES]) == pytest.approx(100)
    assert rouge(LINES, [LINES[::-1], LINES])["rouge2"] == Rouge(1, 1, 1)


def test_rouge_is_computed_by_hand():
    found = rouge(["山水山"], [["水山 火山"]])
    assert found["rouge1"] == Rouge(1.0, 0.75, pytest.approx(6 / 7))
    assert found["rouge2"] == Rouge(0.5, pytest.approx(1 / 3), pytest.approx(0.4))
    assert found["rougeL"] == Rouge(pytest.approx(2 / 3), 0.5, pytest.approx(4 / 7))


@EXAMPLES
@given(line, line)
def test_rouge_agrees_with_googles_package(candidate, reference):
    theirs = googles().score(reference, candidate)
    ours = rouge([candidate], [[reference]])
    for name, each in theirs.items():
        assert (ours[name].precision, ours[name].recall) == pytest.approx((each.precision, each.recall))
        assert ours[name].f == pytest.approx(each.fmeasure)


@EXAMPLES
@given(st.lists(line, max_size=5), st.integers(1, 3))
def test_distinct_is_a_share_that_repetition_lowers(texts, n):
    once = distinct(texts, n)
    assert 0 <= once <= 1
    assert distinct([*texts, *texts], n) == pytest.approx(once / 2)


def test_distinct_counts_over_all_texts():
    assert distinct(["春春夏", "春 夏"], 1) == 2 / 5
    assert distinct(["春春夏", "春 夏"], 2) == 2 / 3
    assert distinct(["春"], 2) == 0


def test_lists_of_unequal_lengths_are_refused():
    with pytest.raises(GenError, match="3 candidates and 2 references in list 2"):
        bleu(LINES, [LINES, LINES[:2]])
