import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import classification_report

from gen_classify.evaluating.baseline import train_baseline
from gen_classify.evaluating.measures import measure
from gen_engine.errors import GenError

EXAMPLES = settings(deadline=None, max_examples=80, derandomize=True, database=None)
LABELS = ("坏", "好", "平")
GUESSES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30)


def split(pairs):
    return [true for true, _ in pairs], [guess for _, guess in pairs]


@given(GUESSES)
@EXAMPLES
def test_figures_are_those_of_scikit_learn(pairs):
    true, guessed = split(pairs)
    report = measure(true, guessed, LABELS)
    theirs = classification_report(true, guessed, output_dict=True, zero_division=0)
    for mean in ("macro", "weighted"):
        for ours, name in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
            assert getattr(report, f"{mean}_{ours}") == pytest.approx(theirs[f"{mean} avg"][name])
    assert report.figures()["accuracy"] == sum(a == b for a, b in pairs) / len(pairs)


@given(GUESSES)
@EXAMPLES
def test_confusion_has_true_labels_in_rows_and_guesses_in_columns(pairs):
    report = measure(*split(pairs), LABELS)
    assert report.confusion == tuple(tuple(pairs.count((a, b)) for b in range(3)) for a in range(3))
    assert [each.rows for each in report.labels] == [sum(row) for row in report.confusion]
    assert report.rows == len(pairs)
    assert json.loads(json.dumps(report.record()))["labels"]["好"]["guessed"] == split(pairs)[1].count(1)


@given(GUESSES)
@EXAMPLES
def test_the_accuracy_lies_within_its_interval(pairs):
    report = measure(*split(pairs), LABELS)
    low, high = report.interval()
    assert 0 <= low <= report.accuracy <= high <= 1


def test_the_interval_is_wilsons():
    assert measure([1] * 10, [1] * 9 + [0], LABELS).interval() == pytest.approx((0.5958, 0.9821), abs=1e-4)


def test_measuring_nothing_is_an_error():
    with pytest.raises(GenError, match="nothing to measure"):
        measure([], [], LABELS)


GOOD, BAD = ["很好的酒店", "房间很好", "服务好极了"], ["很差的酒店", "房间太差", "服务差极了"]


@pytest.mark.parametrize("more", [[], ["平常", "一般"]])
def test_the_baseline_learns_texts_that_differ(more):
    texts, labels = [*GOOD, *BAD, *more], ["好"] * 3 + ["坏"] * 3 + ["平"] * len(more)
    baseline = train_baseline(texts, labels)
    assert baseline.predict(texts) == labels
    assert baseline.predict(["这里很好", "这里很差"]) == ["好", "坏"]
    assert baseline.predict([]) == []


def test_the_baseline_takes_pairs_and_numbers():
    pairs = [("好", "好"), ("好", "差"), ("差", "差"), ("差", "好")] * 3
    assert set(train_baseline(pairs, [1, 0, 1, 0] * 3).predict(pairs)) <= {0, 1}


def test_the_baseline_is_the_same_for_the_same_seed():
    guesses = [train_baseline(GOOD + BAD, [1] * 3 + [0] * 3, seed=4).model.coef_.tolist() for _ in range(2)]
    assert guesses[0] == guesses[1]


@pytest.mark.parametrize("texts, labels, sentence", [(GOOD, [1, 1, 1], "two labels"), (["", ""], [0, 1], "characters")])
def test_a_baseline_with_nothing_to_learn_is_refused(texts, labels, sentence):
    with pytest.raises(GenError, match=sentence):
        train_baseline(texts, labels)
