"""The texts to train on: one column, two columns joined, or one column of `first-second`."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gen_engine.errors import GenError
from gen_trainkit.reading import TABLES, kind_of, read_file, read_texts

Longer = Literal["split", "cut", "drop"]
"""What becomes of a text that is too long: several windows, its beginning, or nothing."""


@dataclass(frozen=True)
class Data:
    """Where the texts come from, how two parts of one are joined, and how long a window may be."""

    files: tuple[Path, ...]
    column: str | None = None
    column2: str | None = None
    split_at: str | None = None
    separator: str = "，"
    ending: str = ""
    encoding: str = "utf-8"
    valid_files: tuple[Path, ...] = ()
    valid_share: float = 0.01
    max_length: int | None = None
    longer: Longer = "split"


def split_texts(data: Data, seed: int) -> tuple[list[str], list[str]]:
    """(training texts, validation texts): from files of their own, or a random share set aside by `seed`."""
    texts = _read(data, data.files)
    if data.valid_files:
        return texts, _read(data, data.valid_files)
    aside = round(len(texts) * data.valid_share)
    random.Random(seed).shuffle(texts)
    return texts[aside:], texts[:aside]


def _read(data: Data, files: tuple[Path, ...]) -> list[str]:
    """All non-empty texts of `files`, each closed by `data.ending` unless it ends so already."""
    if data.column2 is not None and data.split_at is not None:
        raise GenError("Two columns and one that is split were both asked for. Give --column2 or --split-at.")
    if data.column2 is not None:
        texts = [text for path in files for text in _joined_columns(data, path)]
        if not texts:
            raise GenError(f"There is no text in {', '.join(map(str, files))}. Give a file with at least one.")
    else:
        texts = read_texts(files, column=data.column, encoding=data.encoding)
    if data.split_at is not None:
        texts = [_rejoined(data, text) for text in texts]
    return [text if text.endswith(data.ending) else text + data.ending for text in texts]


def _joined_columns(data: Data, path: Path) -> Iterator[str]:
    """The texts `first SEPARATOR second` of a table; rows that are empty in both are left out."""
    if kind_of(path) not in TABLES:
        raise GenError(f"{path} has lines and no columns. Give a .csv, .tsv or .jsonl, or leave out --column2.")
    firsts = read_file(path, column=data.column, encoding=data.encoding)
    seconds = read_file(path, column=data.column2, encoding=data.encoding)
    for number, (first, second) in enumerate(zip(firsts, seconds, strict=True), 1):
        first, second = first.strip(), second.strip()
        if bool(first) != bool(second):
            raise GenError(f"Row {number} of {path} has but one part, {first or second!r}. Fill in or remove it.")
        if first:
            yield first + data.separator + second


def _rejoined(data: Data, text: str) -> str:
    """`first-second` as `first SEPARATOR second`."""
    parts = [part.strip() for part in text.split(data.split_at or "")] if data.split_at else []
    if len(parts) != 2 or not all(parts):
        raise GenError(f"{text!r} is not two parts with one {data.split_at!r} between. Mend it, or change --split-at.")
    return data.separator.join(parts)
