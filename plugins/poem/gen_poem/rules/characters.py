"""Which characters a poem has, and where: acrostics, characters that must occur, and none that occurs twice.

These rules do not depend on a form: lines end at marks (`machine.py`). All of them judge the whole text, with the
prompt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal

from gen_engine.errors import GenError, brief
from gen_engine.text import EVERY_CHAR, CharSet, char_test, is_punctuation
from gen_engine.types import CharMachine

from ..verse.marks import BETWEEN, LINE_ENDS, PASSED
from .machine import MARK, PASS, Kind, Kinds, Move, Table, follow, known_han
from .templates import check_length


def acrostic(text: str, *, at: Literal["head", "tail", "diagonal"] = "head") -> CharMachine:
    """Make the n-th line begin with (or end in, or have at place n) the n-th character of TEXT (`acrostic=春夏秋冬`).

    Lines end at ， 。 ！ ？ or ；. The text ends only when all characters are placed.
    """
    chars = "".join(text.split())
    check_length("acrostic", chars)
    if not chars:
        raise GenError("acrostic has no characters to place; write acrostic=春夏秋冬, say.")
    odd = next((char for char in chars if char in BETWEEN or is_punctuation(char)), None)
    if odd is not None:
        raise GenError(f"acrostic={brief(text)} has {odd}, which begins no line; leave it out.")
    if at == "tail":
        return TailAcrostic(chars)
    return Acrostic(chars, tuple(range(len(chars))) if at == "diagonal" else (0,) * len(chars))


REMEMBERED = 64
"""For how many acrostics the characters that they distinguish are remembered."""


@lru_cache(REMEMBERED)
def _acrostic_kinds(text: str) -> Kinds:
    return Kinds({**{char: frozenset(char) for char in text}, MARK: LINE_ENDS, PASS: PASSED})


@dataclass(frozen=True)
class Acrostic:
    """`text[i]` stands at `places[i]`, counted from 0, of line i.

    State: the line, and how many characters it has so far, counted only as far as it matters.
    """

    text: str
    places: tuple[int, ...]

    def start(self, text: str) -> tuple[int, int]:
        return follow(self, (0, 0), text, f"acrostic={self.text}")  # type: ignore[no-any-return]

    def step(self, state: tuple[int, int], char: str) -> tuple[int, int] | None:
        return self._after(state, self.kind(char))

    def _after(self, state: tuple[int, int], kind: Kind) -> tuple[int, int] | None:
        line, count = state
        if line == len(self.text) or kind == PASS:
            return state
        place = self.places[line]
        if kind == MARK:
            return None if 0 < count <= place else (line + (count > place), 0)
        if count == place and kind != self.text[line]:
            return None
        is_last = count == place and line + 1 == len(self.text)
        return (line + 1, 0) if is_last else (line, min(count, place) + 1)

    def accepts(self, state: tuple[int, int]) -> bool:
        return state[0] == len(self.text)

    def kind(self, char: str) -> Kind:
        return self._table.kinds.of.get(char)

    @cached_property
    def _table(self) -> Table:
        return Table(_acrostic_kinds(self.text), self._after)

    def allowed(self, state: tuple[int, int]) -> CharSet:
        return self._table.row(state)[0]

    def transitions(self, state: tuple[int, int]) -> tuple[Move, ...]:
        return self._table.row(state)[1]

    def needs(self, state: tuple[int, int]) -> str:
        line, count = state
        return self.text[line:] if line == len(self.text) or count <= self.places[line] else self.text[line + 1 :]

    def min_remaining(self, state: tuple[int, int]) -> int:
        line, count = state
        if line == len(self.text):
            return 0
        return max(self.places[line] + 1 - count, 0) + self._after_line[line]

    @cached_property
    def _after_line(self) -> tuple[int, ...]:
        """How many characters are needed after each line has its own character, marks included."""
        needed = [sum(place + 2 for place in self.places[line + 1 :]) for line in range(len(self.text))]
        return tuple(needed)

    def describe_next(self, state: tuple[int, int]) -> str:
        line, count = state
        line += line < len(self.text) and count > self.places[line]
        if line >= len(self.text):
            return ""
        return f"{self.text[line]} at line {line + 1}, place {self.places[line] + 1}"


NOTHING, WRONG, RIGHT = 0, 1, 2


@dataclass(frozen=True)
class TailAcrostic:
    """Line i ends in `text[i]`. State: the line, and its last character: NOTHING, WRONG or RIGHT."""

    text: str

    def start(self, text: str) -> tuple[int, int]:
        return follow(self, (0, NOTHING), text, f"acrostic={self.text},at=tail")  # type: ignore[no-any-return]

    def step(self, state: tuple[int, int], char: str) -> tuple[int, int] | None:
        return self._after(state, self.kind(char))

    def _after(self, state: tuple[int, int], kind: Kind) -> tuple[int, int] | None:
        line, last = state
        if line == len(self.text) or kind == PASS:
            return state
        if kind == MARK:
            return None if last == WRONG else (line + (last == RIGHT), NOTHING)
        return line, RIGHT if kind == self.text[line] else WRONG

    def accepts(self, state: tuple[int, int]) -> bool:
        return state[0] == len(self.text)

    def kind(self, char: str) -> Kind:
        return self._table.kinds.of.get(char)

    @cached_property
    def _table(self) -> Table:
        return Table(_acrostic_kinds(self.text), self._after)

    def allowed(self, state: tuple[int, int]) -> CharSet:
        return self._table.row(state)[0]

    def transitions(self, state: tuple[int, int]) -> tuple[Move, ...]:
        return self._table.row(state)[1]

    def needs(self, state: tuple[int, int]) -> str:
        return self.text[state[0] + (state[1] == RIGHT) :]

    def min_remaining(self, state: tuple[int, int]) -> int:
        # A wrong last character needs one more; but a higher bound would lead searches to the right one at every place.
        return 2 * (len(self.text) - state[0]) - (state[1] != NOTHING)

    def describe_next(self, state: tuple[int, int]) -> str:
        line = state[0]
        return "" if line == len(self.text) else f"{self.text[line]} at the end of line {line + 1}"


MOST = 12
"""How many characters may be required."""

FEW = 3
"""For up to this many required characters, each subset is a state of an automaton; more are matched to places."""


def require(items: tuple[str, ...]) -> CharMachine:
    """Make each of these characters occur somewhere in the whole text (`require=花|月`)."""
    chars = "".join(dict.fromkeys("".join("".join(items).split())))
    if not chars:
        raise GenError("require needs characters; write require=花|月, say.")
    if len(chars) > MOST:
        raise GenError(f"require has {len(chars)} different characters, and {MOST} are the most; leave some out.")
    return Require(chars) if len(chars) <= FEW else RequireMany(chars)


@dataclass(frozen=True)
class Require:
    """State: the characters that have not occurred yet, in the order given."""

    chars: str

    def start(self, text: str) -> str:
        return "".join(char for char in self.chars if char not in text)

    def step(self, state: str, char: str) -> str:
        return state.replace(char, "") if char in state else state

    def accepts(self, state: str) -> bool:
        return not state

    def kind(self, char: str) -> Kind:
        return char if char in self.chars else None

    @cached_property
    def _table(self) -> Table:
        kinds = Kinds({char: frozenset(char) for char in self.chars})
        return Table(kinds, lambda state, kind: state if kind is None else self.step(state, kind))

    def allowed(self, state: str) -> CharSet:
        return EVERY_CHAR

    def transitions(self, state: str) -> tuple[Move, ...]:
        return self._table.row(state)[1]

    def needs(self, state: str) -> str:
        return state

    def min_remaining(self, state: str) -> int:
        return len(state)

    def describe_next(self, state: str) -> str:
        return f"{' and '.join(state)} somewhere" if state else ""


@dataclass(frozen=True)
class RequireMany:
    """State: the characters that have not occurred yet, in the order given. All their subsets would be too many states
    of an automaton, so the rule only promises that they may come in any order."""

    chars: str

    def start(self, text: str) -> str:
        return Require(self.chars).start(text)

    def step(self, state: str, char: str) -> str:
        return state.replace(char, "") if char in state else state

    def accepts(self, state: str) -> bool:
        return not state

    def kind(self, char: str) -> None:
        return None

    def mentions(self, state: str) -> str:
        return state

    def allowed(self, state: str) -> CharSet:
        return EVERY_CHAR

    def never_forbids(self, char: str) -> bool:
        return True

    def needs(self, state: str) -> str:
        return state

    def gathers(self, state: str) -> str:
        return state

    def parted(self) -> tuple[Require, ...]:
        """Each character by itself, which an automaton refutes at once."""
        return tuple(map(Require, self.chars))

    def describe_next(self, state: str) -> str:
        return f"{' and '.join(state)} somewhere" if state else ""


def distinct(*, exempt: tuple[str, ...] = ()) -> CharMachine:
    """Let no Chinese character occur twice in the whole text, the prompt included; exempt characters may."""
    return Distinct(char_test(exempt))


@dataclass(frozen=True)
class Distinct:
    """State: the Chinese characters that have occurred, exempt ones aside.

    A frozen set caches its hash, and `allowed`, `mentions` and `spent` can return it as it is.
    """

    is_exempt: Callable[[str], bool] = field(repr=False)

    def start(self, text: str) -> frozenset[str]:
        return follow(self, frozenset(), text, "distinct")  # type: ignore[no-any-return]

    def step(self, state: frozenset[str], char: str) -> frozenset[str] | None:
        if char in state:
            return None
        return state if self.never_forbids(char) else state | {char}

    def accepts(self, state: frozenset[str]) -> bool:
        return True

    def allowed(self, state: frozenset[str]) -> CharSet:
        return CharSet(minus=state)

    def kind(self, char: str) -> bool:
        return self.never_forbids(char)

    def mentions(self, state: frozenset[str]) -> frozenset[str]:
        return state

    def removes_at_most(self, horizon: int) -> int:
        return horizon

    def never_forbids(self, char: str) -> bool:
        return not known_han(char) or self.is_exempt(char)

    def only_forbids_repeats_of(self, state: frozenset[str]) -> frozenset[str]:
        return state

    def never_again(self, state: frozenset[str], room: int) -> frozenset[str]:
        return state

    def min_remaining(self, state: frozenset[str]) -> int:
        return 0

    def describe_next(self, state: frozenset[str]) -> str:
        return "a character that has not occurred"
