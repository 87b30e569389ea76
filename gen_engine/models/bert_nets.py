"""State dicts of modules from tutorials: a BERT under some name, and linear layers on top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import GenError
from .architectures import fit, named, read_settings
from .conversion import base_config, check_shapes
from .state_dict import grouped

if TYPE_CHECKING:
    from torch import Tensor

WORDS = "embeddings.word_embeddings.weight"
"""The name of a tensor that every BERT has ends like this, whatever stands before it."""

PARTS = ("embeddings.", "encoder.", "pooler.")
"""The beginnings of the names of a bare BERT."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A linear layer: weight [out, in], bias [out]."""

    name: str
    weight: Tensor
    bias: Tensor


def split_bert(found: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The tensors of the BERT in `found` under the names of a bare one, and all other tensors; ({}, all) without a
    BERT.
    """
    prefix = next((name.removesuffix(WORDS) for name in found if name.endswith(WORDS)), None)
    if prefix is None:
        return {}, dict(found)
    parts = tuple(prefix + part for part in PARTS)
    inside = {name.removeprefix(prefix): tensor for name, tensor in found.items() if name.startswith(parts)}
    return inside, {name: tensor for name, tensor in found.items() if not name.startswith(parts)}


def bare_bert(found: Mapping[str, Tensor], base: Path, where: str, *, pooler: bool) -> dict[str, Tensor]:
    """The tensors of a BERT with the sizes of `base`, under the names of a bare one; with its pooler only if wanted.

    Raises GenError if `base` is no BERT, or a tensor is missing or has another shape.
    """
    settings = read_settings(base_config(base), str(base))
    kind = named("BertModel", settings)
    if kind is None:
        raise GenError(
            f"{base} is a {settings.model_type}, and the recipe is for a BERT; give the base it was made of."
        )
    best = fit(found, kind, frozenset())
    unread = () if pooler else ("pooler.",)
    lacking = [name for name in best.lacking if not name.startswith(unread)]
    if lacking:
        raise GenError(f"The BERT of {where} lacks {grouped(lacking)}; give the base that fits it, or read no pooler.")
    check_shapes(best, base, where)
    return {name: tensor for name, tensor in best.tensors.items() if not name.startswith(unread)}


def linear_layers(found: Mapping[str, Tensor], *, most: int = 2) -> list[Layer]:
    """The linear layers that `found` consists of, in their order. Raises GenError if it holds anything else."""
    import torch

    names = [name.removesuffix(".weight") for name in found if name.endswith("weight") and found[name].dim() == 2]
    known = {f"{name}.{part}" for name in names for part in ("weight", "bias")}
    strange = [name for name in found if name not in known]
    if strange or not 1 <= len(names) <= most:
        odd = f" and {grouped(strange)}" if strange else ""
        raise GenError(
            f"The head is {grouped(known & set(found)) or 'nothing'}{odd}, and the recipe knows {most} linear "
            "layers at most; drop what is none with --leave-out NAME."
        )
    if len(names) == 2 and len(found[f"{names[0]}.weight"]) != found[f"{names[1]}.weight"].shape[1]:
        names.reverse()  # layers are saved in the order of definition, which may differ from the order of use
    weights = [found[f"{name}.weight"] for name in names]
    biases = [found.get(f"{name}.bias", torch.zeros(len(weight))) for name, weight in zip(names, weights, strict=True)]
    return [Layer(*each) for each in zip(names, weights, biases, strict=True)]


def check_widths(layers: list[Layer], size: int) -> None:
    """Raise GenError unless the first of the `layers` reads `size` numbers, and each later one the output before it."""
    for layer, width in zip(layers, [size, *(len(layer.weight) for layer in layers)], strict=False):
        if layer.weight.shape[1] != width:
            raise GenError(
                f"{layer.name}.weight takes {layer.weight.shape[1]} numbers, not {width}; give the base it was made on."
            )
