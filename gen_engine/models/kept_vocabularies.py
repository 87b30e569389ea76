"""What the tokens of a large vocabulary print, kept in the cache folder: working it out from its file takes seconds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from importlib.metadata import version
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ..text.array_files import kept
from ..text.vocabulary import Vocabulary

LARGE = 1 << 20
"""What tokenizers' files of at least so many bytes say is kept. Smaller ones are read nearly as fast."""

MOST = 16
"""How many vocabularies are kept, the most recently used ones."""

NAMES = ("surfaces", "sizes", "names", "lengths", "specials", "unused", "marks")
"""The names of the arrays."""


@dataclass(frozen=True, eq=False)
class Printed:
    """A vocabulary, the tokens that are read if an empty prompt would read nothing, and those that it reads."""

    vocabulary: Vocabulary
    start: tuple[int, ...]
    empty: tuple[int, ...]


def kept_vocabulary(data: bytes, settings: Sequence[Any], make: Callable[[], Printed]) -> Printed:
    """What `make` returns for the file with these bytes and these further settings, or what it returned before.

    What is kept counts only for the same bytes, settings, library and code, and if it is intact.
    """
    made: list[Printed] = []

    def store() -> Mapping[str, np.ndarray]:
        made.append(make())
        return _stored(made[0])

    arrays = kept("vocabulary", _key(data, settings), store, names=NAMES, most=MOST)
    return made[0] if made else _restored(arrays)


def _key(data: bytes, settings: Sequence[Any]) -> str:
    """A hash of all that a vocabulary depends on: the file, the settings, the library that reads it, and our code."""
    found = blake2b(data, digest_size=16)
    found.update(json.dumps([settings, version("tokenizers")], sort_keys=True).encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()


def _stored(printed: Printed) -> dict[str, np.ndarray]:
    its = printed.vocabulary
    marks = [_number(its.unk), _number(its.end)]
    for several in (its.ends, printed.start, printed.empty):
        marks += [len(several), *several]
    return {
        "surfaces": np.frombuffer(b"".join(its.surfaces), np.uint8),
        "sizes": np.fromiter(map(len, its.surfaces), np.int32, len(its)),
        "names": np.frombuffer("".join(its.names).encode(), np.uint8),
        "lengths": np.fromiter(map(len, its.names), np.int32, len(its)),
        "specials": np.array(sorted(its.specials), np.int32),
        "unused": np.array(sorted(its.unused), np.int32),
        "marks": np.array(marks, np.int64),
    }


def _restored(arrays: Mapping[str, np.ndarray]) -> Printed:
    unk, end, *rest = arrays["marks"].tolist()
    several = []
    while rest:
        several.append(tuple(rest[1 : rest[0] + 1]))
        rest = rest[rest[0] + 1 :]
    surfaces, names = arrays["surfaces"].tobytes(), arrays["names"].tobytes().decode()
    ends, start, empty = several
    vocabulary = Vocabulary(
        surfaces=tuple([surfaces[a:b] for a, b in _spans(arrays["sizes"])]),
        names=tuple([names[a:b] for a, b in _spans(arrays["lengths"])]),
        specials=frozenset(arrays["specials"].tolist()),
        unk=None if unk < 0 else unk,
        end=None if end < 0 else end,
        unused=frozenset(arrays["unused"].tolist()),
        ends=ends,
    )
    return Printed(vocabulary, start, empty)


def _number(token: int | None) -> int:
    return -1 if token is None else token


def _spans(lengths: np.ndarray) -> pairwise[tuple[int, int]]:
    """Where parts of these lengths begin and end, one behind the other."""
    return pairwise(accumulate(lengths.tolist(), initial=0))
