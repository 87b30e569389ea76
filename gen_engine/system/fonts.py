"""Fonts for pictures: finds an installed font that has the characters to be drawn.

matplotlib is imported only when needed, since only the plugins that draw depend on it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import GenError

KINDS = (".png", ".pdf", ".svg")
LIKED = (
    "Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "PingFang SC",
    "Microsoft YaHei", "SimHei", "Noto Serif CJK SC", "AR PL UMing CN", "Heiti SC", "Arial Unicode MS",
)  # fmt: skip
"""Fonts with Chinese characters that are tried before all other installed ones."""

OWN = "DejaVu Sans"  # comes with matplotlib
BOXES = "Last Resort"  # a font in which every character is a box


def check_name(path: Path) -> None:
    """Raise GenError now if no picture could be written under this name in the end."""
    if path.suffix.lower() not in KINDS:
        raise GenError(f"{path} is no name of a picture; end it in {', '.join(KINDS)}.")
    if not path.resolve().parent.is_dir():
        raise GenError(f"{path} cannot be written, for its folder does not exist; make it, or choose another name.")


def find_font(characters: str, font: Path | None = None) -> str | None:
    """The family that has all `characters`; None if there is none. Tried are the file `font`, matplotlib's own font,
    preferred fonts, then any installed one.

    Characters of matplotlib's own font may be missing in a family, since both are used together. Fonts installed after
    matplotlib last looked are found. Fonts removed since are ignored.
    """
    from matplotlib import font_manager

    given = add_font(font) if font else OWN
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


def add_font(font: Path) -> str:
    """Make a font file known to matplotlib. Returns the name of its family."""
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
        return  # a font that matplotlib cannot read counts as missing


def _characters(file: str) -> set[int]:
    """The code points of a font; none if it cannot be read."""
    from matplotlib.ft2font import FT2Font

    try:
        return set(FT2Font(file).get_charmap())
    except (OSError, RuntimeError):
        return set()


@contextmanager
def drawing_with(family: str | None) -> Iterator[None]:
    """Draw in matplotlib's own font, and in `family` for what it lacks. An SVG keeps text as text.

    Such text can be searched and copied, and browsers find a font for it. So a missing glyph is no error there.
    """
    from matplotlib import rc_context

    settings: Any = {
        "font.family": list(dict.fromkeys([OWN, family or OWN])),
        "svg.fonttype": "none",
        "svg.hashsalt": "gen",
        "axes.unicode_minus": False,
    }
    with rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield
