from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_engine.errors import GenError
from gen_evaluate.ngram import BEGIN, FALLBACK, UNKNOWN, _discounts, train_ngram

EXAMPLES = settings(deadline=None, max_examples=60, derandomize=True, database=None)
ALPHABET = "abcd"
some_texts = st.lists(st.text(ALPHABET, max_size=12), min_size=1, max_size=6).filter(any)
orders = st.integers(1, 5)


def slow_counts(texts, order):
    """For each length, the counts of Kneser-Ney by their definition, n-grams being strings and < what begins a text."""
    found = [Counter() for _ in range(order)]
    before = [defaultdict(set) for _ in range(order)]
    for text in ("<" + text for text in texts):
        for end in range(1, len(text) + 1):
            for length in range(1, min(order, end) + 1):
                gram = text[end - length : end]
                found[length - 1][gram] += 1
                before[length - 1][gram].add(text[end - length - 1 : end - length])
    for length in range(order - 1):
        for gram in found[length]:
            found[length][gram] = found[length][gram] if gram[0] == "<" else len(before[length][gram])
    del found[0]["<"]
    return found


def slow_probability(counts, context, char, size):
    """Interpolated modified Kneser-Ney, from the longest context to the empty one."""
    context = context[-(len(counts) - 1) :] if len(counts) > 1 else ""
    found = 1 / size
    for length in range(len(context) + 1):
        shorter = context[len(context) - length :]
        followers = {gram: n for gram, n in counts[length].items() if gram[:-1] == shorter}
        if not followers:
            continue
        discounts = [0.0, *_discounts(np.array(list(counts[length].values())))]
        off = {gram: discounts[min(n, 3)] for gram, n in followers.items()}
        gram, total = shorter + char, sum(followers.values())
        found = (followers.get(gram, 0) - off.get(gram, 0.0) + sum(off.values()) * found) / total
    return found


@EXAMPLES
@given(some_texts, orders, st.text(ALPHABET + "?", max_size=6))
def test_probabilities_sum_to_one_after_any_context(texts, order, context):
    model = train_ngram(texts, order)
    likely = model.distribution([model.ids.get(char, UNKNOWN) for char in context])
    assert likely.sum() == pytest.approx(1)
    assert (likely[1:] > 0).all()
    assert likely[BEGIN] == 0


@EXAMPLES
@given(some_texts, orders, st.text(ALPHABET, min_size=1, max_size=8))
def test_each_character_costs_what_the_definition_says(texts, order, text):
    model = train_ngram(texts, order)
    counts = slow_counts(texts, order)
    for place, char in enumerate(text):
        if char in model.ids:
            expected = slow_probability(counts, ("<" + text)[: place + 1], char, len(model.ids) + 1)
            assert model.score([text])[0].nats[place] == pytest.approx(-np.log(expected))


def test_a_unigram_model_without_estimated_discounts_is_computed_by_hand():
    model = train_ngram(["aab"], 1)
    taken = (FALLBACK[1] + FALLBACK[0]) / 3
    expected = {"a": (2 - 1.0) / 3 + taken / 3, "b": (1 - 0.5) / 3 + taken / 3}
    likely = model.distribution([])
    assert {char: likely[i] for char, i in model.ids.items()} == pytest.approx(expected)


def test_discounts_follow_the_counts_of_counts():
    counts = np.array([1] * 8 + [2] * 4 + [3] * 2 + [4])
    share = 8 / (8 + 2 * 4)
    assert _discounts(counts) == pytest.approx((1 - 2 * share * 4 / 8, 2 - 3 * share * 2 / 4, 3 - 4 * share * 1 / 2))


def test_a_longer_context_is_remembered():
    model = train_ngram(["春山夏水", "春山夏水", "秋山冬水", "秋山冬水"], 3)
    [reading] = model.score(["秋山冬水"])
    assert reading.guessed[1:].all()


def test_an_unseen_character_is_unknown_and_the_rest_is_read():
    [reading] = train_ngram(["春山"], 2).score(["鬱山春"])
    assert reading.known.tolist() == [False, True, True]
    assert np.isfinite(reading.nats).all()


@pytest.mark.parametrize(("texts", "order", "message"), [(["a"], 0, "from 1"), ([""], 2, "no text")])
def test_what_cannot_be_counted_is_refused(texts, order, message):
    with pytest.raises(GenError, match=message):
        train_ngram(texts, order)
