"""An evaluation as a picture: which rules are kept, how varied and how likely the poems are, and in which groups they
rhyme."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gen_engine.cli.languages import Language, Say, speak
from gen_engine.errors import GenError
from gen_engine.system.fonts import check_name, drawing_with, find_font

if TYPE_CHECKING:
    from .figures import Evaluation, Figure

NAMES = "五绝律词韵部东覃"
"""Characters that a font must have to draw the names of forms and rhymes."""

RHYMES = 20
"""How many rhyme groups the picture has room for."""

KEPT, VARIED, SENSE, PLAIN = "#2f7d6b", "#b5653c", "#8a5a9e", "#5b6b86"
"""Colours of the shares (how well the form is kept, how varied the poems are, how much they resemble real ones) and of
counts."""

RULES = {"format", "tone", "tone strict", "tone loose", "rhyme", "old verse", "PoeTone", "structure", "tone places",
         "rhyme words"}  # fmt: skip
"""The figures that tell how a form is kept."""

LIKE_REAL = ("parallel", "relevance", "AUC")
"""Prefixes of the names of figures that tell how much poems resemble real ones."""


def check_picture(path: str) -> None:
    """Raise GenError early if the picture could not be drawn later."""
    check_name(Path(path))
    if find_spec("matplotlib") is None:
        raise GenError("A picture needs matplotlib; `pip install 'gen-engine-poem[eval]'` installs it.")
    # SVG keeps text as text: the viewer has the fonts, even if this machine has not.
    if not path.lower().endswith(".svg") and find_font(NAMES) is None:
        raise GenError(
            f"No font here has the Chinese characters of {path}; install one (fonts-wqy-microhei), or name an .svg."
        )


def draw(evaluation: Evaluation, path: str, language: Language = "en") -> None:
    """Draw an evaluation into a file, .svg, .png or .pdf."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    say, groups = speak(language), evaluation.groups[:RHYMES]
    title = evaluation.title(say)
    drawn = "".join([title, *(name for name, _ in groups), *map(say, RULES)])
    with drawing_with(find_font(drawn) or find_font(NAMES)):
        likely = [poem.nats / poem.known for poem in evaluation.poems if poem.nats is not None and poem.known]
        panels = 1 + bool(likely) + bool(groups)
        figure, axes = plt.subplots(
            1, panels, figsize=(6 + 4.6 * (panels - 1), 5.4), squeeze=False, layout="constrained"
        )
        rest = list(axes[0])
        _shares(rest.pop(0), [each for each in evaluation.figures if each.unit in ("share", "area")], say)
        if likely:
            _histogram(rest.pop(0), likely, say)
        if groups:
            _rhymes(rest.pop(0), groups, say)
        figure.suptitle(title, fontsize=13, wrap=True)
        figure.savefig(path, dpi=150)
        plt.close(figure)


def _shares(axis: Any, figures: Sequence[Figure], say: Say) -> None:
    from matplotlib.patches import Patch

    known = [figure for figure in figures if figure.value is not None][::-1]
    values = [100 * (figure.value or 0.0) for figure in known]
    colours = [_colour(each.name) for each in known]
    bars = axis.barh([say(each.name) for each in known], values, color=colours)
    labels = [
        f"{value / 100:.3f}" if each.unit == "area" else f"{value:.1f}%"
        for each, value in zip(known, values, strict=True)
    ]
    axis.bar_label(bars, labels, padding=4, fontsize=9)
    axis.set_xlim(0, 118)
    axis.set_xticks(range(0, 101, 25))
    axis.set_title(say("how the form is kept, how varied the poems are"), loc="left", fontsize=11)
    axis.set_xlabel(say("per cent"))
    told = {
        KEPT: say("kept: shares of poems, lines or places"),
        VARIED: say("variety: shares of characters or lines, likeness"),
        SENSE: say("beside real poems: shares of couplets or titles, area"),
    }
    _legend(axis, [Patch(color=colour, label=words) for colour, words in told.items() if colour in colours])
    _bare(axis)


def _colour(name: str) -> str:
    return KEPT if name in RULES else SENSE if name.startswith(LIKE_REAL) else VARIED


def _histogram(axis: Any, likely: Sequence[float], say: Say) -> None:
    from matplotlib.patches import Patch

    bins = min(30, max(5, len(likely) // 5))
    words = say("number of poems")
    axis.hist(likely, bins=bins, color=PLAIN, edgecolor="white", linewidth=0.6)
    mean = sum(likely) / len(likely)
    line = axis.axvline(mean, color="#c0392b", linewidth=1.4, label=say("mean {mean:.2f}").format(mean=mean))
    axis.set_title(say("how likely each poem is"), loc="left", fontsize=11)
    axis.set_xlabel(say("nats a character (less: likelier)"))
    axis.set_ylabel(words)
    axis.locator_params(axis="y", integer=True)
    _legend(axis, [Patch(color=PLAIN, label=words), line])
    _bare(axis)


def _rhymes(axis: Any, groups: Sequence[tuple[str, int]], say: Say) -> None:
    names, counts = [name for name, _ in groups][::-1], [count for _, count in groups][::-1]
    bars = axis.barh(names, counts, color=PLAIN, label=say("number of poems in each"))
    axis.bar_label(bars, padding=3, fontsize=9)
    axis.set_title(say("poems by their rhyme group (韵部)"), loc="left", fontsize=11)
    axis.set_xlabel(say("number of poems"))
    axis.margins(x=0.12)
    axis.locator_params(axis="x", integer=True)
    _legend(axis, [bars])
    _bare(axis)


def _legend(axis: Any, handles: Sequence[Any]) -> None:
    """Explain each colour and line below the panel, where the legend hides nothing."""
    axis.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, -0.12), frameon=False, fontsize=9)


def _bare(axis: Any) -> None:
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
