"""Checks of a rule's answers: where a text begins, and where an invalid answer breaks the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import signature
from numbers import Real
from typing import Any, Protocol

import numpy as np

from ..errors import brief
from ..text.token_sets import TokenSet
from ..text.vocabulary import CharSet, Vocabulary
from .lifting.lift import Lifted
from .lifting.promises import offered


class Asked(Protocol):
    """A rule, as far as these checks need it: `proving.rule.Rule`."""

    @property
    def constraint(self) -> Any:
        """The four functions over tokens."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary of these tokens."""

    @property
    def label(self) -> str:
        """The rule as it was written."""

    @property
    def origin(self) -> str:
        """The plugin that it comes from, in words."""


EACH = "one for each token"


def whose(label: str, origin: str) -> str:
    """A processor's name in messages: as it was written, with its plugin; the core is not named."""
    name = brief(label, 120)
    return f"{name} of {origin}" if origin.startswith("the plugin") else name


def fault(rule: Asked, state: Any) -> str | None:
    """What is invalid in the rule's answers about a state, in one sentence; None if nothing is."""
    is_machine = isinstance(rule.constraint, Lifted)
    asked = rule.constraint.machine if isinstance(rule.constraint, Lifted) else rule.constraint
    inner = _inner(state) if is_machine else state
    wrong = _unhashable(inner) or _no_set(asked, inner, None if is_machine else len(rule.vocabulary))
    wrong = wrong or _no_truth(asked, inner)
    return f"{whose(rule.label, rule.origin)} {wrong}." if wrong else None


def _inner(state: Any) -> Any:
    """The machine's own state inside a lifted one; other states as they are."""
    is_lifted = isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], bytes)
    return state[0] if is_lifted else state


def broken_promise(rule: Asked, state: Any) -> str | None:
    """What is invalid in the answers of the rule's optional methods, in one sentence; None if nothing is."""
    asked = rule.constraint.machine if isinstance(rule.constraint, Lifted) else rule.constraint
    inner = _inner(state) if isinstance(rule.constraint, Lifted) else state
    for name, (fits, wanted, arguments) in PROMISES.items():
        own = offered(asked, name)
        if own is not None and not fits(found := own(*arguments(inner))):
            return f"{whose(rule.label, rule.origin)} {_gave(name, found)}; return {wanted}, or leave it out."
    return None


def wrong_signature(rule: Asked) -> str | None:
    """The first method of the rule that does not take the arguments it is given, in one sentence; None if none."""
    asked = rule.constraint.machine if isinstance(rule.constraint, Lifted) else rule.constraint
    for name, given in GIVEN.items():
        own = offered(asked, name)
        try:
            signature(own).bind(*given) if own else None
        except TypeError:
            which = f"{name}({', '.join(given)})"
            return f"{whose(rule.label, rule.origin)} cannot be called as {which}; give {name} these parameters."
        except ValueError:  # the method is written in C
            continue
    return None


def wrong_set(found: Any, size: int) -> str | None:
    """Why this is no set of tokens, [size]; None if it is one."""
    if isinstance(found, TokenSet) or (hasattr(found, "__len__") and np.shape(found) == (size,)):
        return None
    return f"{_gave('allowed', found)}; return an array of {size} booleans, {EACH}"


def _unhashable(state: Any) -> str | None:
    try:
        hash(state)
    except TypeError:
        return f"has a state that cannot be hashed ({_kind(state)}); make it a tuple, say"
    return None


def _no_set(asked: Any, state: Any, size: int | None) -> str | None:
    if size is not None:
        return wrong_set(asked.allowed(state), size)
    own = offered(asked, "allowed")
    if own is None or isinstance(found := own(state), CharSet):
        return None
    return f"{_gave('allowed', found)}; return a CharSet, or leave it out"


def _no_truth(asked: Any, state: Any) -> str | None:
    found = asked.accepts(state)
    try:
        bool(found)
    except (RuntimeError, ValueError, TypeError):
        return f"{_gave('accepts', found)}; return True or False"
    return None


def _gave(method: str, found: Any) -> str:
    return f"gave {_kind(found)} in {method}"


def _kind(found: Any) -> str:
    """A value in words: None, a list, a Tensor of the shape 3x4."""
    if found is None:
        return "None"
    shape = getattr(found, "shape", None)
    of = f" of the shape {'x'.join(map(str, shape)) or '()'}" if isinstance(shape, tuple) else ""
    name = type(found).__name__
    return f"{'an' if name.startswith(('nd', *'aeiou')) else 'a'} {name}{of}"


def _is_number(found: Any) -> bool:
    return isinstance(found, Real)


def _is_set_or_none(found: Any) -> bool:
    return found is None or isinstance(found, (set, frozenset))


def _is_text(found: Any) -> bool:
    return isinstance(found, str)


def _is_iterable(found: Any) -> bool:
    return isinstance(found, Iterable)


def _of_state(state: Any) -> tuple[Any, ...]:
    return (state,)


def _of_room(state: Any) -> tuple[Any, ...]:
    return state, 1


PROMISES: dict[str, tuple[Callable[[Any], bool], str, Callable[[Any], tuple[Any, ...]]]] = {
    "least": (_is_number, "a number", _of_state),
    "most": (_is_number, "a number", _of_state),
    "removes_at_most": (_is_number, "a number", lambda _: (1,)),
    "mentions": (_is_iterable, "an iterable", _of_state),
    "needs": (_is_iterable, "characters", _of_state),
    "gathers": (_is_iterable, "characters", _of_state),
    "spent": (_is_set_or_none, "a frozenset or None", _of_state),
    "bars": (_is_iterable, "pairs of a character and a number", _of_state),
    "used_up": (_is_set_or_none, "a frozenset or None", _of_room),
    "moves": (_is_iterable, "pairs of a set and a state", _of_state),
    "kinds": (_is_iterable, f"keys, {EACH}", lambda _: ()),
    "wants": (_is_text, "text", _of_state),
}
"""What optional methods return: a check, the expected type in words, and the arguments for a trial call."""

GIVEN = {
    "start": ("text",),
    "step": ("state", "char"),
    "allowed": ("state",),
    "next": ("state", "token"),
    "accepts": ("state",),
    "permits": ("state", "token"),
    "kind": ("char",),
    "kinds": (),
    "spares": ("char",),
    "removes_at_most": ("horizon",),
    "used_up": ("state", "room"),
    **dict.fromkeys(("mentions", "moves", "least", "most", "spent", "bars", "needs", "gathers", "wants"), ("state",)),
}
"""The parameters of each method."""
