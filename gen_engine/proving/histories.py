"""History rules for many rows at once: the tokens that earlier text forbids in each row, as pairs of arrays.

A rule that offers `banned` is not called row by row. What it forbids is computed for all rows of a step together, and
only on access.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import numpy as np

from ..errors import PluginError
from ..memory import Memory, remembered
from ..text.token_sets import Mask
from ..types import CORE, Prompt
from .answers import whose, wrong_pairs
from .lifting.lift import Lifted
from .product import Product
from .rule import Rule

Pairs = tuple[np.ndarray, np.ndarray]
"""Rows, and what is forbidden in them: two arrays of the same length."""

SPARED = 4096
"""For how many tokens it is remembered whether any rule forbids them."""

ROOM = 64
"""The initial room of a history, in characters."""


class History:
    """The characters of one text so far, prompt included, as code points; it is only ever appended to.

    `used` is the set of these characters. `codes` may be a row in an array of many texts: row `row` of `home`.
    """

    __slots__ = ("codes", "home", "length", "row", "used")

    def __init__(self, codes: np.ndarray, length: int, used: set[str], home: np.ndarray | None, row: int) -> None:
        self.codes: np.ndarray = codes
        self.length: int = length
        self.used: set[str] = used
        self.home: np.ndarray | None = home
        self.row: int = row

    @classmethod
    def rows(cls, text: str, count: int, room: int) -> list[History]:
        """`count` histories of the same text, as rows of one array, each with room for `room` more characters."""
        home = np.empty((count, len(text) + room), dtype=np.int32)
        home[:, : len(text)] = np.fromiter(map(ord, text), dtype=np.int32, count=len(text))
        return [cls(codes, len(text), set(text), home, row) for row, codes in enumerate(home)]

    def append(self, code: int) -> None:
        """Append one character."""
        if self.length == len(self.codes):
            self.codes = np.concatenate([self.codes, np.empty(len(self.codes) + ROOM, dtype=np.int32)])
            self.home = None
        self.codes[self.length] = code
        self.length += 1
        self.used.add(chr(code))

    def fork(self) -> History:
        """A copy that continues independently."""
        return History(self.codes[: self.length + ROOM].copy(), self.length, self.used.copy(), None, self.row)


def side_by_side(histories: Sequence[History], lengths: np.ndarray) -> np.ndarray:
    """The first `lengths[i]` characters of each history as rows of an array, padded with -1."""
    if len(histories) == 1:
        only = histories[0].codes[None, : lengths[0]]
        only.flags.writeable = False  # it is the history's own memory
        return only
    longest = int(lengths.max())
    home = histories[0].home
    if home is not None and all(history.home is home for history in histories):
        codes = home[[history.row for history in histories], :longest]
        codes[np.arange(longest) >= lengths[:, None]] = -1
        return codes
    codes = np.full((len(histories), longest), -1, dtype=np.int32)
    for row, length in enumerate(lengths.tolist()):
        codes[row, :length] = histories[row].codes[:length]
    return codes


@dataclass(frozen=True, eq=False)
class HistoryRules:
    """The rules of a product that offer `banned`; `numbers` are their numbers in the product."""

    product: Product
    numbers: tuple[int, ...]
    ask: tuple[Callable[[np.ndarray, np.ndarray], Pairs], ...]
    _spared: Memory[int, bool] = remembered(SPARED)

    @staticmethod
    def of(product: Product) -> HistoryRules:
        """The `banned` rules outside the automaton; none, unless each token prints at most one character."""
        vocabulary = product.vocabulary
        found = []
        if not vocabulary.merged and not vocabulary.partial:
            for number in product.others:
                banned = product.rules[number].promises.banned
                machine = product.rules[number].machine
                spelt = isinstance(product.rules[number].constraint, Lifted) and not getattr(machine, "as_typed", False)
                found += [(number, _checked(product.rules[number], banned))] if banned is not None and spelt else []
        return HistoryRules(product, tuple(number for number, _ in found), tuple(banned for _, banned in found))

    @cached_property
    def texts(self) -> tuple[str | None, ...]:
        """What each token prints."""
        return self.product.vocabulary.texts

    def is_spared(self, token: int) -> bool:
        """Whether none of these rules ever forbids a token."""
        found = self._spared.get(token)
        if found is None:
            rules = [self.product.rules[number] for number in self.numbers]
            found = self._spared.put(token, all(rule.promises.never_forbids(token) for rule in rules))
        return found

    @cached_property
    def widest(self) -> int:
        """The largest number of tokens that print the same single character."""
        return self.product.vocabulary.widest

    @cached_property
    def width(self) -> int:
        """The largest number of tokens that they forbid for each character of a history."""
        return len(self.numbers) * self.widest

    def begin(self, prompt: Prompt, count: int = 1, room: int = ROOM) -> list[History] | None:
        """`count` histories that begin with a prompt, each with room for `room` more characters.

        None if no rule needs them.
        """
        text = prompt.text if prompt.spelt is None else prompt.spelt
        return History.rows(text, count, room) if self.numbers else None

    @cached_property
    def _tokens(self) -> tuple[np.ndarray, np.ndarray]:
        """The code points that usable tokens print alone, sorted, and these tokens in the same order."""
        codes = self.product.vocabulary.codes
        usable = np.array(self.product.vocabulary.usable, dtype=np.int64)
        usable = usable[codes[usable] >= 0]
        order = np.argsort(codes[usable], kind="stable")
        return codes[usable[order]], usable[order]

    @cached_property
    def code_of(self) -> list[int]:
        """The code point that each token prints, -1 where it prints none."""
        found: list[int] = self.product.vocabulary.codes.tolist()
        return found

    @cached_property
    def _token_of(self) -> np.ndarray | None:
        """The token of each code point, -1 where there is none; None if some code points have several."""
        codes, tokens = self._tokens
        if self.widest > 1:
            return None
        found = np.full(int(codes.max(initial=0)) + 2, -1, dtype=np.int64)
        found[codes] = tokens
        return found

    def tokens_of(self, rows: np.ndarray, codes: np.ndarray) -> Pairs:
        """The tokens that print these characters, with their rows."""
        table = self._token_of
        if table is not None:
            tokens = table.take(codes, mode="clip")
            found = tokens >= 0
            return (rows, tokens) if found.all() else (rows[found], tokens[found])
        known, tokens = self._tokens
        first = np.searchsorted(known, codes)
        counts = np.searchsorted(known, codes, side="right") - first
        places = np.repeat(first - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts) + np.arange(counts.sum())
        return np.repeat(rows, counts), tokens[places]

    def forbidden(self, texts: Sequence[Banned]) -> Pairs:
        """The tokens that the rules forbid in each of these texts, with their rows; pairs may occur twice."""
        lengths = np.array([each.length for each in texts], dtype=np.int64)
        codes = side_by_side([each.history for each in texts], lengths)
        pairs = [self.tokens_of(*ask(codes, lengths)) for ask in self.ask]
        also = [(row, token) for row, each in enumerate(texts) for token in each.also]
        if also:
            pairs.append(tuple(np.array(also, dtype=np.int64).T))
        if len(pairs) == 1:
            return pairs[0]
        return np.concatenate([rows for rows, _ in pairs]), np.concatenate([tokens for _, tokens in pairs])

    def places(self, texts: Sequence[Banned], rows: Sequence[int], size: int) -> np.ndarray:
        """The indices of the forbidden tokens in flattened rows of `size`, where text i is row `rows[i]`."""
        numbers, tokens = self.forbidden(texts)
        if len(rows) == 1:
            return tokens + rows[0] * size
        return np.array(rows, dtype=np.int64)[numbers] * size + tokens


def _checked(rule: Rule, banned: Callable[[np.ndarray, np.ndarray], Pairs]) -> Callable[..., Pairs]:
    """`banned` of a rule; for rules from outside the core, PluginError if its result is invalid."""
    if rule.origin == CORE:
        return banned

    def told(history: np.ndarray, lengths: np.ndarray) -> Pairs:
        found = banned(history, lengths)
        if wrong := wrong_pairs(found, len(lengths)):
            raise PluginError(f"{whose(rule.label, rule.origin)} {wrong}.")
        return found

    return told


class Banned(Sequence[int]):
    """The tokens that history rules forbid after one text, and those in `also`; evaluated on access.

    `HistoryRules.places` evaluates many texts at once. Some tokens may lie outside the set that they are removed from,
    or occur twice. Characters appended to the history later have no effect.
    """

    __slots__ = ("_found", "also", "bound", "history", "length", "rules")

    def __init__(self, rules: HistoryRules, history: History, also: Sequence[int] = ()) -> None:
        self.rules: HistoryRules = rules
        self.history: History = history
        self.length: int = history.length
        self.bound: int = rules.width * history.length + len(also)
        self.also: Sequence[int] = also
        self._found: np.ndarray | None = None

    def surely_left(self, mask: Mask) -> list[int]:
        """Up to two tokens of a mask that are surely left, since they print something unused; the rest stays lazy."""
        left: list[int] = []
        used, texts = self.history.used, self.rules.texts
        for token in mask.members:
            unused = texts[token] not in used or self.rules.is_spared(token)
            if unused and token not in self.also:
                left.append(token)
                if len(left) == 2:
                    break
        return left

    @property
    def found(self) -> np.ndarray:
        """The forbidden tokens."""
        if self._found is None:
            self._found = self.rules.forbidden([self])[1]
        return self._found

    @property
    def is_open(self) -> bool:
        """Whether this set is not evaluated yet."""
        return self._found is None

    def __len__(self) -> int:
        return len(self.found)

    @overload
    def __getitem__(self, place: int) -> int: ...

    @overload
    def __getitem__(self, place: slice) -> list[int]: ...

    def __getitem__(self, place: int | slice) -> int | list[int]:
        found: int | list[int] = self.found[place].tolist()
        return found

    def __iter__(self) -> Iterator[int]:
        return iter(self.found.tolist())

    def __contains__(self, token: object) -> bool:
        return token in self.found.tolist()
