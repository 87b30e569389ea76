"""Numbers at random, what texts have in common, and what of a text is sent when."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import TinyTokenizer, chars, engine_of, vocabulary

from gen_engine.chain import make_chain
from gen_engine.decoding import generation as generations
from gen_engine.decoding.generation import (
    RUN,
    Generation,
    check_request,
    is_on_device,
    shared_beginning,
    slides,
    uniform,
)
from gen_engine.decoding.viable import Choice
from gen_engine.errors import GenError
from gen_engine.hooks.registry import registry
from gen_engine.hooks.specs import build
from gen_engine.types import Request

ABC = chars("abc")


def test_random_numbers_are_the_same_on_every_machine():
    assert uniform(0, 0, 0, 0, "draw") == 0.4869899633236025
    assert uniform(987654321, 3, 17, 2, "resample") == 0.5808133098165459


@given(st.integers(0, 2**64 - 1), st.integers(1, 3))
def test_a_seed_counts_up_to_eight_bytes(seed, times):
    assert uniform(seed + times * 2**64, 0, 0, 0, "draw") == uniform(seed, 0, 0, 0, "draw")


def test_the_greatest_random_number_is_less_than_1(monkeypatch):
    monkeypatch.setattr(generations, "blake2b", lambda *_, **__: SimpleNamespace(digest=lambda: b"\xff" * 8))
    assert uniform(0, 0, 0, 0, "draw") == 1 - 2**-53


@given(st.lists(st.text("ab", max_size=4).map(str.encode), min_size=1, max_size=3))
def test_what_texts_share_is_what_all_of_them_begin_with(texts):
    shared = shared_beginning(texts)
    assert all(text.startswith(shared) for text in texts)
    assert shared in texts or len({text[: len(shared) + 1] for text in texts}) > 1


@pytest.mark.parametrize(
    "pinned, length, positions, expected",
    [(1, 6, 5, True), (1, 5, 5, False), (0, 6, 5, False), (1, 6, None, False), (9, 9, 8, True)],
)
def test_a_row_with_context_slides_beyond_the_models_positions(pinned, length, positions, expected):
    assert slides(pinned, length, positions) is expected


def generation_of(specs, budget=40, sent=None, positions=None, *, in_pieces=True, vocab=ABC):
    """A generation over the letters a, b and c, or others, whose pieces are appended to `sent`."""
    plan = make_chain(vocab, [build(spec, registry(), vocab) for spec in specs]).plan(
        TinyTokenizer(vocab).encode(""), budget
    )
    model = engine_of(vocab).model
    model.positions = positions
    return Generation(plan, 0, range(4, 6), model, [].append if sent is None else sent.append, in_pieces)


@pytest.mark.parametrize("positions, run", [(None, RUN), (8, 3), (2 * RUN, RUN - 1), (99, RUN)])
def test_a_forced_run_is_as_long_as_the_model_reads(positions, run):
    generation = generation_of(["only=a", "length=40"], positions=positions)
    texts = generation.texts()
    assert generation.run_on(texts) == [None, None]
    assert [(text.tokens, text.forced, text.unread) for text in texts] == [([1] * run, run, run)] * 2


@pytest.mark.parametrize(
    "specs, budget, why",
    [
        (["length=2", "only=a"], 9, "full"),
        (["only=a", "length=2"], 2, "budget"),
        (["stop=b", "only=a", "length=2"], 2, "budget"),
    ],
)
def test_it_is_told_why_a_text_is_finished(specs, budget, why):
    generation = generation_of(specs, budget)
    [text, _] = generation.texts()
    assert generation.run_on([text]) == [why]
    assert (text.tokens, generation.left(text)) == ([1, 1], budget - 2)


def test_before_the_first_ask_all_texts_are_one_row():
    generation = generation_of([])
    texts = generation.texts()
    assert generation.run_on(texts) == [None, None]
    ask = generation.ask([(-1, text, None) for text in texts], lambda row, text: generation.draw(row, text, None))
    assert (ask.parents, ask.keep, ask.tokens, ask.forced) == ((-1,), (0,), ((0,),), ((),))
    assert [(draw.row, draw.sample) for draw in ask.draws] == [(0, 4), (0, 5)]


def written(generation, tokens):
    """A text of these tokens."""
    text = generation.texts()[0]
    for token in tokens:
        generation.force(text, token)
    return text


@pytest.mark.parametrize(
    "tokens, kept, final", [([1], [1], b""), ([1, 2], [], b""), ([3, 1], [3, 1], b"c"), ([1, 3, 1, 2], [1, 3], b"ac")]
)
def test_what_is_or_may_become_a_stop_string_is_held(tokens, kept, final):
    generation = generation_of(["stop=ab"])
    text = written(generation, tokens)
    assert (generation.kept(text), generation.final(text)) == (tuple(kept), final)
    assert generation.final(text, "budget") == b"".join(b" abc"[token : token + 1] for token in tokens)


def test_where_nothing_stops_a_text_nothing_is_held():
    text = written(generation_of([]), [3, 1])
    assert (generation_of([]).kept(text), generation_of([]).final(text)) == ((3, 1), b"ca")


def test_a_history_has_the_written_characters_and_no_others():
    generation = generation_of(["no_repeat=9"], vocab=vocabulary("", "a", "\0", "", end=0, specials=(0,)))
    assert written(generation, [2, 3, 1]).history.used == {"a", "\0"}


@pytest.mark.parametrize("in_pieces", [True, False])
def test_pieces_are_sent_once_final_or_all_at_the_end(in_pieces):
    sent = []
    generation = generation_of(["stop=ab"], sent=sent, in_pieces=in_pieces)
    text = written(generation, [3, 1])
    for _ in range(2):
        generation.stream(text)
    assert [(piece.sample, piece.text) for piece in sent] == [(4, "c")] * in_pieces
    generation.finish(text, "budget")
    assert (sent[-1].text, sent[-1].completion.new) == ("a" if in_pieces else "ca", "ca")


@pytest.mark.parametrize("in_pieces", [True, False])
def test_what_all_texts_agree_on_is_sent_once(in_pieces):
    sent = []
    generation = generation_of([], sent=sent, in_pieces=in_pieces)
    texts = [(written(generation, tokens), None) for tokens in ([1, 2, 3], [1, 2, 1])]
    known = generation.stream_agreed(texts, b"a")
    assert (known, generation.stream_agreed(texts, known)) == ((b"ab", b"ab") if in_pieces else (b"a", b"a"))
    assert [(piece.sample, piece.text) for piece in sent] == [(4, "b")] * in_pieces


def test_a_text_with_an_inexact_choice_is_not_exact():
    generation = generation_of([])
    text = generation.texts()[0]
    for exact in (True, False, True):
        generation.write(text, Choice(1, generation.plan.product.next(text.joint, 1), exact=exact))
    assert (text.tokens, text.exact) == ([1, 1, 1], False)


@pytest.mark.parametrize("exact, truncated", [(True, False), (True, True), (False, False)])
def test_a_completion_is_exact_if_nothing_made_it_inexact(exact, truncated):
    sent = []
    generation = generation_of([], sent=sent)
    text = written(generation, [1])
    text.exact = exact
    generation.finish(text, "end", truncated=truncated)
    assert sent[0].completion.exact == (exact and not truncated)


@pytest.mark.parametrize("reproducible", [True, False])
@pytest.mark.parametrize("portable", [True, False, None])
@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("device", ["cpu", "cuda:0", None])
def test_a_text_is_portable_if_all_that_writes_it_is(reproducible, portable, fused, device):
    told = {"reproducible": reproducible, "portable": portable, "device": device}
    known = {name: value for name, value in told.items() if value is not None}
    plan = SimpleNamespace(chain=SimpleNamespace(fused=() if fused else None))
    done = finished_by(SimpleNamespace(name="m", dtype="float32", **known), plan)
    assert done.portable is (reproducible and bool(portable) and fused and device != "cuda:0")
    assert (done.reproducible, done.device) == (reproducible, (device or "cpu").partition(":")[0])


def finished_by(model, plan):
    """A text of this model, which is not asked for it, as it is told."""
    sent = []
    generation = generation_of(["length=2", "only=a"], sent=sent)
    own = SimpleNamespace(**{name: getattr(generation.plan, name) for name in dir(generation.plan) if name[:1] != "_"})
    vars(own).update(vars(plan))
    [text, _] = generation.texts()
    replace(generation, model=model, plan=own).finish(text, "full")
    return sent[-1].completion


@pytest.mark.parametrize("device, on_device, expected", [("cpu", None, False), ("cpu", True, True),
                                                         ("cuda:1", None, True), (None, None, False)])  # fmt: skip
def test_logits_are_on_the_device_of_their_model(device, on_device, expected):
    told = {"device": device, "on_device": on_device}
    model = SimpleNamespace(**{name: value for name, value in told.items() if value is not None})
    assert is_on_device(model) is expected


@pytest.mark.parametrize("value", ["top_k=5", 5, None])
def test_processors_are_a_list(value):
    with pytest.raises(GenError, match="processors=.* is not as it should be"):
        check_request(Request("", value))
    assert check_request(Request("top_k=5", [])) is None
