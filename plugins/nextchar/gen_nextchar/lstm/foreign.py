"""A recipe of `gen convert`: a BERT, an LSTM and a linear layer that predict the next character."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from gen_engine.errors import GenError
from gen_engine.models.bert_nets import bare_bert, check_widths, linear_layers, split_bert
from gen_engine.models.state_dict import grouped
from gen_engine.types import Conversion, Recipe
from gen_nextchar.foreign import as_conversion, net_config, with_column

GATES = re.compile(r"(?:.+\.)?(weight_ih|weight_hh|bias_ih|bias_hh)_l(\d+)")
OPEN, SHUT = 40.0, -40.0
"""Biases at which a gate is open or shut in float32."""


def bert_lstm(*, window: int, framed: bool = False) -> Recipe:
    """A BERT, an LSTM and a linear layer, each by any name, that predict the next character.

    The linear layer reads the LSTM's last output. The LSTM reads the states of a window of `window` characters, alone
    or, if `framed`, between [CLS] and [SEP].
    """

    def recipe(found: Mapping[str, Tensor], base: Path) -> Conversion:
        inside, rest = split_bert(found)
        encoder = bare_bert(inside, base, "the file", pooler=False)
        gates = {f"{match[1]}_l{match[2]}": rest[name] for name in rest if (match := GATES.fullmatch(name))}
        [last] = linear_layers({name: rest[name] for name in rest if not GATES.fullmatch(name)}, most=1)
        config = net_config(base, window=window, framed=framed, pooler=False)
        layers, hidden = _shape(gates, config["encoder"]["hidden_size"])
        check_widths([last], hidden)
        head = {f"lstm.{name}": _with_unit(name, tensor, hidden) for name, tensor in gates.items()}
        head["output.weight"] = with_column(last.weight, last.bias, math.tanh(1))
        config |= {"model_type": "bert-lstm", "architectures": ["BertLstmForCausalLM"], "layers": layers}
        config["hidden"] = hidden + 1
        told = f"The next character is told by {last.name}, which reads the last output of an LSTM of"
        return as_conversion(config, encoder, head, f"{told} {layers} x {hidden} over")

    return recipe


def _shape(gates: Mapping[str, Tensor], size: int) -> tuple[int, int]:
    """(layers, hidden units) of an LSTM that reads `size` numbers. Raises GenError if it is no such LSTM."""
    layers = sum(name.startswith("weight_hh") for name in gates)
    if not layers:
        raise GenError("The file has no LSTM beside its BERT; use another recipe (`gen recipes`).")
    hidden = gates["weight_hh_l0"].shape[1] if "weight_hh_l0" in gates else 0
    wanted: dict[str, tuple[int, ...]] = {}
    for layer in range(layers):
        wanted |= {f"weight_ih_l{layer}": (4 * hidden, hidden if layer else size)}
        wanted |= {f"weight_hh_l{layer}": (4 * hidden, hidden)}
        wanted |= {f"bias_{kind}_l{layer}": (4 * hidden,) for kind in ("ih", "hh")}
    if {name: tuple(tensor.shape) for name, tensor in gates.items()} != wanted:
        raise GenError(f"{grouped(gates)} are no plain LSTM over {size} numbers; give the base it was made on.")
    return layers, hidden


def _with_unit(name: str, tensor: Tensor, hidden: int) -> Tensor:
    """A tensor of an LSTM of `hidden` units with one more, which always gives tanh(1) and which no other reads.

    Its input and output gates are open, its forget gate is shut and its candidate is 1. So it can carry the bias of the
    linear layer, which this model lacks.
    """
    parts = list(tensor.view(4, hidden, *tensor.shape[1:]))  # the gates: input, forget, candidate, output
    if tensor.dim() == 1:
        given = (OPEN, SHUT, OPEN, OPEN) if name.startswith("bias_ih") else (0.0,) * 4
        return torch.cat([torch.cat([part, part.new_tensor([bias])]) for part, bias in zip(parts, given, strict=True)])
    width = tensor.shape[1] + (0 if name == "weight_ih_l0" else 1)
    grown = tensor.new_zeros(4, hidden + 1, width)
    grown[:, :hidden, : tensor.shape[1]] = torch.stack(parts)
    return grown.view(4 * (hidden + 1), width)
