"""A recipe of `gen convert`: a BERT with one or two linear layers that predict the next character."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from gen_engine.models.bert_nets import Layer, bare_bert, check_widths, linear_layers, split_bert
from gen_engine.types import Conversion, Recipe
from gen_nextchar.foreign import as_conversion, net_config, with_column

CONSTANTS = {"relu": (1.0, 1.0), "tanh": (20.0, 1.0), "gelu": (10.0, 10.0)}
"""A bias, and the activation's value of it in float32: together they make a constant unit."""


def bert_fc(
    *,
    window: int,
    reads: Literal["last", "pooler"] = "last",
    framed: bool = False,
    activation: Literal["relu", "tanh", "gelu"] = "relu",
) -> Recipe:
    """A BERT by any name with one linear layer, or two with an `activation` between, that predict the next character.

    They read the last character's state (reads=pooler: the pooler's output) of a window of `window` characters. The
    window is read alone or, if `framed`, between [CLS] and [SEP].
    """

    def recipe(found: Mapping[str, Tensor], base: Path) -> Conversion:
        inside, rest = split_bert(found)
        encoder = bare_bert(inside, base, "the file", pooler=reads == "pooler")
        config = net_config(base, window=window, framed=framed, pooler=reads == "pooler")
        layers = linear_layers(rest)
        check_widths(layers, config["encoder"]["hidden_size"])
        head = _two_layers(layers, activation)
        config |= {"model_type": "bert-fc", "architectures": ["BertFcForCausalLM"], "hidden": len(head["first.bias"])}
        config["activation"] = activation if len(layers) == 2 else "relu"
        told = f"The next character is told by {' and '.join(layer.name for layer in layers)}, which read"
        state = "the pooler's output" if reads == "pooler" else "the last character's state"
        return as_conversion(config, encoder, head, f"{told} {state} of")

    return recipe


def _two_layers(layers: list[Layer], activation: str) -> dict[str, Tensor]:
    """The head: a first layer, and an output matrix without a bias, which a constant unit replaces.

    A single layer becomes the second one. The first one then splits each number into its positive and its negative
    part, so that a ReLU loses nothing.
    """
    last = layers[-1]
    if len(layers) == 1:
        activation, unit = "relu", torch.eye(last.weight.shape[1])
        first, bias = torch.cat([unit, -unit]), torch.zeros(2 * len(unit))
        output = torch.cat([last.weight, -last.weight], 1)
    else:
        first, bias, output = layers[0].weight, layers[0].bias, last.weight
    given, made = CONSTANTS[activation]
    return {
        "first.weight": torch.cat([first, torch.zeros(1, first.shape[1])]),
        "first.bias": torch.cat([bias, torch.tensor([given])]),
        "output.weight": with_column(output, last.bias, made),
    }
