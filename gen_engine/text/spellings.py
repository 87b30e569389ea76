"""Characters that a vocabulary lacks, in a spelling that it has: 東 as 东, 発 as 发, or 東 for 东 in reverse.

The text stays as people typed it. The model reads the other spelling, one character for one character, and rules about
characters treat both as one. OpenCC supplies the pairs. The surrounding words decide between several candidates: 發
and 髮 both become 发, but 发 may become either.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from .char_sets import is_han

if TYPE_CHECKING:
    from .vocabulary import Vocabulary

WAYS = (("t2s",), ("s2t",), ("jp2t", "t2s"), ("jp2t",), ("hk2s",), ("s2t", "t2jp"))
"""The ways to find another spelling, in this order; each is a sequence of OpenCC conversions."""


def spelt(text: str, lacking: Container[str], known: Container[str]) -> str:
    """The text with each Chinese character in `lacking` replaced by a spelling in `known`, where there is one."""
    places = [place for place, char in enumerate(text) if char in lacking and is_han(char)]
    found = list(text)
    plain = "".join(unicodedata.normalize("NFC", char) if is_han(char) else char for char in text) if places else text
    for spelling in _spellings(plain) if places else ():
        places, left = [], places
        for place in left:
            if spelling[place] in known:
                found[place] = spelling[place]
            else:
                places.append(place)
        if not places:
            break
    return "".join(found)


def _spellings(text: str) -> Iterable[str]:
    yield text
    for way in WAYS:
        found = text
        for step in way:
            found = converted(step, found)
        yield found


def converted(way: str, text: str) -> str:
    """The result of one OpenCC conversion of a text (t2s, s2t, ...), with the same number of characters."""
    convert = _converter(way)
    found = convert(text)
    return found if len(found) == len(text) else "".join(convert(char)[:1] or char for char in text)


@cache  # at most one for each way to convert
def _converter(way: str) -> Callable[[str], str]:
    from opencc import OpenCC

    convert: Callable[[str], str] = OpenCC(way).convert
    return convert


# -------------------------------------------------------------------------------------------- of rules and prompts


def labels_of(processors: Sequence[Any], vocabulary: Vocabulary) -> tuple[dict[str, str], list[Any]]:
    """How processors spell each character that the model knows only in another spelling, and the processors.

    In the returned processors each such character has one spelling, the first that was written.
    """
    written = "\n".join(item for item in processors if isinstance(item, str))
    lacking = set() if vocabulary.partial else {char for char in written if is_han(char)}
    if lacking:
        lacking.difference_update(vocabulary.arrays.numbers)
    if not lacking:
        return {}, list(processors)
    labels: dict[str, str] = {}
    other: dict[int, str] = {}
    for typed, char in zip(written, spelt(written, lacking, vocabulary.carriers), strict=True):
        if labels.setdefault(char, typed) != typed:
            other[ord(typed)] = labels[char]
    told = [item.translate(other) if isinstance(item, str) else item for item in processors]
    return {char: label for char, label in labels.items() if label != char}, told


def labelled(vocabulary: Vocabulary, labels: Mapping[str, str]) -> Vocabulary:
    """The vocabulary, with these characters printed in their other spelling."""
    if not labels:
        return vocabulary
    table = str.maketrans(dict(labels))
    pairs = zip(vocabulary.surfaces, vocabulary.texts, strict=True)
    return replace(
        vocabulary, surfaces=tuple(text.translate(table).encode() if text else surface for surface, text in pairs)
    )


def respelt(text: str, spelt: str | None, labels: Mapping[str, str]) -> str | None:
    """The text that rules about characters judge, given that the model reads `spelt` (None: `text` itself).

    Only one typed spelling counts as the same character: the rules' spelling, or else the first. So 發 and 髮 stay two.
    """
    if spelt is None and not labels:
        return None
    first: dict[str, str] = {}
    told = []
    for typed, char in zip(text, spelt or text, strict=True):
        label = labels.get(char, char)
        alike = (char, label) if char in labels else (char, first.setdefault(char, typed))
        told.append(label if typed in alike else typed)
    return "".join(told)
