"""Relevance: how often a judge, trained on real poems alone, finds the title of a text among twenty."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gen_engine.errors import GenError
from gen_engine.system.underway import counted
from gen_engine.text import is_han

TITLES = 20
"""How many titles a judge chooses from; chance finds the right one in one of that many texts."""


class Judge(Protocol):
    """Says how well titles fit a text."""

    def scores(self, text: str, titles: Sequence[str]) -> list[float]:
        """A number for each title: the higher, the better it fits. Texts and titles consist of Chinese characters
        only."""
        ...


@dataclass(frozen=True)
class Judges:
    """Judges by name, and the titles of real poems from which the wrong ones are drawn."""

    judges: dict[str, Judge] = field(repr=False)
    pool: tuple[str, ...] = field(repr=False)


def plain(text: str) -> str:
    """The Chinese characters of a title."""
    return "".join(filter(is_han, text))


def plain_lines(text: str) -> str:
    """The Chinese characters of a text, with a space for whatever separates them."""
    return " ".join("".join(char if is_han(char) else " " for char in text).split())


def choices(title: str, pool: Sequence[str]) -> list[str]:
    """The title, which comes first, and 19 others of the pool: always the same ones for the same title.

    None of the others contains the title or is contained in it. GenError if the pool has too few.
    """
    order = list(dict.fromkeys(pool))
    random.Random(title).shuffle(order)
    others = [other for other in order if other and other not in title and title not in other][: TITLES - 1]
    if len(others) < TITLES - 1:
        raise GenError(f"The judges know {len(others)} titles beside {title}, and {TITLES - 1} are needed; train them.")
    return [title, *others]


def hit(scores: Sequence[float]) -> float:
    """1 if the first score is the highest, 0 if it is not. If several are the highest, each gets an equal share."""
    best = max(scores)
    return 1 / sum(score == best for score in scores) if scores[0] == best else 0.0


def hits(judges: Judges, texts: Iterable[tuple[str, str]]) -> list[dict[str, float]]:
    """For each (text, title) the `hit` of each judge; none for a title without Chinese characters."""
    return [_hits(judges, *each) for each in counted(texts, "judging titles, texts")]


def _hits(judges: Judges, text: str, title: str) -> dict[str, float]:
    if not plain(title):
        return {}
    among, lines = choices(plain(title), judges.pool), plain_lines(text)
    return {name: hit(judge.scores(lines, among)) for name, judge in judges.judges.items()}
