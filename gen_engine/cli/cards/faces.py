"""Fonts for pictures drawn by Pillow: installed ones with Chinese characters, or the one that GEN_FONT names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import GenError
from ...system.fonts import BOXES
from ...system.underway import doing

if TYPE_CHECKING:
    from PIL import ImageFont

VARIABLE = "GEN_FONT"
LIKED = (
    "Kaiti SC", "STKaiti", "KaiTi", "LXGW WenKai", "AR PL UKai CN", "Noto Serif CJK SC", "Source Han Serif SC",
    "Noto Serif SC", "Songti SC", "STSong", "SimSun", "AR PL UMing CN", "Noto Sans CJK SC", "Source Han Sans SC",
    "PingFang SC", "Microsoft YaHei", "SimHei", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Heiti SC",
)  # fmt: skip
"""Fonts that suit verse, the best first; others come after them."""

IN_LINES = ("Georgia", "Noto Serif", "Times New Roman", "Times", "Liberation Serif", "DejaVu Serif")
"""Fonts for lines of other languages: the quotes and dashes of Chinese fonts are too wide for them."""

UPRIGHT = ("Regular", "Book", "Roman", "")
"""What the plain style of a family is called."""

ENDINGS = (".ttf", ".otf", ".ttc", ".otc")
SAMPLE = "春江花月夜，"
"""What a Chinese font has."""

IN_FILE = 32
"""The most fonts that a collection is searched for."""

NO_CHARACTER = "\uffff"
"""It is in no font, so it is drawn as whatever is missing is."""

STAND_IN = "〓"
"""Printers put it where they lack a character."""


@dataclass(frozen=True)
class Face:
    """A font: its file, its number in it, the names of its family and style."""

    file: str
    number: int
    family: str
    style: str
    _has: dict[str, bool] = field(default_factory=dict, compare=False, repr=False)  # at most the characters of a run

    def sized(self, size: float) -> ImageFont.FreeTypeFont:
        """The font at a size in pixels."""
        from PIL import ImageFont

        return ImageFont.truetype(self.file, size, self.number, layout_engine=ImageFont.Layout.BASIC)

    @cached_property
    def _missing(self) -> bytes:
        return bytes(self.sized(24).getmask(NO_CHARACTER))

    def has(self, char: str) -> bool:
        """Whether it draws this character."""
        if char not in self._has:
            self._has[char] = bytes(self.sized(24).getmask(char)) != self._missing
        return self._has[char]

    @property
    def rank(self) -> tuple[int, bool, bool, str, int]:
        """Better ones are lower."""
        liked = LIKED.index(self.family) if self.family in LIKED else len(LIKED)
        return liked, self.style not in UPRIGHT, " SC" not in self.family, self.file, self.number


def check_pillow() -> None:
    """Raise GenError if nothing is installed that draws PNG."""
    try:
        import PIL  # noqa: F401
    except ImportError as problem:
        raise GenError(
            "A card in PNG is drawn by Pillow, which is not installed; run pip install 'gen-engine[card]', or name a "
            "file that ends in .svg."
        ) from problem


@dataclass(frozen=True)
class Faces:
    """Fonts in the order in which they are tried. The first `named` of them, if any, was named by the user."""

    found: tuple[Face, ...]
    named: int = 0

    def of(self, char: str, *, in_line: bool = False) -> Face | None:
        """The first font that has a character, in a line of another language if `in_line`; None if none has."""
        before = self._in_lines if in_line else ()
        return next((face for face in (*before, *self.found) if face.has(char)), None)

    @cached_property
    def _in_lines(self) -> tuple[Face, ...]:
        plain = [face for face in self.found[self.named :] if face.family in IN_LINES and face.style in UPRIGHT]
        return (*self.found[: self.named], *sorted(plain, key=lambda face: IN_LINES.index(face.family)))


def find_faces() -> Faces:
    """The font of GEN_FONT and all installed ones, those with Chinese characters first.

    Raises GenError if Pillow is missing, that font cannot be read, or none has Chinese characters.
    """
    check_pillow()
    with doing("looking for fonts"):
        named = _named()
        installed = sorted((face for file in _files() for face in _in_file(file)), key=lambda face: face.rank)
        chinese = [face for face in installed if face.family in LIKED and _is_chinese(face)][:1]
        chinese = chinese or [face for face in installed if _is_chinese(face)][:1]
    if not named and not chinese:
        raise GenError(
            "No font with Chinese characters is installed, and a PNG needs one; install Noto CJK (on Debian: apt "
            f"install fonts-noto-cjk), name a font file by {VARIABLE}=FILE, or name a card that ends in .svg."
        )
    return Faces((*named, *chinese, *(face for face in installed if face not in chinese)), len(named))


def _named() -> list[Face]:
    file = os.environ.get(VARIABLE, "")
    found = list(_in_file(file)) if file else []
    if file and not found:
        raise GenError(f"{VARIABLE}={file} is no font that can be read; name a .ttf, .otf or .ttc file.")
    return found[:1]


def _is_chinese(face: Face) -> bool:
    return all(map(face.has, SAMPLE))


def _in_file(file: str) -> Iterator[Face]:
    """The fonts in a file; none if it cannot be read."""
    from PIL import ImageFont

    for number in range(IN_FILE):
        try:
            family, style = ImageFont.truetype(file, 16, number, layout_engine=ImageFont.Layout.BASIC).getname()
        except (OSError, ValueError):
            return
        if family and BOXES not in family:
            yield Face(file, number, family, style or "")
        if not file.lower().endswith(("c", "C")):
            return


def _folders() -> Iterator[Path]:
    home = Path.home()
    if sys.platform == "win32":
        yield Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts"
        yield Path(os.environ.get("LOCALAPPDATA", str(home))) / "Microsoft" / "Windows" / "Fonts"
    elif sys.platform == "darwin":
        yield from (home / "Library/Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts"))
    else:
        given = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
        yield from (home / ".fonts", home / ".local/share/fonts")
        yield from (Path(each) / "fonts" for each in given.split(":") if each)


def _files() -> list[str]:
    """The font files in the well-known folders, and those that fontconfig knows."""
    found = {
        str(path)
        for folder in _folders()
        if folder.is_dir()
        for path in folder.rglob("*")
        if path.suffix.lower() in ENDINGS
    }
    program = shutil.which("fc-list")
    if program:
        listed = subprocess.run([program, ":lang=zh", "--format", "%{file}\n"], capture_output=True, check=False)
        found.update(filter(None, listed.stdout.decode(errors="replace").splitlines()))
    return sorted(found)
