"""The patterns of regulated verse: which tone each place of each line wants, and which lines rhyme.

The standard patterns, 拗救 and the two taboos of `strict` follow 王力《诗词格律》. The taboo 孤平 is a line 平平仄仄平
whose first place is oblique while the third is not level (七言: third and fifth). The taboo 三平尾 is a line that ends
in three level tones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from gen_engine.errors import GenError, quoted

from .books import EITHER

MOST_ROWS = 200
"""Lines of the longest poem with tones or rhyme."""

TONES = ("strict", "loose", "off")
STARTS = ("平起", "仄起")
FIRSTS = ("rhymed", "unrhymed")
"""The kinds of first line that every form allows."""

NEIGHBOUR = "neighbour"
"""Another kind, on request: the first line rhymes in a neighbouring group (首句借邻韵)."""

FIRST_CHOICES = (*FIRSTS, NEIGHBOUR)
FIRST_NAMES = {"rhymed": "首句入韵", "unrhymed": "首句不入韵", NEIGHBOUR: "首句借邻韵"}


@dataclass(frozen=True)
class Line:
    """A line obeys at least one of `tones`, strings of 平 仄 中 (either) of one length; `mark` follows it.

    Lines with the same letter in `rhyme` rhyme together; "" does not rhyme. The word of a `near` line has a reading in
    a group next to theirs, and in their tone.
    """

    tones: tuple[str, ...]
    mark: str
    rhyme: str = ""
    near: bool = False

    @property
    def length(self) -> int:
        """How many characters it has."""
        return len(self.tones[0])


@dataclass(frozen=True)
class Pattern:
    """One way to write a form or a tune, e.g. 七律 仄起首句入韵, or the first form (第1体) of 浣溪沙."""

    form: str
    name: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Shape:
    """A form of verse: characters per line, and lines (None: any number, `usual` by default)."""

    cols: int
    rows: int | None
    usual: int
    least: int
    regulated: bool


SHAPES: Mapping[str, Shape] = {
    "五绝": Shape(5, 4, 4, 4, True),
    "七绝": Shape(7, 4, 4, 4, True),
    "五律": Shape(5, 8, 8, 8, True),
    "七律": Shape(7, 8, 8, 8, True),
    "五排": Shape(5, None, 12, 10, True),
    "七排": Shape(7, None, 12, 10, True),
    "五古": Shape(5, None, 8, 2, False),
    "七古": Shape(7, None, 8, 2, False),
    "六言": Shape(6, None, 4, 4, True),
    "六绝": Shape(6, 4, 4, 4, True),
    "六律": Shape(6, 8, 8, 8, True),
}
FORMS: tuple[str, ...] = tuple(SHAPES)

LONG_NAMES: Mapping[str, str] = {
    f"{number}言{kind}": number + kind[0]
    for number in "五六七"
    for kind in ("绝句", "律诗", "排律", "古诗")
    if number + kind[0] in SHAPES
}
SCRIPT = str.maketrans("絕詩", "绝诗")

STRICT: Mapping[int, Mapping[str, tuple[str, ...]]] = {
    5: {
        "a": ("中仄中平仄",),
        "b": ("平平中仄平", "中平平仄平"),
        "c": ("中平平仄仄", "平平仄平仄"),
        "d": ("中仄仄平平",),
    },
    6: {
        "a": ("中仄中平仄仄",),
        "b": ("中平中仄平平",),
        "c": ("中平中仄平仄",),
        "d": ("中仄平平仄平",),
    },
    7: {
        "a": ("中平中仄中平仄",),
        "b": ("中仄平平中仄平", "中仄中平平仄平"),
        "c": ("中仄中平平仄仄", "中仄平平仄平仄"),
        "d": ("中平中仄仄平平",),
    },
}
"""The lines by length: a ends oblique and b answers it, c ends oblique and d answers it; with their named free places.

