"""Short passes through a model of transformers that show how it behaves: silent, without gradients, on plain tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from .architectures import quiet

MOST = 64
"""How many plain tokens are offered at most."""


@contextmanager
def probing() -> Iterator[None]:
    """Inside, a model (in `eval` mode) is read for a look at it."""
    with torch.inference_mode(), quiet():
        yield


def plain_tokens(model: Any) -> list[int]:
    """Some tokens of `model` to which its config gives no special part. Some models do not count the padding's.

    Any tokens if there are no two others.
    """
    size = int(model.get_input_embeddings().weight.shape[0])
    special = set(_marked(model.config.to_dict()))
    some = range(size - 1, -1, -max(1, size // MOST))
    plain = [token for token in some if token not in special]
    return plain if len(plain) > 1 else list(some)


def _marked(config: dict[Any, Any]) -> Iterator[int]:
    for name, value in config.items():
        if isinstance(value, dict):
            yield from _marked(value)
        elif str(name).endswith(("token_id", "token_ids", "token_index")):
            yield from (each for each in (value if isinstance(value, list) else [value]) if isinstance(each, int))
