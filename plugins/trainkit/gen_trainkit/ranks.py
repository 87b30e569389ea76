"""Which of several processes this is, from torchrun's environment variables; importing this imports no torch."""

from __future__ import annotations

import os


def process_count() -> int:
    """How many processes torchrun started; 1 without it."""
    return _number("WORLD_SIZE", 1) if "RANK" in os.environ else 1


def process_rank() -> int:
    """The number of this process, from 0."""
    return _number("RANK", 0) if process_count() > 1 else 0


def is_first() -> bool:
    """Whether this process is the one that writes and prints."""
    return process_rank() == 0


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdigit() else default
