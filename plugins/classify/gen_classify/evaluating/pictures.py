"""The confusion matrix as a picture; where no font has the characters of the labels, numbers stand for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gen_engine.cli.languages import Language, Say, speak
from gen_engine.system.fonts import add_font, check_name, drawing_with, find_font

if TYPE_CHECKING:
    from gen_classify.evaluating.measures import Report

COUNTED = 30  # up to this many labels, the cells show their counts
TALL = 24  # inches, the greatest height of a picture


def check_picture(path: Path, font: Path | None = None) -> None:
    """Raise GenError early if the picture could not be drawn later."""
    check_name(path)
    if font:
        add_font(font)


@dataclass(frozen=True)
class Words:
    """The words in the picture besides the figures."""

    title: str
    labels: Sequence[str]
    guessed: str
    true: str
    colour: str
    number: str

    @property
    def characters(self) -> str:
        """All characters that a font must have."""
        return "".join([self.title, *self.labels, self.guessed, self.true, self.colour, self.number])


def draw_confusion(
    report: Report, path: Path, *, name: str, font: Path | None = None, language: Language = "en"
) -> str:
    """Draw the confusion matrix of `report`: a row for each label, coloured by shares of the row, with the counts.

    Returns a remark if neither `font` (a file) nor any installed font has the characters. An .svg then keeps them as
    text, to be shown in the viewer's fonts. A .png or .pdf has English words, and numbers for labels where needed:
    those of the text report.
    """
    words = _words(report, name, speak(language))
    family = find_font(words.characters, font)
    remark = ""
    if family is None and path.suffix.lower() == ".svg":
        remark = f"{path}: no font here has the labels' characters; they are text, for the fonts of whoever looks."
    elif family is None:
        words = _words(report, name, str)
        family = find_font(words.characters, font)
        told = "no font here has Chinese characters, so its words are English"
        if family is None:
            told = "no font here has the labels' characters, so numbers stand for them, as in the report"
            numbers = [str(number) for number in range(1, len(words.labels) + 1)]
            title = "confusion matrix\ntrue and guessed labels, by their numbers in the report"
            words = replace(words, labels=numbers, title=title)
        remark = f"{path}: {told}; install one (fonts-noto-cjk), or name a file with --font."
    with drawing_with(family):
        _draw(report, words, path)
    return remark


def _words(report: Report, name: str, say: Say) -> Words:
    return Words(
        title=f"{say('confusion matrix')}\n"
        + say("{name}: accuracy {accuracy:.4f}").format(name=name, accuracy=report.accuracy),
        labels=[each.label for each in report.labels],
        guessed=say("guessed label"),
        true=say("true label"),
        colour=say("colour: share of the rows of the true label"),
        number=say("number: rows"),
    )


def _draw(report: Report, words: Words, path: Path) -> None:
    import seaborn
    from matplotlib.figure import Figure

    labels, count = words.labels, len(words.labels)
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
        cbar_kws={"label": words.colour + f"\n{words.number}" * counted, "shrink": 0.7},
        xticklabels=False,  # seaborn would draw everything once only to see whether labels overlap
        yticklabels=False,
    )
    places = [place + 0.5 for place in range(count)]
    turned = 0 if longest < side / count else 90
    axes.set_xticks(places, labels, rotation=turned, fontsize=size)
    axes.set_yticks(places, labels, fontsize=size)
    axes.tick_params(length=0)
    axes.set(xlabel=words.guessed, ylabel=words.true)
    axes.set_title(words.title, fontsize=10)
    # Without a date the same figures make the same file.
    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix.lower())
    figure.savefig(path, dpi=150, bbox_inches="tight", metadata=undated)


def _width(label: str) -> float:
    """The approximate width of a label, in font sizes; Chinese characters are twice as wide as others."""
    return sum(1.0 if ord(char) > 0x2E7F else 0.6 for char in label)
