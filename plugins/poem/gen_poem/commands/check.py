"""`gen check`: what is wrong with a poem, character by character."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import click

from gen_engine.cli.options import debug_option
from gen_engine.cli.output import counting
from gen_engine.errors import GenError
from gen_engine.system import underway
from gen_engine.system.help_pages import examples
from gen_engine.system.screen import Span, cells, paint, results, say, width_of

from ..verse.books import BOOKS, EITHER, TITLES
from ..verse.patterns import FIRST_CHOICES, STARTS, TONES

if TYPE_CHECKING:
    from ..judging.report import JudgedChar, Report
    from ..verse.books import Reading

SHOWN = {"平": "平", "仄": "仄", "平仄": "兼", "?": "？"}
"""The tones a character has, in one sign."""

MEANINGS = {
    "平": "level",
    "仄": "oblique",
    EITHER: "either will do",
    "兼": "has both",
    "？": "not in the book",
}


@click.command(epilog=examples("gen check poems.txt", "gen check poems.txt --form 五绝 --tones strict --json"))
@click.argument("file")
@click.option("--form", default="", metavar="FORM", help="The form, such as 七律; by default what it looks like.")
@click.option("--tune", "tune_name", default="", metavar="TUNE", help="The tune, such as 浣溪沙.")
@click.option("--variant", type=click.IntRange(1), metavar="N", help="The tune's form; by default the nearest.")
@click.option("--rows", type=click.IntRange(1), metavar="N", help="How many lines, and no tones or rhymes.")
@click.option("--cols", type=click.IntRange(1), metavar="N", help="Characters a line, likewise.")
@click.option("--tones", type=click.Choice(TONES), default="loose", show_default=True, help="How strict about tones.")
@click.option("--rhyme-book", type=click.Choice(BOOKS), help="By default pingshui, and cilin for tunes.")
@click.option("--rhyme", default="", metavar="GROUP", help="The rhyme that is asked for, such as 东.")
@click.option("--start", type=click.Choice(STARTS), help="How the first line begins.")
@click.option("--first", type=click.Choice(FIRST_CHOICES), help="How the first line rhymes; by default as it does.")
@click.option("--one", is_flag=True, help="FILE is one text, empty lines and all.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each text.")
@debug_option()
def check(
    file: str,
    form: str,
    tune_name: str,
    variant: int | None,
    rows: int | None,
    cols: int | None,
    tones: str,
    rhyme_book: str | None,
    rhyme: str,
    start: str | None,
    first: str | None,
    one: bool,
    as_json: bool,
) -> None:
    """Judge the poems in FILE (- for standard input) against a form or a tune and a rhyme book.

    An empty line separates two poems. A line that begins with # or stands in 《》 is a title. The output of the writing
    commands with `--json` can be read too. Each poem is compared with the nearest pattern. If no form is named, verse
    that is not regulated is judged as old verse (古体), by its rhyme alone.

    Two licences are reported with their places and count as correct: a first line that borrows a neighbouring rhyme
    (首句借邻韵), and wrong tones that are compensated (拗救).

    The signs are 平 for level, 仄 for oblique, 中 where either is wanted, 兼 for a character of both tones, and ？ for
    one that the book lacks.

    The exit code is 0 if nothing is wrong, and 1 if something is.
    """
    from ..judging.check import judge
    from ..verse.poem_files import read_blocks

    def judged(text: str) -> Report | GenError:
        try:
            return judge(
                text,
                form,
                tune_name=tune_name,
                variant=variant,
                rows=rows,
                cols=cols,
                tones=tones,
                rhyme_book=rhyme_book or "",
                rhyme=rhyme,
                start=start or "",
                first=first or "",
            )
        except GenError as problem:  # one text that cannot be judged does not stop the others
            return problem

    texts = underway.counted(read_blocks(file, whole=one), "judging poems")
    seen = make_context(map(judged, texts), as_json=as_json)
    click.get_current_context().exit(0 if seen.right == seen.texts else 1)


# ------------------------------------------------------------------------------------------------------- showing


def record(report: Report) -> dict[str, Any]:
    """A report as a JSON object."""
    return {
        "form": report.pattern.form,
        "pattern": report.pattern.name,
        "tones": report.tones,
        "book": report.book,
        "ok": report.ok,
        "format_ok": report.format_ok,
        "tones_ok": report.tones_ok if report.has_tones else None,
        "rhyme_ok": report.rhyme_ok if report.has_rhyme or not report.rhyme_ok else None,
        "rhymes": [{"letter": letter, "group": group} for letter, group in report.groups],
        "faults": [
            {"rule": fault.rule, "line": fault.line, "place": fault.place, "words": fault.words}
            for fault in report.faults
        ],
        "notes": [
            {"kind": note.kind, "line": note.line, "place": note.place, "words": note.words} for note in report.notes
        ],
        "lines": [[_char_record(judged) for judged in row] for row in report.rows],
    }


def _char_record(judged: JudgedChar) -> dict[str, Any]:
    return {
        "char": judged.char,
        "wanted": judged.wanted,
        "readings": list(map(_reading_record, judged.readings)),
        "taken": judged.taken and _reading_record(judged.taken),
        "why": judged.why,
        "marks": judged.marks,
        "ok": not judged.faults,
        "faults": [fault.words for fault in judged.faults],
    }


def _reading_record(reading: Reading) -> dict[str, Any]:
    return {"tone": reading.tone, "group": reading.group, "entering": reading.entering}


@dataclass
class Seen:
    """Counts of the texts, and of those that were right in each respect; `free` had no tones to judge. Also the signs
    that were shown."""

    texts: int = 0
    right: int = 0
    format: int = 0
    tones: int = 0
    rhyme: int = 0
    free: int = 0
    unjudged: int = 0
    signs: set[str] = field(default_factory=set)

    def add(self, each: Report | GenError) -> None:
        """Count one more."""
        self.texts += 1
        if isinstance(each, GenError):
            self.unjudged += 1
            return
        self.right += each.ok
        self.format += each.format_ok
        self.tones += each.tones_ok and each.has_tones
        self.rhyme += each.rhyme_ok and each.has_rhyme
        self.free += not each.has_tones
        for row in each.rows:
            self.signs.update(map(_has, row))
            self.signs.update(judged.wanted for judged in row if _wants_tones(row))

    def __str__(self) -> str:
        told = f"format {self.format}, tones {self.tones}, rhyme {self.rhyme}"
        return f"{self.right} of {self.texts} are right: {told}{f'; {self.free} of free tones' * bool(self.free)}."

    def legend(self) -> str:
        """What the signs mean."""
        told = [f"{sign} {meaning}" for sign, meaning in MEANINGS.items() if sign in self.signs]
        return ", ".join(told) + "." * bool(told)


def make_context(found: Iterator[Report | GenError], *, as_json: bool) -> Seen:
    """Print each report as it comes. For people, add how many are right if there are several, and on a terminal what
    the signs mean.

    Raises the first GenError if there is only one text. Of several texts, one that cannot be judged does not stop the
    others.
    """
    seen = Seen()
    first = list(islice(found, 2))
    if len(first) == 1 and isinstance(first[0], GenError):
        raise first[0]
    with counting("text was judged", "texts were judged") as count:
        for each in chain(first, found):
            with count.one():
                _tell_one(each, as_json=as_json, parted=seen.texts > 0)
            seen.add(each)
    if seen.unjudged == seen.texts:
        raise GenError(f"None of the {seen.texts:,} texts can be judged; give poems or ci, or name --form or --tune.")
    if as_json:
        return seen
    if seen.texts > 1:
        print()
        say(str(seen))
    if width_of(sys.stdout) and seen.legend():
        print()
        say([(seen.legend(), "quiet")])
    return seen


def _tell_one(each: Report | GenError, *, as_json: bool, parted: bool) -> None:
    if as_json:
        told = record(each) if not isinstance(each, GenError) else {"ok": False, "error": str(each)}
        print(json.dumps(told, ensure_ascii=False), file=results(), flush=True)
        return
    if parted:
        print()
    if isinstance(each, GenError):
        say([(str(each), "error")])
    else:
        _show_one(each)


def _show_one(report: Report) -> None:
    say(_title(report))
    for number, row in enumerate(report.rows, 1):
        for words in _rows(row) if row else ():
            print(paint(words, sys.stdout))
        _remark(report, number)
        for read in filter(None, map(read_as, row)):
            say([(read, "quiet")], indent="    ")
    _remark(report, 0)


def _remark(report: Report, line: int) -> None:
    """Print the faults and the notes of one line; 0 is the text as a whole."""
    for fault in report.faults:
        if fault.line == line:
            say([(fault.words, "wrong")], indent="    ")
    for note in report.notes:
        if note.line == line:
            say([(note.words, "note")], indent="    ")


def read_as(judged: JudgedChar) -> str:
    """How a character of several readings was read, and its other readings, in words; "" where it makes no
    difference."""
    if judged.taken is None:
        return ""
    others = [each for each in judged.readings if (each.tone, each.group) != (judged.taken.tone, judged.taken.group)]
    if not others:
        return ""
    rhymes = "rhymes" in judged.why  # which tells its group, as a tone does not
    alike = () if rhymes else [each for each in others if each.tone == judged.taken.tone]
    rest = [f"{each.tone} ({each.group})" for each in others if each not in alike]
    taken = f"{judged.taken.tone} ({'、'.join(each.group for each in (judged.taken, *alike))})"
    return (
        f"place {judged.place}: {judged.char} is read {taken}, since {judged.why}"
        + f"; else {' or '.join(rest)}" * bool(rest)
    )


def _title(report: Report) -> list[Span]:
    tones = "free" if not report.has_tones else "right" if report.tones_ok else "wrong"
    rhyme = "right" if report.rhyme_ok and report.has_rhyme else "wrong" if not report.rhyme_ok else "none"
    judged = {"format": "right" if report.format_ok else "wrong", "tones": tones, "rhyme": rhyme}
    rhymes = " ".join(dict.fromkeys(group for _, group in report.groups))
    about = f"{report.pattern.form} {report.pattern.name}".strip()
    book = TITLES[report.book] + (f" {rhymes}" if rhymes else "")
    strictness = f"{report.tones}, " * report.has_tones
    title: list[Span] = [(f"{about} ({strictness}{book}):", "heading")]
    for number, (what, verdict) in enumerate(judged.items()):
        title += [(f"{',' * bool(number)} {what} ", ""), (verdict, verdict if verdict in ("right", "wrong") else "")]
    return title


def _has(judged: JudgedChar) -> str:
    """The tone that a character has, in one sign."""
    return judged.taken.tone if judged.taken else SHOWN[judged.tones]


def _wants_tones(row: Sequence[JudgedChar]) -> bool:
    """Whether any place of a line wants a tone rather than either."""
    return any(judged.wanted not in ("", EITHER) for judged in row)


def _rows(row: Sequence[JudgedChar]) -> Iterator[list[Span]]:
    """The characters with their marks, the tones wanted, and the tones that they have, in rows below one another."""
    bad = ["wrong" if judged.faults else "" for judged in row]
    blanks = [" " * cells(judged.marks) for judged in row[:-1]] + [""]  # tones stand below their characters
    chars: list[Span] = [("  ", "")]
    has: list[Span] = [("  ", "")]
    wanted = below = "  "
    for judged, style, blank in zip(row, bad, blanks, strict=True):
        char = judged.char if judged.char.isprintable() else "?"
        chars += [(char + " " * (2 - cells(char)), style or "name"), (judged.marks, "")]
        has += [(_has(judged), style), (blank, "")]
        wanted += (judged.wanted or "　") + blank
        below += ("＾" if style else "　") + blank
    yield chars
    if _wants_tones(row):
        yield [(wanted + "  wanted", "quiet")]
    yield [*has, ("  has", "quiet")]
    if any(bad):
        yield [(below.rstrip(), "wrong")]
