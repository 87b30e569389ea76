"""How a next-character model reads a text: its last characters between [CLS] and [SEP]; nothing here imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from gen_engine.errors import GenError


@dataclass(frozen=True)
class Framing:
    """The frame of a window: at most `window` characters, and the ids of the encoder's marks.

    Plain models read `[CLS] c1 .. cn [SEP]`. `variable` ones read `[CLS] c1 .. cn [MASK] [SEP]`, with the prediction at
    the mask. `bare` ones, as tutorials train them, read `c1 .. cn` alone. A text shorter than the window is framed
    without padding, even an empty one (which a bare model reads as `[CLS]`).
    """

    window: int
    variable: bool
    cls: int
    sep: int
    mask: int
    pad: int
    bare: bool = False

    @property
    def most(self) -> int:
        """The number of tokens of a full window with its frame."""
        return self.window if self.bare else self.window + 2 + self.variable

    def frame(self, ids: Sequence[int]) -> list[int]:
        """The framed window of a text: its last `window` characters; marks of the encoder among `ids` are dropped."""
        marks = (self.cls, self.sep, self.mask, self.pad)
        last = list(islice((token for token in reversed(ids) if token not in marks), self.window))
        if self.bare:
            return [*reversed(last)] or [self.cls]
        return [self.cls, *reversed(last), *([self.mask] if self.variable else []), self.sep]


def framing_of(settings: Any) -> Framing:
    """The framing in a model's configuration. Raises GenError if it is impossible."""
    marks = {name: getattr(settings, f"{name}_token_id") for name in ("cls", "sep", "mask", "pad")}
    lacking = [name for name, token in marks.items() if not isinstance(token, int)]
    if lacking:
        raise GenError(f"The configuration names no {lacking[0]}_token_id. Take it from the encoder's tokenizer.")
    if not isinstance(settings.window, int) or settings.window < 1:
        raise GenError(f"A window of {settings.window} characters shows nothing. Give a number from 1.")
    bare = bool(getattr(settings, "bare", False))
    if bare and settings.variable:
        raise GenError("A bare window has no [MASK] at its end. Set bare or variable to false.")
    framing = Framing(settings.window, bool(settings.variable), **marks, bare=bare)
    positions = settings.encoder.get("max_position_embeddings", 512)
    if framing.most > positions:
        raise GenError(
            f"A window of {settings.window} characters takes {framing.most} positions with its frame, and the encoder"
            f" has {positions}. Give a window of at most {positions - framing.most + settings.window}."
        )
    return framing
