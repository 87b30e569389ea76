"""`gen forms`: every form of regulated verse and every tune of ci, with its pattern."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import click

from gen_engine.cli.options import debug_option
from gen_engine.cli.output import dump
from gen_engine.errors import GenError
from gen_engine.system.help_pages import examples
from gen_engine.system.screen import hang, paint, width_of
from gen_engine.system.tables import table

from ..verse.books import NEIGHBOURS
from ..verse.patterns import FORMS, LONG_NAMES, LOOSE, SCRIPT, SHAPES, STRICT, Line, Pattern, patterns
from ..verse.tunes import Tune, every_tune, number_of, search, tune

SOURCES = """\
平 level, 仄 oblique, 中 either; a letter after the signs: the line rhymes with those of the same letter.
strict: no place is free but those marked 中, no 孤平, no 三平尾, after 王力《诗词格律》.
  孤平 is 平平仄仄平 with an oblique first place and no level third one (七言: third and fifth).
  三平尾 is a line that ends in three level tones.
  Of 拗救 it has 本句自救 (仄平平仄平), 特拗 (平平仄平仄) and 小拗 (third place of 仄仄平平仄), but not 大拗, \
which the line that answers it must rescue; `gen check` takes a rescued one for right.
loose: 一三五不论, 二四六分明, and 特拗.
A first line rhymes or not; with --first neighbour it rhymes in a neighbouring group (首句借邻韵), any two of \
{neighbours}; in `gen check` unasked.
Tunes: 钦定词谱 (1715); 龙N is a form of 龙榆生《唐宋词格律》 that it lacks, asked for by --variant 100+N.
  / parts alternatives of a line, 、 is a short pause (读), 叶 the same letter in the other tone, 换韵 another letter.
  A place is free where the books or like lines of other forms have it free and real ci bear that out.
