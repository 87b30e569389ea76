"""What may not be written twice: `no_repeat` and `no_repeat_ngram`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import GenError
from ..text.char_sets import EVERY_CHAR, CharSet, char_test
from ..types import CharMachine
from .strings import in_words


def no_repeat(n: int, *, exempt: tuple[str, ...] = ()) -> CharMachine:
    """Forbid a character that is among the last N, the prompt included; exempt classes and characters may repeat."""
    if n < 1:
        raise GenError(f"no_repeat={n} has an empty window; give a number of characters from 1.")
    return NoRepeat(n, char_test(exempt))


def no_repeat_ngram(n: int, *, within: int | None = None, exempt: tuple[str, ...] = ()) -> CharMachine:
    """Forbid a run of N characters that has occurred before, in the prompt or the new text.

    WITHIN=M looks at the last M characters only. EXEMPT characters or classes (`punctuation`) are neither forbidden nor
    counted: runs continue across them.
    """
    if n < 1:
        raise GenError(f"no_repeat_ngram={n} is no run of characters; give a number from 1.")
    if within is None and not exempt:
        return NoRepeatNgram(n)
    if within is not None and within < n:
        raise GenError(f"within={within} is shorter than a run of {n} characters; give a number from {n}.")
    return NoRecentNgram(n, within, char_test(exempt))


@dataclass(frozen=True)
class NoRepeat:
    """State: the last `window` characters, oldest first, with "" in place of exempt ones."""

    window: int
    is_exempt: Callable[[str], bool]

    def start(self, text: str) -> tuple[str, ...]:
        return tuple("" if self.is_exempt(char) else char for char in text[-self.window :])

    def step(self, state: tuple[str, ...], char: str) -> tuple[str, ...] | None:
        if char in state:
            return None
        return (*state, "" if self.is_exempt(char) else char)[-self.window :]

    def accepts(self, state: tuple[str, ...]) -> bool:
        return True

    def allowed(self, state: tuple[str, ...]) -> CharSet:
        return CharSet(minus=frozenset(self.mentions(state)))

    def kind(self, char: str) -> bool:
        return self.is_exempt(char)

    def mentions(self, state: tuple[str, ...]) -> Iterable[str]:
        return (char for char in state if char)

    def removes_at_most(self, horizon: int) -> int:
        return min(self.window, horizon)

    def only_forbids_repeats_of(self, state: tuple[str, ...]) -> frozenset[str]:
        """The last characters: only these may be forbidden."""
        return frozenset(filter(None, state))

    def never_again(self, state: tuple[str, ...], room: int) -> frozenset[str] | None:
        """The same set, if the text ends before the window has moved past them."""
        return frozenset(filter(None, state)) if self.window >= room else None

    def bars(self, state: tuple[str, ...]) -> Iterable[tuple[str, int]]:
        """Each of the last characters, and for how many more places it stays forbidden."""
        gone = self.window - len(state) + 1
        return ((char, gone + place) for place, char in enumerate(state) if char)

    def banned(self, history: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The last characters of each row, without exempt ones."""
        places = np.arange(history.shape[1])
        recent = places < lengths[:, None]
        if history.shape[1] > self.window:
            recent &= places >= lengths[:, None] - self.window
        rows, columns = recent.nonzero()
        codes = history[rows, columns]
        counted = ~self._exempt.of(codes)
        return rows[counted], codes[counted]

    @cached_property
    def _exempt(self) -> KnownChars:
        return KnownChars(self.is_exempt)

    def describe_next(self, state: tuple[str, ...]) -> str:
        """What may not follow, in words."""
        return in_words(self.allowed(state))

    def never_forbids(self, char: str) -> bool:
        return self.is_exempt(char)


class KnownChars:
    """A test's answers for characters, as an array over code points that is filled on demand."""

    def __init__(self, test: Callable[[str], bool]) -> None:
        self._test = test
        self._known = np.full(0x110000, -1, dtype=np.int8)

    def of(self, codes: np.ndarray) -> np.ndarray:
        """Whether each character passes the test, for code points in an array of any shape."""
        found = self._known[codes]
        if found.size and found.min() < 0:
            for code in np.unique(codes[found < 0]).tolist():
                self._known[code] = bool(self._test(chr(code)))
            found = self._known[codes]
        result: np.ndarray = found.view(bool)
        return result