The third place of a (七言: the fifth) is free as 小拗, which may be rescued or not. The second pattern of b holds the
rescue within the line (本句自救), the second of c is 特拗. 大拗, which its answer must rescue, is no pattern here.
"""

LOOSE: Mapping[int, Mapping[str, tuple[str, ...]]] = {
    5: {"a": ("中仄中平仄",), "b": ("中平中仄平",), "c": ("中平中仄仄", "平平仄平仄"), "d": ("中仄中平平",)},
    6: {"a": ("中仄中平中仄",), "b": ("中平中仄中平",), "c": ("中平中仄中仄",), "d": ("中仄中平中平",)},
    7: {
        "a": ("中平中仄中平仄",),
        "b": ("中仄中平中仄平",),
        "c": ("中仄中平中仄仄", "中仄平平仄平仄"),
        "d": ("中平中仄中平平",),
    },
}
"""The loose tones: 一三五不论, 二四六分明. They include 特拗, so that what is right by `strict` is right by `loose`."""


def form_name(name: str) -> str:
    """The short name of a form: 七律 for 七言律诗; GenError names the choices."""
    plain = name.strip().translate(SCRIPT)
    if (short := LONG_NAMES.get(plain, plain)) not in SHAPES:
        raise GenError(f"There is no form {quoted(name)}; choose one of {' '.join(FORMS)}.")
    return short


def patterns(
    form: str, *, tones: str = "loose", start: str = "", first: str = "", rows: int | None = None
) -> tuple[Pattern, ...]:
    """Every pattern of the form that fits the wishes; the whole text obeys one of them.

    `tones` is strict, loose or off. `start` is 平起 or 仄起: the tone of the text's second character. `first` is
    rhymed, unrhymed or neighbour: the first line rhymes, or not, or only in a neighbouring group. "" leaves either
    open. `rows` is for forms of no fixed length.
    """
    name = form_name(form)
    _refuse("tones", tones, TONES)
    _refuse("start", start, ("", *STARTS))
    _refuse("first", first, ("", *FIRST_CHOICES))
    free = tones == "off" or not SHAPES[name].regulated
    if first == NEIGHBOUR and not SHAPES[name].regulated:
        raise GenError(f"first={first} is for regulated verse, and {name} is old verse; leave it out.")
    if free and start:
        raise GenError(f"start={start} is about tones, which {name} with tones={tones} has none of; leave it out.")
    return _patterns(name, "off" if free else tones, start, first, _count_rows(name, rows))


REMEMBERED = 256
"""For how many shapes of verse the patterns are remembered."""


@lru_cache(REMEMBERED)
def _patterns(form: str, tones: str, start: str, first: str, rows: int) -> tuple[Pattern, ...]:
    firsts = [first] if first else list(FIRSTS)
    if tones == "off":
        return tuple(_free(form, each, rows) for each in firsts)
    starts = [each for each in STARTS if start in ("", each)]
    return tuple(_regulated(form, tones, each, way, rows) for each in starts for way in firsts)


def without_tones(pattern: Pattern) -> Pattern:
    """The pattern with no tones except those of its rhyme words, which belong to the rhyme (they mark 叶)."""
    return replace(pattern, lines=tuple(map(_untoned, pattern.lines)))


def _untoned(line: Line) -> Line:
    ends = (tones[-1] if line.rhyme else EITHER for tones in line.tones)
    return replace(line, tones=tuple(dict.fromkeys(EITHER * (line.length - 1) + end for end in ends)))


def _refuse(what: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise GenError(f"{what}={value} is none; choose one of {', '.join(filter(None, choices))}.")


def _count_rows(form: str, rows: int | None) -> int:
    """How many lines; GenError if the form does not allow that many."""
    shape = SHAPES[form]
    if rows is None:
        return shape.rows or shape.usual
    if shape.rows is not None and rows != shape.rows:
        raise GenError(f"{form} has {shape.rows} lines, not {rows}; leave out the number or take another form.")
    if rows > MOST_ROWS:
        raise GenError(f"{form} of {rows} lines is longer than is planned for; ask for at most {MOST_ROWS}.")
    if rows < shape.least or (shape.regulated and rows % 2):
        kind = "an even number of lines, " if shape.regulated else ""
        raise GenError(f"{form} has {kind}at least {shape.least}, not {rows}; ask for more, or take another form.")
    return rows


def _named(start: str, first: str) -> str:
    return start + FIRST_NAMES[first]


def _mark(row: int, rows: int) -> str:
    return "。" if row % 2 or row == rows - 1 else "，"


def _rhyme(row: int, first: str) -> str:
    return "A" if row % 2 or (row == 0 and first != "unrhymed") else ""


def _is_near(row: int, first: str) -> bool:
    return row == 0 and first == NEIGHBOUR


def _free(form: str, first: str, rows: int) -> Pattern:
    line = (EITHER * SHAPES[form].cols,)
    lines = (Line(line, _mark(i, rows), _rhyme(i, first), _is_near(i, first)) for i in range(rows))
    return Pattern(form, _named("", first), tuple(lines))


def _regulated(form: str, tones: str, start: str, first: str, rows: int) -> Pattern:
    """Couplets ab and cd in turn (粘对); a first line that rhymes becomes the rhyming line with the same beginning."""
    begins_ab = start == ("平起" if SHAPES[form].cols == 7 else "仄起")
    kinds = ("abcd" if begins_ab else "cdab") * (rows // 4 + 1)
    if first != "unrhymed":
        kinds = RHYMED[kinds[0]] + kinds[1:]
    return of_kinds(form, tones, kinds[:rows], first)


RHYMED = {"a": "d", "c": "b"}
"""What a first line becomes where it rhymes."""


def of_kinds(form: str, tones: str, kinds: str, first: str) -> Pattern:
    """The pattern whose lines are of these kinds (a, b, c, d); `first` says how the first one rhymes."""
    cols, rows = SHAPES[form].cols, len(kinds)
    lines = (STRICT if tones == "strict" else LOOSE)[cols]
    made = (Line(lines[kind], _mark(i, rows), _rhyme(i, first), _is_near(i, first)) for i, kind in enumerate(kinds))
    start = "仄起" if (kinds[0] in "ad") == (cols != 7) else "平起"
    return Pattern(form, _named(start, first), tuple(made))


def kind_of(line: Line) -> str:
    """Which of a, b, c, d a line of regulated verse is; "" if it is none."""
    return _KINDS.get(line.tones, "")


_KINDS = {tones: kind for told in (STRICT, LOOSE) for kinds in told.values() for kind, tones in kinds.items()}
