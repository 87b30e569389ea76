"""Texts to be classified: from the command line, files, tables, standard input, or typed one by one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gen_engine.errors import GenError

if TYPE_CHECKING:
    from gen_trainkit.csv_rows import Quotes
    from gen_trainkit.tally import Tally

Text = str | tuple[str, str]
"""What is classified: a text, or a pair of texts."""

QUIT = "q"


@dataclass(frozen=True)
class Source:
    """What a user gave: texts, the second texts of pairs, a file and its columns; `pairs` splits lines at a tab."""

    texts: tuple[str, ...] = ()
    seconds: tuple[str, ...] = ()
    file: Path | None = None
    column: str | None = None
    column2: str | None = None
    pairs: bool = False
    encoding: str = "utf-8"
    quotes: Quotes = "check"
    part: str | None = None

    @property
    def asks_a_person(self) -> bool:
        """Whether nothing was given and standard input is a terminal."""
        return not self.texts and self.file is None and sys.stdin is not None and sys.stdin.isatty()


def check_source(source: Source) -> None:
    """Raise GenError for contradictory options, before anything is loaded."""
    if source.texts and source.file:
        raise GenError("Both TEXT and --file were given. Give one of them.")
    if source.seconds and len(source.seconds) != len(source.texts):
        raise GenError(
            f"There are {len(source.texts)} TEXTs and {len(source.seconds)} --text2. Give a --text2 for each TEXT."
        )
    if source.file and str(source.file) != "-" and not source.file.exists():
        raise GenError(f"There is no file {source.file}. Check the path.")
    if (source.column or source.column2) and not (source.file and is_table(source.file)):
        raise GenError("Only tables have columns. Leave --column out, or give a .csv, .tsv or .jsonl --file.")
    if source.pairs and source.file and is_table(source.file):
        raise GenError("Of a table, --column2 names the second texts. Give it instead of --pairs.")


def is_table(path: Path) -> bool:
    """Whether a file is a table, by its name, or a dataset."""
    from gen_trainkit.reading import has_columns

    return has_columns(path)


def read_source(source: Source, tally: Tally) -> Iterator[tuple[int, Text]]:
    """(number from 1, text or pair) of everything given, empty texts included; rows of files are counted in `tally`.

    Raises GenError for files, columns and lines that cannot be read.
    """
    if source.texts:
        paired = zip(source.texts, source.seconds, strict=True) if source.seconds else iter(source.texts)
        yield from enumerate(paired, 1)
    elif source.file and str(source.file) != "-":
        yield from enumerate(_read_file(source, source.file, tally), 1)
    else:
        yield from enumerate(_lines(_standard_input(source.encoding), source.pairs), 1)


def _read_file(source: Source, path: Path, tally: Tally) -> Iterator[Text]:
    from gen_trainkit.reading import HELD_OUT, read_cells
    from gen_trainkit.tables import Reading

    columns = [source.column or "text", *([source.column2] if source.column2 else [])]
    reading = Reading(source.encoding, quotes=source.quotes)
    rows = read_cells(path, columns, reading, splits=HELD_OUT, part=source.part, tally=tally, second="--column2")
    if not is_table(path):
        return _lines((text for (text,) in rows), source.pairs)
    return ((row[0], row[1]) if len(row) == 2 else row[0] for row in rows)


def _lines(lines: Iterable[str], pairs: bool) -> Iterator[Text]:
    for number, line in enumerate(lines, 1):
        if not pairs:
            yield line
        elif not line.strip():
            yield "", ""
        elif line.count("\t") == 1:
            one, _, other = line.partition("\t")
            yield one, other
        else:
            raise GenError(f"Line {number} is no pair. Put one tab between the two texts, or leave --pairs out.")


def _standard_input(encoding: str) -> Iterator[str]:
    if sys.stdin is None:  # closed by the shell: <&-
        raise GenError("Standard input is closed. Give TEXT or --file.")
    from gen_engine.system.text_files import as_text, plain_lines, text_flaw

    with as_text(sys.stdin.buffer, "Standard input", encoding) as lines:
        for number, line in enumerate(plain_lines(lines, "Standard input", ahead=1), 1):
            flaw = text_flaw(line)
            if flaw:
                raise GenError(f"Line {number} of standard input holds {flaw}. Mend or remove it.")
            yield line.rstrip("\r\n")


def ask_texts(pairs: bool, read: Callable[[str], str]) -> Iterator[Text]:
    """Texts, or pairs, typed at a prompt until `q` or the end of the input; empty input is asked for again."""
    while True:
        found = []
        for prompt in ("text (q ends): ", "second text: ")[: 1 + pairs]:
            try:
                typed = read(prompt).strip()
            except EOFError:
                click.echo()
                return
            except UnicodeDecodeError:
                raise GenError(
                    "What was typed is not in the terminal's encoding. Type it again, or give a --file."
                ) from None
            if typed.lower() == QUIT:
                return
            found.append(typed)
        if all(found):
            yield (found[0], found[1]) if pairs else found[0]


def is_blank(text: Text) -> bool:
    """Whether a text, or both texts of a pair, have no visible character."""
    return not (text if isinstance(text, str) else "".join(text)).strip()


def in_runs(texts: Iterable[tuple[int, Text]], size: int) -> Iterator[list[tuple[int, Text]]]:
    """Consecutive runs, each as soon as it is full: of one text, then of twice as many each time, up to `size`.

    So at any time about half of what was read has been passed on, and the first result comes at once. A run is also
    full when it has as many characters as a portion.
    """
    from gen_trainkit.portions import CHARACTERS

    run: list[tuple[int, Text]] = []
    length, held = 1, 0
    for text in texts:
        run.append(text)
        held += characters(text[1])
        if len(run) == length or held >= CHARACTERS:
            yield run
            run, held, length = [], 0, min(size, 2 * length)
    if run:
        yield run


def characters(text: Text) -> int:
    """How many characters a text, or both texts of a pair, have."""
    return len(text) if isinstance(text, str) else len(text[0]) + len(text[1])
