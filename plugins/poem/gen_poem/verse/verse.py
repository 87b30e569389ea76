"""Tones and rhyme: one machine over the whole text, made of the patterns of a form or tune and a rhyme book.

It is the exact nondeterministic machine, determinised as it is used. What the text leaves open stays open: the pattern,
the alternatives of a line, the rhyme, and the reading of each character that has several.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from itertools import permutations
from operator import itemgetter, or_
from typing import ClassVar
from weakref import WeakValueDictionary

from gen_engine.errors import GenError, quoted
from gen_engine.memory import Memory, remembered
from gen_engine.text import CharSet

from .books import EITHER, Book
from .kinds import FIRST, MARK_KINDS, MARK_OF, UNREAD, CharKinds, Judged
from .marks import PRINTED, PUT_IN
from .patterns import Pattern
from .sounds import SILENT, Sounds, members, sounds
from .state import LINE_END, Config, VerseState, is_rhyming, marks_at
from .suffixes import Needs, Suffix, Suffixes, ToneOptions, build_suffixes, covers, uncovered
from .wording import wanted_at, wanted_instead

STATES = 1 << 14
"""How many states of a verse cache what follows them; beyond that, the oldest cache is dropped."""

STEPS = 1 << 14
"""How many intermediate results of a step are cached."""


@dataclass(frozen=True, eq=False, repr=False)
class Verse:
    """A character machine over the whole text, which obeys one of `patterns` throughout.

    Each line obeys one of its alternatives. The rhyme words of one letter have readings of one group of `book`. If some
    rhyming place of the letter may have any tone, these readings also share one tone, and all or none of them are
    entering. The tone and the rhyme of a rhyme word are those of one reading. Where neither is judged, a character need
    not be in the book. `rhymes` are the groups that the letters must have, in the order of their first lines, as far as
    they are given.
    """

    patterns: tuple[Pattern, ...]
    book: Book = SILENT
    rhymes: tuple[str, ...] = ()
    as_typed: ClassVar[bool] = True
    _states: WeakValueDictionary[frozenset[Config], VerseState] = field(default_factory=WeakValueDictionary)
    _remembering: OrderedDict[VerseState, None] = field(default_factory=OrderedDict)  # at most STATES
    _fits: Memory[tuple[int, Needs, bool], int] = remembered(STEPS)
    _kept: Memory[tuple[ToneOptions, str], ToneOptions] = remembered(STEPS)
    _known: dict[str, int] = field(default_factory=dict)  # at most one for each character

    def __repr__(self) -> str:
        return f"Verse({'|'.join(dict.fromkeys(pattern.form for pattern in self.patterns))}, {self.book.name})"

    # ------------------------------------------------------------------------------------------- the machine

    def start(self, text: str) -> VerseState:
        state = self.opening
        if state is None:
            raise GenError("No characters of this rhyme book have such tones and rhymes; ask for another one of both.")
        for position, char in enumerate(text):
            after = self.step(state, char)
            if after is None:
                raise self.refusal(state, text, position)
            state = after
        return state

    def step(self, state: VerseState, char: str) -> VerseState | None:
        kind = self.kind(char)
        try:
            return state.after[kind]
        except KeyError:
            return self._work_out(state, kind)

    def accepts(self, state: VerseState) -> bool:
        return any(suffix.after is None and not suffix.mark for suffix, _, _ in state.configs)

    def kind(self, char: str) -> int:
        try:
            return self._known[char]
        except KeyError:
            kind = self._known[char] = self.kinds.of(char)
            return kind

    def min_remaining(self, state: VerseState) -> int:
        """How many characters away the nearest end is, marks included; exact as far as the book has characters."""
        return min(suffix.left + len(options[0]) for suffix, options, _ in state.configs)

    def max_remaining(self, state: VerseState) -> int:
        """How many characters away the furthest end is, marks included."""
        return max(suffix.left + len(options[0]) for suffix, options, _ in state.configs)

    def describe_next(self, state: VerseState) -> str:
        """In words what may follow, and where: an oblique tone at line 3, place 1."""
        return wanted_at(state, self.suffixes, self.sounds)

    def mark_at(self, state: VerseState) -> str:
        """The mark to insert next, by patterns that set the same marks; "" if none is wanted."""
        mark = next(iter(state.configs))[0].mark
        return PUT_IN.get(mark, mark)

    def misfit(self, prompt: str, state: VerseState, laid: str, rest: str) -> GenError:
        """Why `rest` cannot follow a prompt that is `laid` out up to `state`."""
        return self.refusal(state, laid + rest, len(laid))

    def refusal(self, state: VerseState, text: str, position: int) -> GenError:
        """The error for a text of which the character at `position`, from 0, may not follow `state`."""
        if self.accepts(state):
            rest = quoted(text[position:])
            return GenError(f"The prompt {quoted(text)} goes on after the end of the form; leave out {rest}.")
        return GenError(f"{wanted_instead(text[position], state, self.suffixes, self.sounds)}; change the prompt.")

    # ----------------------------------------------------------------------------------------- what it is of

    @cached_property
    def sounds(self) -> Sounds:
        """The book by its sounds."""
        return sounds(self.book)

    @cached_property
    def suffixes(self) -> Suffixes:
        """What is left of the patterns at each place."""
        return build_suffixes(self.patterns, self.sounds)

    @cached_property
    def opening(self) -> VerseState | None:
        """The state of the empty text, None if the book has no characters for any of the patterns."""
        return self._state(
            self._settle(suffix, options, self._open(suffix)) for suffix, options in self.suffixes.starts
        )

    def _open(self, suffix: Suffix) -> tuple[int, ...]:
        """The readings that rhyme words may have at the beginning: those of the given groups, else all."""
        masks = [self.sounds.every] * len(suffix.needs)
        order: dict[int, None] = {}
        walk: Suffix | None = suffix
        while walk is not None:
            order |= {} if walk.letter is None else {walk.letter: None}
            walk = walk.after
        for letter, group in zip(order, self.rhymes, strict=False):
            masks[letter] = self.sounds.groups[group]
        return tuple(masks)

    @cached_property
    def kinds(self) -> CharKinds:
        """The kinds of characters that it distinguishes, by what may rhyme at the beginning; later only fewer readings
        may."""
        signs = {sign for each in self.patterns for line in each.lines for tones in line.tones for sign in tones}
        configs: Iterable[Config] = () if self.opening is None else self.opening.configs
        may_rhyme = reduce(or_, (mask for _, _, masks in configs for mask in masks), 0)
        if any(line.near for each in self.patterns for line in each.lines):
            may_rhyme |= self.sounds.near_to(may_rhyme)
        return CharKinds(self.sounds, signs != {EITHER}, may_rhyme)

    # --------------------------------------------------------------------------------------------- one step

    def _work_out(self, state: VerseState, kind: int) -> VerseState | None:
        found: list[Config | None] = []
        if kind == UNREAD or kind >= FIRST:
            tones, voice = self.kinds.heard[kind]
            found = [self._after_char(config, tones, voice) for config in state.configs]
        elif mark := MARK_OF.get(kind, ""):
            found = [self._after_mark(config) for config in state.configs if mark in PRINTED.get(config[0].mark, ())]
        after = self._state(found)
        self._let_remember(state)
        state.after[kind] = after
        return after

    def _let_remember(self, state: VerseState) -> None:
        """Let a state keep its cache; if too many do, drop the oldest one."""
        self._remembering[state] = None
        if len(self._remembering) > STATES:
            self._remembering.popitem(last=False)[0].forget()

    def _after_char(self, config: Config, tones: str, voice: int) -> Config | None:
        suffix, options, masks = config
        if suffix.after is None or suffix.mark:
            return None
        if is_rhyming(config):
            return self._after_rhyme(config, suffix.after, self.passing(config) & voice)
        key = options, tones
        kept = self._kept.get(key)
        if kept is None:
            kept = uncovered(option[1:] for option in options if option[0] == EITHER or option[0] in tones)
            self._kept.put(key, kept)
        if kept == LINE_END:
            return suffix.after, LINE_END, masks
        return self._settle(suffix, kept, masks) if kept else None

    def passing(self, config: Config) -> int:
        """The readings that a rhyme word may have here, as bits."""
        suffix, options, masks = config
        assert suffix.letter is not None
        mask = masks[suffix.letter]
        return self._allow(options) & (self.sounds.near_to(mask) if suffix.near else mask)

    def _allow(self, signs: Iterable[str]) -> int:
        return reduce(or_, (self.sounds.signs[sign] for sign in signs))

    def _after_rhyme(self, config: Config, after: Suffix, chosen: int) -> Config | None:
        """The configuration after a rhyme word with one of the chosen readings; later words share its group, or its
        reading's tone too."""
        suffix, _, masks = config
        letter = suffix.letter
        if letter is None or not chosen:
            return None
        if suffix.near:
            chosen = self.sounds.near_to(chosen) & masks[letter]
        elif not suffix.whole[letter]:
            chosen = reduce(or_, (self.sounds.alike[reading] for reading in members(chosen))) & masks[letter]
        narrowed = (*masks[:letter], chosen, *masks[letter + 1 :])
        return self._settle(after, LINE_END, narrowed[: len(after.needs)])  # the last letter may have had its last line

    def _after_mark(self, config: Config) -> Config | None:
        suffix, _, masks = config
        assert suffix.after is not None
        return self._settle(suffix.after, suffix.opening or LINE_END, masks)

    def _settle(self, suffix: Suffix, options: ToneOptions, masks: tuple[int, ...]) -> Config | None:
        """The configuration in canonical form, without alternatives that cannot be completed; None if none can be."""
        settled = []
        for letter, mask in enumerate(masks):
            needs = suffix.needs[letter]
            if letter == suffix.letter:
                needs |= {frozenset(option[-1] for option in options)}
            settled.append(self._fitting(mask, needs, suffix.whole[letter]))
        if suffix.letter is not None:
            mask = settled[suffix.letter]
            passing = self.sounds.near_to(mask) if suffix.near else mask
            options = tuple(option for option in options if self.sounds.signs[option[-1]] & passing)
        return (suffix, options, tuple(settled)) if options and all(settled) else None

    def _fitting(self, mask: int, needs: Needs, whole: bool) -> int:
        """The readings whose group (if `whole`, which themselves) can meet every need."""
        key = mask, needs, whole
        found = self._fits.get(key)
        if found is None:
            wanted = [self._allow(need) for need in needs]
            useful = reduce(or_, wanted)
            units = [1 << reading for reading in members(mask)] if whole else self.sounds.groups.values()
            parts = (unit & mask for unit in units)
            found = reduce(or_, (p & useful for p in parts if all(p & each for each in wanted)), 0)
            self._fits.put(key, found)
        return found

    def _state(self, configs: Iterable[Config | None]) -> VerseState | None:
        """The state of these ways to read the text; equal ones give the same object, and none gives None."""
        found = frozenset(config for config in configs if config is not None)
        if len({suffix for suffix, _, _ in found}) < len(found):
            found = joined(found)
        if not found:
            return None
        state = self._states.get(found)
        return state if state is not None else self._states.setdefault(found, VerseState(found))

    # ------------------------------------------------------------------------------------------------- moves

    def transitions(self, state: VerseState) -> Sequence[tuple[CharSet, VerseState]]:
        """What may follow, in disjoint sets of characters, each with the state that follows."""
        moves = state.transitions
        if moves is None:
            judged = judge(self, state)
            found: dict[VerseState, tuple[list[int], list[str]]] = {}
            for part, kinds in enumerate(self.kinds.parts(judged)):
                if (after := self._following(state, kinds[0])) is not None:
                    found.setdefault(after, ([], []))[0].append(part)
            for mark in sorted(marks_at(state)):
                if (after := self._following(state, MARK_KINDS[mark])) is not None:
                    found.setdefault(after, ([], []))[1].append(mark)
            state.transitions = moves = tuple(
                (self.kinds.join(judged, tuple(parts), frozenset(marks)), after)
                for after, (parts, marks) in found.items()
            )
        return moves

    def _following(self, state: VerseState, kind: int) -> VerseState | None:
        try:
            return state.after[kind]
        except KeyError:
            return self._work_out(state, kind)

    def allowed(self, state: VerseState) -> CharSet:
        """All that may follow."""
        allowed = state.allowed
        if allowed is None:
            judged = judge(self, state)
            parts = enumerate(self.kinds.parts(judged))
            passing = tuple(part for part, kinds in parts if self._following(state, kinds[0]) is not None)
            state.allowed = allowed = self.kinds.join(judged, passing, marks_at(state))
        return allowed


