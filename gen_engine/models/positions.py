"""How many tokens a model of transformers can read: looked up in its tables and config, and tried."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from .probing import plain_tokens, probing

NAMES = (
    "max_position_embeddings", "n_positions", "max_seq_len", "max_seq_length", "max_sequence_length", "seq_length",
    "n_ctx", "max_target_positions",
)  # fmt: skip
"""Attributes of configs that say how many positions there are, in the order of asking."""

READ = 3
"""How many tokens are read to see which table they take consecutive rows of."""


class _Lookups(TorchFunctionMode):
    """Sees which rows of which tables are taken. Only a mode of torch sees it in models of every class."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[Tensor, Tensor]] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is torch.nn.functional.embedding and len(args) > 1:
            self.found.append((args[0], args[1]))
        return func(*args, **(kwargs or {}))


def find_positions(model: Any) -> int | None:
    """How many tokens `model` can read at once; None if nothing bounds it, as with recurrent models.

    A table of learned positions gives the number of its rows from the one that a first token takes. Otherwise the
    config gives it. Unless positions are rotary or ALiBi, the last one is tried, and if it fails, the last that works
    is searched for. Each pass reads at most 3 tokens.
    """
    config = model.config.get_text_config()
    said = _said(config)
    token = plain_tokens(model)[0]
    with probing():
        rows = _table_rows(model, token)
        bound = min((count for count in (said, rows) if count is not None), default=None)
        rotary = getattr(config, "rope_parameters", None)  # computed for any position
        if (
            bound is None or rows is not None or rotary or model.device.type != "cpu"
        ):  # failing would end a GPU's context
            return bound
        return _tried(model, token, bound)


def _said(config: Any) -> int | None:
    """What a config says, by any of the names. The context that an RWKV was trained on does not bound it."""
    meant = getattr(config, "attribute_map", {})
    found: Iterable[Any] = (getattr(config, name, None) for name in NAMES if meant.get(name) != "context_length")
    return next((count for count in found if isinstance(count, int) and count > 0), None)


def _table_rows(model: Any, token: int) -> int | None:
    """How many rows the smallest table of positions has from the one of a first token; None if there is no table.

    It is the table of which the same token, given three times, takes three rows in succession.
    """
    with _Lookups() as lookups:
        model(input_ids=torch.full((1, READ), token, device=model.device))
    counts = [len(table) - int(rows.min()) for rows, table in lookups.found if _is_run(rows)]
    return min(counts, default=None)


def _is_run(rows: Tensor) -> bool:
    found = rows.flatten().tolist() if rows.numel() == READ and rows.device.type != "meta" else []
    return bool(found) and found == list(range(found[0], found[0] + READ))


def _tried(model: Any, token: int, bound: int) -> int:
    """The greatest number of positions, at most `bound`, of which the model can read the last."""
    if "position_ids" not in inspect.signature(model.forward).parameters:
        return bound
    ids = torch.full((1, 1), token)

    def works(count: int) -> bool:
        try:
            model(input_ids=ids, position_ids=torch.full((1, 1), count - 1))
        except (IndexError, RuntimeError):
            return False
        return True

    if works(bound) or not works(1):
        return bound
    least, most = 1, bound
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (middle, most) if works(middle) else (least, middle)
    return least
