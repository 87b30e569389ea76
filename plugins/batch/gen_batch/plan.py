"""What every worker of a batch is told."""

from __future__ import annotations

from dataclasses import dataclass

from gen_engine.patience import SECONDS

MODELS = ("poem", "novel")
"""The models that lines may name if none is chosen; one that no line needs is not loaded."""

FREE_SEEDS = 2**32
"""Seeds of lines that bring none are below this."""


@dataclass(frozen=True)
class Plan:
    """What decides the answers, and how fast they come. It can be pickled.

    `models` are those that lines may name, as `load` takes them; each is loaded when a line first needs it. A line that
    brings no seed gets one from `seed` and its place. A line may ask for `texts` texts of `length` new tokens, and may
    search for `patience` seconds. Without `fast`, every text is what it would be alone.

    The rest changes no answer: `rows` bounds a forward pass, and `threads` compute in each process (None: the cores,
    shared among the workers).
    """

    models: tuple[str, ...] = MODELS
    device: str = "auto"
    dtype: str = "auto"
    fast: bool = False
    seed: int = 0
    texts: int = 1024
    length: int = 10_000
    patience: float = SECONDS
    rows: int = 64
    threads: int | None = None
