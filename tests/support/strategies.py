"""Hypothesis strategies: vocabularies, wishes, cases small enough to try every text, models and requests."""

from __future__ import annotations

import os
from dataclasses import replace

import custom_rules
import oracle
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from oracle import Case
from tiny import SHAPES, engine_of, vocabulary

from gen_engine.testing.strategies import alphabet_of, budgets
from gen_engine.testing.strategies import split_one as split_some
from gen_engine.types import Request

HAN = "春夏秋冬"
LETTERS = "abcd"
UNKNOWN = "鬱"
PIECES = st.lists(
    st.text("ab,é𠀀", max_size=4).map(str.encode)
    | st.sampled_from([b"", b"\xc3", b"\xa9", b"a\xc3", b"\xa9b", b"\xff", b"\xf0\xa0"]),
    min_size=1,
    max_size=14,
)
TIMES = int(os.environ.get("GEN_EXAMPLES", "1"))


def examples(count):
    """How often to try: always the same `count` cases, or, with GEN_EXAMPLES=N, N times as many new ones."""
    health = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    return settings(
        deadline=None, max_examples=count * TIMES, derandomize=TIMES == 1, database=None, suppress_health_check=health
    )


@st.composite
def vocabularies(draw):
    """Single characters, twins, merged tokens or bytes, with or without an end, an unknown and silent tokens."""
    alphabet = draw(st.sampled_from([HAN[:2], HAN[:3] + "，", LETTERS[:3], "ab,.", "aé，", HAN]))
    kind = draw(st.sampled_from(["chars", "chars", "twins", "merged", "bytes", "merged bytes"]))
    printed = {
        "chars": st.just(list(alphabet)),
        "twins": st.lists(st.sampled_from(alphabet), max_size=2).map(lambda more: [*alphabet, *more]),
        "merged": st.lists(st.text(alphabet, min_size=2, max_size=3), min_size=1, max_size=2).map(
            lambda more: [*alphabet, *more]
        ),
        "bytes": st.just(split_some(alphabet, 1)),
        "merged bytes": st.text(alphabet, min_size=1, max_size=2).map(
            lambda text: [*split_some(alphabet, 2), text + "é"[: len(text)], b"a" + "é".encode()[:1]]
        ),
    }[kind]
    surfaces = [s if isinstance(s, bytes) else s.encode() for s in draw(printed)]
    special = ["end", *draw(st.lists(st.sampled_from(["unk", "pad"]), unique=True))] if draw(st.booleans()) else []
    count = len(special)
    unused = draw(st.sets(st.integers(count, count + len(surfaces) - 1), max_size=1)) if kind == "twins" else ()
    return vocabulary(
        *[b""] * count,
        *surfaces,
        end=0 if special else None,
        unk=special.index("unk") if "unk" in special else None,
        specials=range(count) if draw(st.booleans()) else (),
        unused=unused,
    )


@st.composite
def vocabularies_of_pieces(draw):
    """Merged tokens, twins, silent ones, parts of characters and bytes that are none; some of them unused."""
    surfaces = draw(PIECES)
    unused = draw(st.sets(st.integers(0, len(surfaces) - 1), max_size=2))
    return vocabulary(*surfaces, end=draw(st.none() | st.integers(0, len(surfaces) - 1)), unused=unused)


@st.composite
def any_wishes(draw, vocab, demanding):
    """A built-in constraint with small parameters, or one as a plugin author would write it."""
    alphabet = alphabet_of(vocab)
    char, word = st.sampled_from(alphabet), st.text(alphabet, min_size=1, max_size=3)
    of = draw(st.sampled_from(["new", "new", "whole"]))
    low = draw(st.integers(1, 4))
    demands = [
        st.sampled_from([None, low, low, low + 2]).map(lambda high: oracle.length(low, high, of)),
        st.dictionaries(st.integers(1, 3), char, min_size=1, max_size=2).map(lambda places: oracle.force(places, of)),
        st.sampled_from(custom_rules.wishes(len(vocab), alphabet)),
    ]
    bans = [
        st.lists(word | st.just("punctuation"), min_size=1, max_size=2).map(lambda items: oracle.ban(*items)),
        st.lists(char | st.just("punctuation"), min_size=1, max_size=4).map(lambda items: oracle.only(*items)),
        st.tuples(st.integers(1, 4), st.text(alphabet, max_size=1)).map(lambda args: oracle.no_repeat(*args)),
        st.integers(1, 3).map(oracle.no_repeat_ngram),
        st.tuples(st.integers(1, 2), st.integers(2, 3), st.text(alphabet, max_size=1)).map(
            lambda args: oracle.no_repeat_ngram(*args)
        ),
        st.lists(word, min_size=1, max_size=2, unique=True).map(lambda items: oracle.stop(*items)),
        st.sampled_from([oracle.no_special(), oracle.no_double_punctuation(), oracle.no_unk()]),
        st.integers(0, 3).map(lambda high: oracle.length(0, high, of)),
    ]
    return draw(draw(st.sampled_from(demands if demanding else bans)))


@st.composite
def cases(draw, vocab=None):
    """A vocabulary (any, or this one), a prompt, a budget and up to four wishes, no two written alike."""
    vocab = vocab or draw(vocabularies())
    prompt = draw(st.text(alphabet_of(vocab) + UNKNOWN, max_size=3))
    demanding = draw(
        st.sampled_from([(True, False), (False, False, True), (False, True) * 2, (True, False, False), ()])
    )
    wishes = [draw(any_wishes(vocab, each)) for each in demanding]
    wishes = {str(wish.spec): wish for wish in wishes}.values()
    return Case(vocab, prompt, draw(budgets(vocab)), tuple(wishes))


def models(vocab):
    """An engine around a model with ordinary, tied, missing or huge logits."""
    return st.builds(engine_of, st.just(vocab), st.sampled_from(SHAPES), st.integers(0, 3))


def shapers():
    """None to three shapers, written as on the command line."""
    one = st.sampled_from(
        ["top_k=1", "top_k=2", "temperature=0.5", "temperature=3", "top_p=0.3", "top_p=0.9", "min_p=0.2",
         "typical=0.5", "repetition_penalty=1.5", "frequency_penalty=2", "presence_penalty=-1"]
    )  # fmt: skip
    return st.lists(one, max_size=3, unique=True)


def processors(case, shapers=()):
    """The wishes as processors, followed by shapers."""
    return [wish.spec for wish in case.wishes] + list(shapers)


@st.composite
def requests(draw, vocab):
    """A request over this vocabulary that some text fulfils."""
    wanted = draw(cases(vocab))
    case = replace(wanted, budget=min(wanted.budget, 3), wishes=())
    for wish in wanted.wishes:
        more = case.only((*case.wishes, wish))
        case = case if more.refuses() or not more.world.legal else more
    return Request(
        case.prompt,
        tuple(processors(case, draw(shapers()))),
        draw(st.integers(1, 3)),
        draw(st.integers(0, 2**40)),
        case.budget,
        draw(st.sampled_from(["sample", "sample", "greedy"])),
        context=draw(st.just("") | st.text(alphabet_of(vocab), max_size=2)),
    )


@st.composite
def batches(draw):
    """Some requests that may share a model, and how to make one that has seen nothing yet."""
    vocab = draw(vocabularies())
    wanted = draw(st.lists(requests(vocab), min_size=1, max_size=4))
    shape, salt = draw(st.sampled_from(["normal", "ties", "holes"])), draw(st.integers(0, 3))
    return wanted, lambda: engine_of(vocab, shape, salt)
