"""Model folders: read without executing anything, written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import GenError

if TYPE_CHECKING:
    from torch import Tensor

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
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
WRAPPERS = ("module.", "_orig_mod.", "model.", "gpt2.", "gpt.", "net.", "encoder.", "bert.", "transformer.")
"""Prefixes that tutorials' wrapper classes put before a checkpoint's own names."""


def read_json(path: Path) -> dict[str, Any]:
    """The object in `path`; {} if there is no such file. Raises GenError if it is not a JSON object."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise GenError(f"{path} is not readable JSON ({error}); fetch the file again.") from error
    if not isinstance(found, dict):
        raise GenError(f"{path} holds no JSON object; fetch the file again.")
    return found


def read_config(folder: Path) -> dict[str, Any]:
    """The config.json of a model folder. Raises GenError where there is none."""
    if not folder.is_dir():
        raise GenError(f"There is no model folder {folder}; check the path, or see `gen models` for names.")
    if not (folder / CONFIG).is_file():
        raise GenError(f"{folder} has no {CONFIG}, so it is no model folder; name the folder that holds one.")
    return read_json(folder / CONFIG)


def read_weights(folder: Path) -> dict[str, Tensor]:
    """All tensors of a model folder, from one safetensors file or its shards; nothing in them is executed.

    Raises GenError if they are missing, damaged, incomplete or pickled.
    """
    if (folder / INDEX).is_file():
        return _read_shards(folder, read_json(folder / INDEX))
    refuse_pickled(folder)
    return _read_safetensors(folder / WEIGHTS)


def refuse_pickled(folder: Path) -> None:
    """Raise GenError unless `folder` has its weights as safetensors; where it has them pickled, name the remedy."""
    if (folder / WEIGHTS).is_file() or (folder / INDEX).is_file():
        return
    pickled = next((path for pattern in PICKLED for path in sorted(folder.glob(pattern))), None)
    if pickled is not None:
        raise GenError(
            f"{folder} has only pickled weights, which could run code when read; "
            f"convert them with `gen convert {pickled} --base {folder} OUT`."
        )
    raise GenError(f"{folder} has no {WEIGHTS}; fetch the weights, or name another folder.")


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise GenError(f"{path} is damaged or cut short ({error}); fetch or write it again.") from error
    return tensors


def _read_shards(folder: Path, index: Mapping[str, Any]) -> dict[str, Tensor]:
    places = index.get("weight_map")
    if not isinstance(places, dict) or not all(
        isinstance(name, str) and name == os.path.basename(name) for name in places.values()
    ):
        raise GenError(f"{folder / INDEX} lists no tensors of this folder; fetch it again.")
    tensors: dict[str, Tensor] = {}
    for name in sorted(set(places.values())):
        if not (folder / name).is_file():
            raise GenError(f"{folder} lacks the shard {name}; fetch all shards.")
        tensors |= _read_safetensors(folder / name)
    check_names(tensors, places, f"{folder}'s shards")
    return tensors


def check_names(found: Collection[str], expected: Collection[str], where: str) -> None:
    """Nothing if the names agree. Raises GenError naming a few that are missing or unexpected."""
    missing = sorted(set(expected) - set(found))
    extra = sorted(set(found) - set(expected))
    if missing or extra:
        parts = [f"lacks {_few(missing)}"] * bool(missing) + [f"has unexpected {_few(extra)}"] * bool(extra)
        raise GenError(f"{where} {' and '.join(parts)}; give weights and a config.json that belong together.")


def check_tensors(found: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]], where: str) -> None:
    """Nothing if `found` has these names and shapes, and numbers only. Raises GenError that says what is wrong."""
    check_names(found, shapes, where)
    for name, tensor in found.items():
        if tuple(tensor.shape) != shapes[name]:
            raise GenError(f"{where} has {name} of shape {tuple(tensor.shape)}, its config.json says {shapes[name]}; "
                           "give weights and a config.json that belong together.")  # fmt: skip
        if not tensor.isfinite().all():
            raise GenError(f"{where} has numbers in {name} that are none or infinite; train or fetch it again.")


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


# ---------------------------------------------------------------------------------------------------- writing


