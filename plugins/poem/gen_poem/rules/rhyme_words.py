"""No rhyme word twice: a separate rule beside the verse, since it remembers the words used."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

from gen_engine.errors import GenError, quoted
from gen_engine.memory import Interned, Memory, interned, remembered
from gen_engine.text import EVERY_CHAR, CharSet, is_han

from ..verse.patterns import Pattern
from ..verse.state import VerseState, is_rhyming
from ..verse.verse import Verse, parted

Words = tuple[frozenset[str], ...]
"""For each letter in play, numbered as in `Suffix`, the rhyme words so far."""

REMEMBERED = 50_000
"""How many sets of open readings are remembered, and how many moves from them."""


@dataclass(eq=False, slots=True, weakref_slot=True)
class OpenReadings:
    """Every way to read the lines that is still open: which of the verses it is, and its state there. `letters` are the
    numbers of the letters that rhyme next (None: none does). `may_rhyme` says whether one rhymes next in some
    reading."""

    readings: tuple[tuple[int, VerseState], ...]
    letters: tuple[int | None, ...]
    may_rhyme: bool


Move = tuple[OpenReadings, tuple[tuple[int, int], ...] | None]
"""Where the character leads, and for each reading there, the number of the reading it continues and how many letters
are in play. The second is None where no reading's words change."""

State = tuple[OpenReadings, tuple[Words, ...]]
"""Where a text stands, and for each reading its rhyme words."""


@dataclass(frozen=True, eq=False)
class RhymeWords:
    """A character machine over the whole text, for use beside a `Verse`: no word ends two lines of one letter.

    Each of `verses` holds the patterns that agree in where lines end and which of them rhyme. So each of them knows
    which places rhyme. A word is refused if, in any reading still open, it already ended a line that this line rhymes
    with. A text that is no verse is not judged by this rule.
    """

    verses: tuple[Verse, ...]
    _kinds: dict[str, int | tuple[int, ...]] = field(default_factory=dict, repr=False)  # at most one for each character
    _moves: Memory[tuple[OpenReadings, Hashable], Move] = remembered(REMEMBERED)
    _interned: Interned[tuple[tuple[int, VerseState], ...], OpenReadings] = interned(REMEMBERED)

    @staticmethod
    def of(verse: Verse) -> RhymeWords:
        """The rule for a verse."""
        return RhymeWords(parted(verse, outline))

    def start(self, text: str) -> State:
        state = self._beginning
        for position, char in enumerate(text):
            after = self.step(state, char)
            if after is None:
                raise GenError(
                    f"The prompt {quoted(text)} ends a line in {char} at place {position + 1}, as an "
                    "earlier line of the same rhyme does; change one of them."
                )
            state = after
        return state

    @cached_property
    def _beginning(self) -> State:
        found = [(number, state) for number, verse in enumerate(self.verses) if (state := verse.opening) is not None]
        return self._open_readings(found), tuple([(frozenset[str](),) * letters(state) for _, state in found])

    def _open_readings(self, readings: Iterable[tuple[int, VerseState]]) -> OpenReadings:
        """The one object for these readings."""
        key = tuple(readings)
        found = self._interned.get(key)
        if found is None:
            letters = tuple([rhyming_letter(state) for _, state in key])
            found = self._interned.put(key, OpenReadings(key, letters, any(letter is not None for letter in letters)))
        return found

    def step(self, state: State, char: str) -> State | None:
        open_readings, words = state
        key = open_readings, self.kind(char)
        after, sources = self._moves.get(key) or self._moves.put(key, self._move(open_readings, char))
        if sources is None:
            return after, words
        found = []
        for source, count in sources:
            letter, own = open_readings.letters[source], words[source]
            if letter is not None:
                if char in own[letter]:
                    return None
                own = (*own[:letter], own[letter] | {char}, *own[letter + 1 :])
            found.append(own[:count])
        return after, tuple(found)

    def _move(self, open_readings: OpenReadings, char: str) -> Move:
        """What follows a character of this kind; apart from the words used before, only the kind matters."""
        found = []
        for source, (number, state) in enumerate(open_readings.readings):
            after = self.verses[number].step(state, char)
            if after is not None:
                found.append((source, number, after))
        sources = [(source, letters(state)) for source, _, state in found]
        same = sources == [(source, letters(state)) for source, (_, state) in enumerate(open_readings.readings)]
        then = self._open_readings((number, state) for _, number, state in found)
        return then, None if same and not open_readings.may_rhyme else tuple(sources)

    def accepts(self, state: State) -> bool:
        return True

    def allowed(self, state: State) -> CharSet:
        """All characters except rhyme words that would be repeated."""
        words = self._ending(state) if state[0].may_rhyme else ()
        if not words:
            return EVERY_CHAR
        return CharSet(minus=frozenset(char for char in words if self.step(state, char) is None))

    @staticmethod
    def _ending(state: State) -> list[str]:
        """The rhyme words of the lines that rhyme with the line now ending."""
        pairs = zip(state[0].letters, state[1], strict=True)
        return [char for letter, words in pairs if letter is not None for char in words[letter]]

    def kind(self, char: str) -> int | tuple[int, ...]:
        found = self._kinds.get(char)
        if found is None:
            kinds = tuple([verse.kind(char) for verse in self.verses])
            found = self._kinds[char] = kinds[0] if len(kinds) == 1 else kinds
        return found

    def mentions(self, state: State) -> frozenset[str]:
        """The rhyme words that must not be repeated."""
        return frozenset[str]().union(*chain.from_iterable(state[1]))

    def only_forbids_repeats_of(self, state: State) -> frozenset[str]:
        """The same: only repeated rhyme words are ever forbidden."""
        return self.mentions(state)

    def removes_at_most(self, horizon: int) -> int:
        return self._rhyming_places

    @cached_property
    def _rhyming_places(self) -> int:
        """At how many places of a text some pattern has a rhyme word."""
        found = set()
        for verse in self.verses:
            position = 0
            for line in verse.patterns[0].lines:
                position += line.length + 1
                found |= {position} if line.rhyme else set()
        return len(found)

    def never_forbids(self, char: str) -> bool:
        return not is_han(char)

    def describe_next(self, state: State) -> str:
        """In words what may follow: a rhyme word other than 回 and 来."""
        words = sorted(set(self._ending(state)))
        return f"a rhyme word other than {'、'.join(words)}" if words else ""


def outline(pattern: Pattern) -> tuple[tuple[int, str, int], ...]:
    """The lengths and marks of the lines, and which of them rhyme with which, whatever the letters are called."""
    letters: dict[str, int] = {"": 0}
    return tuple((line.length, line.mark, letters.setdefault(line.rhyme, len(letters))) for line in pattern.lines)


def letters(state: VerseState) -> int:
    """How many letters are in play."""
    return len(next(iter(state.configs))[2])


def rhyming_letter(state: VerseState) -> int | None:
    """The number of the letter that must rhyme next, by patterns that agree in that."""
    config = next(iter(state.configs))
    return config[0].letter if is_rhyming(config) else None
