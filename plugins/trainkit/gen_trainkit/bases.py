"""Models to start from by name: those of `gen models`, folders, and the hub."""

from __future__ import annotations

from pathlib import Path

from gen_engine.hooks.registry import registry


def model_source(name: str) -> str:
    """The folder of a model of `gen models`; any other name stays as it is: a folder, or a name on the hub."""
    if name in registry().models or (":" in name and not Path(name).exists()):
        return str(registry().find("model", name).value.folder)
    return name
