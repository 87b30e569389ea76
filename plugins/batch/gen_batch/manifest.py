"""The manifest beside an output: what its lines depend on. A run goes on only if all of that is as it was.

It is written before the lines that it covers, in one step. So there is never a line whose request no manifest knows.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from gen_engine import __version__
from gen_engine.errors import GenError, brief
from gen_engine.hooks.registry import registry
from gen_engine.system.bounds import read_settings
from gen_engine.system.underway import doing

from .files.beside import replace_synced
from .files.reading import Covered
from .plan import Plan

FORMAT = 1
FREELY = ("rows", "threads", "patience", "texts", "length")
"""What of a plan changes no text: how fast it is carried out, and which requests are refused."""

OPEN = "auto"
"""The device in manifests of earlier versions, and of clusters, whose machines are not asked."""

FRESH = "give --fresh to begin anew, or name another output"


@dataclass(frozen=True)
class Manifest:
    """What the lines of an output depend on: weights by the names of models, options, versions of the engine and the
    plugins; and the requests that were read so far.
    """

    models: Mapping[str, str]
    options: Mapping[str, Any]
    plugins: Mapping[str, str]
    input: Covered = field(default_factory=Covered)

    def hash(self) -> str:
        """The SHA-256 of all that."""
        return sha256(json.dumps(asdict(self)).encode()).hexdigest()


def manifest_of(plan: Plan, shape: str, *, is_here: bool = True) -> Manifest:
    """The manifest of a plan, before anything is read. `is_here` says that this machine computes: then its device is
    told, and not just what was asked for. Raises GenError if there is no model, or no device, of a name.
    """
    options = {name: value for name, value in asdict(plan).items() if name not in (*FREELY, "models")}
    options["device"] = _device(plan.device) if is_here else plan.device
    versions = {each.distribution or each.name: each.version for each in registry().plugins if not each.error}
    return Manifest(_weights(plan), {**options, "format": shape}, {**versions, "gen-engine": __version__})


def _device(asked: str) -> str:
    """The device that computes. torch is imported only where that is in question."""
    from gen_engine.models.device import choose_device, named_device

    name = named_device(asked)
    return name if name == "cpu" else str(choose_device(name))


def _weights(plan: Plan) -> dict[str, str]:
    """The hash of each model's weights and settings."""
    from gen_engine.models.hashes import weights_hash
    from gen_engine.sources import weights_folders

    found = {}
    for name in plan.models:
        with doing(f"reading the weights of {name}"):
            found[name] = weights_hash(*weights_folders(name))
    return found


def write(manifest: Manifest, path: Path) -> None:
    """Write a manifest in one step. It is on the disk afterwards."""
    told = {"format": FORMAT, **asdict(manifest), "python": platform.python_version(), "sha256": manifest.hash()}
    aside = path.with_name(path.name + ".tmp")
    try:
        aside.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        replace_synced(aside, path)
    except OSError as problem:
        raise GenError(
            f"{path} cannot be written ({problem.strerror}); make room, and run the same command again."
        ) from problem


def read(path: Path) -> Manifest | None:
    """The manifest of an output; None if there is none. Raises GenError if it is damaged."""
    if not path.exists():
        return None
    try:
        told = json.loads(read_settings(path))
        found = Manifest(told["models"], told["options"], told["plugins"], Covered(**told["input"]))
        if told["format"] == FORMAT and told["sha256"] == found.hash():
            return found
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        pass
    raise GenError(f"{path} is damaged, or of another version; {FRESH}.")


def refuse_changes(then: Manifest, now: Manifest) -> None:
    """Raise GenError if lines of `now` would depend on something else than those of `then`. The input is not looked
    at.
    """
    if found := list(_changes(then, now)):
        raise GenError(f"The lines that are there were written otherwise: {'; '.join(found)}. Undo that, or {FRESH}.")


def continued(then: Manifest, now: Manifest) -> Manifest:
    """The manifest of a run that goes on: the input that was read, and the device if only the earlier run knew it."""
    device = now.options["device"]
    known = then.options["device"] if device == OPEN else device
    return replace(now, input=then.input, options={**now.options, "device": known})


def _is_same_device(then: Any, now: Any) -> bool:
    """Whether two manifests may mean one device. Those of earlier versions name it as it was typed."""
    return OPEN in (then, now) or then == now or (then == "cuda" and str(now).startswith("cuda:"))


def _changes(then: Manifest, now: Manifest) -> Iterator[str]:
    if list(then.models) != list(now.models):
        yield f"the models were {_listed(then.models)} and are {_listed(now.models)}"
    for name in sorted(then.models.keys() & now.models.keys()):
        if then.models[name] != now.models[name]:
            yield f"the weights of {brief(name)} have changed"
    for kind, before, after in (("--", then.options, now.options), ("", then.plugins, now.plugins)):
        for name in sorted(before.keys() | after.keys()):
            if kind and name == "device" and _is_same_device(before.get(name), after.get(name)):
                continue
            if before.get(name) != after.get(name):
                was, is_now = (brief(each.get(name, "not there")) for each in (before, after))
                yield f"{kind}{name} was {was} and is {is_now}"


def _listed(names: Mapping[str, str]) -> str:
    return ", ".join(map(brief, names))


def refuse_changed_input(then: Covered, now: Covered, name: str) -> None:
    """Raise GenError unless the input still begins with the requests that were read."""
    if now.count < then.count:
        raise GenError(
            f"{name} had at least {then.count:,} requests, and has {now.count:,} now; restore it, or {FRESH}."
        )
    if now.sha256 != then.sha256:
        raise GenError(
            f"{name} has changed within its first {then.count:,} requests, which were read already (more at its end "
            f"would be fine); restore it, or {FRESH}."
        )
