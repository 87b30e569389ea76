"""How a card is headed and signed, which every command says. Nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """What a command says of its texts for a card: how they are headed and signed, and up to four characters of a seal.

    Without them the seal shows three strokes. `scrolls` sets the two lines of a couplet as two scrolls.
    """

    title: str = ""
    byline: str = ""
    seal: str = ""
    scrolls: bool = False


UNHEADED = Setting()
