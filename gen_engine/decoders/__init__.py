"""Decoding strategies: each a coroutine that asks the scheduler for rows and picks tokens from their scores."""

from .beam import beam
from .sample import greedy, sample
from .smc import smc

__all__ = ["beam", "greedy", "sample", "smc"]
