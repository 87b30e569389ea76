"""Metrics of models on the same texts, over the characters that all of them know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, nan

import numpy as np

from gen_engine.text import is_han
from gen_evaluate.scoring import ScoredText

LARGEST = 700.0  # nats: the exponential of more overflows a float


@dataclass(frozen=True)
class Figures:
    """How well a model predicts texts. Nats are means; NaN where there is nothing to average.

    `characters` are those counted, `unknown` the share of all that this model does not know. The nats of a token that
    prints several characters are shared out evenly among them. `nats_per_token`, `perplexity` (its exponential) and
    `accuracy` (the likeliest token was the right one) cover the tokens of which every character counts.
    """

    characters: int
    unknown: float
    nats_per_character: float
    nats_per_han: float
    nats_per_token: float
    perplexity: float
    accuracy: float


def counted_places(scored: Sequence[Sequence[ScoredText]]) -> list[np.ndarray]:
    """For each text, which characters count [characters]: those that every model knows. `scored[model][text]`."""
    return [np.logical_and.reduce([reading.known for reading in each]) for each in zip(*scored, strict=True)]


def compute_figures(scored: Sequence[ScoredText], places: Sequence[np.ndarray]) -> Figures:
    """The figures of one model over the counted `places` of each text."""
    every = [_of_text(reading, counts) for reading, counts in zip(scored, places, strict=True)]
    chars, han, nats, han_nats, tokens, token_nats, right = np.sum(every, axis=0) if every else np.zeros(7)
    known = sum(int(reading.known.sum()) for reading in scored)
    written = sum(len(reading.text) for reading in scored)
    per_token = _mean(token_nats, tokens)
    return Figures(
        characters=int(chars),
        unknown=1 - known / written if written else nan,
        nats_per_character=_mean(nats, chars),
        nats_per_han=_mean(han_nats, han),
        nats_per_token=per_token,
        perplexity=exp(per_token) if per_token < LARGEST else per_token * inf,
        accuracy=_mean(right, tokens),
    )


def _mean(total: float, count: float) -> float:
    return float(total / count) if count else nan


def _of_text(reading: ScoredText, counts: np.ndarray) -> np.ndarray:
    """Characters and Han characters, their nats; whole tokens, their nats, and how many were guessed."""
    han = counts & np.array([is_han(char) for char in reading.text], dtype=bool)
    begins, ends = reading.spans[:, 0], reading.spans[:, 1]
    width = np.maximum(ends - begins, 1)
    share, han_share = (_sums(marked, begins, ends) / width for marked in (counts, han))
    whole = (share == 1) & (ends > begins)
    return np.array(
        [
            counts.sum(),
            han.sum(),
            _weigh(reading.nats, share),
            _weigh(reading.nats, han_share),
            whole.sum(),
            _weigh(reading.nats, whole),
            (reading.guessed & whole).sum(),
        ],
        dtype=float,
    )


def _weigh(nats: np.ndarray, share: np.ndarray) -> float:
    """The sum of nats weighted by share; those with share 0 add nothing, even if infinite."""
    return float(nats[share > 0] @ share[share > 0])


def _sums(marked: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """How many places in each span are marked."""
    upto: np.ndarray = np.concatenate([[0], np.cumsum(marked)])
    found: np.ndarray = upto[ends] - upto[begins]
    return found
