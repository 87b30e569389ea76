"""Models to start from by name: those of `gen models`, folders, and the hub."""

from __future__ import annotations

import os

from gen_engine.hooks.registry import registry
from gen_engine.models.added import folder_of


def model_source(name: str) -> str:
    """The folder of a model of `gen models`; any other name stays as it is: a folder, or a name on the hub."""
    if name in registry().models or (":" in name and not os.path.exists(name)):
        return str(registry().find("model", name).value.folder)
    return name if os.path.exists(name) else str(folder_of(name) or name)
