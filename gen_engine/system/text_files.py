"""Files of text: packed or not, in any encoding. Clear errors for files that are no text, or are more than lines."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import lzma
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import GenError, brief, quoted
from .bounds import TEXT, bounded_lines, open_file

Raw = Any
"""The most bytes of a file, unpacked, that can be looked at ahead (`peek`)."""

ECHOED = 40
PACKED = (".xz", ".gz")
DELIMITERS = {".csv": ",", ".tsv": "\t"}
TABLES = (".jsonl", *DELIMITERS)
"""The kinds of files that have columns or fields."""

MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""What Unicode files may begin with."""

PICKLE = ("a pickle of Python", "Save its texts, one a line")
ZIP = b"PK\x03\x04"
NO_TEXT = {
    ZIP: ("a zip archive (or an Excel or Word file)", "Unpack it, or save it as CSV"),
    b"\xd0\xcf\x11\xe0": ("an old Excel or Word file", "Save it as CSV"),
    b"%PDF": ("a PDF", "Save its text"),
    b"PAR1": ("a Parquet file", "Save it as CSV or JSONL"),
    b"SQLite format 3\0": ("a database", "Save a table of it as CSV"),
    b"\x89PNG": ("a picture", "Give a file of text"),
    b"\xff\xd8\xff": ("a picture", "Give a file of text"),
    b"GIF8": ("a picture", "Give a file of text"),
    b"RIFF": ("a picture, a sound or a film", "Give a file of text"),
    b"ID3": ("a sound", "Give a file of text"),
    b"\x7fELF": ("a program", "Give a file of text"),
    b"\x93NUMPY": ("an array of NumPy", "Save its texts, one a line"),
    b"\x89HDF": ("an HDF5 file", "Save its texts, one a line"),
    b"ARROW1": ("an Arrow file", "Save it as CSV or JSONL"),
    b"GGUF": ("a model (GGUF)", "Give a file of text"),
    b"\x80\x02": PICKLE,
    b"\x80\x03": PICKLE,
    b"\x80\x04": PICKLE,
    b"\x80\x05": PICKLE,
    b"{\\rtf": ("a text with formats (RTF)", "Save it as plain text"),
    b"\x1f\x8b": ("packed by gzip", "Give its name the ending .gz"),
    b"\xfd7zXZ\0": ("packed by xz", "Give its name the ending .xz"),
    b"BZh": ("packed by bzip2", "Unpack it"),
    b"7z\xbc\xaf": ("packed by 7-Zip", "Unpack it"),
    b"Rar!": ("packed by RAR", "Unpack it"),
    b"\x28\xb5\x2f\xfd": ("packed by zstd", "Unpack it"),
}
"""How files that are no text begin: what they are, and what to do."""

PLAIN = "Save its texts as plain text, one a line"
TAR = b"ustar"
TAR_AT = 257
HEAD = 3
"""The number of lines that show what kind of text file it is."""

REMEDIES = {
    "a table": "Give its name the ending .csv or .tsv, or save its texts alone",
    "JSON lines": "Give its name the ending .jsonl, or save its texts alone",
    "a list of JSON": "Save it as .jsonl, one object a line, or its texts alone",
}
PAGE = re.compile(r"\s*<(!doctype|html|\?xml)\b", re.IGNORECASE)
LIST = re.compile(r"\s*\[\s*[\[{\"]")
HEADER = re.compile(r"[A-Za-z_]\w*(?:([,;\t]) *[A-Za-z_]\w*)+\s*", re.ASCII)
"""The first line of a table: names, unlike Chinese verse or prose."""


def what_binary(head: bytes) -> str:
    """What a file that begins with `head` is, if it is known to be no text; else ""."""
    return next((what for magic, (what, _) in NO_TEXT.items() if head.startswith(magic)), "")


def kind_of(path: Path) -> str:
    """The suffix that says what a file is, packed or not: .jsonl for `a.jsonl.xz`."""
    return Path(path.stem).suffix if path.suffix in PACKED else path.suffix


def other_kind(name: str, beginning: str) -> str:
    """What a file is, by its name and first lines, if it has more than lines of text; else ""."""
    if PAGE.match(beginning):
        return "a page of HTML or XML"
    if kind_of(Path(name)) in DELIMITERS or _has_header(beginning):
        return "a table"
    return "a list of JSON" if LIST.match(beginning) else ""


