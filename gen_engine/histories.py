"""Rules of history for many rows at once: what each row wrote before forbids some tokens, told as pairs of arrays.

A rule that offers `banned` is not asked row by row what may follow. What it forbids is worked out for all rows of a
step together, when somebody needs to know it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .lift import Lifted
from .memory import Memory, remembered
from .product import Product
from .tokensets import Mask
from .types import Prompt

Pairs = tuple[np.ndarray, np.ndarray]
"""Rows, and what is forbidden in them: two arrays of one length."""

SPARED = 4096
"""Of how many tokens it is remembered that no rule forbids them."""

ROOM = 64
"""For how many characters a history has room at first."""


class History:
    """The characters of one text so far, prompt included: as code points, only ever appended to, and `used`, which of
    them stand there."""

    __slots__ = ("codes", "length", "used")

    def __init__(self, codes: np.ndarray, length: int, used: set[str]) -> None:
        self.codes = codes
        self.length = length
        self.used = used

    @classmethod
    def of(cls, text: str) -> History:
        """The history of a text."""
        codes = np.full(max(ROOM, 2 * len(text)), -1, dtype=np.int32)
        codes[: len(text)] = np.fromiter(map(ord, text), dtype=np.int32, count=len(text))
        return cls(codes, len(text), set(text))

    def append(self, code: int) -> None:
        """Write one more character."""
        if self.length == len(self.codes):
            self.codes = np.concatenate([self.codes, np.full(len(self.codes), -1, dtype=np.int32)])
        self.codes[self.length] = code
        self.length += 1
        self.used.add(chr(code))

    def branch(self) -> History:
        """The same history, to go on by itself."""
        return History(self.codes.copy(), self.length, self.used.copy())


@dataclass(frozen=True, eq=False)
class HistoryRules:
    """The rules of a product that tell what they forbid by `banned`; `numbers` are theirs."""

    product: Product
    numbers: tuple[int, ...]
    ask: tuple[Callable[[np.ndarray, np.ndarray], Pairs], ...]
    _spared: Memory[int, bool] = remembered(SPARED)

    @staticmethod
    def of(product: Product) -> HistoryRules:
        """Those that the automaton does not know, where each token prints one character at most."""
        vocabulary = product.vocabulary
        found = []
        if not vocabulary.merged and not vocabulary.partial:
            for number in product.others:
                banned = product.rules[number].promises.banned
                machine = product.rules[number].machine
                spelt = isinstance(product.rules[number].constraint, Lifted) and not getattr(machine, "as_typed", False)
                found += [(number, banned)] if banned is not None and spelt else []
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
            found = self._spared.put(token, all(rule.promises.spares(token) for rule in rules))
        return found

    @cached_property
    def widest(self) -> int:
        """How many tokens print one character at most."""
        return self.product.vocabulary.widest

    def begin(self, prompt: Prompt) -> History | None:
        """The history that a prompt begins; None if no rule asks for one."""
        return History.of(prompt.text if prompt.spelt is None else prompt.spelt) if self.numbers else None

    @cached_property
    def _tokens(self) -> tuple[np.ndarray, np.ndarray]:
        """The usable tokens that print a character, sorted by it, and its code point for each."""
        codes = self.product.vocabulary.codes
        usable = np.array(self.product.vocabulary.usable, dtype=np.int64)
        usable = usable[codes[usable] >= 0]
        order = np.argsort(codes[usable], kind="stable")
        return codes[usable[order]], usable[order]

    def tokens_of(self, rows: np.ndarray, codes: np.ndarray) -> Pairs:
        """The tokens that print these characters, with their rows."""
        known, tokens = self._tokens
        first = np.searchsorted(known, codes)
        last = np.searchsorted(known, codes, side="right")
        counts = last - first
        if int(counts.max(initial=0)) <= 1:
            found = counts > 0
            return rows[found], tokens[first[found]]
        places = np.repeat(first - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts) + np.arange(counts.sum())
        return np.repeat(rows, counts), tokens[places]

    def forbidden(self, histories: Sequence[np.ndarray]) -> Iterator[Pairs]:
        """What each rule forbids after these characters, given as code points: rows, and code points."""
        lengths = np.fromiter(map(len, histories), dtype=np.int64, count=len(histories))
        codes = np.full((len(histories), int(lengths.max(initial=0))), -1, dtype=np.int32)
        for row, history in enumerate(histories):
            codes[row, : len(history)] = history
        for ask in self.ask:
            yield ask(codes, lengths)


class Banned(Sequence[int]):
    """The tokens that the rules of history forbid after one text; worked out when it is first looked at, or for many
    texts at once by `resolve`. Some may be no member of the set that they are taken from, or stand here twice."""

    __slots__ = ("_also", "_found", "_used", "bound", "codes", "length", "rules")

    def __init__(self, rules: HistoryRules, history: History, also: Sequence[int] = ()) -> None:
        self.rules = rules
        self.codes, self.length = history.codes, history.length  # what is appended later is not looked at
        self._used = history.used
        self.bound = len(rules.numbers) * history.length * rules.widest + len(also)
        self._also = also
        self._found: np.ndarray | None = None

    def surely_left(self, mask: Mask) -> list[int]:
        """Up to two tokens of a mask that print what was not used, and so are left, without working out the others."""
        left: list[int] = []
        for token in mask.members:
            unused = self.rules.texts[token] not in self._used or self.rules.is_spared(token)
            if unused and token not in self._also:
                left.append(token)
                if len(left) == 2:
                    break
        return left

    @property
    def found(self) -> np.ndarray:
        """The tokens."""
        if self._found is None:
            resolve([self])
        assert self._found is not None
        return self._found

    @property
    def is_open(self) -> bool:
        """Whether it was not worked out yet."""
        return self._found is None

    def settle(self, found: np.ndarray) -> None:
        """Say what the rules forbid; `also` what else is to be left out."""
        self._found = np.concatenate([found, np.array(self._also, dtype=found.dtype)]) if self._also else found

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, place):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN204
        return self.found[place].tolist()

    def __iter__(self) -> Iterator[int]:
        return iter(self.found.tolist())

    def __contains__(self, token: object) -> bool:
        return token in self.found.tolist()


def resolve(banned: Iterable[Banned]) -> None:
    """Work out what is banned in many rows at once."""
    by_rules: dict[int, list[Banned]] = {}
    for each in banned:
        if each.is_open:
            by_rules.setdefault(id(each.rules), []).append(each)
    for together in by_rules.values():
        rules = together[0].rules
        pairs = list(rules.forbidden([each.codes[: each.length] for each in together]))
        rows, tokens = rules.tokens_of(np.concatenate([r for r, _ in pairs]), np.concatenate([c for _, c in pairs]))
        order = np.argsort(rows, kind="stable")
        ends = np.searchsorted(rows[order], np.arange(len(together)), side="right")
        for each, found in zip(together, np.split(tokens[order], ends[:-1]), strict=True):
            each.settle(found)