@dataclass(frozen=True)
class NoRepeatNgram:
    """State: the last n-1 characters and the runs of n seen so far."""

    n: int

    def start(self, text: str) -> tuple[str, frozenset[str]]:
        runs = frozenset(text[i : i + self.n] for i in range(len(text) - self.n + 1))
        return text[len(text) - self.n + 1 :] if len(text) >= self.n - 1 else text, runs

    def step(self, state: tuple[str, frozenset[str]], char: str) -> tuple[str, frozenset[str]] | None:
        run = state[0] + char
        if len(run) < self.n:
            return run, state[1]
        return None if run in state[1] else (run[1:], state[1] | {run})

    def accepts(self, state: tuple[str, frozenset[str]]) -> bool:
        return True

    def allowed(self, state: tuple[str, frozenset[str]]) -> CharSet:
        if len(state[0]) < self.n - 1:
            return EVERY_CHAR
        return CharSet(minus=frozenset(run[-1] for run in state[1] if run.startswith(state[0])))

    def kind(self, char: str) -> None:
        return None

    def mentions(self, state: tuple[str, frozenset[str]]) -> Iterable[str]:
        return {char for run in (state[0], *state[1]) for char in run}

    def removes_at_most(self, horizon: int) -> int:
        return horizon

    def only_forbids_repeats_of(self, state: tuple[str, frozenset[str]]) -> frozenset[str]:
        """All characters so far: a run that contains a new character cannot have occurred."""
        return frozenset(self.mentions(state))

    def never_again(self, state: tuple[str, frozenset[str]], room: int) -> frozenset[str] | None:
        """All characters so far, if runs have one character."""
        return state[1] if self.n == 1 else None

    def banned(self, history: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each row, the characters that followed earlier occurrences of its last n-1 characters."""
        before = self.n - 1
        starts = np.arange(max(0, history.shape[1] - before))
        same = starts + before < lengths[:, None]  # [rows, starts]
        for step in range(before if len(starts) else 0):
            last = history[np.arange(len(history)), np.maximum(lengths - before + step, 0)]
            same &= history[:, step : step + len(starts)] == last[:, None]
        rows, columns = same.nonzero()
        return rows, history[rows, columns + before]

    def describe_next(self, state: tuple[str, frozenset[str]]) -> str:
        """What may not follow, in words."""
        return in_words(self.allowed(state))


@dataclass(frozen=True)
class NoRecentNgram:
    """State: the characters so far without exempt ones; with `within`, only the last `within` of them."""

    n: int
    within: int | None
    is_exempt: Callable[[str], bool]

    def start(self, text: str) -> str:
        return self._latest("".join(char for char in text if not self.is_exempt(char)))

    def _latest(self, text: str) -> str:
        return text if self.within is None else text[-self.within :]

    def step(self, state: str, char: str) -> str | None:
        if self.is_exempt(char):
            return state
        return None if char in self._ending(state) else self._latest(state + char)

    def _ending(self, state: str) -> frozenset[str]:
        """The characters that would complete a run that occurs in the state."""
        if len(state) < self.n:
            return frozenset()
        begun, found, ends = state[len(state) - self.n + 1 :], -1, set()
        while (found := state.find(begun, found + 1, len(state) - 1)) >= 0:
            ends.add(state[found + self.n - 1])
        return frozenset(ends)

    def accepts(self, state: str) -> bool:
        return True

    def allowed(self, state: str) -> CharSet:
        return CharSet(minus=self._ending(state))

    def kind(self, char: str) -> bool:
        return self.is_exempt(char)

    def mentions(self, state: str) -> Iterable[str]:
        return set(state)

    def removes_at_most(self, horizon: int) -> int:
        return horizon if self.within is None else min(self.within, horizon)

    def only_forbids_repeats_of(self, state: str) -> frozenset[str]:
        """All characters that count: a run that contains a new character cannot have occurred."""
        return frozenset(state)

    def never_again(self, state: str, room: int) -> frozenset[str] | None:
        """The characters so far, if runs have one character and the text ends before any is forgotten."""
        return frozenset(state) if self.n == 1 and (self.within is None or self.within >= room) else None

    def describe_next(self, state: str) -> str:
        """What may not follow, in words."""
        return in_words(self.allowed(state))

    def never_forbids(self, char: str) -> bool:
        return self.is_exempt(char)
