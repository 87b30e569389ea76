"""How a next-character model sees a text: its last characters between [CLS] and [SEP]; nothing here imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from gen_engine.errors import GenError


@dataclass(frozen=True)
class Framing:
    """What frames a window: `window` characters at most, and the ids of the encoder's marks.

    Plain models read `[CLS] c1 .. cn [SEP]`, `variable` ones `[CLS] c1 .. cn [MASK] [SEP]`: the prediction stands in
    place of the mask. `bare` ones, as tutorials train them, read `c1 .. cn` alone. A text shorter than the window is
    framed as it is, an empty one too (a bare one as `[CLS]`).
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
        """How many tokens a full window has with its frame."""
        return self.window if self.bare else self.window + 2 + self.variable

    def frame(self, ids: Sequence[int]) -> list[int]:
        """The framed window of a text: its last `window` characters; marks of the encoder among `ids` are no text."""
        marks = (self.cls, self.sep, self.mask, self.pad)
        last = list(islice((token for token in reversed(ids) if token not in marks), self.window))
        if self.bare:
            return [*reversed(last)] or [self.cls]
        return [self.cls, *reversed(last), *([self.mask] if self.variable else []), self.sep]


def framing_of(settings: Any) -> Framing:
    """The framing that a model's configuration names. Raises GenError where it cannot be."""
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
