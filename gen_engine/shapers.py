"""Built-in shapers: soft preferences over the tokens that the constraints have left.

Each factory checks its parameters at once and returns a `NamedShaper`. All of them work row by row: a row's result is
bit-equal whatever its neighbours are. They leave their input as it is and never revive a masked (-inf) token; those
that truncate keep at least one token of every row that has any. A row of nothing but -inf comes back unchanged.

Equal logits at the edge of what is kept: `top_k`, `min_p` and `typical` keep them all, as transformers does; `top_p`
keeps as many as transformers does, the lowest ids first (in transformers the sort decides which).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import TYPE_CHECKING

from .errors import GenError

if TYPE_CHECKING:
    from torch import Tensor

    from .types import Step

SHORTLIST = 1024
"""How many of the likeliest tokens the nucleus is looked for in at first; a row that needs more looks in four times
as many, each row for itself, so that hardly ever a whole row is sorted."""


@dataclass(frozen=True)
class NamedShaper:
    """A shaper that prints as it is spelled in a chain (`top_k=50`); equal names mean equal effects.

    `truncates` says whether it removes tokens (sets them to -inf) rather than only weighing them; `revives_nothing`
    promises that what is -inf stays so.
    """

    name: str
    truncates: bool
    shape: Callable[[Step, Tensor], Tensor] = field(compare=False)
    revives_nothing: bool = True

    def __call__(self, step: Step, logits: Tensor) -> Tensor:
        return self.shape(step, logits)

    def __repr__(self) -> str:
        return self.name


# ------------------------------------------------------------------------------------------------- temperature


def temperature(t: float) -> NamedShaper:
    """Divide the logits by `t`: below 1 bolder choices become rarer, above 1 more frequent.

    Ackley, Hinton and Sejnowski (1985), "A learning algorithm for Boltzmann machines".
    """
    if t == 0:
        raise GenError("temperature=0 leaves nothing to chance; use --decoder greedy.")
    t = _number("temperature", t, least=0.001, most=1000)

    def shape(step: Step, logits: Tensor) -> Tensor:
        return logits / t

    return NamedShaper(_spell("temperature", t), False, shape)


# -------------------------------------------------------------------------------------------------- truncation


def top_k(k: int) -> NamedShaper:
    """Keep the `k` likeliest tokens, and those that tie with the last of them.

    Fan, Lewis and Dauphin (2018), "Hierarchical neural story generation".
    """
    k = _whole("top_k", k, least=1, why="keeps nothing")

    def shape(step: Step, logits: Tensor) -> Tensor:
        if k >= logits.shape[-1]:
            return logits
        edge = logits.topk(k).values[..., -1:]  # [rows, 1]
        return _keep(logits, logits >= edge)

    return NamedShaper(_spell("top_k", k), True, shape)


def top_p(p: float) -> NamedShaper:
    """Keep the smallest set of likeliest tokens whose probabilities add up to `p` (the nucleus).

    Holtzman, Buys, Du, Forbes and Choi (2019), "The curious case of neural text degeneration".
    """
    p = _fraction("top_p", p)

    def shape(step: Step, logits: Tensor) -> Tensor:
        if p == 1:
            return logits
        edge, count = _nucleus(logits, logits.softmax(-1), p)
        return _keep(logits, _first_of_ties(logits, edge, count))

    return NamedShaper(_spell("top_p", p), True, shape)


def min_p(p: float) -> NamedShaper:
    """Keep the tokens that are at least `p` times as likely as the likeliest one.

    Nguyen, Baker, Neo, Roush, Kirsch and Shwartz-Ziv (2024), "Turning up the heat: min-p sampling".
    """
    p = _fraction("min_p", p)
    distance = math.log(p)  # p(token) / p(likeliest) is the exponential of the difference of their logits

    def shape(step: Step, logits: Tensor) -> Tensor:
        return _keep(logits, logits >= logits.amax(-1, keepdim=True) + distance)

    return NamedShaper(_spell("min_p", p), True, shape)


def typical(p: float) -> NamedShaper:
    """Keep the tokens whose surprise is nearest to the expected one, until their probabilities add up to `p`.

    Meister, Pimentel, Wiher and Cotterell (2022), "Locally typical sampling".
    """
    p = _fraction("typical", p)

    def shape(step: Step, logits: Tensor) -> Tensor:
        if p == 1:
            return logits
        surprise = logits.log_softmax(-1).neg_()
        probabilities = surprise.neg().exp_()
        # torch splits the sum over a lone row among threads, which changes its last bits: never sum fewer than two.
        parts = (surprise * probabilities).expand(max(2, len(logits)), -1)
        expected = parts.nansum(-1, keepdim=True)[: len(logits)]  # [rows, 1], in nats
        nearness = (surprise - expected).abs_().neg_()
        edge, _ = _nucleus(nearness, probabilities, p)
        return _keep(logits, nearness >= edge)

    return NamedShaper(_spell("typical", p), True, shape)


def _keep(logits: Tensor, kept: Tensor) -> Tensor:
    import torch

    return torch.where(kept, logits, -torch.inf)


def _nucleus(order: Tensor, probabilities: Tensor, mass: float) -> tuple[Tensor, Tensor]:
    """Where in `order` (higher comes first) the probabilities of a row reach `mass`.

    Returns the order of the last token needed and the number of tokens needed, [rows, 1] each.
    """
    edge, count, found = _find_mass(order, probabilities, mass, SHORTLIST)
    size = SHORTLIST
    while not found.all():
        size *= 4
        rows = (~found).nonzero().squeeze(-1)
        edge[rows], count[rows], found[rows] = _find_mass(order[rows], probabilities[rows], mass, size)
    return edge, count


def _find_mass(order: Tensor, probabilities: Tensor, mass: float, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """The same among the `size` highest of each row, and whether they suffice, [rows]."""
    import torch

    size = min(size, order.shape[-1])
    best, ids = order.topk(size)
    total = probabilities.gather(-1, ids).cumsum(-1, dtype=torch.float64)
    count = (1 + (total < mass).sum(-1, keepdim=True)).clamp_(max=size)
    found = (total[:, -1] >= mass) | (best[:, -1] == -torch.inf)  # what follows -inf adds nothing
    return best.gather(-1, count - 1), count, found if size < order.shape[-1] else found.fill_(True)


def _first_of_ties(order: Tensor, edge: Tensor, count: Tensor) -> Tensor:
    """The `count` highest of each row, [rows, vocab]; of equal ones the lowest ids, as argmax would choose."""
    kept = order >= edge
    surplus = kept.count_nonzero(-1).unsqueeze(-1) - count
    if surplus.any():
        tied = order == edge
        kept &= ~tied | (tied.cumsum(-1) <= tied.count_nonzero(-1).unsqueeze(-1) - surplus)
    return kept


# --------------------------------------------------------------------------------------------------- penalties


def repetition_penalty(penalty: float, *, window: int = 0, prompt: bool = True) -> NamedShaper:
    """Divide positive logits of tokens already seen by `penalty`, and multiply negative ones by it.

    `window` counts only the last so many tokens (0: all), `prompt` says whether those of the prompt count.
    Keskar, McCann, Varshney, Xiong and Socher (2019), "CTRL"; below 1 it rewards repetition.
    """
    penalty = _number("repetition_penalty", penalty, least=0.01, most=100)
    window = _whole("window", window, least=0, why="looks into the future")

    def shape(step: Step, logits: Tensor) -> Tensor:
        import torch

        seen = [set(tokens) for tokens in _recent(step, window, prompt)]
        if not any(seen):
            return logits
        where = _places(seen, logits)
        old = logits[where]
        shaped = logits.clone()
        shaped[where] = torch.where(old < 0, old * penalty, old / penalty)
        return shaped

    return NamedShaper(_spell("repetition_penalty", penalty, window=(window, 0), prompt=(prompt, True)), False, shape)


def frequency_penalty(penalty: float, *, window: int = 0, prompt: bool = False) -> NamedShaper:
    """Subtract `penalty` from a token's logit for each time it was seen.

    `window` counts only the last so many tokens (0: all), `prompt` says whether those of the prompt count.
    OpenAI API reference, "Frequency and presence penalties": logit[j] - count[j] * penalty; negative ones reward.
    """
    name = "frequency_penalty"
    return _subtracting(name, penalty, window, prompt, lambda count: count)


def presence_penalty(penalty: float, *, window: int = 0, prompt: bool = False) -> NamedShaper:
    """Subtract `penalty` once from the logit of every token that was seen.

    `window` counts only the last so many tokens (0: all), `prompt` says whether those of the prompt count.
    OpenAI API reference, "Frequency and presence penalties": logit[j] - (count[j] > 0) * penalty; negative ones reward.
    """
    name = "presence_penalty"
    return _subtracting(name, penalty, window, prompt, lambda count: 1)


def _subtracting(name: str, penalty: float, window: int, prompt: bool, times: Callable[[int], int]) -> NamedShaper:
    penalty = _number(name, penalty, least=-100, most=100)
    window = _whole("window", window, least=0, why="looks into the future")

    def shape(step: Step, logits: Tensor) -> Tensor:
        import numpy as np
        import torch

        counts = [Counter(tokens) for tokens in _recent(step, window, prompt)]
        if not any(counts):
            return logits
        where = _places(counts, logits)
        amounts = np.array([times(count) * penalty for row in counts for count in row.values()], dtype=np.float32)
        shaped = logits.clone()
        shaped[where] -= torch.from_numpy(amounts).to(logits.device)
        return shaped

    return NamedShaper(_spell(name, penalty, window=(window, 0), prompt=(prompt, False)), False, shape)


def _recent(step: Step, window: int, prompt: bool) -> Iterator[Sequence[int]]:
    for history, prompt_length in zip(step.histories, step.prompt_lengths, strict=True):
        start = 0 if prompt else prompt_length
        yield history[max(start, len(history) - window) if window else start :]


def _places(seen: Sequence[set[int] | Counter[int]], logits: Tensor) -> tuple[Tensor, Tensor]:
    """Row and column of every token seen, each once."""
    import numpy as np
    import torch

    rows = np.repeat(np.arange(len(seen)), [len(tokens) for tokens in seen])
    columns = np.array([token for tokens in seen for token in tokens])  # several times faster than torch.tensor
    return torch.from_numpy(rows).to(logits.device), torch.from_numpy(columns).to(logits.device)


# -------------------------------------------------------------------------------------------------- parameters


def _whole(name: str, value: int, *, least: int, why: str) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise GenError(f"{name}={value} is no whole number; give an integer from {least}.")
    if value < least:
        raise GenError(f"{name}={value} {why}; give an integer from {least}.")
    return int(value)


def _number(name: str, value: float, *, least: float, most: float) -> float:
    if not isinstance(value, Real) or isinstance(value, bool) or not least <= value <= most:
        raise GenError(f"{name}={value} is out of range; give a number from {least} to {most}.")
    return float(value)


def _fraction(name: str, value: float) -> float:
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 < value <= 1:
        raise GenError(f"{name}={value} is no share of the whole; give a number above 0, up to 1.")
    return float(value)


def _spell(name: str, value: float, **options: tuple[object, object]) -> str:
    """The processor as `--with` takes it: NAME=VALUE and the options that differ from their defaults."""
    changed = [f",{option}={chosen}" for option, (chosen, default) in options.items() if chosen != default]
    return f"{name}={value}".removesuffix(".0") + "".join(changed)


SHAPERS: Mapping[str, Callable[..., NamedShaper]] = {
    factory.__name__: factory
    for factory in (
        temperature,
        top_k,
        top_p,
        min_p,
        typical,
        repetition_penalty,
        frequency_penalty,
        presence_penalty,
    )
}
"""The built-in shapers by the names they have in a chain."""
