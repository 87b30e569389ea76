"""DRY ("don't repeat yourself"): a token that would prolong a repetition loses probability, more so for longer ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ..text.vocabulary import Vocabulary
from .shaping import NamedShaper, beside, number, places, spell, whole

if TYPE_CHECKING:
    from torch import Tensor

    from ..types import Step

MOST = 1e6
"""The largest penalty: it already rules a token out wherever another one is left."""

BREAKERS = ("\n", ":", '"', "*", "：", "“", "”")
"""The default breakers of text-generation-webui and llama.cpp, and their full-width forms."""


def dry(
    multiplier: float,
    *,
    base: float = 1.75,
    allowed_length: int = 2,
    breakers: tuple[str, ...] = BREAKERS,
    window: int = 0,
) -> NamedShaper:
    """Make a token that would prolong a repetition less likely, and more so the longer the repeated run is.

    If the last n tokens of the text occurred before, the token that followed them there loses
    `multiplier` * `base` ** (n - `allowed_length`) in logits. The longest such run counts, from `allowed_length` tokens
    on. Only the last `window` tokens are searched (0: all, the prompt included). Runs do not cross a breaker (a string)
    or a token for unknown characters. Tokens that print a breaker keep their logits; `breakers=` alone means none.
    P-E-W (2024), "DRY: a modern repetition penalty", text-generation-webui pull request 5677, as in llama.cpp; 0.8 is
    usual.
    """
    multiplier = number("dry", multiplier, least=0, most=100)
    base = number("base", base, least=1, most=100)
    allowed_length = whole("allowed_length", allowed_length, least=1, why="would punish what repeats nothing")
    window = whole("window", window, least=0, why="looks into the future")
    marks = tuple(mark for mark in ((breakers,) if isinstance(breakers, str) else breakers) if mark)

    longest = _longest(multiplier, base, allowed_length)

    def shape(step: Step, logits: Tensor) -> Tensor:
        told: list[dict[int, float]] = []
        for history in step.histories:
            found = _runs(history[-window:] if window else history, longest, marks, step.vocabulary)
            longer = {token: run - allowed_length for token, run in found.items() if run >= allowed_length}
            told.append({token: min(multiplier * base**more, MOST) for token, more in longer.items()})
        shaped = logits.clone()
        if any(told):
            amounts = np.array([amount for own in told for amount in own.values()], np.float32)
            shaped[places(told, logits)] -= beside(logits, amounts).to(logits.dtype)
        return shaped

    name = spell(
        "dry",
        multiplier,
        base=(base, 1.75),
        allowed_length=(allowed_length, 2),
        breakers=(marks, BREAKERS),
        window=(window, 0),
    )
    return NamedShaper(name, False, shape)


def _longest(multiplier: float, base: float, allowed_length: int) -> int:
    """The run length beyond which a longer run makes no difference."""
    if base == 1 or not 0 < multiplier < MOST:
        return allowed_length
    return allowed_length + math.ceil(math.log(MOST / multiplier) / math.log(base))


def _runs(history: Sequence[int], longest: int, marks: tuple[str, ...], vocabulary: Vocabulary) -> dict[int, int]:
    """For each token that followed an earlier occurrence of the text's end: the longest such match, in tokens."""
    breaking = _breaking(vocabulary, marks)
    limit = _since_breaker(
        history[-longest - max((len(m.encode()) for m in marks), default=0) :], breaking, marks, vocabulary
    )
    if not limit:
        return {}
    tokens = np.asarray(history)
    ends = np.flatnonzero(tokens[:-1] == tokens[-1])  # earlier positions of the last token
    found: dict[int, int] = {}
    length = 1
    while len(ends) and length <= min(limit, longest):
        found.update(dict.fromkeys(tokens[ends + 1].tolist(), length))
        ends = ends[ends >= length]
        ends = ends[tokens[ends - length] == tokens[-1 - length]]
        length += 1
    return {token: run for token, run in found.items() if token not in breaking}


def _since_breaker(
    tokens: Sequence[int], breaking: frozenset[int], marks: tuple[str, ...], vocabulary: Vocabulary
) -> int:
    """The number of tokens after the last breaker."""
    count = next((back for back, token in enumerate(reversed(tokens)) if token in breaking), len(tokens))
    data = b"".join(vocabulary.surfaces[token] for token in tokens)
    ends = [data.rfind(mark.encode()) + len(mark.encode()) for mark in marks if mark.encode() in data]
    rest = len(data) - max(ends, default=0)  # the bytes after the last breaker, which may span several tokens
    while count and sum(len(vocabulary.surfaces[token]) for token in tokens[len(tokens) - count :]) > rest:
        count -= 1
    return count


@lru_cache(maxsize=16)
def _breaking(vocabulary: Vocabulary, marks: tuple[str, ...]) -> frozenset[int]:
    """The tokens that print a breaker, and the one for unknown characters."""
    data = [mark.encode() for mark in marks]
    found = {i for i, surface in enumerate(vocabulary.surfaces) if any(mark in surface for mark in data)}
    return frozenset(found if vocabulary.unk is None else found | {vocabulary.unk})