""".format(neighbours=" ".join(NEIGHBOURS)).splitlines()

NAMES = {"a": "仄脚 (a)", "b": "answers a", "c": "仄脚 (c)", "d": "answers c"}


@click.command(epilog=examples("gen forms", "gen forms 七律", "gen forms 浣溪沙 --json"))
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@debug_option()
def forms(name: str | None, as_json: bool) -> None:
    """List the forms of verse and the tunes of ci; NAME (or a part of one) shows the patterns in full."""
    if name is None:
        return dump(everything()) if as_json else print_everything()
    form = LONG_NAMES.get(name.translate(SCRIPT), name.translate(SCRIPT))
    if form in SHAPES:
        return dump(form_record(form)) if as_json else print_form(form)
    found = _tunes(name)
    if len(found) == 1:
        return dump(tune_record(found[0])) if as_json else print_tune(found[0])
    if as_json:
        return dump([tune_record(each) for each in found])
    print_tunes(f"Tunes like {name}", found)
    return None


def _tunes(name: str) -> list[Tune]:
    """The tune of that name, or else those whose names contain it."""
    try:
        return [tune(name, forms=FORMS)]
    except GenError:
        if found := search(name):
            return found
        raise


def written(line: Line) -> str:
    """A line of a pattern as people read it: signs, the letter of its rhyme, its mark."""
    return " / ".join(line.tones) + line.rhyme + line.mark


def print_everything() -> None:
    """The lines of regulated verse, the forms made of them, and the list of tunes."""
    rows = [
        [f"{cols} characters", NAMES[kind], " / ".join(STRICT[cols][kind]), " / ".join(LOOSE[cols][kind])]
        for cols in STRICT
        for kind in "abcd"
    ]
    table("Lines of regulated verse", ["length", "line", "strict", "loose"], rows)
    print()
    table("Forms", ["form", "lines", "pattern", "strict, line by line"], [_form_row(p) for f in FORMS for p in _all(f)])
    print()
    print_tunes(f"Tunes ({len(every_tune())})", every_tune())
    _print_sources()


def _all(form: str) -> tuple[Pattern, ...]:
    """The patterns of a form; of a form with free tones, only the most general one."""
    return patterns(form, tones="strict") if SHAPES[form].regulated else patterns(form, first="unrhymed")


def _form_row(pattern: Pattern) -> list[str]:
    shape = SHAPES[pattern.form]
    count = str(shape.rows) if shape.rows else f"from {shape.least}, even" if shape.regulated else "any"
    lines = "".join(line.tones[0] + line.rhyme + line.mark for line in pattern.lines[: shape.rows or 4])
    return [pattern.form, count, pattern.name, lines if shape.rows else lines + " ..."]


def print_form(form: str) -> None:
    """Every pattern of a form, line by line, strict and loose."""
    shape = SHAPES[form]
    for strict, loose in zip(patterns(form, tones="strict"), patterns(form), strict=True):
        pairs = enumerate(zip(strict.lines, loose.lines, strict=True), 1)
        rows = [[str(i), written(a), written(b)] for i, (a, b) in pairs]
        table(f"{form} {strict.name}", ["line", "strict", "loose"], rows)
        print()
    if shape.rows is None:
        even = "even " if shape.regulated else ""
        print(f"# Any {even}number of lines from {shape.least} on; {shape.usual} are shown.")
    _print_sources()


def print_tune(found: Tune) -> None:
    """All forms of a tune."""
    others = f" (also {'、'.join(found.names[1:])})" if found.names[1:] else ""
    several = len({each.form for each in found.variants}) > 1
    rows = [
        [f"{each.form} {each.name}" if several else each.name, str(_length(each)), _rhymes(each), _signs(each)]
        for each in found.variants
    ]
    table(f"{found.names[0]}{others}", ["form", "characters", "rhymes", "pattern"], rows)
    _print_sources()


def print_tunes(title: str, found: Iterable[Tune]) -> None:
    """A list of tunes."""
    rows = [
        [each.names[0], str(len(each.variants)), _span(map(_length, each.variants)), "、".join(each.names[1:])]
        for each in found
    ]
    table(title, ["tune", "forms", "characters", "also"], rows, right=["forms", "characters"])


def _print_sources() -> None:
    """What the signs mean and where the patterns are from; as comments where a program may read the output."""
    width = width_of(sys.stdout)
    print()
    for words in SOURCES:
        indent = "  " * words.startswith("  ")
        for line in hang([(words.strip(), "quiet")], width, indent=indent, hanging=indent + "  "):
            print("# " * (width is None) + paint(line, sys.stdout))


def _span(lengths: Iterable[int]) -> str:
    low, *_, high = sorted([*(ordered := sorted(lengths)), ordered[-1]])
    return str(low) if low == high else f"{low}-{high}"


def _length(pattern: Pattern) -> int:
    return sum(line.length for line in pattern.lines)


def _signs(pattern: Pattern) -> str:
    """All lines, with a blank where a narrow terminal may break them."""
    return "".join("/".join(line.tones) + line.rhyme + line.mark + " " * (line.mark == "。") for line in pattern.lines)


def _rhymes(pattern: Pattern) -> str:
    """How many level and oblique rhyme words: 5平, 4仄."""
    ends = [line.tones[0][-1] for line in pattern.lines if line.rhyme]
    return " ".join(f"{ends.count(tone)}{tone}" for tone in "平仄" if tone in ends)


# ---------------------------------------------------------------------------------------------------- for programs


def everything() -> dict[str, Any]:
    """All forms with their patterns, and all tunes without."""
    listed = [
        {"tune": each.names[0], "names": list(each.names), "variants": len(each.variants)} for each in every_tune()
    ]
    return {"forms": [form_record(form) for form in FORMS], "tunes": listed, "sources": list(SOURCES)}


def form_record(form: str) -> dict[str, Any]:
    """A form as a JSON object; if it has no fixed number of lines, the usual number is shown."""
    shape = SHAPES[form]
    records = [
        {
            "name": strict.name,
            "lines": [
                {"strict": list(a.tones), "loose": list(b.tones), "mark": a.mark, "rhyme": a.rhyme}
                for a, b in zip(strict.lines, loose.lines, strict=True)
            ],
        }
        for strict, loose in zip(patterns(form, tones="strict"), patterns(form), strict=True)
    ]
    return {"form": form, "cols": shape.cols, "rows": shape.rows, "least_rows": shape.least, "patterns": records}


def tune_record(found: Tune) -> dict[str, Any]:
    """A tune as a JSON object."""
    return {
        "tune": found.names[0],
        "names": list(found.names),
        "variants": [
            {
                "tune": each.form,
                "name": each.name,
                "variant": number_of(each),
                "characters": _length(each),
                "lines": [{"tones": list(line.tones), "mark": line.mark, "rhyme": line.rhyme} for line in each.lines],
            }
            for each in found.variants
        ],
    }
