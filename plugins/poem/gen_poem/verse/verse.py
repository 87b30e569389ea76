"""Tones and rhyme: one machine over the whole text, made of the patterns of a form or tune and a rhyme book.

It is the exact nondeterministic machine, determinised as it is used: it leaves open what the text leaves open, namely
the pattern, the alternatives of a line, the rhyme, and how each character of several readings is read.
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

from gen_engine.errors import GenError
from gen_engine.memory import Memory, remembered
from gen_engine.text import CharSet

from .books import EITHER, Book
from .kinds import FIRST, FITTING, MARK_KINDS, MARK_OF, UNREAD, CharKinds, Judged
from .patterns import Pattern
from .rests import Boxes, Needs, Rest, Rests, build_rests, covers, uncovered
from .sounds import SILENT, Sounds, members, sounds
from .wording import refusal, wanted_at

Config = tuple[Rest, Boxes, tuple[int, ...]]
"""One way to read the text so far: what is left of the pattern, the alternatives still open of what is left of the
line, and for each letter in play the readings, as bits, that its rhyme words may still have."""

LINE_END: Boxes = ("",)
"""What is left of a line at its end."""

SPOTS = 1 << 14
"""How many states of a verse remember what follows them; of more, the one that began to first forgets it."""

STEPS = 1 << 14
"""How many parts of the work on a step are remembered."""


@dataclass(eq=False, slots=True, weakref_slot=True)
class Spot:
    """A state: every way to read the text so far. Equal ones are one object, so it is compared by identity.

    `after` remembers by kind what follows; `moves` and `allowed` all of it, once that was asked for. So many states of
    a verse do (`SPOTS`); one that remembers nothing is gone when nobody holds it.
    """

    configs: frozenset[Config]
    after: dict[int, Spot | None] = field(default_factory=dict, repr=False)
    moves: tuple[tuple[CharSet, Spot], ...] | None = field(default=None, repr=False)
    allowed: CharSet | None = field(default=None, repr=False)

    def forget(self) -> None:
        """Remember nothing of what follows."""
        self.after.clear()
        self.moves = self.allowed = None


@dataclass(frozen=True, eq=False, repr=False)
class Verse:
    """A character machine over the whole text, which obeys one of `patterns` throughout.

    Each line obeys one of its alternatives; the words of one letter have readings of one group of `book` (and, where
    some rhyming place of the letter is of any tone, of one tone, and all or none entering). The tone and the rhyme of a
    rhyme word are those of one reading. Where neither is judged a character need not be in the book. `rhymes` are the
    groups that the letters must have, in the order of their first lines, as far as they are given.
    """

    patterns: tuple[Pattern, ...]
    book: Book = SILENT
    rhymes: tuple[str, ...] = ()
    as_typed: ClassVar[bool] = True
    _spots: WeakValueDictionary[frozenset[Config], Spot] = field(default_factory=WeakValueDictionary)
    _remembering: OrderedDict[Spot, None] = field(default_factory=OrderedDict)  # at most SPOTS
    _fits: Memory[tuple[int, Needs, bool], int] = remembered(STEPS)
    _kept: Memory[tuple[Boxes, str], Boxes] = remembered(STEPS)
    _known: dict[str, int] = field(default_factory=dict)  # at most one for each character

    def __repr__(self) -> str:
        return f"Verse({'|'.join(dict.fromkeys(pattern.form for pattern in self.patterns))}, {self.book.name})"

    # ------------------------------------------------------------------------------------------- the machine

    def start(self, text: str) -> Spot:
        spot = self.opening
        if spot is None:
            raise GenError("No characters of this rhyme book have such tones and rhymes; ask for another one of both.")
        for place, char in enumerate(text):
            after = self.step(spot, char)
            if after is None:
                raise refusal(self, spot, text, place)
            spot = after
        return spot

    def step(self, state: Spot, char: str) -> Spot | None:
        kind = self.kind(char)
        try:
            return state.after[kind]
        except KeyError:
            return self._work_out(state, kind)

    def accepts(self, state: Spot) -> bool:
        return any(rest.after is None and not rest.mark for rest, _, _ in state.configs)

    def kind(self, char: str) -> int:
        try:
            return self._known[char]
        except KeyError:
            kind = self._known[char] = self.kinds.of(char)
            return kind

    def least(self, state: Spot) -> int:
        """How many characters away the nearest end is, marks included; exactly, as far as the book has characters."""
        return min(rest.left + len(boxes[0]) for rest, boxes, _ in state.configs)

    def most(self, state: Spot) -> int:
        """How many characters away the furthest end is, marks included."""
        return max(rest.left + len(boxes[0]) for rest, boxes, _ in state.configs)

    def wants(self, state: Spot) -> str:
        """In words what may follow, and where: an oblique tone at line 3, place 1."""
        return wanted_at(self, state)

    # ----------------------------------------------------------------------------------------- what it is of

    @cached_property
    def sounds(self) -> Sounds:
        """The book by its sounds."""
        return sounds(self.book)

    @cached_property
    def rests(self) -> Rests:
        """What is left of the patterns at each place."""
        return build_rests(self.patterns, self.sounds)

    @cached_property
    def opening(self) -> Spot | None:
        """The state of the empty text, None if the book has no characters for any of the patterns."""
        return self._spot(self._settle(rest, boxes, self._open(rest)) for rest, boxes in self.rests.starts)

    def _open(self, rest: Rest) -> tuple[int, ...]:
        """The readings that rhyme words may have at the beginning: of the groups given, else all."""
        masks = [self.sounds.every] * len(rest.needs)
        order: dict[int, None] = {}
        walk: Rest | None = rest
        while walk is not None:
            order |= {} if walk.letter is None else {walk.letter: None}
            walk = walk.after
        for letter, group in zip(order, self.rhymes, strict=False):
            masks[letter] = self.sounds.groups[group]
        return tuple(masks)

    @cached_property
    def kinds(self) -> CharKinds:
        """The characters that it tells apart: by what may still rhyme at the beginning, for it gets only less."""
        signs = {sign for each in self.patterns for line in each.lines for tones in line.tones for sign in tones}
        configs: Iterable[Config] = () if self.opening is None else self.opening.configs
        may_rhyme = reduce(or_, (mask for _, _, masks in configs for mask in masks), 0)
        if any(line.near for each in self.patterns for line in each.lines):
            may_rhyme |= self.sounds.near_to(may_rhyme)
        return CharKinds(self.sounds, signs != {EITHER}, may_rhyme)

    # --------------------------------------------------------------------------------------------- one step

    def _work_out(self, spot: Spot, kind: int) -> Spot | None:
        found: list[Config | None] = []
        if kind == UNREAD or kind >= FIRST:
            tones, voice = self.kinds.heard[kind]
            found = [self._after_char(config, tones, voice) for config in spot.configs]
        elif mark := MARK_OF.get(kind, ""):
            found = [self._after_mark(config) for config in spot.configs if mark in FITTING.get(config[0].mark, ())]
        after = self._spot(found)
        self._let_remember(spot)
        spot.after[kind] = after
        return after

    def _let_remember(self, spot: Spot) -> None:
        """Let a state remember, and if too many do, let the first of them forget."""
        self._remembering[spot] = None
        if len(self._remembering) > SPOTS:
            self._remembering.popitem(last=False)[0].forget()

    def _after_char(self, config: Config, tones: str, voice: int) -> Config | None:
        rest, boxes, masks = config
        if rest.after is None or rest.mark:
            return None
        if is_rhyming(config):
            return self._after_rhyme(config, rest.after, self.passing(config) & voice)
        key = boxes, tones
        kept = self._kept.get(key)
        if kept is None:
            kept = uncovered(box[1:] for box in boxes if box[0] == EITHER or box[0] in tones)
            self._kept.put(key, kept)
        if kept == LINE_END:
            return rest.after, LINE_END, masks
        return self._settle(rest, kept, masks) if kept else None

    def passing(self, config: Config) -> int:
        """The readings that a rhyme word may have here, as bits."""
        rest, boxes, masks = config
        assert rest.letter is not None
        mask = masks[rest.letter]
        return self._allow(boxes) & (self.sounds.near_to(mask) if rest.near else mask)

    def _allow(self, signs: Iterable[str]) -> int:
        return reduce(or_, (self.sounds.signs[sign] for sign in signs))

    def _after_rhyme(self, config: Config, after: Rest, chosen: int) -> Config | None:
        """The rhyme word reads in one of the chosen ways; like it, in group or altogether, do those that follow."""
        rest, _, masks = config
        letter = rest.letter
        if letter is None or not chosen:
            return None
        if rest.near:
            chosen = self.sounds.near_to(chosen) & masks[letter]
        elif not rest.whole[letter]:
            chosen = reduce(or_, (self.sounds.alike[reading] for reading in members(chosen))) & masks[letter]
        narrowed = (*masks[:letter], chosen, *masks[letter + 1 :])
        return self._settle(after, LINE_END, narrowed[: len(after.needs)])  # the last letter may have had its last line

    def _after_mark(self, config: Config) -> Config | None:
        rest, _, masks = config
        assert rest.after is not None
        return self._settle(rest.after, rest.opening or LINE_END, masks)

    def _settle(self, rest: Rest, boxes: Boxes, masks: tuple[int, ...]) -> Config | None:
        """The configuration written in the one way, without what can come to nothing; None if all of it does."""
        settled = []
        for letter, mask in enumerate(masks):
            needs = rest.needs[letter]
            if letter == rest.letter:
                needs |= {frozenset(box[-1] for box in boxes)}
            settled.append(self._fitting(mask, needs, rest.whole[letter]))
        if rest.letter is not None:
            mask = settled[rest.letter]
            passing = self.sounds.near_to(mask) if rest.near else mask
            boxes = tuple(box for box in boxes if self.sounds.signs[box[-1]] & passing)
        return (rest, boxes, tuple(settled)) if boxes and all(settled) else None

    def _fitting(self, mask: int, needs: Needs, whole: bool) -> int:
        """Those of the readings whose group (if `whole`: who themselves) can serve every need."""
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

    def _spot(self, configs: Iterable[Config | None]) -> Spot | None:
        """The state of these ways to read the text, the same object for the same ones; None if there are none."""
        found = frozenset(config for config in configs if config is not None)
        if len({rest for rest, _, _ in found}) < len(found):
            found = joined(found)
        if not found:
            return None
        spot = self._spots.get(found)
        return spot if spot is not None else self._spots.setdefault(found, Spot(found))

    # ------------------------------------------------------------------------------------------------- moves

    def moves(self, state: Spot) -> Sequence[tuple[CharSet, Spot]]:
        """What may follow, in disjoint sets of characters, each with the state that follows."""
        moves = state.moves
        if moves is None:
            judged = judge(self, state)
            found: dict[Spot, tuple[list[int], list[str]]] = {}
            for part, kinds in enumerate(self.kinds.parts(judged)):
                if (after := self._following(state, kinds[0])) is not None:
                    found.setdefault(after, ([], []))[0].append(part)
            for mark in sorted(marks_at(state)):
                if (after := self._following(state, MARK_KINDS[mark])) is not None:
                    found.setdefault(after, ([], []))[1].append(mark)
            state.moves = moves = tuple(
                (self.kinds.join(judged, tuple(parts), frozenset(marks)), after)
                for after, (parts, marks) in found.items()
            )
        return moves

    def _following(self, spot: Spot, kind: int) -> Spot | None:
        try:
            return spot.after[kind]
        except KeyError:
            return self._work_out(spot, kind)

    def allowed(self, state: Spot) -> CharSet:
        """All that may follow."""
        allowed = state.allowed
        if allowed is None:
            judged = judge(self, state)
            parts = enumerate(self.kinds.parts(judged))
            passing = tuple(part for part, kinds in parts if self._following(state, kinds[0]) is not None)
            state.allowed = allowed = self.kinds.join(judged, passing, marks_at(state))
        return allowed


def parted(verse: Verse, key: Callable[[Pattern], Hashable]) -> tuple[Verse, ...]:
    """The verse taken apart into those whose patterns have the same key, in the order of the patterns."""
    alike: dict[Hashable, list[Pattern]] = {}
    for pattern in verse.patterns:
        alike.setdefault(key(pattern), []).append(pattern)
    if len(alike) == 1:
        return (verse,)  # which goes on remembering its steps
    return tuple(Verse(tuple(each), verse.book, verse.rhymes) for each in alike.values())


def is_rhyming(config: Config) -> bool:
    """Whether a rhyme word is wanted next."""
    rest, boxes, _ = config
    return rest.letter is not None and len(boxes[0]) == 1


def marks_at(spot: Spot) -> frozenset[str]:
    """The marks that may follow."""
    return frozenset(char for rest, _, _ in spot.configs for char in FITTING.get(rest.mark, ()))


def judge(verse: Verse, spot: Spot) -> Judged:
    """What tells characters apart that follow a state."""
    rhymes, chars, tones = 0, False, False
    for config in spot.configs:
        rest, boxes, _ = config
        if is_rhyming(config):
            rhymes |= verse.passing(config)
        elif not rest.mark and rest.after is not None:
            chars = True
            tones = tones or any(box[0] != EITHER for box in boxes)
    return Judged(rhymes, chars, tones)


def joined(configs: frozenset[Config]) -> frozenset[Config]:
    """The same ways to read, with those joined that differ in one thing only, and those dropped that others cover."""
    # In an order that memory does not decide: which are joined first may make a difference to how many are left.
    for one, other in permutations(sorted(configs, key=itemgetter(1, 2)), 2):
        both = _join(one, other)
        if both is not None:
            return joined(configs - {one, other} | {both})
    return configs


def _join(one: Config, other: Config) -> Config | None:
    """One configuration for two, if there is one."""
    (rest, boxes, masks), (its_rest, its_boxes, its_masks) = one, other
    if rest is not its_rest or len(boxes[0]) != len(its_boxes[0]):  # one may be further on in a longer line
        return None
    within = all(mask & wide == mask for mask, wide in zip(masks, its_masks, strict=True))
    if within and all(any(covers(wide, box) for wide in its_boxes) for box in boxes):
        return other
    if masks == its_masks:
        return rest, uncovered((*boxes, *its_boxes)), masks
    differ = [i for i, (mask, its) in enumerate(zip(masks, its_masks, strict=True)) if mask != its]
    if boxes == its_boxes and len(differ) == 1:
        i = differ[0]
        return rest, boxes, (*masks[:i], masks[i] | its_masks[i], *masks[i + 1 :])
    return None