@contextmanager
def written_whole(out: Path) -> Iterator[Path]:
    """A temporary folder that becomes `out` when the block ends, and vanishes if it fails.

    Raises GenError if `out` exists already and is not an empty folder.
    """
    import shutil
    import tempfile

    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise GenError(f"{out} exists already; name a new folder, or remove it first.")
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        yield aside
        aside.chmod(0o755)
        os.replace(aside, out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write_weights(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write `tensors` as safetensors under a temporary name, then rename: `path` is never half a file."""
    from safetensors.torch import save_file

    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, aside, metadata={"format": "pt"})
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def write_checkpoint(out: Path, config: Mapping[str, Any], tensors: Mapping[str, Tensor], base: Path | None) -> None:
    """Write a standard model folder, with the tokenizer files of `base`; it appears whole or not at all."""
    import shutil

    with written_whole(out) as aside:
        text = json.dumps(dict(config), ensure_ascii=False, indent=2) + "\n"
        (aside / CONFIG).write_text(text, encoding="utf-8")
        for name in TOKENIZER_FILES:
            if base is not None and (base / name).is_file():
                shutil.copyfile(base / name, aside / name)
        write_weights(aside / WEIGHTS, tensors)


# ------------------------------------------------------------------------------------------------- converting


def convert(net: Path, base: Path, out: Path) -> None:
    """Turn the pickled state dict `net` into the model folder `out`, for the architecture and tokenizer of `base`.

    Only tensors are read (`weights_only`). Prefixes of wrapper classes are taken off. Raises GenError for a pickled
    model object, for names or shapes that do not fit, and if `out` exists.
    """
    config = read_config(base)
    found = read_state_dict(net)
    expected, tied = _expected(base, config)
    tensors = fit_names(found, expected, tied, str(net))
    for name, tensor in tensors.items():
        if tuple(tensor.shape) != expected[name]:
            raise GenError(
                f"{net} has {name} of shape {tuple(tensor.shape)}, {base} expects {expected[name]}; "
                "give the base folder that it was trained from."
            )
    for name, first in tied.items():
        if name in tensors and first in tensors and not tensors[name].equal(tensors[first]):
            raise GenError(
                f"{net} has {name} unlike {first}, which {base} ties; set tie_word_embeddings to false there."
            )
    kept = {name: tensor.clone() for name, tensor in tensors.items() if name not in tied or tied[name] not in tensors}
    write_checkpoint(out, config, kept, base)


def read_state_dict(net: Path) -> dict[str, Tensor]:
    """The tensors of a `torch.save(model.state_dict(), net)` file, read without running code from it."""
    import pickle
    import struct

    import torch

    try:
        found = torch.load(net, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise GenError(
            f"{net} is no plain state dict but a pickled model (or damaged), which could run code when read; "
            "save its tensors where it was trained, with `torch.save(model.state_dict(), 'net.pt')`, and convert that."
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, LookupError, TypeError, AttributeError, struct.error) as error:
        raise GenError(f"{net} is damaged or no torch.save file ({error}); save it again.") from error
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
    if not isinstance(found, dict) or not found or not all(isinstance(item, torch.Tensor) for item in found.values()):
        raise GenError(f"{net} holds no state dict; save one with `torch.save(model.state_dict(), 'net.pt')`.")
    return {str(name): tensor for name, tensor in found.items()}


def fit_names(
    found: Mapping[str, Tensor], expected: Collection[str], tied: Mapping[str, str], where: str
) -> dict[str, Tensor]:
    """`found` under the expected names: the prefix under which most names fit is taken off or put on.

    `tied` maps each name that may be absent to the one it equals. Raises GenError if names are left over or lacking.
    """
    known = set(expected)
    best: dict[str, Tensor] = dict(found)
    for strip in _strips(found):
        for add in ("", *WRAPPERS):
            named = {add + name.removeprefix(strip): tensor for name, tensor in found.items() if name.startswith(strip)}
            if len(known & set(named)) > len(known & set(best)):
                # Names outside the prefix are kept as they are, so that they are reported, never dropped.
                best = named | {name: tensor for name, tensor in found.items() if not name.startswith(strip)}
    tensors = {name: tensor for name, tensor in best.items() if name in known or not _is_buffer(name)}
    optional = {name for name, first in tied.items() if name in tensors or first in tensors}
    check_names(set(tensors) | optional, known, where)
    return tensors


def _strips(names: Collection[str]) -> set[str]:
    """Every beginning, up to a dot, of a name: what a wrapper may have put in front."""
    found = {""}
    for name in names:
        parts = name.split(".")
        found.update(".".join(parts[:count]) + "." for count in range(1, min(len(parts), 5)))
    return found


def _is_buffer(name: str) -> bool:
    """Whether `name` is a constant that older versions saved with the weights, not a trained tensor."""
    return name.endswith((".attn.bias", ".attn.masked_bias", "position_ids", "rotary_emb.inv_freq", "attention.bias"))


def _expected(base: Path, config: Mapping[str, Any]) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """The shape of each tensor of the architecture, and which may be absent because another is its twin."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        settings = AutoConfig.for_model(**config)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(settings, trust_remote_code=False)
    except (ValueError, KeyError, TypeError) as error:
        raise GenError(f"{base} describes no causal language model ({error}); give another base folder.") from error
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    tied: dict[str, str] = dict(model.all_tied_weights_keys)
    return shapes, tied
