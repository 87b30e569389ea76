"""Shapers that truncate: each removes tokens by its own rule and keeps at least one in every row that has any.

They work row by row: a row's result is bit-equal whatever its neighbours are. A row of nothing but -inf comes back
unchanged. Most keep all tokens that tie at the cut-off. `top_p` and `top_h` keep only as many as they need, the lowest
ids first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..compiled.arithmetic import logarithm
from ..compiled.drawing import Operation
from ..text.char_sets import is_han
from .shaping import (
    NamedShaper,
    always,
    beside,
    entropy,
    fraction,
    is_afar,
    keep,
    keep_largest,
    largest,
    number,
    places,
    spell,
    total,
    whole,
    wide,
)

if TYPE_CHECKING:
    from torch import Tensor

    from ..types import Step

SHORTLIST = 1024
"""How many of the likeliest tokens are searched for the nucleus at first. A row that needs more tries four times as
many, independently of other rows. So a whole row is hardly ever sorted."""


ALL = 2**31 - 1
"""More tokens than any vocabulary has."""


def top_k(k: int) -> NamedShaper:
    """Keep the `k` likeliest tokens, and those that tie with the last of them.

    Fan, Lewis and Dauphin (2018), "Hierarchical neural story generation".
    """
    k = whole("top_k", k, least=1, why="keeps nothing")

    def shape(step: Step, logits: Tensor) -> Tensor:
        if k >= logits.shape[-1]:
            return logits
        return keep_largest(logits, k)

    return NamedShaper(spell("top_k", k), True, shape, fused=always(Operation("largest", count=k)))


def avoid_repeat(n: int) -> NamedShaper:
    """Remove Chinese characters that are among the last N, the prompt included, wherever others are left.

    Like `no_repeat`, but it yields: a character may repeat if the constraints leave no other. Characters that need
    several tokens are ignored. Paulus, Xiong and Socher (2017), "A deep reinforced model for abstractive
    summarization", kept beams from repeating (there: three words).
    """
    n = whole("avoid_repeat", n, least=0, why="looks into the future")

    def seen(step: Step) -> Iterator[list[int]]:
        texts, carriers = step.vocabulary.texts, step.vocabulary.carriers
        for history in step.histories:
            recent = "".join(texts[token] or "" for token in history[-n:] if n)[-n:]
            yield [token for char in dict.fromkeys(recent) if is_han(char) for token in carriers[char]]

    def shape(step: Step, logits: Tensor) -> Tensor:
        before = logits > -math.inf  # [rows, vocab]
        kept = before.clone()
        kept[places(list(seen(step)), logits)] = False
        return keep(logits, kept.where(kept.any(-1, keepdim=True), before))

    def fused(step: Step) -> Operation:
        return Operation("remove", edits=[dict.fromkeys(tokens, 0.0) for tokens in seen(step)])

    return NamedShaper(spell("avoid_repeat", n), True, shape, fused=fused)


def top_p(p: float) -> NamedShaper:
    """Keep the smallest set of likeliest tokens whose probabilities add up to `p` (the nucleus).

    Holtzman, Buys, Du, Forbes and Choi (2019), "The curious case of neural text degeneration".
    """
    p = fraction("top_p", p)

    def shape(step: Step, logits: Tensor) -> Tensor:
        if p == 1:
            return logits
        edge, count = _nucleus(logits, logits.softmax(-1), p)
        return keep(logits, _first_of_ties(logits, edge, count))

    same = Operation("mass", mass=p) if p < 1 else Operation("largest", count=ALL)
    return NamedShaper(spell("top_p", p), True, shape, fused=always(same))


def min_p(p: float) -> NamedShaper:
    """Keep the tokens that are at least `p` times as likely as the likeliest one.

    Nguyen, Baker, Neo, Roush, Kirsch and Shwartz-Ziv (2024), "Turning up the heat: min-p sampling".
    """
    p = fraction("min_p", p)
    distance = math.log(p)  # p(token) / p(likeliest) is the exponential of the difference of their logits

    def shape(step: Step, logits: Tensor) -> Tensor:
        return keep(logits, logits >= logits.amax(-1, keepdim=True) + distance)

    return NamedShaper(spell("min_p", p), True, shape, fused=always(Operation("above", logarithm(p))))


def typical(p: float) -> NamedShaper:
    """Keep the tokens whose surprise is nearest to the expected surprise, until their probabilities add up to `p`.

    Meister, Pimentel, Wiher and Cotterell (2022), "Locally typical sampling".
    """
    p = fraction("typical", p)

    def shape(step: Step, logits: Tensor) -> Tensor:
        if p == 1:
            return logits
        surprise = logits.log_softmax(-1).neg_()
        probabilities = surprise.neg().exp_()
        expected = total(surprise * probabilities)  # [rows, 1], in nats
        nearness = (surprise - expected).abs_().neg_()
        edge, _ = _nucleus(nearness, probabilities, p)
        return keep(logits, nearness >= edge)

    return NamedShaper(spell("typical", p), True, shape)


def epsilon(p: float) -> NamedShaper:
    """Keep the tokens of probability `p` or more; if there are none, the likeliest ones.

    Hewitt, Manning and Liang (2022), "Truncation sampling as language model desmoothing"; 0.0003 to 0.002 is usual.
    """
    p = fraction("epsilon", p)

    def shape(step: Step, logits: Tensor) -> Tensor:
        return keep(logits, (logits.softmax(-1) >= p) | _is_best(logits))

    return NamedShaper(spell("epsilon", p), True, shape)


def eta(p: float) -> NamedShaper:
    """Keep the tokens of probability `p` or more, or of sqrt(p) * exp(-entropy) where the model is less sure.

    The smaller bound applies, with the entropy in nats. If no token reaches it, the likeliest ones are kept.
    Hewitt, Manning and Liang (2022), "Truncation sampling as language model desmoothing"; 0.0003 to 0.004 is usual.
    """
    p = fraction("eta", p)

    def shape(step: Step, logits: Tensor) -> Tensor:
        bound = (math.sqrt(p) * entropy(logits).neg().exp()).clamp(max=p)  # [rows, 1]
        return keep(logits, (logits.softmax(-1) >= bound) | _is_best(logits))

    return NamedShaper(spell("eta", p), True, shape)


def top_n_sigma(n: float) -> NamedShaper:
    """Keep the tokens whose logits are at most `n` standard deviations below the highest one.

    The deviation is that of the logits left in the row (divided by their count). It scales with the logits, so a
    temperature before or after does not change what is kept. Tang, Liu, Xu et al. (2024), "Top-n-sigma: not all
    logits are you need"; 1 is usual.
    """
    n = number("top_n_sigma", n, least=0, most=100)

    def shape(step: Step, logits: Tensor) -> Tensor:
        import torch

        best = logits.amax(-1, keepdim=True)
        # Distances from the best in float64: the squares of large logits would overflow float32.
        below = (best.to(wide(logits)) - logits).masked_fill(logits == -torch.inf, torch.nan)  # [rows, vocab]
        count = (~below.isnan()).sum(-1, keepdim=True).clamp(min=1)
        spread = total((below - total(below) / count).square()).div(count).sqrt()
        return keep(logits, below <= n * spread)

    return NamedShaper(spell("top_n_sigma", n), True, shape)


def top_h(share: float) -> NamedShaper:
    """Keep as many of the likeliest tokens as leave at most `share` of the entropy of the whole distribution.

    As in the paper, the entropy of the kept tokens is that of their renormalised distribution. Baghaei Potraghloo,
    Azizi, Kundu and Pedram (2025), "Top-H decoding: adapting the creativity and coherence with bounded entropy". A
    share of 0.4 is usual. The function `top_h` of transformers differs: it sums the entropy of the 100 likeliest tokens
    without renormalising what it keeps.
    """
    share = fraction("top_h", share)

    def shape(step: Step, logits: Tensor) -> Tensor:
        if share == 1:
            return logits
        edge, count = _bounded(logits, logits.log_softmax(-1), share * entropy(logits).to(wide(logits)))
        return keep(logits, _first_of_ties(logits, edge, count))

    return NamedShaper(spell("top_h", share), True, shape)


def xtc(threshold: float, *, probability: float = 0.5) -> NamedShaper:
    """Exclude top choices: with chance `probability`, drop all tokens of at least `threshold` but the least likely.

    Each step draws anew. Where two or more tokens reach the threshold, all are removed but the least likely of them
    (and its ties); tokens below the threshold stay. A threshold above 0.5 never applies to two. P-E-W (2024), "Exclude
    Top Choices (XTC)", text-generation-webui pull request 6335; threshold 0.1, probability 0.5.
    """
    threshold = fraction("xtc", threshold)
    probability = number("probability", probability, least=0, most=1)

    def shape(step: Step, logits: Tensor) -> Tensor:
        import torch

        struck = step.uniform("xtc").to(logits.device) < probability  # [rows]
        likely = logits.softmax(-1) >= threshold
        least = torch.where(likely, logits, torch.inf).amin(-1, keepdim=True)
        return keep(logits, ~(likely & (logits > least) & struck[:, None]))

    return NamedShaper(spell("xtc", threshold, probability=(probability, 0.5)), True, shape)


@dataclass(frozen=True)
class Mirostat:
    """A shaper whose state is the largest surprise that a token may have, in bits. Made by `mirostat`."""

    tau: float
    eta: float
    truncates: bool = True
    revives_nothing: bool = True

    @property
    def name(self) -> str:
        """How it is spelled in a chain."""
        return spell("mirostat", self.tau, eta=(self.eta, 0.1))

    def __repr__(self) -> str:
        return self.name

    def start(self) -> float:
        """The first bound: twice the target surprise."""
        return 2 * self.tau

    def next(self, state: float, token: int, logprob: float) -> float:
        """The bound rises after a token less surprising than `tau`, and falls after one more surprising.

        It stays between 0 and the most that today's vocabularies could ever use. Otherwise it would grow without end
        over a run of places that leave no choice.
        """
        surprise = -logprob / math.log(2)
        return min(max(state - self.eta * (surprise - self.tau), 0.0), MOST_BITS + self.tau)

    def __call__(self, step: Step, logits: Tensor) -> Tensor:
        allowed = beside(logits, np.array(step.states, np.float32))[:, None] * math.log(2)
        return keep(logits, (logits.log_softmax(-1).neg_() <= allowed) | _is_best(logits))


MOST_BITS = 20.0
"""The surprise of one token among a million equally likely ones."""


def mirostat(tau: float, *, eta: float = 0.1) -> Mirostat:
    """Keep the text's surprise near `tau` bits a token: keep tokens up to a bound that adapts to each choice.

    The bound starts at 2 * tau. Each choice moves it by `eta` times the deviation of the token's surprise from tau.
    The likeliest tokens are always kept. Version 2 of Basu, Ramachandran, Keskar and Varshney (2020), "Mirostat: a
    neural text decoding algorithm that directly controls perplexity", as in llama.cpp; tau 5, eta 0.1.
    """
    return Mirostat(number("mirostat", tau, least=0, most=MOST_BITS), number("eta", eta, least=0, most=1))


def _is_best(logits: Tensor) -> Tensor:
    """Whether a token is the likeliest of its row or ties with it, [rows, vocab]."""
    return logits == logits.amax(-1, keepdim=True)


def _nucleus(order: Tensor, probabilities: Tensor, mass: float) -> tuple[Tensor, Tensor]:
    """Where the probabilities of a row, taken in descending `order`, reach `mass`.

    Returns the `order` value of the last token needed, and the number of tokens needed, [rows, 1] each.
    """
    size = _first_size(order)
    edge, count, found = _find_mass(order, probabilities, mass, size)
    while size < order.shape[-1] and not found.all():
        size *= 4
        rows = (~found).nonzero().squeeze(-1)
        edge[rows], count[rows], found[rows] = _find_mass(order[rows], probabilities[rows], mass, size)
    return edge, count


def _first_size(order: Tensor) -> int:
    """How many of the highest are looked at first: all on an accelerator, where asking for more would cost a wait."""
    return int(order.shape[-1]) if is_afar(order) else SHORTLIST


def _find_mass(order: Tensor, probabilities: Tensor, mass: float, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """The same among the `size` highest of each row, and whether they are enough, [rows]."""
    import torch

    size = min(size, order.shape[-1])
    best, ids = largest(order, size)
    total = probabilities.gather(-1, ids).where(best > -torch.inf, 0).cumsum(-1, dtype=wide(order))
    count = (1 + (total < mass).sum(-1, keepdim=True)).clamp_(max=size)
    found = (total[:, -1] >= mass) | (best[:, -1] == -torch.inf)  # tokens of -inf add nothing
    return best.gather(-1, count - 1), count, found if size < order.shape[-1] else found.fill_(True)


def _first_of_ties(order: Tensor, edge: Tensor, count: Tensor) -> Tensor:
    """The `count` highest of each row, [rows, vocab]; among ties the lowest ids, as argmax would choose."""
    kept = order >= edge
    surplus = kept.count_nonzero(-1).unsqueeze(-1) - count
    if is_afar(order) or surplus.any():
        tied = order == edge
        kept &= ~tied | (tied.cumsum(-1) <= tied.count_nonzero(-1).unsqueeze(-1) - surplus)
    return kept


def _bounded(logits: Tensor, logprobs: Tensor, most: Tensor) -> tuple[Tensor, Tensor]:
    """The longest prefix of a row's likeliest tokens whose joint entropy is at most `most` nats.

    Returns the logit of its last token and its length, [rows, 1] each. `most` is float64, [rows, 1]. The likeliest
    token always counts.
    """
    size = _first_size(logits)
    edge, count, found = _find_bound(logits, logprobs, most, size)
    while size < logits.shape[-1] and not found.all():
        size *= 4
        rows = (~found).nonzero().squeeze(-1)
        edge[rows], count[rows], found[rows] = _find_bound(logits[rows], logprobs[rows], most[rows], size)
    return edge, count


def _find_bound(logits: Tensor, logprobs: Tensor, most: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """The same among the `size` likeliest of each row, and whether they are enough, [rows]."""
    import torch

    size = min(size, logits.shape[-1])
    best, ids = largest(logits, size)
    told = logprobs.gather(-1, ids).where(best > -torch.inf, -torch.inf).to(wide(logits))
    mass = told.exp()
    sums = mass.cumsum(-1)
    # The entropy of the k likeliest, renormalised: the log of their mass, plus their own terms divided by it.
    spread = sums.log() - torch.where(mass > 0, mass * told, 0).cumsum(-1) / sums
    too_much = (spread > most).cumsum(-1) > 0  # entropy grows with each token, except for rounding in the sums
    count = (~too_much).sum(-1, keepdim=True).clamp_(min=1)
    found = too_much[:, -1] | (best[:, -1] == -torch.inf)
    return best.gather(-1, count - 1), count, found if size < logits.shape[-1] else found.fill_(True)