def parted(verse: Verse, key: Callable[[Pattern], Hashable]) -> tuple[Verse, ...]:
    """The verse split into verses whose patterns have the same key, in the order of the patterns."""
    alike: dict[Hashable, list[Pattern]] = {}
    for pattern in verse.patterns:
        alike.setdefault(key(pattern), []).append(pattern)
    if len(alike) == 1:
        return (verse,)  # which keeps its caches
    return tuple(Verse(tuple(each), verse.book, verse.rhymes) for each in alike.values())


def judge(verse: Verse, state: VerseState) -> Judged:
    """What distinguishes the characters that may follow a state."""
    rhymes, chars, tones = 0, False, False
    for config in state.configs:
        suffix, options, _ = config
        if is_rhyming(config):
            rhymes |= verse.passing(config)
        elif not suffix.mark and suffix.after is not None:
            chars = True
            tones = tones or any(option[0] != EITHER for option in options)
    return Judged(rhymes, chars, tones)


def joined(configs: frozenset[Config]) -> frozenset[Config]:
    """The same ways to read: those that differ in one part only are joined, and those that others cover are dropped."""
    # In an order that does not depend on memory: which are joined first may affect how many are left.
    for one, other in permutations(sorted(configs, key=itemgetter(1, 2)), 2):
        both = _join(one, other)
        if both is not None:
            return joined(configs - {one, other} | {both})
    return configs


def _join(one: Config, other: Config) -> Config | None:
    """One configuration for two, if there is one."""
    (suffix, options, masks), (its_suffix, its_options, its_masks) = one, other
    if suffix is not its_suffix or len(options[0]) != len(its_options[0]):  # one may be further on in a longer line
        return None
    within = all(mask & wide == mask for mask, wide in zip(masks, its_masks, strict=True))
    if within and all(any(covers(wide, option) for wide in its_options) for option in options):
        return other
    if masks == its_masks:
        return suffix, uncovered((*options, *its_options)), masks
    differ = [i for i, (mask, its) in enumerate(zip(masks, its_masks, strict=True)) if mask != its]
    if options == its_options and len(differ) == 1:
        i = differ[0]
        return suffix, options, (*masks[:i], masks[i] | its_masks[i], *masks[i + 1 :])
    return None
