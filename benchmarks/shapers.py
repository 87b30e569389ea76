"""One call of each built-in shaper beside its twin in transformers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from transformers.generation import logits_process as peer

from gen_engine.shapers import penalties as shapers
from gen_engine.shapers import truncation
from gen_engine.types import Step

from .measure import Figure, interleaved_medians

PAIRS = [
    (shapers.temperature(0.8), peer.TemperatureLogitsWarper(0.8)),
    (truncation.top_k(50), peer.TopKLogitsWarper(50)),
    (truncation.top_p(0.9), peer.TopPLogitsWarper(0.9)),
    (truncation.min_p(0.1), peer.MinPLogitsWarper(0.1)),
    (truncation.typical(0.9), peer.TypicalLogitsWarper(0.9)),
    (truncation.epsilon(0.001), peer.EpsilonLogitsWarper(0.001)),
    (truncation.eta(0.001), peer.EtaLogitsWarper(0.001)),
    (truncation.top_h(0.4), peer.TopHLogitsWarper(0.4)),
    (truncation.top_n_sigma(1), None),
    (shapers.dynatemp(0.5, high=1.5), None),
    (shapers.repetition_penalty(1.2), peer.RepetitionPenaltyLogitsProcessor(1.2)),
    (shapers.frequency_penalty(0.5), None),
    (shapers.presence_penalty(0.5), None),
]
SHAPES = ((1, 8000), (16, 21128))
HISTORY = 128


def measure(rounds: int) -> Iterator[Figure]:
    """Microseconds a call on random logits; histories of 128 tokens."""
    for rows, vocab in SHAPES:
        noise = torch.Generator().manual_seed(0)
        logits = torch.randn(rows, vocab, generator=noise) * 3
        history = torch.randint(vocab, (rows, HISTORY), generator=noise)
        step = Step(history.tolist(), [0] * rows, vocabulary=None)  # type: ignore[arg-type]
        for ours, theirs in PAIRS:
            calls = [partial(ours, step, logits)] + ([partial(theirs, history, logits)] if theirs else [])
            taken = [1e6 * second for second in interleaved_medians(calls, 5 * rounds)]
            yield Figure(f"{ours}, {rows} x {vocab}", "µs", taken[0], taken[1] if theirs else None)
