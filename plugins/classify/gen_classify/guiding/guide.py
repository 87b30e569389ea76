"""The shaper `guide`: candidates are weighted by the probability of a label for the text with each, by a classifier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gen_engine.errors import GenError, brief
from gen_engine.hooks.specs import Opened
from gen_engine.models.device import check_device_name
from gen_engine.shapers.shaping import NamedShaper, number, pieces, spell, whole

if TYPE_CHECKING:
    from torch import Tensor

    from gen_classify.guiding.discriminator import Discriminator
    from gen_engine.text import Vocabulary
    from gen_engine.types import Step

FEW = 20
"""How many of the likeliest tokens are weighted by default; the cost of a step grows with them."""


def guide(
    classifier: Opened,
    *,
    label: str | None = None,
    strength: float | None = None,
    k: int = FEW,
    window: int = 0,
    device: str = "auto",
) -> NamedShaper:
    """Weight the `k` likeliest tokens left by how probable a classifier finds a label for the text with each.

    Written `guide=FOLDER:LABEL@2`; or `label` and `strength` are given by name, and FOLDER is the folder alone. The
    label is one of the classifier's names or its number from 0. The logit of each candidate is raised by `strength` *
    log p(label | text so far + candidate). The strength is 1 by default, and 0 changes nothing. The text is what the
    tokens print, so the classifier may have another vocabulary. All other tokens are removed, as in the paper; put
    top_k before it to choose the candidates otherwise. The classifier sees the last `window` tokens of the text (0: as
    many as it takes). It computes on `device`, as of `--device`: auto is GEN_DEVICE or, if that is not set, the CPU for
    classifiers that compute in int8 and a GPU for others.

    Yang and Klein (2021), "FUDGE: controlled text generation with future discriminators". A classifier trained on
    prefixes (`gen train classifier --prefixes`) is surer of beginnings only as far as they reveal the label.
    """
    k = whole("k", k, least=1, why="weighs nothing")
    window = whole("window", window, least=0, why="looks into the future")
    folder, label, strength = _asked(classifier, label, strength)
    from gen_classify.guiding.discriminator import open_discriminator

    discriminator = open_discriminator(folder, window, device=check_device_name(device))
    column = discriminator.column(label, f"guide={classifier}")

    def shape(step: Step, logits: Tensor) -> Tensor:
        return _weigh(step, logits, discriminator, column, k, strength) if strength else logits

    return NamedShaper(_spelled(folder, discriminator.labels[column], strength, k, window, device), True, shape)


def _asked(value: str, label: str | None, strength: float | None) -> tuple[str, str | None, float]:
    """Folder, label and strength from `FOLDER:LABEL@STRENGTH`, or from FOLDER where the label is given by name."""
    folder = value
    if label is None and not Path(value).is_dir():
        folder, label, told = split_value(value)
        if told is not None and strength is not None:
            raise GenError(f"guide={brief(value)} gives strength twice; keep one of them.")
        strength = told if told is not None else strength
    return folder, label, number("strength", 1.0 if strength is None else strength, least=0, most=100)


def split_value(value: str) -> tuple[str, str | None, float | None]:
    """(folder, label, strength) of `FOLDER:LABEL@STRENGTH`; the folder may contain colons.

    What follows the last @ is the strength if it comes after the last colon and is a number, else part of the label.
    """
    folder, colon, label = value.rpartition(":")
    if not colon:
        return value, None, None
    name, at, amount = label.rpartition("@")
    try:
        return (folder, name, float(amount)) if at else (folder, label, None)
    except ValueError:
        return folder, label, None


def _spelled(folder: str, label: str, strength: float, k: int, window: int, device: str) -> str:
    """The processor as a user writes it; with names where the short form would be misread."""
    value: str = f"{folder}:{label}@{pieces(strength)[0]}"
    others: dict[str, tuple[object, object]] = {"k": (k, FEW), "window": (window, 0), "device": (device, "auto")}
    if split_value(value) != (folder, label, strength):
        by_name: dict[str, tuple[object, object]] = {"label": (label, None), "strength": (strength, None)}
        value, others = folder, by_name | others
    return spell("guide", value, **others)


def _weigh(step: Step, logits: Tensor, discriminator: Discriminator, column: int, k: int, strength: float) -> Tensor:
    """The weighted logits [rows, vocab] of the `k` likeliest tokens of each row; -inf elsewhere."""
    import torch

    kept = _likeliest(logits, k)
    shaped = logits.masked_fill(~kept, -torch.inf)
    doubtful = kept & (kept.sum(-1, keepdim=True) > 1)  # where there is no choice there is nothing to weight
    rows, tokens = doubtful.nonzero(as_tuple=True)
    if len(rows):
        texts = _continued(step, rows.tolist(), tokens.tolist())
        told = discriminator.log_probabilities(texts)[:, column]
        shaped[rows, tokens] += strength * told.to(logits.device, logits.dtype)
    return shaped


def _likeliest(logits: Tensor, k: int) -> Tensor:
    """True for the `k` likeliest tokens of each row that are not -inf (the lowest ids of equals), [rows, vocab]."""
    import torch

    left = logits > -torch.inf
    if k >= logits.shape[-1]:
        return left
    edge = logits.topk(k).values[..., -1:]  # [rows, 1]
    above, ties = logits > edge, (logits == edge) & left
    return above | (ties & (ties.cumsum(-1) <= k - above.sum(-1, keepdim=True)))


def _continued(step: Step, rows: list[int], tokens: list[int]) -> list[str]:
    """The text of each row with one more token; an unfinished character at its end is left out."""
    surfaces = step.vocabulary.surfaces
    so_far: dict[int, bytes] = {row: _printed(step.vocabulary, step.histories[row]) for row in dict.fromkeys(rows)}
    return [
        (so_far[row] + surfaces[token]).decode("utf-8", errors="ignore")
        for row, token in zip(rows, tokens, strict=True)
    ]


def _printed(vocabulary: Vocabulary, history: Any) -> bytes:
    return b"".join(vocabulary.surfaces[token] for token in history)


def __getattr__(name: str) -> Any:
    """`EXAMPLES` for the conformance kit: `guide` with a tiny classifier that is made on first access."""
    if name != "EXAMPLES":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from gen_classify.testing import example_folder

    return {"guide": (f"guide='{example_folder()}:春@2',k=3",)}
