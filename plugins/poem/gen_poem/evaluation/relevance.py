"""Relevance: of twenty titles, how often a judge that was trained on real poems alone finds the one of a text."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gen_engine.errors import GenError
from gen_engine.system.underway import counted
from gen_engine.text import is_han

TITLES = 20
"""Among so many titles a judge looks for the right one; chance finds it once in as many texts."""


class Judge(Protocol):
    """Tells how well titles fit a text."""

    def scores(self, text: str, titles: Sequence[str]) -> list[float]:
        """A number for each title, the higher the better it fits; texts and titles are Chinese characters alone."""
        ...


@dataclass(frozen=True)
class Judges:
    """Judges by their names, and the titles of real poems out of which the wrong ones are drawn."""

    judges: dict[str, Judge] = field(repr=False)
    pool: tuple[str, ...] = field(repr=False)


def plain(text: str) -> str:
    """The Chinese characters of a title."""
    return "".join(filter(is_han, text))


def plain_lines(text: str) -> str:
    """The Chinese characters of a text, with a space for what parts them."""
    return " ".join("".join(char if is_han(char) else " " for char in text).split())


def choices(title: str, pool: Sequence[str]) -> list[str]:
    """The title and 19 others of the pool: always the same ones for the same title, the right one first.

    None of the others contains the title or is contained in it. GenError if the pool has too few.
    """
    order = list(dict.fromkeys(pool))
    random.Random(title).shuffle(order)
    others = [other for other in order if other and other not in title and title not in other][: TITLES - 1]
    if len(others) < TITLES - 1:
        raise GenError(f"The judges know {len(others)} titles beside {title}, and {TITLES - 1} are needed; train them.")
    return [title, *others]


def hit(scores: Sequence[float]) -> float:
    """1 if the first score is the highest, 0 if it is not; where several are, each of them has its share."""
    best = max(scores)
    return 1 / sum(score == best for score in scores) if scores[0] == best else 0.0


def hits(judges: Judges, texts: Iterable[tuple[str, str]]) -> list[dict[str, float]]:
    """For each (text, title) what `hit` says of each judge; of a title without a Chinese character nothing."""
    return [_hits(judges, *each) for each in counted(texts, "judging titles, texts")]


def _hits(judges: Judges, text: str, title: str) -> dict[str, float]:
    if not plain(title):
        return {}
    among, lines = choices(plain(title), judges.pool), plain_lines(text)
    return {name: hit(judge.scores(lines, among)) for name, judge in judges.judges.items()}
