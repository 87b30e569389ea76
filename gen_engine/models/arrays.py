"""The tensors of a model folder as numpy arrays, so that no torch is needed; nothing in the files is executed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import GenError
from .checkpoint import INDEX, WEIGHTS, read_shards, refuse_pickled

Array = np.ndarray[Any, np.dtype[Any]]

KINDS: dict[str, type[np.generic]] = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}
"""The number types that numpy knows. It does not know BF16, the first half of a float32."""


def read_arrays(folder: Path) -> dict[str, Array]:
    """All tensors of a folder's safetensors as float32 arrays.

    Raises GenError if they are missing, damaged, incomplete, pickled or of an unknown number type.
    """
    if (folder / INDEX).is_file():
        return read_shards(folder / INDEX, read_file)
    refuse_pickled(folder)
    return read_file(folder / WEIGHTS)


def read_file(path: Path) -> dict[str, Array]:
    """All tensors of one safetensors file as float32 arrays. Raises GenError as `read_arrays` does."""
    from safetensors import SafetensorError, deserialize

    try:
        stored = deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
    except (SafetensorError, OSError, ValueError) as error:
        raise GenError(f"{path} is damaged or cut short ({error}); fetch or write it again.") from error
    found: dict[str, Array] = {}
    while stored:
        name, tensor = stored.pop()  # each is freed as soon as it is converted
        found[name] = _float32(tensor, name, path)
    return found


def _float32(tensor: dict[str, Any], name: str, path: Path) -> Array:
    kind, data = tensor["dtype"], tensor["data"]
    if kind == "BF16":
        bits = np.frombuffer(data, np.uint16).astype(np.uint32) << 16
        return bits.view(np.float32).reshape(tensor["shape"])
    if kind not in KINDS:
        raise GenError(f"{path} has {name} in {kind}, which is not read here; save the model in float32 or bfloat16.")
    with np.errstate(over="ignore"):  # what is infinite then is refused by whoever checks the tensors
        return np.frombuffer(data, KINDS[kind]).reshape(tensor["shape"]).astype(np.float32)
