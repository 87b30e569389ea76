"""Files of text: packed or not, in whatever encoding, and clear words for those that are none."""

from __future__ import annotations

import codecs
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from gen_engine.errors import GenError

Raw = Any
"""Bytes of a file, unpacked, that can be looked at ahead (`peek`)."""

PACKED = (".xz", ".gz")
DELIMITERS = {".csv": ",", ".tsv": "\t"}
TABLES = (".jsonl", *DELIMITERS)
"""The kinds of files that have columns, or fields."""

MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""What files of Unicode may begin with."""

NO_TEXT = {
    b"PK\x03\x04": ("a zip archive (or an Excel or Word file)", "Unpack it, or save it as CSV"),
    b"\xd0\xcf\x11\xe0": ("an old Excel or Word file", "Save it as CSV"),
    b"%PDF": ("a PDF", "Save its text"),
    b"PAR1": ("a Parquet file", "Save it as CSV or JSONL"),
    b"SQLite format 3\0": ("a database", "Save a table of it as CSV"),
    b"\x89PNG": ("a picture", "Give a file of text"),
    b"\xff\xd8\xff": ("a picture", "Give a file of text"),
    b"\x1f\x8b": ("packed by gzip", "Give its name the ending .gz"),
    b"\xfd7zXZ\0": ("packed by xz", "Give its name the ending .xz"),
    b"BZh": ("packed by bzip2", "Unpack it"),
}
"""How files begin that are no text: what they are, and what to do."""


def kind_of(path: Path) -> str:
    """The suffix that says what a file is, packed or not: .jsonl of `a.jsonl.xz`."""
    return Path(path.stem).suffix if path.suffix in PACKED else path.suffix


@contextmanager
def opened(path: Path, encoding: str) -> Iterator[TextIO]:
    """The unpacked text of `path`, a leading BOM dropped; raises GenError for all that is wrong with the file."""
    try:
        with _unpacked(path) as raw, as_text(raw, str(path), encoding) as text:
            yield text
    except FileNotFoundError as error:
        raise GenError(f"There is no file {path}. Check the path.") from error
    except IsADirectoryError as error:
        raise GenError(f"{path} is a folder. Name the files in it.") from error
    except (lzma.LZMAError, zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise GenError(f"{path} cannot be unpacked. Fetch or pack it again.") from error


@contextmanager
def as_text(raw: Raw, where: str, encoding: str) -> Iterator[TextIO]:
    """The text of bytes, a leading BOM dropped, lines ending as they do; raises GenError for what is not `encoding`."""
    name = plain_name(encoding)
    raw = raw if hasattr(raw, "peek") else io.BufferedReader(raw)
    head = raw.peek(1 << 13)
    _check_head(where, head, name)
    try:
        text = io.TextIOWrapper(raw, encoding="utf-8-sig" if name == "utf-8" else encoding, newline="")
        yield text
        text.detach()  # else standard input would be closed with it
    except UnicodeError as error:
        if name == "undefined":  # Python's name for an encoding that nothing is in
            raise GenError(_no_encoding(name)) from error
        raise GenError(f"{where} is not {name} text. {_advice(guess_encoding(head), name)}") from error
    except LookupError as error:
        raise GenError(_no_encoding(encoding)) from error


def plain_name(encoding: str) -> str:
    """What people call an encoding: utf-8 however it is spelled, with or without a mark at the beginning."""
    name = encoding.lower().replace("_", "-")
    return "utf-8" if name in ("utf-8", "utf8", "utf-8-sig") else name


def guess_encoding(head: bytes) -> str | None:
    """What a file that begins with `head` may be encoded in, or None; for a hint, not to be relied on."""
    marked = next((name for mark, name in MARKS if head.startswith(mark)), None)
    if marked:
        return marked
    zeros = (head[::2].count(0), head[1::2].count(0))
    if sum(zeros) > len(head) // 4 or (any(zeros) and not _decoded(head, "utf-8")):  # one NUL may be a slip in UTF-8
        name = "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
        return name if _is_likely(head, name) else None
    return next((name for name in ("utf-8", "gb18030", "big5") if _is_likely(head, name)), None)


def _is_likely(head: bytes, encoding: str) -> bool:
    """Whether nearly all of `head` are common characters in that encoding, and some beyond ASCII or NULs."""
    text = _decoded(head, encoding)
    if not text:
        return False
    strange = [char for char in text if not char.isascii()]
    common = "gb2312" if encoding == "gb18030" else "gb18030"  # what Big5 wrote is no GB 2312, but most of Unicode is
    known = sum(bool(char.encode(common, "ignore")) and not "\ud800" <= char <= "\uf8ff" for char in strange)
    return "\0" not in text and known >= 0.9 * len(strange) and (bool(strange) or "16" in encoding)


def _decoded(head: bytes, encoding: str) -> str | None:
    """The text that begins with `head`, whose last character may be cut; None if there is no such text."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeError:
        return None


def _check_head(where: str, head: bytes, encoding: str) -> None:
    """Raise GenError for what begins as another kind of file, or as Unicode of another width than `encoding`."""
    for magic, (what, remedy) in NO_TEXT.items():
        if head.startswith(magic):
            raise GenError(f"{where} is {what}, no text. {remedy}.")
    guess = guess_encoding(head)
    if guess and guess.startswith(("utf-16", "utf-32")) and not encoding.startswith(guess[:6]):
        raise GenError(f"{where} is {guess} text, not {encoding}. Give --encoding {guess}.")


def _no_encoding(name: str) -> str:
    return f"There is no encoding {name!r} of text. Give one that Python knows, such as --encoding gb18030."


def _advice(guess: str | None, encoding: str) -> str:
    if guess is None or guess == encoding:
        return "Mend it, or name its encoding, such as --encoding gb18030, big5 or utf-16."
    return f"It looks like {guess}: give --encoding {guess}."


def _unpacked(path: Path) -> Raw:
    if path.suffix == ".xz":
        return lzma.open(path, "rb")
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    return path.open("rb")
