"""How a tokenizer of the library `tokenizers` reads a text: with special tokens or without, first or behind another."""

from __future__ import annotations

import json
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend

SPACES = "▁Ġ "
"""How a space is spelt at the beginning of a token."""

READING = Lock()
"""Held while a tokenizer reads, since whether it sees special tokens is a state of its own."""


def encoded(backend: Backend, text: str, *, special: bool, framed: bool) -> Any:
    """The encoding of `text`, between the special tokens that stand around a text if it is `framed`. Special tokens in
    it are read as such if `special`, else as characters.
    """
    with READING:
        backend.encode_special_tokens = not special
        try:
            return backend.encode(text, add_special_tokens=framed)
        finally:
            backend.encode_special_tokens = True


def without_first_space(backend: Backend) -> Backend:
    """The same tokenizer, which puts no space before the first word of a text: `backend` itself if it never does."""
    first = backend.encode("a", add_special_tokens=False).tokens[:1]
    if not first or first[0][0] not in SPACES:
        return backend
    from tokenizers import Tokenizer

    spec = json.loads(backend.to_str())
    for part in ("normalizer", "pre_tokenizer"):
        spec[part] = _unspaced(spec.get(part))
    found = Tokenizer.from_str(json.dumps(spec))
    found.encode_special_tokens = True
    return found


def _unspaced(part: Any) -> Any:
    """A normaliser or pre-tokeniser, and what is in it, without what adds a space before a text."""
    if part is None or part["type"] == "Prepend":
        return None
    if part["type"] in ("Metaspace", "ByteLevel"):
        return {**part, "add_prefix_space": False} | ({"prepend_scheme": "never"} if "prepend_scheme" in part else {})
    inner = next((key for key in ("normalizers", "pretokenizers") if key in part), None)
    return part if inner is None else {**part, inner: [each for each in map(_unspaced, part[inner]) if each]}
