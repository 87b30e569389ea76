"""What every constraint and character machine promises: to be a pure state machine that the engine can rely on."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from ..errors import GenError
from ..proving.lifting.promises import offered
from ..proving.rule import as_rule
from ..text.token_sets import Intern, TokenSet
from ..text.vocabulary import Vocabulary
from . import strategies as some
from .laws import Law, Scene
from .models import tiny_vocabulary
from .subjects import (
    Characters,
    Subject,
    Tokens,
    View,
    World,
    lifted,
    members,
    picture,
    subject_of,
    tell,
    view_of,
    walk,
    worlds,
)

OPTIONAL = (
    "allowed",
    "permits",
    "mentions",
    "min_remaining",
    "only_forbids_repeats_of",
    "describe_next",
    "transitions",
    "cut",
    "held",
    "enders",
)
"""Methods that take a state. `permits` also takes a token."""

MOST = 150
"""How many states are compared with equal ones."""


def arrive(scene: Scene, subject: Subject) -> tuple[World, View, Any] | None:
    """A world, the subject in it, and its first state; None if it refuses the prompt."""
    world = scene.draw(worlds(subject))
    scene.now = str(world)
    try:
        view = view_of(subject, world)
        return world, view, view.start()
    except GenError:
        return None


def raises_nothing_else(subject: Subject, scene: Scene) -> None:
    """Every method is called wherever a walk leads."""
    found = arrive(scene, subject)
    if found is None:
        return
    world, view, start = found
    _, states = walk(scene, world, view, start)
    for state in states:
        view.accepts(state)
        for name in OPTIONAL:
            method = offered(view.rule, name)
            if method is not None:
                _ = [method(state, token) for token in view.symbols] if name == "permits" else method(state)


def is_determined(subject: Subject, scene: Scene) -> None:
    """Two that were made alike answer alike."""
    found = arrive(scene, subject)
    if found is None:
        return
    world, view, state = found
    twin = view_of(subject, world)
    other = twin.start()
    path, _ = walk(scene, world, view, state)
    view = view_of(subject, world)
    state = view.start()
    for place in range(len(path) + 1):
        tell(scene, world, view, path[:place])
        if view.permitted(state) != twin.permitted(other) or view.accepts(state) != twin.accepts(other):
            scene.fail("two that were made alike give different answers")
        if place < len(path):
            state, other = view.next(state, path[place]), twin.next(other, path[place])


def states_stay(subject: Subject, scene: Scene) -> None:
    """A state can be hashed, and looks the same whatever is asked about it."""
    found = arrive(scene, subject)
    if found is None:
        return
    _, view, state = found
    for _ in range(scene.draw(st.integers(1, 5))):
        try:
            hash(state)
        except TypeError:
            scene.fail(f"the state {state!r} cannot be hashed")
        before = picture(state)
        choices = view.permitted(state)
        view.accepts(state)
        after = [view.next(state, symbol) for symbol in choices]
        if picture(state) != before:
            scene.fail(f"a state was changed by asking what follows it; it now is {state!r}")
        if not choices:
            return
        number = scene.draw(st.integers(0, len(choices) - 1))
        scene.now += f" then {choices[number]!r}"
        state = after[number]


def inputs_stay(subject: Subject, scene: Scene) -> None:
    """Arguments and answers are not modified later."""
    found = arrive(scene, subject)
    if found is None:
        return
    world, view, start = found
    prompt = world.prompt
    given = picture(prompt)
    if isinstance(view, Tokens):
        view.rule.start(prompt)
    path, states = walk(scene, world, view, start)
    answers, copies = [], []
    for state in states if hasattr(view.rule, "allowed") else ():
        answers.append(view.rule.allowed(state))
        copies.append(picture(_plain(answers[-1])))
    for state in states:
        for symbol in view.permitted(state):
            view.accepts(view.next(state, symbol))
        _ = view.rule.allowed(state) if answers else None
    tell(scene, world, view, path)
    if [picture(_plain(answer)) for answer in answers] != copies:
        scene.fail("a set of tokens that was answered before was changed by later questions")
    if picture(prompt) != given:
        scene.fail("the prompt was changed")


def _plain(answer: Any) -> Any:
    if isinstance(answer, TokenSet):
        return answer.mask.array.copy(), answer.minus, answer.plus
    return answer.copy() if isinstance(answer, np.ndarray) else answer


def history_is_the_state(subject: Subject, scene: Scene) -> None:
    """One walk twice, with another in between. Then every state is asked again, the last first."""
    found = arrive(scene, subject)
    if found is None:
        return
    world, view, start = found
    path, states = walk(scene, world, view, start)
    answers = [(view.permitted(state), view.accepts(state)) for state in states]
    walk(scene, world, view, view.start())
    again = view.start()
    for place, state in enumerate(states):
        tell(scene, world, view, path[:place])
        if again != state or hash(again) != hash(state):
            scene.fail(f"the same text leads to {state!r} and, a second time, to {again!r}")
        if place < len(path):
            again = view.next(again, path[place])
    for place in reversed(range(len(states))):
        tell(scene, world, view, path[:place])
        if (view.permitted(states[place]), view.accepts(states[place])) != answers[place]:
            scene.fail(f"the state {states[place]!r} gives other answers when it is asked again")


def answers_agree(subject: Subject, scene: Scene) -> None:
    """`allowed`, `permits` and `next` (or `step`) agree on every symbol."""
    found = arrive(scene, subject)
    if found is None:
        return
    world, view, start = found
    _, states = walk(scene, world, view, start)
    if isinstance(view, Characters):
        _chars_agree(scene, view, states[-1])
    else:
        _tokens_agree(scene, world.vocabulary, view.rule, states[-1])


def _chars_agree(scene: Scene, view: Characters, state: Any) -> None:
    if not hasattr(view.rule, "allowed"):
        return
    chars = view.rule.allowed(state)
    for char in view.symbols:
        permitted = view.rule.step(state, char) is not None
        if (char in chars) != permitted:
            words = "permits" if permitted else "forbids"
            scene.fail(f"`step` {words} {char!r}, and `allowed` says otherwise")
        cuts = range(1, len(char.encode())) if permitted else ()
        if not all(chars.has_beginning(char.encode()[:cut]) for cut in cuts):
            scene.fail(f"`allowed` has {char!r}, but not what its bytes begin with")


def _tokens_agree(scene: Scene, vocabulary: Vocabulary, rule: Any, state: Any) -> None:
    allowed = rule.allowed(state)
    if not isinstance(allowed, TokenSet) and np.shape(allowed) != (len(vocabulary),):
        scene.fail(f"`allowed` answers an array of shape {np.shape(allowed)} for {len(vocabulary)} tokens")
    inside = set(members(allowed))
    for token in vocabulary.usable:
        if hasattr(rule, "permits") and bool(rule.permits(state, token)) != (token in inside):
            scene.fail(f"`permits` and `allowed` disagree about token {token}")
        if token in inside and rule.next(state, token) is None:
            scene.fail(f"`next` gives no state after the allowed token {token}")


def equal_states_have_equal_futures(subject: Subject, scene: Scene) -> None:
    """Of all texts up to a length, those that lead to equal states have the same continuations."""
    found = arrive(scene, subject)
    if found is None:
        return
    world, view, start = found
    groups: dict[Any, tuple[Any, list[Any], bool, list[Any]]] = {}
    waiting: list[tuple[list[Any], Any]] = [([], start)]
    for path, state in waiting:
        choices = view.permitted(state)
        after = [view.next(state, symbol) for symbol in choices]
        accepts = view.accepts(state)
        first = groups.setdefault(state, (path, choices, accepts, after))
        if first[1:] != (choices, accepts, after):
            tell(scene, world, view, path)
            scene.fail(f"the state {state!r} is equal to that after {first[0]!r}, and what may follow differs")
        if len(waiting) < MOST and len(path) < 4:
            waiting += [([*path, symbol], there) for symbol, there in zip(choices, after, strict=True)]


def masks_are_sets(subject: Subject, scene: Scene) -> None:
    """Together with another rule the order makes no difference. A rule twice equals the rule once."""
    found = arrive(scene, subject)
    if found is None:
        return
    world, _, _ = found
    intern = Intern()
    spec = some.spelled(scene.draw(st.sampled_from(some.SPECS)), world.vocabulary)
    other = lifted(subject_of(spec), world.vocabulary)
    one, two = lifted(subject, world.vocabulary), lifted(subject, world.vocabulary)
    prompt = world.prompt
    try:
        states = [rule.start(prompt) for rule in (one, two, other)]
    except GenError:
        return
    for place in range(scene.draw(st.integers(1, 5))):
        scene.now = f"{world}, after {place} tokens"
        mine, same, theirs = [
            intern.adopt(rule.allowed(state)) for rule, state in zip((one, two, other), states, strict=True)
        ]
        _is_well_formed(scene, mine, intern)
        both = members(intern.meet([mine, theirs]))
        if both != members(intern.meet([theirs, mine])) or both != sorted({*members(mine)} & {*members(theirs)}):
            scene.fail("with another rule's mask it makes a difference which comes first")
        if members(intern.meet([mine, same])) != members(mine):
            scene.fail("the rule twice is not the rule once")
        choices = [token for token in both if token in world.vocabulary.usable]
        if not choices or any(
            hasattr(rule, "cut") and rule.cut(s) for rule, s in zip((one, other), states[::2], strict=True)
        ):
            return
        token = scene.draw(st.sampled_from(choices))
        states = [rule.next(state, token) for rule, state in zip((one, two, other), states, strict=True)]


def _is_well_formed(scene: Scene, tokens: TokenSet, intern: Intern) -> None:
    array = tokens.mask.array
    if len({*tokens.minus, *tokens.plus}) != len(tokens.minus) + len(tokens.plus):
        scene.fail(f"a TokenSet names a token twice, in minus={tokens.minus} or plus={tokens.plus}")
    if not all(array[token] for token in tokens.minus) or any(array[token] for token in tokens.plus):
        scene.fail(f"a TokenSet takes away what its mask lacks, or adds what it has: minus={tokens.minus}, "
                   f"plus={tokens.plus}")  # fmt: skip


def merged_tokens_change_nothing(subject: Subject, scene: Scene) -> None:
    """The same texts are accepted, however they are split into tokens."""
    world = scene.draw(worlds(subject, ("merged", "bytes", "merged bytes", "twins")))
    letters = some.writable(world.vocabulary)[:4]
    plain = tiny_vocabulary(*letters, end=None)
    scene.now = str(world)
    try:
        expected = written(subject, World(plain, world.text, 0), 3)
        found = written(subject, World(world.vocabulary, world.text, 0), 3)
    except GenError:
        return
    inside = {text for text in found if set(text) <= set(letters)}
    for text in sorted(inside ^ expected, key=lambda text: (len(text), text)):
        words = "only in tokens of several characters" if text in found else "only in single characters"
        scene.fail(f"{text!r} is accepted {words}")


def written(subject: Subject, world: World, longest: int) -> set[str]:
    """The texts up to a length that are accepted in any spelling."""
    vocabulary = world.vocabulary
    rule = as_rule("", subject.make(vocabulary), vocabulary, Intern()).constraint
    found: set[str] = set()
    waiting = [(rule.start(world.prompt), b"")]
    seen = set(waiting)
    while waiting:
        state, data = waiting.pop()
        text = data.decode(errors="replace")
        if rule.accepts(state) and text.encode() == data:
            found.add(text)
        for token in members(rule.allowed(state)):
            more = data + vocabulary.surfaces[token]
            if token not in vocabulary.usable or more == data or len(more.decode(errors="replace")) > longest:
                continue
            there = (rule.next(state, token), more)
            if there not in seen:
                seen.add(there)
                waiting.append(there)
    return found


RAISES = "nothing but GenError"
DETERMINED = "determinism"
IMMUTABLE = "states are immutable and hashable"
INPUTS = "inputs and answers are untouched"
HISTORY = "history is the state"
AGREE = "answers agree"
EQUAL = "equal states, equal futures"
MASKS = "masks commute and are idempotent"
MERGED = "merged tokens change nothing"

PURE = (
    Law(DETERMINED, "two processors that were made alike answer alike", is_determined, forgives=True),
    Law(RAISES, "only `start` may raise, and it raises nothing but GenError", raises_nothing_else, (DETERMINED,)),
    Law(IMMUTABLE, "a state can be hashed, and no question changes it", states_stay, (RAISES,)),
    Law(INPUTS, "the prompt and the sets answered before are never written to", inputs_stay, (RAISES,)),
    Law(HISTORY, "the same text leads to an equal state, which gives the same answers whenever it is asked",
        history_is_the_state, (RAISES, IMMUTABLE)),
    Law(AGREE, "`allowed`, `permits` and `next` (or `step`) say the same of each token", answers_agree, (HISTORY,)),
    Law(EQUAL, "what may follow two equal states is the same", equal_states_have_equal_futures, (HISTORY,)),
    Law(MASKS, "masks of two rules may be joined in any order, and a rule twice is the rule", masks_are_sets,
        (AGREE, INPUTS, EQUAL)),
)  # fmt: skip
