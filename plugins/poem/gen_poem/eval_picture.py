"""An evaluation as a picture: what is kept, how varied the poems are, how likely, and by which groups they rhyme."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gen_engine.errors import GenError
from gen_engine.fonts import check_name, drawing_with, find_font

if TYPE_CHECKING:
    from .eval_figures import Evaluation, Figure

NAMES = "五绝律词韵部东覃"
"""Characters that a font must have if it is to draw the names of forms and rhymes."""

RHYMES = 20
"""How many rhyme groups the picture has room for."""

KEPT, OTHER = "#2f7d6b", "#b5653c"


def check_picture(path: str) -> None:
    """Raise GenError now if the picture could not be drawn in the end."""
    check_name(Path(path))
    if find_spec("matplotlib") is None:
        raise GenError("A picture needs matplotlib; `pip install 'gen-engine-poem[eval]'` installs it.")
    # SVG keeps text as text: whoever looks at it has fonts, whether this machine has or not.
    if not path.lower().endswith(".svg") and find_font(NAMES) is None:
        raise GenError(
            f"No font here has the Chinese characters of {path}; install one (fonts-wqy-microhei), or name an .svg."
        )


def draw(evaluation: Evaluation, path: str) -> None:
    """Draw an evaluation into a file, .svg, .png or .pdf."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    what = evaluation.wanted.form or evaluation.wanted.tune or "poems"
    title = f"{len(evaluation.poems)} × {what}, {evaluation.source}"
    drawn = "".join([title, *(name for name, _ in evaluation.groups[:RHYMES])])
    with drawing_with(find_font(drawn) or find_font(NAMES)):
        likely = [poem.nats / poem.known for poem in evaluation.poems if poem.nats is not None and poem.known]
        panels = 1 + bool(likely) + bool(evaluation.groups)
        figure, axes = plt.subplots(
            1, panels, figsize=(6 + 4.6 * (panels - 1), 4.8), squeeze=False, layout="constrained"
        )
        rest = list(axes[0])
        _shares(rest.pop(0), [each for each in evaluation.figures if each.unit == "share"])
        if likely:
            _histogram(rest.pop(0), likely)
        if evaluation.groups:
            _rhymes(rest.pop(0), evaluation.groups[:RHYMES])
        figure.suptitle(title, fontsize=13)
        figure.savefig(path, dpi=150)
        plt.close(figure)


def _shares(axis: Any, figures: Sequence[Figure]) -> None:
    known = [figure for figure in figures if figure.value is not None][::-1]
    kept = {
        "format",
        "tone",
        "tone strict",
        "tone loose",
        "rhyme",
        "PoeTone",
        "structure",
        "tone places",
        "rhyme words",
    }
    values = [100 * (figure.value or 0.0) for figure in known]
    bars = axis.barh([each.name for each in known], values, color=[KEPT if e.name in kept else OTHER for e in known])
    axis.bar_label(bars, [f"{value:.1f}%" for value in values], padding=4, fontsize=9)
    axis.set_xlim(0, 118)
    axis.set_xticks(range(0, 101, 25))
    axis.set_title("kept, and varied", loc="left", fontsize=11)
    _bare(axis)


def _histogram(axis: Any, likely: Sequence[float]) -> None:
    axis.hist(likely, bins=min(30, max(5, len(likely) // 5)), color=OTHER, edgecolor="white", linewidth=0.6)
    mean = sum(likely) / len(likely)
    axis.axvline(mean, color="#333333", linewidth=1)
    axis.set_title(f"nats a character, by poem (mean {mean:.2f})", loc="left", fontsize=11)
    axis.set_ylabel("poems")
    axis.locator_params(axis="y", integer=True)
    _bare(axis)


def _rhymes(axis: Any, groups: Sequence[tuple[str, int]]) -> None:
    names, counts = [name for name, _ in groups][::-1], [count for _, count in groups][::-1]
    bars = axis.barh(names, counts, color=KEPT)
    axis.bar_label(bars, padding=3, fontsize=9)
    axis.set_title("poems that rhyme in 韵部", loc="left", fontsize=11)
    axis.margins(x=0.12)
    axis.locator_params(axis="x", integer=True)
    _bare(axis)


def _bare(axis: Any) -> None:
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
