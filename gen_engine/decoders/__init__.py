"""Decoding strategies: each a coroutine that asks the runner for rows and picks tokens from their scores."""

from .sample import greedy, sample

__all__ = ["greedy", "sample"]
