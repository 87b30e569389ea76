"""Checks of a rule's answers: where a text begins, and where an invalid answer breaks the engine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from inspect import signature
from numbers import Integral, Real
from typing import Any, Protocol

import numpy as np

from ..errors import brief, reason_of
from ..text.char_sets import CharSet
from ..text.token_sets import Mask, TokenSet
from ..text.vocabulary import Vocabulary
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

MANY = 4096
"""How many characters have their kinds tested for being hashable."""

FAILURES = (Exception, SystemExit)
"""What code from outside the engine may raise."""

UNICODE = 0x110000
"""All code points are below this number."""

PAIRS = "return two arrays of one length, rows and code points, or leave it out"


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


def broken_promise(rule: Asked, state: Any, names: Iterable[str] | None = None) -> str | None:
    """What is invalid in the answers of the rule's optional methods, in one sentence; None if nothing is."""
    asked = rule.constraint.machine if isinstance(rule.constraint, Lifted) else rule.constraint
    inner = _inner(state) if isinstance(rule.constraint, Lifted) else state
    wrong = next((found for name in names or PROMISES if (found := misfit(rule, asked, name, inner))), None)
    return f"{whose(rule.label, rule.origin)} {wrong}." if wrong else None


def misfit(rule: Asked, asked: Any, name: str, state: Any) -> str | None:
    """What is invalid in the answer of one optional method of `asked`, the rule as its author wrote it."""
    own = offered(asked, name)
    if own is None:
        return None
    fits, wanted, arguments = PROMISES[name]
    if name == "kind":  # called with each character
        found: Any = [own(char) for char in rule.vocabulary.arrays.chars[:MANY]]
        found = next((each for each in found if not _is_hashable(each)), None)
    else:
        found = own(*arguments(state))
    return None if fits(found, rule) else f"{_gave(name, found)}; return {wanted}, or leave it out"


def wrong_pairs(found: Any, count: int) -> str | None:
    """Why `banned` may not return this as rows (of `count`) and code points; None if it may."""
    if isinstance(found, (tuple, list)) and len(found) == 2:
        rows, codes = found
        are_numbers = all(isinstance(each, np.ndarray) and each.dtype.kind in "iu" for each in found)
        if (
            are_numbers
            and rows.ndim == 1
            and rows.shape == codes.shape
            and _below(rows, count)
            and _below(codes, UNICODE)
        ):
            return None
        return f"{_gave('banned', rows)} and {_kind(codes)} of numbers that do not fit; {PAIRS}"
    return f"{_gave('banned', found)}; {PAIRS}"


def _below(array: np.ndarray, bound: int) -> bool:
    """Whether all numbers are at least 0 and below a bound; one test, since a negative number reads as a huge one."""
    return not array.size or bool(array.view(f"u{array.itemsize}").max() < bound)


def wrong_parts(processor: Any) -> str | None:
    """Why the `parts` of a processor are invalid; None if they are valid, or if it has none."""
    found = getattr(processor, "parts", None)
    if not hasattr(processor, "parts") or (isinstance(found, (tuple, list)) and found and all(map(_is_rule, found))):
        return None
    what = "no machine" if isinstance(found, (tuple, list)) and not found else _kind(found)
    return f"has {what} in parts; give a tuple of machines, at least one, or leave it out"


def _is_rule(found: Any) -> bool:
    return all(hasattr(found, name) for name in ("start", "accepts")) and not isinstance(found, type)


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


def wrong_set(found: Any, size: int, method: str = "allowed") -> str | None:
    """Why this is no set of tokens, [size]; None if it is one."""
    is_set = isinstance(found, TokenSet) or (method == "transitions" and isinstance(found, Mask))
    if is_set or (hasattr(found, "__len__") and np.shape(found) == (size,)):
        return None
    return f"{_gave(method, found)}; return an array of {size} booleans, {EACH}"


def _unhashable(state: Any) -> str | None:
    try:
        hash(state)
    except TypeError:
        return f"has a state that cannot be hashed ({_kind(state)}); make it a tuple, say"
    try:
        bool(state == state)
    except FAILURES as problem:
        return f"has a state that cannot be compared ({_kind(state)}, {reason_of(problem)}); make it a tuple, say"
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


def _is_hashable(found: Any) -> bool:
    try:
        hash(found)
    except TypeError:
        return False
    return True


def _is_number(found: Any, _: Asked) -> bool:
    return isinstance(found, Real) and bool(found == found)


def _is_count(found: Any, _: Asked) -> bool:
    return isinstance(found, Integral) and int(found) >= 0


def _is_bound(found: Any, _: Asked) -> bool:
    return found is None or isinstance(found, Real)


def _is_set_or_none(found: Any, _: Asked) -> bool:
    return found is None or isinstance(found, (set, frozenset))


def _is_text(found: Any, _: Asked) -> bool:
    return isinstance(found, str)


