"""A shaper with a memory: the longer the text repeats itself, the higher the temperature, so that it gets out again.

What it remembers is a value that is never changed, so beams, batches and streams need no care: each text has its own.
"""

from dataclasses import dataclass

import torch

import gen_engine as gen


@dataclass(frozen=True)
class Restless:
    """Temperature 1, and `rise` more for each token since the last one that the text had not had before."""

    rise: float = 0.5

    def start(self):
        return frozenset(), 0  # the tokens so far, and how many came since the last new one

    def next(self, state, token, logprob):
        seen, repeats = state
        return (seen, repeats + 1) if token in seen else (seen | {token}, 0)

    def __call__(self, step, logits):  # [rows, vocab]
        repeats = torch.tensor([repeats for _, repeats in step.states], dtype=logits.dtype, device=logits.device)
        return logits / (1 + self.rise * repeats)[:, None]


if __name__ == "__main__":
    engine = gen.load("novel")
    for more in ((), (Restless(),)):
        for c in engine.generate("却说", processors=["temperature=0.3", *more], max_new=60, num=2, seed=1):
            print(c.text, f"({len(set(c.new))} different characters)")
