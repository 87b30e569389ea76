"""How old verse rhymes: which line ends rhyme together, in which groups, and where the rhyme changes (换韵).

Old verse (古体) has no tones of its own. It rhymes level or oblique, in one group or in groups that count as one
(通押), throughout or by stanzas. Most often it rhymes at the ends of even lines, with or without the first, or at every
line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import inf

from ..verse.books import Reading

ALIKE: tuple[str, ...] = (
    "东冬", "江阳", "支微齐佳灰", "鱼虞", "真文元寒删先", "萧肴豪", "麻佳", "庚青蒸", "覃盐咸",
    "董肿", "讲养", "纸尾荠蟹贿", "语麌", "轸吻阮旱潸铣", "筱巧皓", "马蟹", "梗迥", "感俭豏",
    "送宋", "绛漾", "寘未霁泰卦队", "御遇", "震问愿翰谏霰", "啸效号", "祃卦", "敬径", "勘艳陷",
    "屋沃", "觉药", "质物月曷黠屑", "陌锡职", "合叶洽",
)  # fmt: skip
"""Groups of 平水韵 that rhyme together in old verse (古体通韵), after 王力《汉语诗律学》. Others rhyme alone."""

LONE, ALONE, WIDE = 6.0, 1.0, 1.25
"""The costs of a line that rhymes with nothing, of a stanza in one group, and of a stanza in several groups that count
as one."""

Sound = tuple[str, frozenset[str]]
"""A tone, and the groups of it that count as one."""


@dataclass(frozen=True)
class Stanza:
    """Line ends `first` to `last` (from 0). Those in `rhyming` rhyme in `groups`; those in `missing` should rhyme and
    do not."""

    first: int
    last: int
    rhyming: tuple[int, ...] = ()
    groups: tuple[str, ...] = ()
    tone: str = ""
    missing: tuple[int, ...] = ()


@cache  # at most one for each group of a book
def _alike(group: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(each) for each in ALIKE if group in each) or (frozenset({group}),)


def sounds_of(readings: Iterable[Reading], asked: str = "") -> frozenset[Sound]:
    """The sounds by which a line end may rhyme: its groups, and the groups that count as one with them."""
    found: set[Sound] = set()
    for reading in readings:
        if asked in ("", reading.group):
            found.add((reading.tone, frozenset({reading.group})))
            found |= {(reading.tone, groups) for groups in _alike(reading.group) if not asked}
    return frozenset(found)


def stanzas(
    ends: Sequence[frozenset[Sound]], inner: Sequence[frozenset[Sound]] = (), *, by_couplets: bool
) -> list[Stanza]:
    """The fewest stanzas that the line ends can be divided into; stanzas that rhyme in one group are preferred.

    `by_couplets` is for lines of one length: even lines rhyme. Otherwise `ends` are the ends of sentences, which all
    rhyme. A sentence may also rhyme by itself, with the line ends within it (`inner`, one entry per sentence).
    """
    best: list[tuple[float, tuple[Stanza, ...]]] = [(0.0, ())]
    ways = _ways(ends, by_couplets=by_couplets)
    for i, own in enumerate(inner):
        if own & ends[i]:
            ways[i + 1].append(_told(own & ends[i], i, i, (i,)))
    for end in range(1, len(ends) + 1):
        reached = [(best[way.first][0] + cost, (*best[way.first][1], way)) for cost, way in ways.get(end, ())]
        best.append(min(reached, key=lambda each: each[0], default=(inf, ())))
    return list(best[-1][1])


def _ways(ends: Sequence[frozenset[Sound]], *, by_couplets: bool) -> dict[int, list[tuple[float, Stanza]]]:
    """The possible stanzas and their costs, grouped by the number of lines up to their end."""
    found: dict[int, list[tuple[float, Stanza]]] = {}
    for first in range(len(ends)):
        kinds = [_every(ends, first)]
        if by_couplets and first % 2 == 0:
            kinds.append(_even(ends, first))
        for cost, stanza in (each for kind in kinds for each in kind):
            found.setdefault(stanza.last + 1, []).append((cost, stanza))
        last = first + 1 if by_couplets and first % 2 == 0 and first + 1 < len(ends) else first
        found.setdefault(last + 1, []).append((LONE, Stanza(first, last, missing=(last,))))
    if by_couplets and len(ends) >= 4 and len(ends) % 2 == 0:
        cost, stanza = _mostly(ends)
        found[len(ends)].append((cost, stanza))
    return found


def _mostly(ends: Sequence[frozenset[Sound]]) -> tuple[float, Stanza]:
    """All lines as one stanza, with the rhyme of most of its even lines."""
    even = range(1, len(ends), 2)
    counts = Counter(sound for i in even for sound in ends[i])
    if not counts:
        return LONE * len(even), Stanza(0, len(ends) - 1, missing=tuple(even))
    sound = max(counts, key=lambda each: (counts[each], -len(each[1]), sorted(each[1])))
    _, stanza = _told(frozenset({sound}), 0, len(ends) - 1, tuple(i for i in even if sound in ends[i]))
    missing = tuple(i for i in even if sound not in ends[i])
    return ALONE + LONE * len(missing), replace(stanza, missing=missing)


def _every(ends: Sequence[frozenset[Sound]], first: int) -> Iterator[tuple[float, Stanza]]:
    """Stanzas in which every line rhymes."""
    shared = ends[first]
    for last in range(first + 1, len(ends)):
        shared &= ends[last]
        if not shared:
            return
        yield _told(shared, first, last, tuple(range(first, last + 1)))


def _even(ends: Sequence[frozenset[Sound]], first: int) -> Iterator[tuple[float, Stanza]]:
    """Stanzas of two couplets and more in which the even lines rhyme, and perhaps the first."""
    if first + 3 >= len(ends):
        return
    shared = ends[first + 1]
    for last in range(first + 3, len(ends), 2):
        shared &= ends[last]
        if not shared:
            return
        even = tuple(range(first + 1, last + 1, 2))
        with_first = shared & ends[first]
        cost, stanza = _told(with_first or shared, first, last, (first, *even) if with_first else even)
        yield cost, stanza


def _told(shared: frozenset[Sound], first: int, last: int, rhyming: tuple[int, ...]) -> tuple[float, Stanza]:
    tone, groups = min(shared, key=lambda each: (len(each[1]), each[0], sorted(each[1])))
    cost = (ALONE if len(groups) == 1 else WIDE) - 0.001 * len(rhyming)
    return cost, Stanza(first, last, rhyming, tuple(sorted(groups)), tone)


def reading_of(readings: Iterable[Reading], stanza: Stanza) -> Reading | None:
    """The reading by which a line end rhymes in its stanza."""
    return next((r for r in readings if r.group in stanza.groups and r.tone == stanza.tone), None)
