"""GGUF files: turned into plain model folders by transformers, and those kept in the user's cache folder."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import GenError, brief
from ..system.underway import doing
from ..text.array_files import cache_folder
from .architectures import quiet
from .checkpoint import CONFIG, INDEX, WEIGHTS, written_whole
from .sizes import memory

SUFFIX = ".gguf"

MAGIC = b"GGUF"
"""The first bytes of a file."""

FORMAT = 1
"""The version of what is kept: folders of another version are made anew."""

MOST = 4
"""How many folders are kept, the most recently used ones. They may have gigabytes."""

LEFT = 3600
"""After so many seconds, what a killed process left half written is removed."""

LOOKED_AT = 1 << 20
"""How many bytes at either end of a file tell it from others of its size and time."""

SIZES = "sizes.json"
"""The file in a kept folder that says how large the others are."""

MISREAD = (OSError, ValueError, LookupError, TypeError, RuntimeError, AttributeError, struct.error)
"""What transformers and gguf raise for files that are damaged, or of a kind that they do not know."""

NEEDED = ("gguf", "accelerate")
INSTALL = "pip install 'gen-engine[gguf]'"


@dataclass(frozen=True, eq=False)
class _Read:
    """What a file holds, as objects of transformers."""

    model: Any
    tokenizer: Any


def gguf_in(path: Path) -> Path | None:
    """The GGUF file that `path` is, or that a folder without other weights holds; None if there is none.

    Raises GenError for a folder with several: one of them is to be named.
    """
    if path.suffix == SUFFIX and path.is_file():
        return path
    if not path.is_dir() or (path / WEIGHTS).exists() or (path / INDEX).exists():
        return None
    found = sorted(each for each in path.iterdir() if each.suffix == SUFFIX and each.is_file())
    if len(found) > 1:
        names = ", ".join(brief(each.name) for each in found[:4]) + (" ..." if len(found) > 4 else "")
        raise GenError(f"{path} holds {len(found)} GGUF files ({names}); name one of them.")
    return found[0] if found else None


def kept_folder(file: Path) -> Path:
    """A plain model folder of a GGUF file: from the cache, or made now and kept there.

    It is made again if the file changes. If the cache cannot be written, it lasts as long as this process. Raises
    GenError as `convert_gguf` does.
    """
    kept = cache_folder() / f"gguf-{FORMAT}-{_key(file)}"
    if _is_whole(kept):
        with suppress(OSError):
            os.utime(kept)
        return kept
    found = _read(file)
    with suppress(OSError, GenError):  # no room, no permission, or another process was faster: just not kept
        shutil.rmtree(kept, ignore_errors=True)
        _write(found, kept, SIZES)
        _prune(kept.parent)
    return kept if _is_whole(kept) else _for_now(found, file)


def convert_gguf(file: Path, out: Path) -> None:
    """Write a GGUF file as a plain model folder in bfloat16, with its tokenizer and chat template.

    Raises GenError if the packages that it takes are not installed, the file is damaged, of a kind that transformers
    does not read, or `out` exists or cannot be written.
    """
    found = _read(file)
    try:
        _write(found, out)
    except OSError as error:
        raise GenError(f"{out} cannot be written ({error.strerror or error}); make room, or name another.") from error


def _key(file: Path) -> str:
    """A hash of the file's size, time, beginning and end: the weights between are not read for it."""
    told = os.stat(file)
    found = blake2b(f"{told.st_size} {told.st_mtime_ns}".encode(), digest_size=16)
    with file.open("rb") as opened:
        head = opened.read(LOOKED_AT)
        found.update(head)
        opened.seek(max(len(head), told.st_size - LOOKED_AT))
        found.update(opened.read(LOOKED_AT))
    return found.hexdigest()


