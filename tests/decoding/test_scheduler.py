"""A request gives the same text to the last bit: alone, in any batch, at any row, streamed, after any other."""

import functools
import random
from unittest import mock

import pytest
import strategies as some
import torch
from completions import facts
from hypothesis import given
from hypothesis import strategies as st
from tiny import chars, engine_of, vocabulary

import gen_engine.engine
from gen_engine.decoding.scheduler import Scheduler
from gen_engine.errors import ConflictError, GenError
from gen_engine.types import Request


def few_rows(rows):
    """Engines run at most so many rows at once."""
    return mock.patch.object(gen_engine.engine, "Scheduler", functools.partial(Scheduler, rows=rows))


@given(some.batches(), st.randoms(use_true_random=False), st.integers(1, 4))
@some.examples(25)
def test_texts_are_the_same_in_any_batch_and_order(batch, order, rows):
    wanted, fresh = batch
    alone = facts(fresh().generate_batch([request])[0] for request in wanted)
    engine = fresh()
    assert facts(engine.generate_batch(wanted)) == alone
    places = order.sample(range(len(wanted)), len(wanted))
    shuffled = [wanted[place] for place in places]
    assert facts(engine.generate_batch(shuffled)) == [alone[place] for place in places]
    with few_rows(rows):
        assert facts(engine.generate_batch(wanted)) == alone


@given(some.batches())
@some.examples(20)
def test_a_sample_is_the_same_for_every_larger_num(batch):
    [request, *_], fresh = batch
    options = {"processors": request.processors, "seed": request.seed, "max_new": request.max_new}
    assert facts([fresh().generate(request.prompt, num=5, **options)[:2]]) == facts(
        [fresh().generate(request.prompt, num=2, **options)]
    )


@given(some.batches())
@some.examples(20)
def test_a_stream_is_the_text(batch):
    [request, *_], fresh = batch
    options = {"processors": request.processors, "seed": request.seed, "max_new": request.max_new}
    [done] = fresh().generate(request.prompt, **options)
    pieces = list(fresh().stream(request.prompt, **options))
    assert "".join(pieces) == done.new
    assert all(pieces)


@pytest.mark.parametrize("shapers", [("top_k=40", "temperature=0.8"), ("typical=0.6",), ("top_p=0.7", "min_p=0.01")])
def test_rows_of_large_vocabularies_do_not_depend_on_neighbours(shapers):
    vocab = chars("".join(map(chr, range(0x4E00, 0x4E00 + 5000))))
    wanted = [Request(chr(0x4E00 + i), (*shapers, "no_repeat=9"), 1, i, 12) for i in range(24)]
    alone = facts(engine_of(vocab).generate_batch([request])[0] for request in wanted)
    random.Random(3).shuffle(wanted)
    alone = [alone[request.seed] for request in wanted]
    engine = engine_of(vocab)
    for size in (3, 16, 24):
        groups = [engine.generate_batch(wanted[i : i + size]) for i in range(0, 24, size)]
        assert facts(done for group in groups for done in group) == alone


def test_a_shaper_undone_in_one_row_leaves_the_others_unchanged():
    def spoil(step, logits):
        spoiled = torch.tensor([history[-1] == 1 for history in step.histories])
        return logits.masked_fill(spoiled[:, None], torch.nan)

    wanted = [Request(prompt, ("ban=d", spoil, "top_k=2"), 1, 6, 8) for prompt in "abcb"]
    engine = engine_of(chars("abcd"))
    assert facts(engine.generate_batch(wanted)) == facts(engine.generate_batch([each])[0] for each in wanted)


def test_what_is_undone_in_one_row_stands_in_others():
    def leave_nothing(step, logits):
        return torch.full_like(logits, -torch.inf)

    def even_out(step, logits):
        after_a = torch.tensor([history[-1] == 1 for history in step.histories])[:, None]
        return torch.where(after_a, logits, torch.zeros(()))

    wanted = [Request(prompt, (leave_nothing, even_out), 1, 6, 1) for prompt in "ab"]
    engine = engine_of(chars("abcd"))
    assert [done.undone for [done] in engine.generate_batch(wanted)] == [("leave_nothing",), ()]


def test_requests_beyond_the_rows_of_one_pass_wait_their_turn():
    engine = engine_of(chars("abcd"))
    wanted = [Request("a", (), 2, seed, 5) for seed in range(20)]
    with few_rows(4):
        assert engine.generate_batch(wanted) == engine_of(chars("abcd")).generate_batch(wanted)


def test_all_requests_are_checked_before_the_first_token():
    engine = engine_of(chars("abcd"))
    with pytest.raises(ConflictError):
        engine.pieces([Request("a"), Request("a", ("only=a", "no_repeat=1", "length=3"))])
    assert engine.model.fed == 0


@pytest.mark.parametrize("wrong", [{"num": 0}, {"max_new": -1}, {"decoder": "bem"}])
def test_a_request_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(GenError):
        engine_of(chars("ab")).generate("a", **wrong)


def test_without_a_seed_every_call_draws_and_tells_its_own():
    engine = engine_of(chars("abcdefgh"))
    [first], [second] = engine.generate("a", max_new=9), engine.generate("a", max_new=9)
    assert first.seed != second.seed
    assert engine.generate("a", max_new=9, seed=first.seed) == [first]


def test_a_stream_withholds_possible_stop_strings_and_half_characters():
    engine = engine_of(vocabulary("a", "b", "é".encode()[:1], "é".encode()[1:], "bé"))
    finishes = []
    for seed in range(24):
        options = {"processors": ["stop=aab|ébb"], "seed": seed, "max_new": 12}
        [done] = engine.generate("", **options)
        assert "".join(engine.stream("", **options)) == done.new
        assert "\ufffd" not in done.new
        finishes.append(done.finish)
    assert set(finishes) == {"stop", "budget"}
