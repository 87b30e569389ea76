"""What a constraint may promise to sharpen proofs: each promise is compared with what the rule really does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ..proving.answers import PROMISES as ANSWERS
from ..proving.answers import misfit, wrong_parts
from ..proving.rule import as_rule
from ..text.token_sets import Mask
from .constraint_laws import AGREE, EQUAL, arrive
from .laws import Law, Scene
from .subjects import Characters, Subject, View, World, tell, walk

DEPTH = 4
"""How far the nearest end is searched for, in symbols."""


Stop = tuple[World, View, list[Any], Any]
"""A world, the subject in it, a path and the state it leads to."""


def _somewhere(subject: Subject, scene: Scene) -> Stop | None:
    found = arrive(scene, subject)
    if found is None:
        return None
    world, view, start = found
    path, states = walk(scene, world, view, start)
    return world, view, path, states[-1]


def kinds_behave_alike(subject: Subject, scene: Scene) -> None:
    """Two symbols of one kind that the state does not mention may be swapped in every text that follows."""
    found = _somewhere(subject, scene)
    if found is None:
        return
    _, view, path, state = found
    kind = _kinds_of(view)
    mentions = getattr(view.rule, "mentions", None)
    mentioned = set(mentions(state)) if mentions is not None else set()
    free = [symbol for symbol in view.symbols if symbol not in mentioned]
    pairs = [(a, b) for i, a in enumerate(free) for b in free[i + 1 :] if kind(a) == kind(b)]
    if not pairs:
        return
    seen = [pair for pair in pairs if pair[0] in path or pair[1] in path]  # these are more likely to differ
    one, two = scene.draw(st.sampled_from(seen if seen and scene.draw(st.booleans()) else pairs))
    swap = {one: two, two: one}
    rest = [one, *scene.draw(st.lists(st.sampled_from([one, two, one, *view.symbols]), max_size=3))]
    as_written, swapped = _run(view, state, rest), _run(view, state, [swap.get(s, s) for s in rest])
    if as_written != swapped:
        scene.fail(f"{one!r} and {two!r} are of one kind and not mentioned, but {rest!r} and the same with the two "
                   "swapped are not judged alike")  # fmt: skip
    if mentions is None and as_written != _run(view, state, [two, *rest[1:]]):
        scene.fail(f"{one!r} and {two!r} are of one kind, but what may follow them before {rest[1:]!r} differs")


def _kinds_of(view: View) -> Callable[[Any], Any]:
    if isinstance(view, Characters):
        return view.rule.kind  # type: ignore[no-any-return]
    kinds = view.rule.kinds()
    return lambda token: kinds[token]


def _run(view: View, state: Any, symbols: list[Any]) -> list[bool]:
    """Whether the text might end after each of the symbols, as far as they are permitted."""
    found = []
    for symbol in symbols:
        if symbol not in view.permitted(state):
            break
        state = view.next(state, symbol)
        found.append(view.accepts(state))
    return found


def moves_are_exact(subject: Subject, scene: Scene) -> None:
    """Each permitted symbol is in exactly one move, with the right next state. A forbidden one is in none."""
    found = _somewhere(subject, scene)
    if found is None:
        return
    _, view, _, state = found
    moves = list(view.rule.transitions(state))
    permitted = set(view.permitted(state))
    for symbol in view.symbols:
        leads = [after for symbols, after in moves if _has(symbols, symbol)]
        if len(leads) != (symbol in permitted):
            scene.fail(f"{symbol!r} is {'permitted' if symbol in permitted else 'forbidden'} and in {len(leads)} moves")
        if leads and leads[0] != view.next(state, symbol):
            scene.fail(f"the move of {symbol!r} leads to {leads[0]!r}, and the step to {view.next(state, symbol)!r}")


def _has(symbols: Any, symbol: Any) -> bool:
    if isinstance(symbols, Mask):
        return bool(symbols.array[symbol])
    if isinstance(symbols, np.ndarray):
        return bool(symbols[symbol])
    return symbol in symbols


def least_is_never_too_large(subject: Subject, scene: Scene) -> None:
    """No accepted text is nearer than `min_remaining` says."""
    found = _somewhere(subject, scene)
    if found is None:
        return
    _, view, _, state = found
    least = view.rule.min_remaining(state)
    near: dict[Any, list[Any]] = {state: []}
    for distance in range(DEPTH):
        for here, rest in near.items():
            if view.accepts(here) and distance < least:
                scene.fail(f"`min_remaining` says {least} more, and {rest!r} is enough")
        near = {
            view.next(here, symbol): [*rest, symbol]
            for here, rest in list(near.items())[:12]
            for symbol in view.permitted(here)
        }


def spent_leaves_all_else_free(subject: Subject, scene: Scene) -> None:
    """New symbols, all different, and spared ones are permitted, and the text may end anywhere."""
    found = _somewhere(subject, scene)
    if found is None:
        return
    world, view, path, state = found
    spent = view.rule.only_forbids_repeats_of(state)
    if spent is None:
        return
    if not view.accepts(state):
        scene.fail("`only_forbids_repeats_of` makes its promise where the text may not end")
    fresh = [symbol for symbol in view.symbols if symbol not in spent]
    spared = _spared(view)
    for symbol in scene.draw(st.lists(st.sampled_from([*fresh, *spared]), max_size=5)) if fresh or spared else []:
        if symbol not in fresh and symbol not in spared:
            continue
        fresh = [each for each in fresh if each != symbol]
        if symbol not in view.permitted(state):
            scene.fail(
                f"{symbol!r} is new or spared, `only_forbids_repeats_of` being {sorted(spent)!r} at first, and forbidden"
            )
        path = [*path, symbol]
        state = view.next(state, symbol)
        tell(scene, world, view, path)
        if not view.accepts(state):
            scene.fail(
                "only new and spared symbols were written since `only_forbids_repeats_of` promised, and the text may not end"
            )


def barred_is_all_that_history_forbids(subject: Subject, scene: Scene) -> None:
    """The same may follow as behind an empty text, except what is barred at the given positions."""
    found = _somewhere(subject, scene)
    if found is None:
        return
    world, view, path, state = found
    if not isinstance(view, Characters):
        return
    barred, plain = list(view.rule.bars(state)), view.rule.start("")
    likely = [char for char, _ in barred if char in view.symbols]
    symbols = st.sampled_from([*view.symbols, *likely * len(view.symbols)])
    for place, symbol in enumerate(scene.draw(st.lists(symbols, min_size=1, max_size=5))):
        is_barred = any(char == symbol and place < places for char, places in barred)
        expected = symbol in view.permitted(plain) and not is_barred
        if (symbol in view.permitted(state)) is not expected:
            scene.fail(f"`bars` told {barred!r}, and {symbol!r} is {'forbidden' if expected else 'permitted'}")
        if not expected:
            return
        path = [*path, symbol]
        state, plain = view.next(state, symbol), view.next(plain, symbol)
        tell(scene, world, view, path)


def _spared(view: View) -> list[Any]:
    spares = getattr(view.rule, "never_forbids", None)
    return [symbol for symbol in view.symbols if spares(symbol)] if spares is not None else []


def banned_is_forbidden(subject: Subject, scene: Scene) -> None:
    """What is banned in each of several rows is what is not permitted after its text."""
    found = arrive(scene, subject)
    if found is None or not isinstance(found[1], Characters):
        return
    world, view, start = found
    paths = [walk(scene, world, view, start) for _ in range(scene.draw(st.integers(1, 3)))]
    texts = [world.text + "".join(path) for path, _ in paths]
    history = np.full((len(texts), max(map(len, texts))), -1, dtype=np.int32)
    for row, text in enumerate(texts):
        history[row, : len(text)] = [ord(char) for char in text]
    rows, codes = view.rule.banned(history, np.array([len(text) for text in texts], dtype=np.int64))
    for row, (_, states) in enumerate(paths):
        banned = {chr(code) for code in codes[rows == row].tolist()}.intersection(view.symbols)
        forbidden = set(view.symbols).difference(view.permitted(states[-1]))
        if banned != forbidden:
            scene.fail(f"of {texts!r} row {row} is banned {sorted(banned)!r} and forbidden {sorted(forbidden)!r}")
        if not view.rule.accepts(states[-1]):
            scene.fail(
                f"a rule that tells what is `banned` accepts everywhere, and this one does not after {texts[row]!r}"
            )
        spent = (
            view.rule.only_forbids_repeats_of(states[-1])
            if hasattr(view.rule, "only_forbids_repeats_of")
            else frozenset()
        )
        if spent is not None and not spent.issubset(texts[row]):
            scene.fail(f"`only_forbids_repeats_of` tells {sorted(spent)!r}, which are not all in {texts[row]!r}")


def removes_no_more(subject: Subject, scene: Scene) -> None:
    """No more symbols than promised are forbidden at any position, and the text may end anywhere."""
    found = _somewhere(subject, scene)
    if found is None:
        return
    world, view, path, state = found
    horizon = len(world.text) + len(path) + 1
    bound = view.rule.removes_at_most(horizon)
    if bound is None:
        return
    texts = world.vocabulary.texts
    counted = [s for s in view.symbols if isinstance(view, Characters) or len(texts[s] or "ab") == 1]
    removed = len([symbol for symbol in counted if symbol not in view.permitted(state)])
    if removed > bound:
        scene.fail(f"{removed} are forbidden, and at most {bound} were to be in a text of {horizon}")
    if not view.accepts(state):
        scene.fail("what removes only a few accepts everywhere, and the text may not end here")


def spared_are_never_forbidden(subject: Subject, scene: Scene) -> None:
    """What is spared is permitted everywhere."""
    found = _somewhere(subject, scene)
    if found is None:
        return
    _, view, _, state = found
    if hasattr(view.rule, "cut") and view.rule.cut(state):
        return
    for symbol in _spared(view):
        if symbol not in view.permitted(state):
            scene.fail(f"{symbol!r} is spared and forbidden")


def wants_in_words(subject: Subject, scene: Scene) -> None:
    """What is wanted next is said in words."""
    found = _somewhere(subject, scene)
    if found is None:
        return
    _, view, _, state = found
    wanted = view.rule.describe_next(state)
    if not isinstance(wanted, str):
        scene.fail(f"`describe_next` answers {wanted!r}")


def cuts_are_told(subject: Subject, scene: Scene) -> None:
    """`cut` stays within the new tokens, `enders` are what would complete a cut, `held` counts bytes."""
    found = _somewhere(subject, scene)
    if found is None:
        return
    world, view, path, state = found
    cut = view.rule.cut(state)
    if not 0 <= cut <= len(path):
        scene.fail(f"`cut` takes {cut} tokens from {len(path)} new ones")
    ending = {token for token in view.permitted(state) if view.rule.cut(view.next(state, token))}
    if hasattr(view.rule, "enders") and not cut and {*view.rule.enders(state)} & {*view.symbols} != ending:
        scene.fail(f"`enders` are {sorted(view.rule.enders(state))}, and {sorted(ending)} complete a cut")
    written = b"".join(world.vocabulary.surfaces[token] for token in path)
    if hasattr(view.rule, "held") and not 0 <= view.rule.held(state) <= len(written):
        scene.fail(f"`held` withholds {view.rule.held(state)} bytes of {len(written)}")


def answers_fit(subject: Subject, scene: Scene) -> None:
    """What it says beyond its four functions is of the kind that the engine can use."""
    found = _somewhere(subject, scene)
    if found is None:
        return
    world, view, _, state = found
    rule = as_rule(subject.label, view.rule, world.vocabulary)
    wrong = wrong_parts(view.rule) or next(
        (told for name in ANSWERS if (told := misfit(rule, view.rule, name, state))), None
    )
    if wrong:
        scene.fail(f"it {wrong}")


NEEDS = (AGREE, EQUAL)
FIT = "answers fit"
KINDS = "kinds behave alike"
MOVES = "moves are exact"
LEAST = "least is never too large"
BARS = "bars tell all that is forbidden"
SPENT = "spent leaves all else free"
BANNED = "banned is forbidden"
REMOVES = "removes no more than promised"
SPARES = "what is spared is never forbidden"
WANTS = "wants are words"
CUTS = "cuts are told"

PROMISES = (
    Law(FIT, "what it says beyond its four functions is what the engine can use", answers_fit, NEEDS,
        lambda subject: hasattr(subject.sample, "parts") or any(map(subject.offers, ANSWERS))),
    Law(KINDS, "symbols of one kind that a state does not mention are judged alike ever after", kinds_behave_alike,
        NEEDS, lambda subject: subject.offers("kind") or subject.offers("kinds"), share=2),
    Law(MOVES, "each permitted symbol is in one move, which leads where the step leads, and a forbidden one in none",
        moves_are_exact, NEEDS, lambda subject: subject.offers("transitions")),
    Law(LEAST, "no end is nearer than `min_remaining` says", least_is_never_too_large, NEEDS,
        lambda subject: subject.offers("min_remaining")),
    Law(REMOVES, "no more symbols are forbidden at a place than promised, and the text may end anywhere",
        removes_no_more, NEEDS, lambda subject: subject.offers("removes_at_most")),
    Law(BANNED, "what is banned in rows of several texts is what may not follow each", banned_is_forbidden, NEEDS,
        lambda subject: subject.offers("banned") and subject.is_machine),
    Law(SPARES, "what is spared is permitted everywhere", spared_are_never_forbidden, NEEDS,
        lambda subject: subject.offers("never_forbids")),
    Law(SPENT, "while symbols are new or spared nothing is forbidden and the text may end anywhere",
        spent_leaves_all_else_free, (*NEEDS, SPARES), lambda subject: subject.offers("only_forbids_repeats_of"), share=2),
    Law(BARS, "but for what is barred, the same is permitted as behind an empty text",
        barred_is_all_that_history_forbids, NEEDS, lambda subject: subject.offers("bars")),
    Law(WANTS, "what is wanted next is said in words", wants_in_words, NEEDS, lambda subject: subject.offers("describe_next")),
    Law(CUTS, "`cut`, `enders` and `held` speak of what was written", cuts_are_told, NEEDS,
        lambda subject: subject.offers("cut")),
)  # fmt: skip
