"""The confusion matrix as a picture, in which the characters of all labels can be read, or numbers stand for them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gen_engine.errors import GenError

if TYPE_CHECKING:
    from gen_classify.measures import Report

KINDS = (".png", ".pdf", ".svg")
LIKED = (
    "Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "PingFang SC",
    "Microsoft YaHei", "SimHei", "Noto Serif CJK SC", "AR PL UMing CN", "Heiti SC", "Arial Unicode MS",
)  # fmt: skip
"""Fonts with Chinese characters that are tried first; then all others that are installed."""

OWN = "DejaVu Sans"  # comes with matplotlib
BOXES = "Last Resort"  # a font in which every character is a box
COUNTED = 30  # up to so many labels the counts stand in the fields
TALL = 24  # inches, the most that many labels make a picture


def check_picture(path: Path, font: Path | None = None) -> None:
    """Raise GenError now if the picture could not be drawn in the end."""
    if path.suffix.lower() not in KINDS:
        raise GenError(f"{path} is no name of a picture. End it in {', '.join(KINDS)}.")
    if not path.resolve().parent.is_dir():
        raise GenError(f"{path} cannot be written, for its folder does not exist. Make it, or choose another name.")
    if font:
        _add_font(font)


def draw_confusion(report: Report, path: Path, *, title: str, font: Path | None = None) -> str:
    """Draw the confusions of `report`: a row for each label, coloured by shares of the row, counts written in.

    Returns a remark: where neither `font` (a file) nor any installed one has the labels' characters, an .svg keeps them
    as text for the fonts of whoever looks at it, and a .png or .pdf has numbers instead, those of the text report.
    """
    from matplotlib import rc_context

    labels = [each.label for each in report.labels]
    family = find_font("".join([*labels, title]), font)
    is_svg = path.suffix.lower() == ".svg"
    remark = ""
    if family is None and is_svg:
        remark = f"{path}: no font here has the labels' characters; they are text, for the fonts of whoever looks."
    elif family is None:
        remark = (
            f"{path}: no font here has the labels' characters, so numbers stand for them, as in the report;"
            " install one (fonts-noto-cjk), or name a file with --font."
        )
        labels, title = [str(number) for number in range(1, len(labels) + 1)], "true labels and guesses, by number"
    fonts = dict.fromkeys([OWN, family or OWN])
    # SVG keeps text as text, which can be searched and copied, and for which browsers find a font.
    settings: Any = {
        "font.family": list(fonts),
        "svg.fonttype": "none",
        "svg.hashsalt": "gen",
        "axes.unicode_minus": False,
    }
    with rc_context(settings), _silent_about_glyphs():
        _draw(report, labels, title, path)
    return remark


def find_font(characters: str, font: Path | None = None) -> str | None:
    """The family with all `characters`, of the file `font`, matplotlib's own, a liked or any installed one; or None.

    What a family lacks and matplotlib's own has is no lack, since they are used together.
    """
    from matplotlib import font_manager

    given = _add_font(font) if font else OWN
    needed = {ord(char) for char in characters if not char.isspace()}
    listed = {each.fname for each in font_manager.fontManager.ttflist}
    for path in font_manager.findSystemFonts():  # matplotlib remembers what was installed when it first looked
        if path not in listed:
            _add_quietly(path)
    files = {each.name: each.fname for each in font_manager.fontManager.ttflist if BOXES not in each.name}
    own = _characters(files[OWN])
    for name in dict.fromkeys([given, OWN, *LIKED, *files]):
        if name in files and needed <= own | _characters(str(font) if font and name == given else files[name]):
            return name
    return None


def _add_font(font: Path) -> str:
    """Make a font file known to matplotlib; returns the name of its family."""
    from matplotlib import font_manager

    try:
        font_manager.fontManager.addfont(str(font))
        return str(font_manager.get_font(str(font)).family_name)
    except (OSError, RuntimeError) as problem:
        raise GenError(f"{font} is no font that can be read ({problem}). Name a .ttf, .otf or .ttc file.") from problem


def _add_quietly(path: str) -> None:
    from matplotlib import font_manager

    try:
        font_manager.fontManager.addfont(path)
    except (OSError, RuntimeError):
        return  # a font that matplotlib cannot read is as good as none


def _characters(file: str) -> set[int]:
    """The code points of a font; of one that cannot be read, none."""
    from matplotlib.ft2font import FT2Font

    try:
        return set(FT2Font(file).get_charmap())
    except (OSError, RuntimeError):
        return set()


def _draw(report: Report, labels: Sequence[str], title: str, path: Path) -> None:
    import seaborn
    from matplotlib.figure import Figure

    count = len(labels)
    counted = count <= COUNTED
    size = 9 if counted else 6
    side = max(3.2, 0.55 * count) if counted else min(TALL, 0.12 * count)
    longest = max(map(_width, labels)) * size / 72  # inches
    figure = Figure(figsize=(side * 1.3 + longest, side + longest))
    axes = figure.subplots()
    seaborn.heatmap(
        [[value / max(1, sum(row)) for value in row] for row in report.confusion],
        ax=axes,
        vmin=0,
        vmax=1,
        cmap="Blues",
        square=True,
        linewidths=0.5 if counted else 0,
        annot=[list(row) for row in report.confusion] if counted else False,
        fmt="d",
        annot_kws={"size": 8},
        cbar_kws={"label": "share of the label's rows", "shrink": 0.7},
        xticklabels=False,  # seaborn would draw everything once only to see whether labels overlap
        yticklabels=False,
    )
    places = [place + 0.5 for place in range(count)]
    turned = 0 if longest < side / count else 90
    axes.set_xticks(places, labels, rotation=turned, fontsize=size)
    axes.set_yticks(places, labels, fontsize=size)
    axes.tick_params(length=0)
    axes.set(xlabel="guessed", ylabel="true")
    axes.set_title(title, fontsize=10)
    # Without a date the same figures make the same file.
    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix.lower())
    figure.savefig(path, dpi=150, bbox_inches="tight", metadata=undated)


def _width(label: str) -> float:
    """About how wide a label is, in sizes of its font: Chinese characters are twice as wide as others."""
    return sum(1.0 if ord(char) > 0x2E7F else 0.6 for char in label)


@contextmanager
def _silent_about_glyphs() -> Iterator[None]:
    """matplotlib warns of glyphs that it lacks, which in an SVG it need not have."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield
