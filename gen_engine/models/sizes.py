"""Impossible sizes of models: found by arithmetic, before weights are read or made."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import GenError
from ..system.bounds import SETTINGS, VOCABULARY

MOST = {
    "hidden_size": 1_000_000, "n_embd": 1_000_000, "d_model": 1_000_000, "dim": 1_000_000,
    "embedding_size": 1_000_000, "intermediate_size": 10_000_000, "n_inner": 10_000_000, "hidden": 1_000_000,
    "num_hidden_layers": 2_000, "n_layer": 2_000, "n_layers": 2_000, "num_layers": 2_000, "layers": 2_000,
    "num_attention_heads": 1_000_000, "n_head": 1_000_000, "num_key_value_heads": 1_000_000,
    "vocab_size": 100_000_000, "type_vocab_size": 1_000_000, "window": 20_000_000,
    "num_labels": 1_000_000, "n_positions": 20_000_000, "n_ctx": 20_000_000, "max_position_embeddings": 20_000_000,
}  # fmt: skip
"""The largest size allowed in a config.json; no known model comes near."""

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "generation_config.json",
)
SETTING_FILES = ("config.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json")
WIDTHS = ("hidden_size", "n_embd", "d_model", "dim")
LAYERS = ("num_hidden_layers", "n_layer", "n_layers")
POINTER = 1000
"""The most bytes of a stub that Git LFS, or a broken download, leaves in place of a file."""

TRAINED = 16
"""Bytes per weight in training with AdamW: weight, gradient and two moments, in float32."""


def check_files(folder: Path) -> None:
    """Raise GenError for anything in a folder that is neither file nor folder: reading it might never end."""
    for path in sorted(folder.iterdir()):
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise GenError(f"{path} is a pipe, a socket or a device, no file; save what belongs there again.")


def check_folder(folder: Path) -> None:
    """Raise GenError if a file in a model folder could be read for ever, or is far too large. Nothing is read."""
    check_files(folder)
    for path in sorted(folder.iterdir()):
        kept = SETTINGS if path.name in SETTING_FILES else VOCABULARY if path.name in TOKENIZER_FILES else None
        if kept and path.is_file() and path.stat().st_size > kept:
            raise GenError(f"{path} has over {kept:,} bytes, which no such file has; save the model again.")
    stored, room = stored_bytes(folder), memory()
    if stored and room and stored > room:
        raise GenError(
            f"The weights in {folder} take {stored / 1e9:,.0f} GB, and this machine has {room / 1e9:,.0f}; "
            "choose a smaller model."
        )


def check_config(config: Mapping[str, Any], where: str, stored: int | None = None) -> None:
    """Raise GenError for sizes in a config.json that no model has, or for more weights than `stored` bytes can hold."""
    for part in _parts(config):
        for name, most in MOST.items():
            value = part.get(name)
            if isinstance(value, int) and value > most:
                raise GenError(f"{where} says {name} {value:,}, and no model has over {most:,}; mend it.")
        least = _least(part)
        if stored is not None and least > 8 * stored:  # a weight takes at least one bit
            raise GenError(
                f"{where} speaks of {least:,} weights or more, and its files have {stored:,} bytes; "
                "give weights and a config.json that belong together."
            )


def check_new(*, layers: int, width: int, inner: int | None = None, tokens: int = 0) -> None:
    """Raise GenError unless a transformer of these sizes can be trained in this machine's memory.

    `tokens` counts everything with a vector of its own: tokens and positions.
    """
    weights = layers * width * (4 * width + 2 * (inner or 4 * width)) + tokens * width
    room = memory()
    if room is not None and weights * TRAINED > room:
        raise GenError(
            f"{weights:,} weights take {weights * TRAINED / 1e9:,.0f} GB to train, and this machine has "
            f"{room / 1e9:,.0f}; give smaller sizes."
        )
    if layers > MOST["layers"]:
        raise GenError(f"{layers:,} layers are more than the {MOST['layers']:,} that are made; give fewer.")


def memory() -> int | None:
    """The machine's memory in bytes, None if the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def stored_bytes(folder: Path) -> int | None:
    """The size of the weights in a model folder in bytes; None if there are none, or only a stub (Git LFS)."""
    found = sum(path.stat().st_size for path in folder.glob("*.safetensors") if path.is_file())
    return found if found > POINTER else None


def _parts(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The config and its parts, such as `text_config` and `encoder`."""
    yield config
    yield from (value for value in config.values() if isinstance(value, dict))


def _least(part: Mapping[str, Any]) -> int:
    """A lower bound on the number of weights: a vector for each token, and one layer of width x width."""

    def size(*names: str) -> int:
        return next((part[name] for name in names if isinstance(part.get(name), int)), 0)

    width = size("embedding_size") or size(*WIDTHS)
    return max(size("vocab_size") * width, size(*WIDTHS) ** 2)
