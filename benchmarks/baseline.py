"""The recorded figures: what is compared with them, and which ratios fell."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from .measure import Figure

BASELINE = Path(__file__).parent / "baseline.json"
FALLEN = 0.15
"""A ratio that fell by a larger share than this is named."""

PACKAGES = ("gen-engine", "torch", "transformers", "tokenizers", "numpy", "ctranslate2")


def machine() -> dict[str, Any]:
    """What a figure depends on: processor, caches, versions. No names, no places."""
    from .beside.floor import last_cache

    return {
        "processor": platform.machine(),
        "instructions": instructions(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "last_cache": last_cache(),
        "python": platform.python_version(),
        **{package: _version(package) for package in PACKAGES},
    }


def instructions() -> list[str]:
    """The sets of instructions that the processor has, as torch names them."""
    known = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return sorted(name for name, has in known.items() if has is True)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def read_baseline(path: Path = BASELINE) -> dict[str, Any]:
    """What was recorded, empty if nothing was."""
    if not path.is_file():
        return {"machine": {}, "figures": []}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def record(figures: Sequence[Figure]) -> dict[str, Any]:
    """Figures and machine, ready for JSON."""
    return {"machine": machine(), "figures": [{**asdict(figure), "ratio": figure.ratio} for figure in figures]}


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """What is recorded: the new figures, and of the old ones those that were not measured again, on such a machine."""
    names = {figure["name"] for figure in new["figures"]}
    kept = [figure for figure in old["figures"] if figure["name"] not in names]
    return {**new, "figures": [*new["figures"], *kept] if old["machine"] == new["machine"] else new["figures"]}


def fallen(figures: Sequence[Figure], recorded: Mapping[str, Any]) -> list[tuple[Figure, float]]:
    """The figures whose ratio to the peer fell, with the recorded ratio. Times alone are not compared."""
    ratios = {each["name"]: each["ratio"] for each in recorded["figures"] if each.get("ratio") is not None}
    pairs = [(figure, ratios[figure.name]) for figure in figures if figure.ratio is not None and figure.name in ratios]
    return [(figure, before) for figure, before in pairs if (figure.ratio or 0) < (1 - FALLEN) * before]


def differs(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What of the machine and the versions is another than at the record."""
    return [key for key, value in now.items() if recorded["machine"].get(key) != value]
