"""Rhyme books: what tone a character may have, and what it rhymes with, in 平水韵, 词林正韵, 中华新韵 and 中华通韵."""

from __future__ import annotations

import lzma
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from gen_engine.errors import GenError, quoted

TABLES = Path(__file__).parents[1] / "tables"
LEVEL, OBLIQUE, EITHER = "平", "仄", "中"
"""The signs of tones: level, oblique, and in patterns either."""

BOOKS: tuple[str, ...] = ("pingshui", "cilin", "xinyun", "tongyun")

TITLES: Mapping[str, str] = {"pingshui": "平水韵", "cilin": "词林正韵", "xinyun": "中华新韵", "tongyun": "中华通韵"}
NUMERALS = ("一 二 三 四 五 六 七 八 九 十 十一 十二 十三 十四 十五 十六 十七 十八 十九").split()


@dataclass(frozen=True)
class Reading:
    """One way to read a character: its tone (平 or 仄), its rhyme group, and whether it is an entering tone (入声)."""

    tone: str
    group: str
    entering: bool = False


@dataclass(frozen=True, eq=False)
class Book:
    """A rhyme book: the groups in their order, and the readings of some 40,000 characters of both scripts.

    `aliases` are other names of groups; names that stand for several groups are left out. `neighbours` are the groups
    near enough to a group for a first line to rhyme in (邻韵), where the book has any.
    """

    name: str
    groups: tuple[str, ...] = field(repr=False)
    entries: Mapping[str, tuple[Reading, ...]] = field(repr=False)
    aliases: Mapping[str, str] = field(repr=False)
    neighbours: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)

    def readings(self, char: str) -> tuple[Reading, ...]:
        """Every reading of the character; empty if the book does not know it."""
        return self.entries.get(char, ())

    def find(self, name: str) -> str:
        """The group of any usual name: 东, 一东, 上平一东, 东韵, or its number; GenError names the choices."""
        bare = name.strip().removesuffix("韵").removesuffix("韻")
        if bare in self.groups:
            return bare
        if bare in self.aliases:
            return self.aliases[bare]
        if bare.isascii() and bare.isdigit() and 1 <= int(bare) <= len(self.groups):
            return self.groups[int(bare) - 1]
        raise GenError(
            f"{quoted(name)} is no rhyme of {TITLES[self.name]} ({self.name}); choose one of {' '.join(self.groups)}."
        )


def _table(name: str) -> tuple[list[str], list[str]]:
    """The classes of a table, and the lines of characters, one for each set of classes."""
    head, _, body = lzma.decompress((TABLES / f"{name}.txt.xz").read_bytes()).decode().partition("\n\n")
    return head.split("\n"), body.splitlines()


def _entries(classes: list[Reading], lines: list[str]) -> dict[str, tuple[Reading, ...]]:
    """The readings of each character; characters that read alike share one tuple."""
    entries: dict[str, tuple[Reading, ...]] = {}
    for line in lines:
        numbers, _, chars = line.partition("\t")
        readings = tuple(dict.fromkeys(classes[int(each)] for each in numbers.split(",")))
        entries.update(dict.fromkeys(chars, readings))
    return entries


def _unambiguous(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Names that stand for one group only."""
    meant: dict[str, set[str]] = {}
    for alias, group in pairs:
        meant.setdefault(alias, set()).add(group)
    return {alias: next(iter(groups)) for alias, groups in meant.items() if len(groups) == 1}


def _old(name: str) -> Book:
    """平水韵, or 词林正韵, which joins the rhymes of 平水韵 (some of them by halves) into 19 parts."""
    head, lines = _table("pingshui")
    classes, pairs = [], []
    for each in head:
        rhyme, part = each.split()
        group, number = rhyme[-1], NUMERALS[int(part) - 1]
        tone = LEVEL if rhyme[1] == LEVEL else OBLIQUE
        place = rhyme[2:-1] if tone == LEVEL else rhyme[1:-1]
        chosen = group if name == "pingshui" else f"第{number}部"
        classes.append(Reading(tone, chosen, rhyme[0] == "入"))
        pairs += [(rhyme, chosen), (place + group, chosen), (group, chosen)]
        pairs += [(f"{number}部", chosen), (number, chosen)] if name == "cilin" else []
    entries = _entries(classes, lines)
    groups = tuple(dict.fromkeys(each.group for each in classes))
    if name == "cilin":
        groups = tuple(f"第{each}部" for each in NUMERALS)
    near = neighbours() if name == "pingshui" else {}
    return Book(name, groups, entries, {**_traditional(pairs), **_unambiguous(pairs)}, near)


NEIGHBOURS: tuple[str, ...] = (
    "东冬", "江阳", "支微齐", "鱼虞", "佳灰", "佳麻", "真文元", "元寒删先", "萧肴豪", "庚青蒸", "覃盐咸",
)  # fmt: skip
"""Sets of level groups of 平水韵, any two of which are neighbours (邻韵), after 王力《汉语诗律学》 on first lines.

He counts 真文元寒删先 as one class. Poets join 元 with either half, and hardly ever one half with the other (figures in
the README of the tables). Pairs that are not here are no neighbours, even if they sound alike today (真庚, 蒸侵).
"""


@cache
def neighbours() -> Mapping[str, frozenset[str]]:
    """The neighbours of each level group of 平水韵 that has any."""
    found: dict[str, frozenset[str]] = {}
    for alike in NEIGHBOURS:
        for group in alike:
            found[group] = found.get(group, frozenset()) | set(alike) - {group}
    return found


def _modern(name: str) -> Book:
    """中华新韵 or 中华通韵, which are based on the finals and tones of today."""
    head, lines = _table("modern")
    classes, order, pairs = [], {}, []
    for each in head:
        final, tone, new, common = each.split()
        group = new if name == "xinyun" else common
        classes.append(Reading(tone, group))
        order[group] = GROUPS[name].index(group)
        pairs += [(final, group), (final.replace("v", "ü"), group), (NUMERALS[order[group]] + group, group)]
    groups = tuple(sorted(order, key=order.__getitem__))
    return Book(name, groups, _entries(classes, lines), {**_traditional(pairs), **_unambiguous(pairs)})


GROUPS: Mapping[str, str] = {"xinyun": "麻波皆开微豪尤寒文唐庚齐支姑", "tongyun": "啊喔鹅衣乌迂哀欸熬欧安恩昂英雍儿"}

VARIANTS = str.maketrans(
    "东鱼齐灰删先萧麻阳讲纸语荠贿轸铣筱马养梗俭送绛寘御遇霁队震问愿谏霰啸号个祃漾径艳质月药锡职缉叶开儿乌鹅欧",
    "東魚齊灰刪先蕭麻陽講紙語薺賄軫銑篠馬養梗儉送絳寘御遇霽隊震問願諫霰嘯號個禡漾徑艷質月藥錫職緝葉開兒烏鵝歐",
)

SIMPLIFIED = {other: char for char, other in VARIANTS.items()}


def _traditional(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The names in traditional characters."""
    return _unambiguous((alias.translate(VARIANTS), group) for alias, group in pairs)


@cache  # at most one for each name of a book
def book(name: str) -> Book:
    """The rhyme book of that name, read once: pingshui, cilin, xinyun or tongyun (or 平水韵, ...)."""
    known = {title: each for each, title in TITLES.items()} | {each: each for each in BOOKS}
    if name not in known:
        raise GenError(f"There is no rhyme book {quoted(name)}; choose one of {', '.join(BOOKS)}.")
    if known[name] != name:
        return book(known[name])
    return _old(name) if name in BOOKS[:2] else _modern(name)
