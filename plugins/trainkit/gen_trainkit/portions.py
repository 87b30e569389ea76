"""Texts in portions, because a tokenizer takes some 500 bytes for each character that it is given at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

Item = TypeVar("Item")

CHARACTERS = 250_000
"""The most characters of a portion: some 100 MB of memory, and enough work for all threads."""


def in_portions(texts: Iterable[Item], *, most: int = 10_000, size: Callable[[Any], int] = len) -> Iterator[list[Item]]:
    """Consecutive runs of at most `most` texts and CHARACTERS characters, as counted by `size`; a longer text is a run
    by itself."""
    portion: list[Item] = []
    held = 0
    for text in texts:
        if portion and (len(portion) == most or held + size(text) > CHARACTERS):
            yield portion
            portion, held = [], 0
        portion.append(text)
        held += size(text)
    if portion:
        yield portion


def at_line_breaks(text: str) -> Iterator[str]:
    """A text in pieces of some CHARACTERS characters, cut at line ends; joined, they give the text."""
    start = 0
    while len(text) - start > CHARACTERS and (end := text.find("\n", start + CHARACTERS) + 1):
        yield text[start:end]
        start = end
    yield text[start:]