def plain_lines(lines: Iterable[str], where: str, *, ahead: int = HEAD) -> Iterator[str]:
    """The same lines. Raises GenError if the first ones show another kind of file, such as a table under another
    name.
    """
    rest = iter(lines)
    head = list(islice(rest, ahead))
    kind = other_kind("", "".join(head)) or ("JSON lines" if _is_object(head) else "")
    if kind:
        remedy = REMEDIES.get(kind, "Save its texts as plain text, one a line")
        raise GenError(f"{where} looks like {kind}, no plain lines of text. {remedy}.")
    yield from chain(head, rest)


def _is_object(head: Sequence[str]) -> bool:
    first = next(filter(str.strip, head), "")
    try:
        return first.startswith("{") and isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _has_header(beginning: str) -> bool:
    first, _, rest = beginning.lstrip().partition("\n")
    found = HEADER.fullmatch(first)
    return found is not None and rest.partition("\n")[0].count(found[1]) >= first.count(found[1])


@contextmanager
def opened(path: Path, encoding: str | None = None) -> Iterator[Iterator[str]]:
    """The lines of `path`, unpacked, without a leading BOM. Raises GenError for anything wrong with the file.

    Without an `encoding` it has to be UTF-8, and errors do not name an option for another.
    """
    try:
        with _unpacked(path) as raw, as_text(raw, str(path), encoding) as text:
            yield text
    except (lzma.LZMAError, zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise GenError(f"{path} cannot be unpacked. Fetch or pack it again.") from error


@contextmanager
def as_text(raw: Raw, where: str, encoding: str | None = None) -> Iterator[Iterator[str]]:
    """The decoded lines of bytes, without a leading BOM, with their own line ends.

    Raises GenError for what is not in `encoding`, and for a line over `bounds.LINE` characters before reading all of
    it.
    """
    name, chosen = plain_name(encoding or "utf-8"), encoding is not None
    raw = raw if hasattr(raw, "peek") else io.BufferedReader(raw)
    head = raw.peek(1 << 13)
    _check_head(where, head, name, chosen)
    try:
        text = io.TextIOWrapper(raw, encoding="utf-8-sig" if name == "utf-8" else name, newline="")
        try:
            yield bounded_lines(text, where)
        finally:
            text.detach()  # otherwise standard input would be closed with it
    except UnicodeError as error:
        if name == "undefined":  # Python's name for an encoding that no file has
            raise GenError(_no_encoding(name)) from error
        raise GenError(f"{where} is not {name} text. {_advice(head, name, chosen)}") from error
    except LookupError as error:
        raise GenError(_no_encoding(name)) from error


def check_line(line: str, number: int, where: str) -> str:
    """The same line of a text file. Raises GenError if it holds a NUL, as files that are no text do."""
    if "\0" in line:
        raise GenError(f"Line {number} of {where} holds a NUL character. Remove it, or give a file of text.")
    return line


def text_field(line: str, number: int, where: str) -> str:
    """The text in the field `text` of a line of JSON. Raises GenError if there is no text in it."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict) or "text" not in row:
        raise GenError(f'Line {number} of {where} is no JSON object with a "text". Give JSON lines, or plain text.')
    flaw = text_flaw(row["text"]) if row["text"] is not None else "nothing where a text belongs"
    if flaw:
        raise GenError(f"Line {number} of {where} holds {flaw}. Mend it, or leave it out.")
    return str(row["text"])


def text_flaw(value: Any) -> str:
    """What is not text in a cell: a number, a list, half a character (of JSON), NUL, too much; "" if all is."""
    if value is None:
        return ""
    if not isinstance(value, str):
        what = {bool: "a truth value", int: "a number", float: "a number", list: "a list", dict: "an object"}
        shown = brief(json.dumps(value, ensure_ascii=True, default=str), ECHOED)
        return f"{what.get(type(value), 'something')} ({shown}) where a text belongs"
    if not is_whole(value):
        return "half a character (a lone surrogate)"
    if len(value) > TEXT:
        return f"a text of {len(value):,} characters, over the {TEXT:,} that are read"
    return "a NUL character" if "\0" in value else ""


def is_whole(text: str) -> bool:
    """Whether `text` can be encoded. JSON may hold halves of characters (\\ud83d alone), which no tokenizer reads."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def plain_name(encoding: str) -> str:
    """The usual name of an encoding: utf-8 however it is spelled, with or without a BOM."""
    name = encoding.lower().replace("_", "-")
    return "utf-8" if name in ("utf-8", "utf8", "utf-8-sig") else name


def guess_encoding(head: bytes) -> str | None:
    """A likely encoding of a file that begins with `head`, or None. It is only a hint."""
    marked = next((name for mark, name in MARKS if head.startswith(mark)), None)
    if marked:
        return marked
    zeros = (head[::2].count(0), head[1::2].count(0))
    if sum(zeros) > len(head) // 4 or (any(zeros) and not _decoded(head, "utf-8")):  # one NUL may be a slip in UTF-8
        name = "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
        return name if _is_likely(head, name) else None
    return next((name for name in ("utf-8", "gb18030", "big5") if _is_likely(head, name)), None)


def _is_likely(head: bytes, encoding: str) -> bool:
    """Whether nearly all of `head` are common characters in that encoding, some of them beyond ASCII or NULs."""
    text = _decoded(head, encoding)
    if not text:
        return False
    strange = [char for char in text if not char.isascii()]
    # Big5 that is read as gb18030 falls outside GB 2312; gb18030 itself has most of Unicode.
    common = "gb2312" if encoding == "gb18030" else "gb18030"
    known = sum(bool(char.encode(common, "ignore")) and not "\ud800" <= char <= "\uf8ff" for char in strange)
    return "\0" not in text and known >= 0.9 * len(strange) and (bool(strange) or "16" in encoding)


def _decoded(head: bytes, encoding: str) -> str | None:
    """The text that begins with `head`, whose last character may be cut; None if it cannot be decoded."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeError:
        return None


def _check_head(where: str, head: bytes, encoding: str, chosen: bool) -> None:
    """Raise GenError if it begins like another kind of file, or like Unicode of another width than `encoding`."""
    for magic, (what, remedy) in NO_TEXT.items():
        if head.startswith(magic):
            raise GenError(f"{where} is {what}, no text. {remedy if chosen or 'CSV' not in remedy else PLAIN}.")
    if head[TAR_AT:].startswith(TAR):
        raise GenError(f"{where} is a tar archive, no text. Unpack it.")
    guess = guess_encoding(head)
    if guess and guess.startswith(("utf-16", "utf-32")) and not encoding.startswith(guess[:6]):
        remedy = _remedy(guess, chosen)
        raise GenError(f"{where} is {guess} text, not {encoding}. {remedy[0].upper()}{remedy[1:]}.")


def _no_encoding(name: str) -> str:
    return f"There is no encoding {quoted(name)} of text. Give one that Python knows, such as --encoding gb18030."


def _advice(head: bytes, encoding: str, chosen: bool) -> str:
    guess = guess_encoding(head)
    if guess is not None and guess != encoding:
        return f"It looks like {guess}: {_remedy(guess, chosen)}."
    if sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head) > len(head) // 50:
        return "It seems to be no text at all: give a file of text."
    other = "name its encoding, such as --encoding gb18030, big5 or utf-16" if chosen else _remedy("gb18030", chosen)
    return f"Mend it, or {other}."


def _remedy(encoding: str, chosen: bool) -> str:
    """What to do with a file in this encoding, if an option can choose one, or none can."""
    return f"give --encoding {encoding}" if chosen else f"convert it, as in `iconv -f {encoding.upper()} -t UTF-8`"


@contextmanager
def _unpacked(path: Path) -> Iterator[Raw]:
    with _opened(path) as raw:
        if path.suffix not in PACKED:
            yield raw
            return
        with lzma.open(raw, "rb") if path.suffix == ".xz" else gzip.open(raw, "rb") as inner:
            yield inner


def _opened(path: Path) -> BinaryIO:
    try:
        return open_file(path)
    except FileNotFoundError as error:
        raise GenError(f"There is no file {path}. Check the path.") from error
    except IsADirectoryError as error:
        raise GenError(f"{path} is a folder. Name the files in it.") from error
    except OSError as error:
        raise GenError(f"{path} cannot be read ({os.strerror(error.errno or 0)}). Name another file.") from error
    except ValueError as error:
        raise GenError(f"{path} cannot be the name of a file. Check it.") from error