def _read(file: Path) -> _Read:
    """The model and tokenizer of a file. No code in it is run."""
    _check(file)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging

    options: dict[str, Any] = {"gguf_file": file.name, "local_files_only": True, "trust_remote_code": False}
    logging.disable_progress_bar()
    try:
        with quiet(), _without_bar(), doing(f"unpacking {file.name}, once"):
            tokenizer = AutoTokenizer.from_pretrained(str(file.parent), **options)
            model, info = AutoModelForCausalLM.from_pretrained(
                str(file.parent),
                quantization_config=GgufConfig(dequantize=True),
                dtype=torch.bfloat16,
                output_loading_info=True,
                **options,
            )
    except ImportError as error:
        reason = str(error).strip().split("\n")[0]
        raise GenError(f"{file} takes another package ({reason}); install it: {INSTALL}.") from error
    except (*MISREAD, MemoryError) as error:
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise GenError(
            f"{file} cannot be read as a language model ({reason}); fetch it again, or give the folder of the same "
            "model as safetensors."
        ) from error
    if lacking := sorted(info["missing_keys"]):
        raise GenError(f"{file} lacks {', '.join(lacking[:3])}; fetch it again, or name a file with the whole model.")
    return _Read(model, tokenizer)


@contextmanager
def _without_bar() -> Iterator[None]:
    """Inside, transformers draws no bar for the tensors of a GGUF file: this one heeds none of its settings."""
    import transformers.modeling_gguf_pytorch_utils as reading

    bar = reading.tqdm
    reading.tqdm = lambda tensors, desc: tensors
    try:
        yield
    finally:
        reading.tqdm = bar


def _check(file: Path) -> None:
    """Raise GenError for a file that is no GGUF or does not fit into memory, and for packages that are missing."""
    with file.open("rb") as opened:
        if opened.read(len(MAGIC)) != MAGIC:
            raise GenError(f"{file} is no GGUF file, though it is called so; fetch it again.")
    size, room = file.stat().st_size, memory()
    if room is not None and size > room:
        raise GenError(f"{file} has {size / 1e9:,.0f} GB, and this machine {room / 1e9:,.0f}; choose a smaller model.")
    missing = [name for name in NEEDED if sys.modules.get(name) is None and find_spec(name) is None]
    if missing:
        raise GenError(f"{file} is a GGUF file, which takes {' and '.join(missing)}; install it: {INSTALL}.")


def _write(found: _Read, out: Path, listing: str | None = None) -> None:
    """Write a plain folder, whole or not at all, with a file `listing` that says how large the others are.

    Raises OSError where it cannot be written, GenError where it exists.
    """
    from safetensors import SafetensorError

    with written_whole(out) as aside:
        try:
            with quiet():
                found.model.save_pretrained(aside)
                found.tokenizer.save_pretrained(aside)
        except SafetensorError as error:  # what the library raises for a full disk
            raise OSError(str(error)) from error
        if listing is not None:
            sizes = {path.name: path.stat().st_size for path in aside.iterdir()}
            (aside / listing).write_text(json.dumps(sizes), encoding="utf-8")


def _is_whole(folder: Path) -> bool:
    """Whether a kept folder is as it was written."""
    try:
        sizes = json.loads((folder / SIZES).read_text(encoding="utf-8"))
        return CONFIG in sizes and all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, TypeError, AttributeError):
        return False


def _for_now(found: _Read, file: Path) -> Path:
    """A plain folder that is removed when this process ends."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="gen-gguf-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        _write(found, folder / "model")
    except OSError as error:
        why = error.strerror or error
        raise GenError(f"There is no room to unpack {file} ({why}); make room, or set GEN_CACHE.") from error
    return folder / "model"


def _prune(cache: Path) -> None:
    """Remove the least recently used folders, down to `MOST`, and what was left half written."""
    with suppress(OSError):
        whole = sorted(cache.glob("gguf-*"), key=lambda path: path.stat().st_mtime_ns)
        old = [path for path in cache.glob(".gguf-*") if time.time() - path.stat().st_mtime > LEFT]
        for path in (*whole[: max(0, len(whole) - MOST)], *old):
            shutil.rmtree(path, ignore_errors=True)
