"""No rhyme word twice: a rule of its own beside the verse, since it remembers which words there were."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from gen_engine.errors import GenError, quoted
from gen_engine.text import EVERY_CHAR, CharSet, is_han

from .patterns import Pattern
from .verse import Spot, Verse, is_rhyming, parted

Words = tuple[frozenset[str], ...]
"""For each letter in play, numbered as in `Rest`, the rhyme words so far."""

Reading = tuple[int, Spot, Words]
"""Which of the verses it is, where it stands, and its rhyme words."""

State = tuple[Reading, ...]
"""Every way to read the lines that is still open."""

REMEMBERED = 50_000
"""Of how many states it is remembered what follows them."""


@dataclass(frozen=True, eq=False)
class RhymeWords:
    """A character machine over the whole text, for use beside a `Verse`: no word ends two lines of one letter.

    Each of `verses` holds the patterns that agree in where lines end and which of them rhyme; so each of them knows
    which places rhyme. A word is refused if by any way to read the text that its lines, tones and rhymes leave open it
    ended a line before that it rhymes with. A text that is no verse is none of this rule's business.
    """

    verses: tuple[Verse, ...]
    _rhyming: dict[State, bool] = field(default_factory=dict, repr=False)
    _steps: dict[tuple[State, Hashable], State | None] = field(default_factory=dict, repr=False)

    @staticmethod
    def of(verse: Verse) -> RhymeWords:
        """The rule for a verse."""
        return RhymeWords(parted(verse, outline))

    def start(self, text: str) -> State:
        state = self._beginning
        for place, char in enumerate(text):
            after = self.step(state, char)
            if after is None:
                raise GenError(
                    f"The prompt {quoted(text)} ends a line in {char} at place {place + 1}, as an "
                    "earlier line of the same rhyme does; change one of them."
                )
            state = after
        return state

    @cached_property
    def _beginning(self) -> State:
        found = []
        for number, verse in enumerate(self.verses):
            if (spot := verse.opening) is not None:
                found.append((number, spot, (frozenset[str](),) * letters(spot)))
        return tuple(found)

    def step(self, state: State, char: str) -> State | None:
        if self._may_rhyme(state):
            return self._after(state, char)
        key = state, self.kind(char)  # elsewhere the character itself does not matter
        if key not in self._steps:
            self._steps[key] = self._after(state, char)
        return self._steps[key]

    def _may_rhyme(self, state: State) -> bool:
        """Whether by some way to read the text a rhyme word comes next."""
        if state not in self._rhyming:
            if len(self._rhyming) > REMEMBERED:
                self._rhyming.clear()
                self._steps.clear()
            self._rhyming[state] = any(rhyming_letter(spot) is not None for _, spot, _ in state)
        return self._rhyming[state]

    def _after(self, state: State, char: str) -> State | None:
        found = []
        for number, spot, words in state:
            after = self.verses[number].step(spot, char)
            if after is None:
                continue
            letter = rhyming_letter(spot)
            if letter is not None:
                if char in words[letter]:
                    return None
                words = (*words[:letter], words[letter] | {char}, *words[letter + 1 :])[: letters(after)]
            found.append((number, after, words))
        return tuple(found)

    def accepts(self, state: State) -> bool:
        return True

    def allowed(self, state: State) -> CharSet:
        """All characters but the rhyme words that would come again."""
        if not self._may_rhyme(state):
            return EVERY_CHAR
        return CharSet(minus=frozenset(char for char in self._ending(state) if self.step(state, char) is None))

    @staticmethod
    def _ending(state: State) -> Iterable[str]:
        """The rhyme words of the lines that rhyme with the one that now comes to its end."""
        for _, spot, words in state:
            letter = rhyming_letter(spot)
            if letter is not None:
                yield from words[letter]

    def kind(self, char: str) -> int | tuple[int, ...]:
        kinds = tuple([verse.kind(char) for verse in self.verses])
        return kinds[0] if len(kinds) == 1 else kinds

    def mentions(self, state: State) -> frozenset[str]:
        """The rhyme words that must not come again."""
        found: frozenset[str] = frozenset()
        for _, _, words in state:
            found = found.union(*words)
        return found

    def spent(self, state: State) -> frozenset[str]:
        """The same: nothing but the return of a rhyme word is ever forbidden."""
        return self.mentions(state)

    def removes_at_most(self, horizon: int) -> int:
        return self._rhyming_places

    @cached_property
    def _rhyming_places(self) -> int:
        """At how many places of a text some pattern has a rhyme word."""
        found = set()
        for verse in self.verses:
            place = 0
            for line in verse.patterns[0].lines:
                place += line.length + 1
                found |= {place} if line.rhyme else set()
        return len(found)

    def spares(self, char: str) -> bool:
        return not is_han(char)

    def wants(self, state: State) -> str:
        """In words what may follow: a rhyme word other than 回 and 来."""
        words = sorted(set(self._ending(state)))
        return f"a rhyme word other than {'、'.join(words)}" if words else ""


def outline(pattern: Pattern) -> tuple[tuple[int, str, int], ...]:
    """The lengths and marks of the lines, and which of them rhyme with which, whatever the letters are called."""
    letters: dict[str, int] = {"": 0}
    return tuple((line.length, line.mark, letters.setdefault(line.rhyme, len(letters))) for line in pattern.lines)


def letters(spot: Spot) -> int:
    """How many letters are in play."""
    return len(next(iter(spot.configs))[2])


def rhyming_letter(spot: Spot) -> int | None:
    """The number of the letter of which a word is wanted next, by patterns that agree in that."""
    config = next(iter(spot.configs))
    return config[0].letter if is_rhyming(config) else None
