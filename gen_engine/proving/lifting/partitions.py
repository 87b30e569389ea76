"""Which tokens behave alike, for all tokens of a vocabulary at once."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from ...text.token_arrays import runs
from ...text.vocabulary import Vocabulary

Keys = Sequence[Hashable] | np.ndarray
"""A key for each token; tokens with equal keys are alike."""


def partition(keys: Sequence[Keys], count: int) -> np.ndarray:
    """The class of each token under several keyings at once, [count]; classes are numbered by first occurrence."""
    if len(keys) == 1:
        return _first_come(_numbers(keys[0], count))
    found = np.zeros(count, dtype=np.int64)
    for each in keys:
        # Pairs of classes are renumbered after every keying, to keep the numbers small.
        found = np.unique(found * (count + 1) + partition([each], count), return_inverse=True)[1]
    return found


def _numbers(keys: Keys, count: int) -> np.ndarray:
    if isinstance(keys, np.ndarray):
        return keys
    if isinstance(keys, range):
        return np.arange(count)
    numbers: dict[Hashable, int] = {}
    return np.fromiter((numbers.setdefault(key, len(numbers)) for key in keys), dtype=np.int64, count=count)


def _first_come(numbers: np.ndarray) -> np.ndarray:
    """The same classes, numbered from 0 by first occurrence."""
    _, firsts, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    rank = np.empty(len(firsts), dtype=np.int64)
    rank[np.argsort(firsts)] = np.arange(len(firsts))
    found: np.ndarray = rank[inverse]
    return found


def families(vocabulary: Vocabulary) -> np.ndarray:
    """A number for each token, [vocab]; tokens that print the same share it."""
    found = np.where(vocabulary.arrays.nodes < 0, 0, vocabulary.arrays.nodes).astype(np.int64)
    odd = (vocabulary.arrays.nodes < 0).nonzero()[0].tolist()
    numbers: dict[bytes, int] = {}
    for token in odd:
        found[token] = -1 - numbers.setdefault(vocabulary.surfaces[token], len(numbers))
    return found


def groups(vocabulary: Vocabulary, keys: Sequence[Keys]) -> list[tuple[int, ...]]:
    """The usable tokens, grouped into those that behave alike under all keyings.

    Large groups come first, and tokens that print nothing last. One rule may distinguish tokens that print the same,
    while another does not. So two tokens count as alike only if all tokens that print the same text as either of them
    behave alike, too.
    """
    count = len(vocabulary)
    tokens = vocabulary.is_usable.nonzero()[0]
    fine = partition(keys, count)[tokens] if keys else np.zeros(len(tokens), dtype=np.int64)
    printed = families(vocabulary)[tokens]
    classes = partition([fine, _profiles(fine, printed)], len(tokens))
    classes = _first_come(classes)
    sizes = np.bincount(classes, minlength=1)
    firsts = np.zeros(len(sizes), dtype=np.int64)
    firsts[classes[::-1]] = np.arange(len(tokens))[::-1]
    silent = printed[firsts] == 0 if len(tokens) else np.zeros(len(sizes), dtype=bool)
    order = np.lexsort((np.arange(len(sizes)), -sizes, silent))
    rank = np.empty(len(sizes), dtype=np.int64)
    rank[order] = np.arange(len(sizes))
    ordered = tokens[np.argsort(rank[classes], kind="stable")].tolist()
    ends = np.cumsum(sizes[order]).tolist() if len(tokens) else []
    return [tuple(ordered[start:end]) for start, end in zip([0, *ends], ends, strict=False)]


def _profiles(fine: np.ndarray, printed: np.ndarray) -> np.ndarray:
    """A number for each token: equal if the tokens that print the same text fall into the same classes."""
    _, inverse, sizes = np.unique(printed, return_inverse=True, return_counts=True)
    lone = sizes[inverse] == 1
    found = np.where(lone, -1, 0)  # no other token prints its text: its own class is enough
    order = np.lexsort((fine, inverse))
    order = order[~lone[order]]
    numbers: dict[bytes, int] = {}
    for start, end in runs(inverse[order]):
        family = order[start:end]
        found[family] = numbers.setdefault(fine[family].tobytes(), len(numbers))
    return found


def twins(vocabulary: Vocabulary) -> dict[int, tuple[int, ...]]:
    """For each usable token that shares its text with others, all tokens that print it; silent tokens have none."""
    tokens = vocabulary.is_usable.nonzero()[0]
    printed = families(vocabulary)[tokens]
    _, inverse, sizes = np.unique(printed, return_inverse=True, return_counts=True)
    shared = tokens[(sizes[inverse] > 1) & (printed != 0)].tolist()
    found: dict[bytes, list[int]] = {}
    for token in shared:
        found.setdefault(vocabulary.surfaces[token], []).append(token)
    return {token: tuple(family) for family in found.values() for token in family}
