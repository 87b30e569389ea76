"""State dicts saved by other programs: read without running code, renamed, and listed in groups."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import GenError, brief, quoted
from ..system.text_files import ZIP, what_binary
from ..system.underway import doing
from .checkpoint import read_safetensors, read_shards

if TYPE_CHECKING:
    from torch import Tensor

KEYS = ("state_dict", "model_state_dict", "model")
"""Where a training checkpoint usually keeps the state dict of the model."""

GROUPS = 6
"""How many groups of names are listed."""

OLD_NORM = re.compile(r"(norm\w*)\.(gamma|beta)$", re.IGNORECASE)
PICKLED = b"\x80"
NUMBER = re.compile(r"\.\d+(?=\.|$)")


# ------------------------------------------------------------------------------------------------------ reading


@doing("reading the tensors")
def read_state_dict(net: Path) -> dict[str, Tensor]:
    """The tensors of a `torch.save(model.state_dict(), net)` file, read without running code from it.

    Also read: a training checkpoint that holds one state dict, safetensors, and the index of shards of either.
    """
    if net.exists() and not net.is_file():
        raise GenError(f"{net} is a pipe, a device or a folder, no file; name the file of a state dict.")
    if net.name.endswith(".index.json"):
        return read_shards(net, read_state_dict)
    if net.suffix == ".safetensors":
        return read_safetensors(net)
    found = _state_dict_in(_unpickle(net))
    if found is None:
        raise GenError(f"{net} holds no state dict; save one with `torch.save(model.state_dict(), 'net.pt')`.")
    return {name: tensor.detach() for name, tensor in found.items()}


def _unpickle(net: Path) -> Any:
    import pickle
    import struct

    import torch

    _refuse_others(net)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the pickle's protocol, and about TorchScript archives
            return torch.load(net, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise GenError(
            f"{net} is no plain state dict but a pickled object (or damaged), which could run code when read; "
            "save its tensors where it was trained, with `torch.save(model.state_dict(), 'net.pt')`, and convert that."
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, LookupError, TypeError, AttributeError, struct.error) as error:
        why = str(error).strip().split("\n")[0][:100]
        if "TorchScript" in why:
            why = "it is a TorchScript archive"
        raise GenError(
            f"{net} is damaged or no torch.save file ({why}); save it again, with "
            "`torch.save(model.state_dict(), 'net.pt')`."
        ) from error


def _refuse_others(net: Path) -> None:
    """Raise GenError if the first bytes show that this is no `torch.save` file."""
    with net.open("rb") as file:
        head = file.read(512)
    if head.startswith(b"version https://git-lfs"):
        raise GenError(f"{net} is not the file but where Git LFS keeps it; fetch it with `git lfs pull`.")
    if not head:
        raise GenError(f"{net} is empty; fetch or save it again.")
    what = "" if head.startswith((PICKLED, ZIP)) else what_binary(head)
    if head.startswith(ZIP) and zipfile.is_zipfile(net):
        with zipfile.ZipFile(net) as archive:
            what = "" if any(name.endswith("data.pkl") for name in archive.namelist()) else "a zip archive"
    elif head.decode("utf-8", "ignore").replace("\n", " ").isprintable():
        what = "a file of text"
    if what:
        raise GenError(
            f"{net} is {what}, no file of tensors; give what `torch.save(model.state_dict(), 'net.pt')` wrote, or "
            "safetensors."
        )


def _state_dict_in(found: Any) -> Mapping[str, Tensor] | None:
    """`found` if it is a state dict, or the one in it. Of several, the one with the usual name."""
    if _is_state_dict(found) or not isinstance(found, dict):
        return found if _is_state_dict(found) else None
    inner = [key for key, value in found.items() if _is_state_dict(value)]
    named = [key for key in KEYS if key in inner] or (inner if len(inner) == 1 else [])
    return found[named[0]] if named else None


def _is_state_dict(found: Any) -> bool:
    import torch

    return (
        isinstance(found, dict)
        and bool(found)
        and all(isinstance(name, str) and isinstance(item, torch.Tensor) for name, item in found.items())
    )


# -------------------------------------------------------------------------------------------------------- names


def modern_names(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`found` with TensorFlow's gamma and beta of normalisations renamed to weight and bias."""
    new = {"gamma": "weight", "beta": "bias"}
    return {OLD_NORM.sub(lambda m: f"{m[1]}.{new[m[2].lower()]}", name): tensor for name, tensor in found.items()}


