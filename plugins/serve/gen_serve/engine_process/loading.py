"""What an engine process is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Loading:
    """How an engine process is set up: models as `load` takes them under the names that clients use, and bounds.

    `rows`, `tokens` and `queue` bound each scheduler, `texts` and `length` what one wish may ask for. `threads` compute
    (None: one for each core). A process that `yields` leaves the processor to others where it is short.
    """

    models: tuple[tuple[str, str], ...]
    device: str = "auto"
    dtype: str = "auto"
    rows: int = 64
    tokens: int = 65_536
    queue: int = 256
    texts: int = 128
    length: int = 4096
    threads: int | None = None
    yields: bool = False
