"""A disk cache of tokenised rows, keyed by a digest of their inputs; damaged entries are made again."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from gen_classify.rows.encoding import Encoded, encode_rows
from gen_classify.rows.reading import Table

FORMAT = "1"  # to be raised when `encode_rows` changes, so that old files are not mistaken for new ones


def cached_rows(tokenizer: Any, table: Table, length: int, *, folder: Path) -> Encoded:
    """What `encode_rows` returns, from `folder` if it was cached there for the same texts and tokenizer."""
    path = folder / f"{_digest(tokenizer, table, length)}.safetensors"
    found = _read(path)
    if found is None:
        found = encode_rows(tokenizer, table, length)
        _write(path, found)
    return found


def default_folder() -> Path:
    """The platform's cache folder; `GEN_CACHE` names another one."""
    if os.environ.get("GEN_CACHE"):
        return Path(os.environ["GEN_CACHE"]) / "classify"
    home = Path(os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "gen-engine" / "classify"


def _digest(tokenizer: Any, table: Table, length: int) -> str:
    digest = hashlib.sha256(f"{FORMAT} {length} {tokenizer.model_input_names}".encode())
    tokenizer.backend_tokenizer.no_truncation()  # left over from an earlier call, they would change the digest
    tokenizer.backend_tokenizer.no_padding()
    digest.update(tokenizer.backend_tokenizer.to_str().encode())
    for column in (table.texts, table.seconds):
        digest.update(json.dumps(column).encode())  # lone surrogates included
    return digest.hexdigest()[:32]


def _read(path: Path) -> Encoded | None:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            cut = int(file.metadata()["cut"])
        return Encoded(tensors["ids"], tensors["starts"].tolist(), tensors.get("types"), cut)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None  # absent or damaged: it is made again


def _write(path: Path, encoded: Encoded) -> None:
    """Cache `encoded`; if it cannot be written, do nothing."""
    tensors = {"ids": encoded.ids, "starts": torch.tensor(encoded.starts)}
    if encoded.types is not None:
        tensors["types"] = encoded.types
    aside = path.with_name(f".writing-{os.getpid()}-{path.name}")
    with suppress(OSError, SafetensorError):
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, aside, {"cut": str(encoded.cut)})
        os.replace(aside, path)
    with suppress(OSError):
        aside.unlink()
