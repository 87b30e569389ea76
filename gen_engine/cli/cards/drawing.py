"""Draws the cards of a command's texts, one file each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import GenError, quoted
from ...system.interrupts import shielded
from ...system.screen import note
from ..destination import check_out, opened
from .layout import MOST, card_of
from .setting import Setting

if TYPE_CHECKING:
    from .faces import Faces

OPTION = "--card"
KINDS = (".png", ".svg")


@dataclass(frozen=True)
class Cards:
    """The cards of `num` texts: the file as it is named, or, for several, numbered: card-1.png, card-2.png."""

    file: Path
    num: int = 1

    def name(self, number: int) -> Path:
        """The file of a text, counted from 1."""
        return self.file if self.num == 1 else self.file.with_stem(f"{self.file.stem}-{number}")

    def check(self) -> None:
        """Raise GenError now if a card could not be drawn or written in the end."""
        if self.file.suffix.lower() not in KINDS:
            raise GenError(f"{quoted(str(self.file))} is no card that can be drawn; end its name in .png or .svg.")
        check_out(self.name(1), OPTION)
        if self.file.suffix.lower() == ".png":
            _ = self._faces

    @cached_property
    def _faces(self) -> Faces:
        from .faces import find_faces

        return find_faces()

    def draw(self, number: int, lines: Sequence[str], setting: Setting) -> None:
        """Draw the card of a text. The file gets its name when it is complete."""
        card = card_of(lines, setting)
        if card.cut:
            note(f"a card holds {MOST:,} characters; the text is longer, and ends in … there.")
        if self.file.suffix.lower() == ".svg":
            from .svg import svg_of

            data = svg_of(card).encode()
        else:
            from .png import png_of

            data, lacking = png_of(card, self._faces)
            if lacking:
                note(f"no installed font has {lacking}; the card shows 〓 there. GEN_FONT=FILE names another font.")
        with shielded(), opened(self.name(number), option=OPTION) as file:
            file.buffer.write(data)
