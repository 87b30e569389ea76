"""The promises of the engine over random vocabularies, models, chains and requests, held against trying every text."""

import strategies as some
from hypothesis import assume, given
from hypothesis import strategies as st

from gen_engine.errors import ConflictError
from gen_engine.types import Named, Request


def label(wish):
    return wish.spec.label if isinstance(wish.spec, Named) else wish.spec


def generate(engine, case, shapers=(), **options):
    """The completions, or the conflict; a refused prompt leaves no case to look at."""
    try:
        return engine.generate(case.prompt, processors=some.processors(case, shapers), max_new=case.budget, **options)
    except ConflictError as conflict:
        return conflict


def confirm_conflict(conflict, case):
    """A conflict is right if its members admit no text, and any of them left out, there is one."""
    members = [wish for wish in case.wishes if label(wish) in conflict.members]
    assert len(members) == len(conflict.members)
    named = case.only(members)
    assert not named.world.legal
    assert all(named.without(wish).world.legal for wish in members)


def confirm_completion(done, case, num=1):
    assert done.tokens in case.world.legal
    assert done.new == case.new(done.tokens)
    assert done.text == case.prompt + done.new
    assert len(done.logprobs) >= len(done.tokens)
    assert len(done.logprobs) <= case.budget + (done.finish == "end")
    assert done.exact


@given(some.cases(), st.data())
@some.examples(100)
def test_every_text_is_legal_and_every_refusal_is_confirmed(case, data):
    assume(not case.refuses())
    engine = data.draw(some.models(case.vocabulary))
    decoder = data.draw(st.sampled_from(["sample", "greedy"]))
    done = generate(engine, case, data.draw(some.shapers()), num=3, seed=data.draw(st.integers(0, 9)), decoder=decoder)
    if isinstance(done, ConflictError):
        confirm_conflict(done, case)
    else:
        assert [each.sample for each in done] == [0, 1, 2]
        for each in done:
            confirm_completion(each, case)


@given(some.cases(), st.data())
@some.examples(100)
def test_a_planted_text_is_never_refused(case, data):
    tokens = tuple(data.draw(st.lists(st.sampled_from(case.usable), max_size=case.budget)))
    kept = [wish for wish in case.wishes if case.only([wish]).is_legal(tokens) and not wish.refuses(case.prompt)]
    assume(len(kept) > 1 and case.only(kept).is_legal(tokens))
    engine = data.draw(some.models(case.vocabulary))
    assert not isinstance(generate(engine, case.only(kept), seed=1), ConflictError)


@given(some.cases(), st.data())
@some.examples(100)
def test_pieces_never_retract_and_add_up_to_the_new_text(case, data):
    assume(not case.refuses() and case.world.legal)
    engine = data.draw(some.models(case.vocabulary))
    request = Request(case.prompt, tuple(some.processors(case)), 2, 5, case.budget)
    written = ["", ""]
    for _, piece in engine.pieces([request]):
        written[piece.sample] += piece.text
        assert not any(stop in written[piece.sample] for wish in case.wishes for stop in wish.stops)
        if piece.completion is not None:
            assert written[piece.sample] == piece.completion.new