def _is_char(found: Any) -> bool:
    return isinstance(found, str) and len(found) == 1


def _are_chars(found: Any, _: Asked) -> bool:
    return isinstance(found, Iterable) and all(map(_is_char, found))


def _are_tokens(found: Any, rule: Asked) -> bool:
    size = len(rule.vocabulary)
    return isinstance(found, Iterable) and all(isinstance(each, Integral) and 0 <= int(each) < size for each in found)


def _are_symbols(found: Any, rule: Asked) -> bool:
    return _are_chars(found, rule) if isinstance(rule.constraint, Lifted) else _are_tokens(found, rule)


def _are_pairs(found: Any) -> bool:
    return isinstance(found, Iterable) and all(isinstance(each, (tuple, list)) and len(each) == 2 for each in found)


def _are_bars(found: Any, _: Asked) -> bool:
    kept = list(found) if isinstance(found, Iterable) else found
    return _are_pairs(kept) and all(_is_char(char) and isinstance(places, Real) for char, places in kept)


def _are_moves(found: Any, rule: Asked) -> bool:
    kept = list(found) if isinstance(found, Iterable) else found
    if not _are_pairs(kept):
        return False
    if isinstance(rule.constraint, Lifted):
        return all(isinstance(each, CharSet) and _is_hashable(after) for each, after in kept)
    return all(
        wrong_set(each, len(rule.vocabulary), "transitions") is None and _is_hashable(after) for each, after in kept
    )


def _are_keys(found: Any, rule: Asked) -> bool:
    if found is None or isinstance(found, np.ndarray):
        return found is None or found.shape == (len(rule.vocabulary),)
    fits = isinstance(found, Collection) and len(found) == len(rule.vocabulary)
    return fits and (isinstance(found, range) or all(map(_is_hashable, found)))


def _are_rules(found: Any, _: Asked) -> bool:
    return isinstance(found, Iterable) and all(map(_is_rule, found))


def _are_banned(found: Any, _: Asked) -> bool:
    return wrong_pairs(found, 1) is None


def _of_state(state: Any) -> tuple[Any, ...]:
    return (state,)


def _of_room(state: Any) -> tuple[Any, ...]:
    return state, 1


def _of_text(_: Any) -> tuple[Any, ...]:
    return np.array([[ord("a"), ord("b"), -1]], dtype=np.int32), np.array([2], dtype=np.int64)


PROMISES: dict[str, tuple[Callable[[Any, Asked], bool], str, Callable[[Any], tuple[Any, ...]]]] = {
    "min_remaining": (_is_number, "a number", _of_state),
    "max_remaining": (_is_number, "a number", _of_state),
    "removes_at_most": (_is_bound, "a number", lambda _: (1,)),
    "mentions": (_are_symbols, "an iterable of what a state singles out", _of_state),
    "needs": (_are_chars, "characters", _of_state),
    "gathers": (_are_chars, "characters", _of_state),
    "only_forbids_repeats_of": (_is_set_or_none, "a frozenset or None", _of_state),
    "bars": (_are_bars, "pairs of a character and a number", _of_state),
    "never_again": (_is_set_or_none, "a frozenset or None", _of_room),
    "transitions": (_are_moves, "pairs of a set and a state", _of_state),
    "kind": (lambda found, _: _is_hashable(found), "what can be hashed", lambda _: ()),
    "kinds": (_are_keys, f"keys that can be hashed, {EACH}", lambda _: ()),
    "banned": (_are_banned, "two arrays of one length, rows and code points", _of_text),
    "cut": (_is_count, "a whole number from 0", _of_state),
    "enders": (_are_tokens, "tokens", _of_state),
    "held": (_is_count, "a whole number from 0", _of_state),
    "parted": (_are_rules, "machines", lambda _: ()),
    "describe_next": (_is_text, "text", _of_state),
}
"""What optional methods return: a check, the expected type in words, and the arguments for a trial call."""

STATELESS = ("kind", "kinds", "banned", "parted", "removes_at_most")
"""The optional methods that are called without a state."""

GIVEN = {
    "start": ("text",),
    "step": ("state", "char"),
    "allowed": ("state",),
    "next": ("state", "token"),
    "accepts": ("state",),
    "permits": ("state", "token"),
    "kind": ("char",),
    "kinds": (),
    "never_forbids": ("char",),
    "removes_at_most": ("horizon",),
    "never_again": ("state", "room"),
    "banned": ("history", "lengths"),
    "parted": (),
    **dict.fromkeys(
        (
            "mentions",
            "transitions",
            "min_remaining",
            "max_remaining",
            "only_forbids_repeats_of",
            "bars",
            "needs",
            "gathers",
            "describe_next",
        ),
        ("state",),
    ),
    **dict.fromkeys(("cut", "enders", "held"), ("state",)),
}
"""The parameters of each method."""
