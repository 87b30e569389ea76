"""Speculative decoding: any draft, however wrong, leaves every text as it was, to the last bit."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest
import strategies as some
from completions import complete, facts
from drafting import Guessing, Twin, allowed_junk, drafted, drafts, long_batches, parted_engine
from drawn_cases import DRAWN, exact
from hypothesis import given
from hypothesis import strategies as st
from tiny import chars, engine_of, vocabulary

from gen_engine.decoding.drafts import CONTEXTS, FOLLOWERS, Ngram, lookup, ngram
from gen_engine.engine import Engine
from gen_engine.errors import ConflictError, GenError
from gen_engine.types import Request


def outcome(engine, requests):
    """All that is told of the completions, or why there is none."""
    try:
        return facts(engine.generate_batch(requests))
    except GenError as problem:
        return str(problem)


@given(some.batches(), st.data())
@some.examples(80)
def test_under_any_rules_a_draft_changes_nothing(batch, data):
    requests, make_engine = batch
    draft = data.draw(drafts(make_engine))
    assert outcome(make_engine(), drafted(requests, draft)) == outcome(make_engine(), requests)


@given(long_batches(), st.data())
@some.examples(250)
def test_in_long_texts_a_draft_changes_nothing(batch, data):
    requests, make_engine = batch
    draft = data.draw(drafts(make_engine))
    assert outcome(make_engine(), drafted(requests, draft)) == outcome(make_engine(), requests)


@given(long_batches(parted_engine), st.data())
@some.examples(250)
def test_no_more_is_read_at_once_than_is_verified(batch, data):
    requests, make_engine = batch
    draft = data.draw(drafts(make_engine))
    assert outcome(make_engine(), drafted(requests, draft)) == outcome(make_engine(), requests)


def pieces(engine, request):
    """What is streamed of each sample, piece by piece."""
    try:
        found = [piece for _, piece in engine.pieces([request])]
    except GenError as problem:
        return str(problem)
    return {sample: [each.text for each in found if each.sample == sample] for sample in range(request.num)}


@given(long_batches(), st.data())
@some.examples(60)
def test_a_draft_changes_no_piece_of_a_stream(batch, data):
    [request, *_], make_engine = batch
    draft = data.draw(drafts(make_engine))
    assert pieces(make_engine(), replace(request, draft=draft)) == pieces(make_engine(), request)


@pytest.mark.parametrize("case", DRAWN, ids=lambda case: repr(case.wishes))
def test_texts_are_drawn_as_often_as_the_chain_makes_likely(case):
    engine = engine_of(case.vocabulary, salt=2)
    draft = Twin(engine_of(case.vocabulary, salt=2).model, wrong=3)
    expected = exact(engine, case, ("temperature=0.6",))
    seen = Counter(done.tokens for done in complete(engine, case, ("temperature=0.6",), num=2000, seed=11, draft=draft))
    assert set(seen) <= {text for text, p in expected.items() if p > 0}
    squares = [(seen[text] - 2000 * p) ** 2 / (2000 * p) for text, p in expected.items() if 2000 * p > 5]
    assert sum(squares) <= len(squares) + 4 * (2 * len(squares)) ** 0.5


@pytest.mark.parametrize("decoder", ["sample", "greedy"])
def test_a_draft_that_is_right_saves_passes(decoder):
    engine = engine_of(chars("abcd"))
    draft = Twin(engine_of(chars("abcd")).model, tokens=5)
    options = {"processors": ["length=13"], "num": 3, "seed": 1, "decoder": decoder}
    found = engine.generate("a", draft=draft, **options)
    assert engine.model.fed == 3  # the prompt, and twice six tokens of each text
    assert [done.drafted for done in found] == [(10, 10)] * 3
    assert found == engine_of(chars("abcd")).generate("a", **options)


def test_a_draft_that_is_wrong_costs_no_pass():
    engine, plain = engine_of(chars("abcd")), engine_of(chars("abcd"))
    options = {"processors": ["length=13"], "num": 2, "seed": 1}
    [first, _] = plain.generate("a", **options)
    found = engine.generate("a", draft=Guessing(lambda draw: 1 + first.tokens[0] % 4), **options)
    assert engine.model.fed <= plain.model.fed
    assert sum(done.drafted[0] for done in found) > sum(done.drafted[1] for done in found)


def test_a_draft_of_one_request_leaves_others_alone():
    requests = [Request("ab", ("length=9",), 2, seed) for seed in range(4)]
    mixed = [replace(each, draft=draft) for each, draft in zip(requests, [None, "lookup", "ngram", None], strict=True)]
    engine = engine_of(chars("abcd"))
    assert facts(engine.generate_batch(mixed)) == facts(engine_of(chars("abcd")).generate_batch(requests))


def test_a_cancelled_draft_leaves_others_alone():
    engine = engine_of(chars("abcd"))
    scheduler = engine.scheduler(in_pieces=False)
    gone, stays = (scheduler.submit(Request("ab", ("length=9",), 2, 1, draft=allowed_junk(1))) for _ in range(2))
    assert scheduler.step() == scheduler.step() == []
    scheduler.cancel(gone)
    sent = []
    while not scheduler.is_idle:
        sent += scheduler.step()
    found = {(ticket, piece.completion) for ticket, piece in sent}
    assert found == {(stays, done) for done in engine.generate("ab", processors=["length=9"], num=2, seed=1)}


def test_nothing_is_proposed_beyond_the_positions():
    engine = engine_of(chars("abcd"))
    engine.model.positions = 8
    draft = Twin(engine_of(chars("abcd")).model, tokens=6)
    [done] = engine.generate("a", processors=["length=20"], seed=1, draft=draft)
    assert done.drafted == (5, 5)  # two tokens of the prompt, one drawn


# ------------------------------------------------------------------------------------------------------ refusals


class Slow(type(engine_of(chars("ab")).model)):
    """A model that promises nothing of tokens that are read at once."""

    verifies = 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"draft": "lookup", "decoder": "beam,width=2"}, "The decoder beam,width=2 takes no draft; leave it out, or"),
        ({"draft": "lookup", "decoder": "smc,particles=2"}, "The decoder smc,particles=2 takes no draft;"),
        ({"draft": "lookup", "processors": ["mirostat=2"]}, "mirostat=2 remembers how likely each token was,"),
        ({"draft": " "}, "The draft has no name; write lookup, ngram or model=NAME, or leave it out."),
        ({"draft": "lookups"}, "There is no draft 'lookups'; there are lookup, ngram, model."),
        ({"draft": "lookup,tokens=0"}, "lookup,tokens=0 is no number of tokens to guess ahead; give one from 1 to 64."),
        ({"draft": "lookup,least=9"}, "least=9 is no length of a run to look for; give one from 1 to 4."),
        ({"draft": "ngram,order=0"}, "order=0 is no length of a run to count by; give one from 1 to 4."),
        ({"draft": "model"}, "'model' lacks its name (text); write model=VALUE."),
        ({"draft": 3}, "draft=3 is no draft; give lookup, ngram or model=NAME."),
    ],
)
def test_what_cannot_use_a_draft_is_refused(options, message):
    with pytest.raises(GenError) as problem:
        engine_of(chars("ab")).generate("a", **options)
    assert str(problem.value).startswith(message)


def test_a_model_without_the_promise_takes_no_draft():
    model = engine_of(chars("ab")).model
    for other in (Slow(model.tokenizer), SimpleNamespace(**vars(model))):
        with pytest.raises(GenError, match=r"with other last bits .*\(--fast\)"):
            Engine(other).generate("a", draft="lookup", max_new=3)


def test_a_model_of_another_vocabulary_is_refused(monkeypatch):
    monkeypatch.setattr("gen_engine.engine.open_model", lambda name, device: engine_of(chars("abc")))
    with pytest.raises(GenError, match="The model other has another vocabulary than table and cannot guess"):
        engine_of(chars("ab")).generate("a", draft="model=other")
    with pytest.raises(ConflictError):
        engine_of(chars("abc")).generate("a", draft="model=other", processors=["length=1", "length=2"])


# -------------------------------------------------------------------------------------------------- the drafts


def guesses(draft, prompt, *texts, vocab=None):
    """What a draft guesses behind texts, written after a prompt of the same request."""
    engine = engine_of(vocab or chars("abcd"))
    read = engine.tokenizer.encode(prompt)
    generation = SimpleNamespace(plan=SimpleNamespace(prompt=read), samples=range(len(texts)))
    tokens = [engine.tokenizer.encode(prompt + text).tokens for text in texts]
    draws = [SimpleNamespace(history=each, sample=i, allowed=range(1, 5)) for i, each in enumerate(tokens)]
    return [None if token is None else "abcd"[token - 1] for token in draft.begin(generation)(draws, 0)]


@pytest.mark.parametrize(
    ("prompt", "text", "guess"),
    [("abc", "ab", "c"), ("abcabd", "ab", "d"), ("", "abcab", "c"), ("abc", "b", None), ("cabdcab", "", "d")],
)
def test_look_up_guesses_what_followed_the_longest_run(prompt, text, guess):
    assert guesses(lookup(), prompt, text) == [guess]


def test_a_longer_run_outweighs_a_later_one():
    assert guesses(lookup(least=1), "abcbd", "ab") == ["c"]


def test_counts_guess_what_followed_most_often_in_any_text():
    draft = ngram(order=1)
    assert guesses(draft, "", "abacab", "a") == ["a", "b"]
    assert guesses(draft, "d", "a") == ["b"]  # of the request before


def test_counts_are_bounded():
    draft = Ngram(4, 1)
    draft._count(tuple(token for other in range(2, 3 * FOLLOWERS) for token in (1, other)), 0)
    assert len(draft._counts.get((1,))) == FOLLOWERS
    assert draft._counts.size == CONTEXTS


def test_a_model_draft_is_loaded_once_for_an_engine(monkeypatch):
    loaded = []
    monkeypatch.setattr(
        "gen_engine.engine.open_model", lambda name, device: loaded.append(name) or engine_of(chars("ab"))
    )
    engine = engine_of(chars("ab"))
    for seed in range(3):
        engine.generate("a", draft="model=small,tokens=2", seed=seed, max_new=5)
    assert loaded == ["small"]


def test_a_model_of_another_window_guesses_as_well():
    engine, draft = engine_of(chars("abcd")), engine_of(chars("abcd"), salt=1).model
    draft.positions = 4
    options = {"processors": ["length=13"], "num": 3, "seed": 1, "context": "ab"}
    found = engine.generate("a", draft=Twin(draft), **options)
    assert found == engine_of(chars("abcd")).generate("a", **options)


def test_dead_tokens_are_taken_away_behind_guesses():
    vocab, rules = vocabulary("", "a", b"\xc3", "b", b"\xa9", end=0), ["length=4..5", "top_k=2"]
    for salt in range(3):
        options = {"processors": rules, "num": 30, "seed": 1, "max_new": 5}
        draft = Twin(engine_of(vocab, salt=salt).model)
        assert engine_of(vocab, salt=salt).generate("a", draft=draft, **options) == engine_of(
            vocab, salt=salt
        ).generate("a", **options)
