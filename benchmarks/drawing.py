"""One step's draws for many rows, masks, shapers and log-probabilities included, beside the plain way in torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import torch

from gen_engine.compiled.drawing import Allowed, Operation, norms
from gen_engine.compiled.drawing import draw as draw_rows
from gen_engine.text.token_sets import Blocked, Mask, TokenSet

from .measure import Figure, interleaved_medians

SHAPES = ((1, 6148), (16, 6148), (64, 6148), (256, 6148), (1, 20_906), (64, 20_906), (8, 262_144))
ALLOWED = (0.6, 0.3, 0.05)
"""How many of the tokens the masks allow; rows take turns. 40 more are forbidden in each row."""

Shaping = Callable[[torch.Tensor], torch.Tensor]

TEMPERATURE, KEPT, MASS = 0.9, 200, 0.95


def measure(rounds: int) -> Iterator[Figure]:
    """Milliseconds a step on random logits under masks."""
    for rows, vocab in SHAPES:
        noise = torch.Generator().manual_seed(0)
        logits = torch.randn(rows, vocab, generator=noise) * 3
        places = torch.rand(rows, generator=noise, dtype=torch.float64).tolist()
        allowed = _sets(rows, vocab)
        for name, shaper, plain in (
            (f"top_k={KEPT}", Operation("largest", count=KEPT), plain_top_k),
            (f"top_p={MASS}", Operation("mass", mass=MASS), plain_top_p),
        ):
            calls: list[Callable[[], list[float]]] = [
                partial(draw, logits.numpy(), allowed, shaper, places),
                partial(draw_plainly, logits, allowed, plain, places),
            ]
            ours, theirs = (1000 * taken for taken in interleaved_medians(calls, rounds))
            yield Figure(f"draws with {name}, {rows} x {vocab}", "ms", ours, theirs)


def _sets(rows: int, vocab: int) -> list[TokenSet]:
    noise = np.random.default_rng(0)
    masks = [Mask(noise.random(vocab) < share) for share in ALLOWED]
    chosen = [masks[row % len(masks)] for row in range(rows)]
    members = {mask: np.flatnonzero(mask.array) for mask in masks}
    return [TokenSet(mask, tuple(members[mask][row : row + 40].tolist())) for row, mask in enumerate(chosen)]


def draw(logits: np.ndarray, allowed: Sequence[TokenSet], shaper: Operation, places: Sequence[float]) -> list[float]:
    """The log-probabilities of the drawn tokens, by the engine in one pass."""
    out, masks = Blocked(allowed, logits.shape[-1]), [tokens.mask for tokens in allowed]
    sets = Allowed([mask.array for mask in masks], [mask.address for mask in masks], out.minus, out.plus)
    found = draw_rows(logits, [Operation("divide", TEMPERATURE), shaper], places, sets, own=True, kept=True)
    assert found.tokens is not None
    assert found.largest is not None
    assert found.sums is not None
    largest, logs = norms(found.largest, found.sums)
    own: list[float] = (logits[np.arange(len(logits)), found.tokens] - largest - logs).tolist()
    return own


def draw_plainly(
    logits: torch.Tensor, allowed: Sequence[TokenSet], shaper: Shaping, places: Sequence[float]
) -> list[float]:
    """The same, each step over whole rows."""
    blocked = torch.from_numpy(np.stack([~tokens.to_array() for tokens in allowed]))
    shaped = shaper(logits.masked_fill(blocked, -torch.inf) / TEMPERATURE)
    sums = shaped.softmax(-1).cumsum(-1, dtype=torch.float64)
    wanted = torch.tensor(places, dtype=torch.float64)[:, None] * sums[:, -1:]
    tokens = torch.searchsorted(sums, wanted, right=True)
    found: list[float] = logits.log_softmax(-1).gather(1, tokens).flatten().tolist()
    return found


def plain_top_k(logits: torch.Tensor) -> torch.Tensor:
    return torch.where(logits >= logits.topk(KEPT).values[:, -1:], logits, -torch.inf)


def plain_top_p(logits: torch.Tensor) -> torch.Tensor:
    """By a sort of whole rows, as transformers does it."""
    ordered, ids = logits.sort(dim=-1, descending=True)
    before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)
    return logits.masked_fill((before >= MASS).scatter(1, ids, before >= MASS), -torch.inf)
