"""Built-in shapers: soft preferences over the tokens that the constraints have left.

Each factory checks its parameters at once and returns a shaper that prints as it is spelled. All of them work row by
row: a row's result is bit-equal whatever its neighbours are. They do not change their input and never revive a masked
(-inf) token. This file holds those that reweight tokens; `truncation.py` and `dry.py` hold the others.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..compiled.drawing import Operation
from ..errors import GenError, brief
from ..text.vocabulary import Vocabulary
from .shaping import NamedShaper, always, beside, entropy, number, places, spell, whole

if TYPE_CHECKING:
    from torch import Tensor

    from ..types import Step

# ------------------------------------------------------------------------------------------------- temperature


def temperature(t: float) -> NamedShaper:
    """Divide the logits by `t`: values below 1 make unlikely choices rarer, values above 1 more frequent.

    Ackley, Hinton and Sejnowski (1985), "A learning algorithm for Boltzmann machines".
    """
    if t == 0:
        raise GenError("temperature=0 leaves nothing to chance; use --decoder greedy.")
    t = number("temperature", t, least=0.001, most=1000)

    def shape(step: Step, logits: Tensor) -> Tensor:
        return logits / t

    return NamedShaper(spell("temperature", t), False, shape, temperature=t, fused=always(Operation("divide", t)))


def dynatemp(low: float, *, high: float, exponent: float = 1) -> NamedShaper:
    """Divide the logits by a temperature between `low` (where the model is sure) and `high` (where it is not).

    The temperature is low + (high - low) * u ** exponent. Here u is the row's entropy divided by the entropy of a
    uniform distribution over the tokens left in it. Source: kalomaze (2023), "Dynamic temperature sampling", as in
    llama.cpp. There, low is temp - dynatemp_range and high is temp + dynatemp_range.
    """
    low = number("dynatemp", low, least=0.001, most=1000)
    high = number("high", high, least=0.001, most=1000)
    exponent = number("exponent", exponent, least=0.001, most=1000)
    if high < low:
        raise GenError(f"dynatemp={low} lies above high={high}; write the lower temperature first.")

    def shape(step: Step, logits: Tensor) -> Tensor:
        most = (logits > -math.inf).sum(-1, keepdim=True).clamp(min=2).log()
        unsure = (entropy(logits) / most).clamp(0, 1)  # [rows, 1]
        return logits / (low + (high - low) * unsure**exponent)

    return NamedShaper(spell("dynatemp", low, high=(high, None), exponent=(exponent, 1)), False, shape)


# -------------------------------------------------------------------------------------------------- logit bias


def logit_bias(vocabulary: Vocabulary, biases: tuple[str, ...]) -> NamedShaper:
    """Add a bias to the logits of characters, of strings that are one token, or of tokens by #ID.

    Written `logit_bias=春:2|花:-1`, or `#123:1.5` with an id. Biases are logits from -100 to 100: 0.69 doubles a
    token's odds against another. A character means every token that prints only it. OpenAI API reference,
    "logit_bias". A bias never forbids; use `ban` for that.
    """
    items = (biases,) if isinstance(biases, str) else tuple(biases)
    given: dict[int, float] = {}
    for item in items:
        name, _, amount = item.rpartition(":")
        bias = _amount(item, name, amount)
        for token in _named(name, vocabulary):
            if given.setdefault(token, bias) != bias:
                raise GenError(f"logit_bias gives {name} both {given[token]:g} and {bias:g}; keep one of them.")
    if not given:
        raise GenError("logit_bias needs at least one bias; write it as logit_bias=春:2.")

    def shape(step: Step, logits: Tensor) -> Tensor:
        added = np.zeros(logits.shape[-1], np.float32)
        added[list(given)] = list(given.values())
        return logits + beside(logits, added).to(logits.dtype)

    def fused(step: Step) -> Operation:
        return Operation("add", edits=[given] * len(step.histories))

    return NamedShaper(spell("logit_bias", items), False, shape, fused=fused)


def _amount(item: str, name: str, amount: str) -> float:
    try:
        bias = float(amount)
    except ValueError:
        bias = math.nan
    if not name or not -100 <= bias <= 100:
        raise GenError(
            f"logit_bias={brief(item)} names no bias; write WHAT:NUMBER with a number from -100 to 100, as in 春:2."
        )
    return bias


def _named(name: str, vocabulary: Vocabulary) -> Sequence[int]:
    """The tokens that `name` refers to."""
    if re.fullmatch(r"#[0-9]{1,9}", name):
        token = int(name[1:])
        if token >= len(vocabulary):
            raise GenError(f"logit_bias={name} is no token of this model; give an id up to #{len(vocabulary) - 1}.")
        return [token]
    printing = name.encode()
    tokens = [i for i, surface in enumerate(vocabulary.surfaces) if surface == printing]
    if not tokens:
        raise GenError(f"logit_bias={name} is not a single token of this model; bias its parts, or name tokens by #ID.")
    return tokens


# --------------------------------------------------------------------------------------------------- penalties


def repetition_penalty(penalty: float, *, window: int = 0, prompt: bool = True) -> NamedShaper:
    """Divide positive logits of tokens already seen by `penalty`, and multiply negative ones by it.

    `window` limits this to the last `window` tokens (0: all). `prompt` says whether the prompt's tokens count.
    Keskar, McCann, Varshney, Xiong and Socher (2019), "CTRL"; values below 1 reward repetition.
    """
    penalty = number("repetition_penalty", penalty, least=0.01, most=100)
    window = whole("window", window, least=0, why="looks into the future")

    def shape(step: Step, logits: Tensor) -> Tensor:
        import torch

        seen = [set(tokens) for tokens in _recent(step, window, prompt)]
        if not any(seen):
            return logits
        where = places(seen, logits)
        old = logits[where]
        shaped = logits.clone()
        shaped[where] = torch.where(old < 0, old * penalty, old / penalty)
        return shaped

    def fused(step: Step) -> Operation:
        return Operation("scale", penalty, edits=[dict.fromkeys(own, 0.0) for own in _recent(step, window, prompt)])

    name = spell("repetition_penalty", penalty, window=(window, 0), prompt=(prompt, True))
    return NamedShaper(name, False, shape, fused=fused)


def frequency_penalty(penalty: float, *, window: int = 0, prompt: bool = False) -> NamedShaper:
    """Subtract `penalty` from a token's logit for each time it was seen.

    `window` limits this to the last `window` tokens (0: all). `prompt` says whether the prompt's tokens count.
    OpenAI API reference, "Frequency and presence penalties": logit[j] - count[j] * penalty. Negative values reward.
    """
    name = "frequency_penalty"
    return _subtracting(name, penalty, window, prompt, lambda count: count)


def presence_penalty(penalty: float, *, window: int = 0, prompt: bool = False) -> NamedShaper:
    """Subtract `penalty` once from the logit of every token that was seen.

    `window` limits this to the last `window` tokens (0: all). `prompt` says whether the prompt's tokens count. Negative
    values reward. OpenAI API reference, "Frequency and presence penalties": logit[j] - (count[j] > 0) * penalty.
    """
    name = "presence_penalty"
    return _subtracting(name, penalty, window, prompt, lambda count: 1)


def _subtracting(name: str, penalty: float, window: int, prompt: bool, times: Callable[[int], int]) -> NamedShaper:
    penalty = number(name, penalty, least=-100, most=100)
    window = whole("window", window, least=0, why="looks into the future")

    def shape(step: Step, logits: Tensor) -> Tensor:
        counts = [Counter(tokens) for tokens in _recent(step, window, prompt)]
        if not any(counts):
            return logits
        where = places(counts, logits)
        amounts = np.array([times(count) * penalty for row in counts for count in row.values()], dtype=np.float32)
        shaped = logits.clone()
        shaped[where] -= beside(logits, amounts)
        return shaped

    def fused(step: Step) -> Operation:
        counts = [Counter(tokens) for tokens in _recent(step, window, prompt)]
        added = [{token: -times(count) * penalty for token, count in row.items()} for row in counts]
        return Operation("add", edits=added)

    spelt = spell(name, penalty, window=(window, 0), prompt=(prompt, False))
    return NamedShaper(spelt, False, shape, fused=fused)


def _recent(step: Step, window: int, prompt: bool) -> Iterator[Sequence[int]]:
    for history, prompt_length in zip(step.histories, step.prompt_lengths, strict=True):
        start = 0 if prompt else prompt_length
        yield history[max(start, len(history) - window) if window else start :]