def without_shared_prefix(found: Mapping[str, Tensor], wrappers: Sequence[str]) -> dict[str, Tensor]:
    """`found` without any of the `wrappers` ("module.") that begin all of its names."""
    tensors = dict(found)
    while shared := next((wrap for wrap in wrappers if all(name.startswith(wrap) for name in tensors)), None):
        tensors = {name.removeprefix(shared): tensor for name, tensor in tensors.items()}
    return tensors


def renamed(found: Mapping[str, Tensor], rules: Sequence[str], where: str) -> dict[str, Tensor]:
    """`found` renamed by `rules`, each `OLD=NEW`, one after the other.

    OLD is a run of whole parts anywhere in a dotted name, such as `att.out_proj`. `*` in OLD matches any one part, and
    in NEW stands for the same part. An empty NEW removes the parts. Raises GenError for a rule that matches no name, or
    gives two tensors one name.
    """
    tensors = dict(found)
    for rule in rules:
        old, equals, new = (part.strip() for part in rule.partition("="))
        if not old or not equals or new.count("*") > old.count("*"):
            raise GenError(f"{quoted(rule)} is no OLD=NEW of names; write it as in `--rename bert_pretrained=bert`.")
        pattern = _pattern(old)
        if not any(pattern.search(name) for name in tensors):
            raise GenError(
                f"--rename {brief(rule)} fits no name of {where}, which has {grouped(tensors)}; check its spelling."
            )
        names = {name: _replaced(name, pattern, new) for name in tensors}
        twice = [name for name, count in Counter(names.values()).items() if count > 1]
        if twice or "" in names.values():
            raise GenError(
                f"--rename {brief(rule)} leaves several tensors as {quoted(twice[0] if twice else 'nothing')}; "
                "narrow it."
            )
        tensors = {names[name]: tensor for name, tensor in tensors.items()}
    return tensors


def left_out(found: Mapping[str, Tensor], parts: Sequence[str], where: str) -> dict[str, Tensor]:
    """`found` without the tensors whose names contain one of `parts`, written like OLD of `renamed`."""
    tensors = dict(found)
    for part in parts:
        kept = {name: tensor for name, tensor in tensors.items() if not _pattern(part).search(name)}
        if len(kept) == len(tensors):
            raise GenError(
                f"--leave-out {brief(part)} fits no name of {where}, which has {grouped(tensors)}; check it."
            )
        tensors = kept
    return tensors


def _pattern(parts: str) -> re.Pattern[str]:
    inner = r"\.".join("([^.]+)" if part == "*" else re.escape(part) for part in parts.strip(".").split("."))
    return re.compile(rf"(?:^|(?<=\.)){inner}(?=\.|$)")


def _replaced(name: str, pattern: re.Pattern[str], new: str) -> str:
    """`name` with the first match of `pattern` replaced by `new`, whose stars stand for those of the pattern."""
    found = pattern.search(name)
    if found is None:
        return name
    stars = iter(found.groups())
    middle = ".".join(next(stars) if part == "*" else part for part in new.strip(".").split("."))
    return ".".join(
        part for part in (name[: found.start()].rstrip("."), middle, name[found.end() :].lstrip(".")) if part
    )


def grouped(names: Iterable[str]) -> str:
    """`names` in a few words: what stands before a layer's number, or the first parts, and how many there are."""
    counts: Counter[str] = Counter()
    single: dict[str, str] = {}
    for name in names:
        number = NUMBER.search(name)
        stem = name[: number.start()] if number else ".".join(name.split(".")[:-1][:2])
        counts[stem] += 1
        single[stem] = name
    words = [
        single[stem] if count == 1 else f"{stem}{'.' * bool(stem)}* ({count} tensors)" for stem, count in counts.items()
    ]
    more = f" and {len(words) - GROUPS} more groups" if len(words) > GROUPS else ""
    return ", ".join(words[:GROUPS]) + more
