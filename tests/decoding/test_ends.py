"""Several tokens that end a text: one event, with the probability of all of them, in every decoder."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import strategies as some
import torch
from hypothesis import given
from hypothesis import strategies as st

from gen_engine.decoding.drafts import ModelDraft
from gen_engine.decoding.ends import fold_ends, fold_ends_of_tensor, unfold_ends_of_tensor
from gen_engine.engine import Engine
from gen_engine.errors import GenError
from gen_engine.inspecting.explain import explain
from gen_engine.testing.models import LongestMatch, table_model, tiny_vocabulary
from gen_engine.types import Request

SURFACES = ("", "", "", "a", "b")  # the first three end a text
VOCABULARY = tiny_vocabulary(*SURFACES, ends=(1, 2))
NUMBERS = st.one_of(st.floats(-60, 60, width=32), st.sampled_from([-math.inf, 0.0, 3e37, -3e38]))
ROWS = st.lists(st.lists(NUMBERS, min_size=5, max_size=5), min_size=1, max_size=4)


def folded(rows):
    return fold_ends(np.array(rows, np.float32), VOCABULARY)


@given(ROWS)
@some.examples(40)
def test_the_end_has_the_probability_of_all_ends(rows):
    for row, found in zip(torch.tensor(rows), folded(rows), strict=True):
        own = row[:3].double().logsumexp(0)
        assert found[0] == pytest.approx(float(own), rel=1e-6, abs=1e-5)
        assert found[1:].tolist() == [-math.inf, -math.inf, *row[3:].tolist()]


@given(ROWS)
@some.examples(40)
def test_a_row_is_folded_by_itself(rows):
    for row, found in zip(rows, folded(rows), strict=True):
        assert folded([row])[0].tobytes() == found.tobytes() == folded([found])[0].tobytes()


@pytest.mark.parametrize("odd", [math.nan, math.inf])
def test_numbers_that_are_none_stay_to_be_seen(odd):
    assert repr(folded([[0.0, odd, 0.0, 1.0, 2.0]])[0, 0]) == repr(np.float32(odd))


def test_one_end_costs_nothing():
    logits, tensor = np.zeros((1, 5), np.float32), torch.zeros(1, 5)
    one = tiny_vocabulary(*SURFACES)
    assert fold_ends(logits, one) is logits
    assert not logits.any()
    assert fold_ends_of_tensor(tensor, one) is tensor


@given(ROWS)
@some.examples(40)
def test_tensors_are_folded_alike_and_unfolded_again(rows):
    own = torch.tensor(rows)
    found = fold_ends_of_tensor(own.clone(), VOCABULARY)
    torch.testing.assert_close(found, torch.from_numpy(folded(rows)))
    back = unfold_ends_of_tensor(found, own, VOCABULARY, rows=range(1, len(rows)))
    torch.testing.assert_close(back[1:], own[1:], atol=1e-4, rtol=1e-5)
    assert torch.equal(back[:1], found[:1])


def test_further_ends_need_an_end():
    with pytest.raises(GenError, match="give the first of them as the end"):
        tiny_vocabulary("", "a", end=None, ends=[1])


# ------------------------------------------------------------------------------------------------------- decoders

RULES = [(), ("length=1..3",), ("regex=(a|b)b*",), ("length=2", "top_k=2"), ("ban=a",)]
DECODERS = ["sample", "greedy", "beam,width=3", "smc,particles=4"]


def with_ends(salt=0, **options):
    return Engine(table_model(*SURFACES, ends=(1, 2), salt=salt, **options))


def with_one_end(salt):
    """The model that gives its only end the probability of the three."""
    theirs = table_model(*SURFACES, salt=salt)
    rows = [row for length in range(7) for row in product((0, 3, 4), repeat=length)]
    table = {row: folded(theirs.logits(row)[None].numpy())[0].tolist() for row in rows if len(row) == theirs.order}
    table |= {(0,): folded(theirs.logits([0])[None].numpy())[0].tolist()}
    alone = LongestMatch(tiny_vocabulary(*SURFACES, unused=(1, 2)), 0)
    return Engine(replace(theirs, table=table, tokenizer=alone))


@pytest.mark.parametrize("decoder", DECODERS)
@given(salt=st.integers(0, 999), rules=st.sampled_from(RULES))
@some.examples(25)
def test_several_ends_are_one_of_their_whole_probability(decoder, salt, rules):
    wish = {"processors": rules, "decoder": decoder, "num": 2, "seed": 7, "max_new": 5}
    found, expected = (engine.generate("", **wish) for engine in (with_ends(salt), with_one_end(salt)))
    assert [(done.text, done.finish) for done in found] == [(done.text, done.finish) for done in expected]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.logprobs == pytest.approx(theirs.logprobs, abs=1e-5)


@given(salt=st.integers(0, 999))
@some.examples(25)
def test_the_probability_of_ending_is_the_sum_over_ends(salt):
    model = table_model(*SURFACES, salt=salt)
    first, *then = (model.logits(row).double().softmax(0).tolist() for row in ((0,), (0, 3), (0, 4)))
    expected = {"": sum(first[:3]), "a": first[3] * sum(then[0][:3]), "b": first[4] * sum(then[1][:3])}
    found = with_ends(salt).generate("", processors=["length=0..2"], decoder="beam,width=9", num=9, max_new=3)
    ended = {done.text: math.exp(done.logprob) for done in found if done.finish == "end"}
    assert ended == pytest.approx(expected, abs=1e-6)


# -------------------------------------------------------------------------------------------------- the last ends


def ended_by(token):
    """An engine of a model that writes a, b, and ends with this one of its ends."""
    sure = {0: 3, 3: 4, 4: token}
    table = {(last,): [9.0 if i == after else -30.0 for i in range(5)] for last, after in sure.items()}
    return Engine(table_model(*SURFACES, ends=(1, 2), table=table))


@pytest.mark.parametrize("token", [1, 2])
@pytest.mark.parametrize("rules", [(), ("length=2..9",), ("regex=[ab]+",)])
@pytest.mark.parametrize("decoder", DECODERS)
def test_the_second_and_the_third_end_a_text(token, rules, decoder):
    [done] = ended_by(token).generate("", processors=rules, decoder=decoder, seed=1, max_new=9)
    assert (done.text, done.finish, done.tokens) == ("ab", "end", (3, 4))
    assert done.logprob > -0.01


@pytest.mark.parametrize("token", [1, 2])
def test_they_end_streams_and_batches(token):
    engine = ended_by(token)
    assert "".join(engine.stream("", seed=1, max_new=9)) == "ab"
    found = engine.generate_batch([Request("", max_new=9, num=2, seed=1), Request("a", max_new=9, seed=2)])
    assert [[(done.text, done.finish) for done in some] for some in found] == [[("ab", "end")] * 2, [("ab", "end")]]


def test_an_explanation_tells_the_whole_probability():
    engine = ended_by(2)
    [done] = engine.generate("", seed=1, max_new=9)
    place = explain(engine, done, max_new=9).places[-1]
    assert (place.end, place.nats) == (True, pytest.approx(-done.logprobs[-1], abs=1e-5))


def test_a_draft_of_other_ends_is_refused():
    draft = ModelDraft(2, "tiny")
    with pytest.raises(GenError, match="has another vocabulary"):
        draft.loaded(table_model(*SURFACES), table_model(*SURFACES, ends=(1, 2)))
