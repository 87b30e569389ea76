"""Import paths that version 0.3 documented for plugins. They work for one more version, with a DeprecationWarning."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec

TYPE_CHECKING = False  # imported with gen_engine, and typing is slow to import
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Any

MOVED = {
    "gen_engine.fonts": "gen_engine.system.fonts",
    "gen_engine.hookspecs": "gen_engine.hooks.hookspecs",
    "gen_engine.languages": "gen_engine.cli.languages",
    "gen_engine.later": "gen_engine.hooks.lazy",
    "gen_engine.options": "gen_engine.cli.options",
    "gen_engine.output": "gen_engine.cli.output",
    "gen_engine.plugins": "gen_engine.hooks.registry",
    "gen_engine.promises": "gen_engine.proving.lifting.promises",
    "gen_engine.screen": "gen_engine.system.screen",
    "gen_engine.shaping": "gen_engine.shapers.shaping",
    "gen_engine.tables": "gen_engine.system.tables",
    "gen_engine.textfiles": "gen_engine.system.text_files",
    "gen_engine.tokensets": "gen_engine.text.token_sets",
    "gen_engine.underway": "gen_engine.system.underway",
}

RENAMED = {"gen_engine.hooks.lazy": {"Later": "LazyCommand", "Lazy": "LazyMapping"}}


class MovedModule:
    """Loads a module under its old name; every name in it comes from the new module."""

    def __init__(self, new: str) -> None:
        self.new = new

    def create_module(self, spec: ModuleSpec) -> None:
        """A module as any other."""

    def exec_module(self, module: ModuleType) -> None:
        """Warn, and let the module ask the new one for every name."""
        import warnings
        from importlib import import_module

        warnings.warn(f"{module.__name__} is {self.new} now; import that.", DeprecationWarning, stacklevel=2)
        found, renamed = import_module(self.new), RENAMED.get(self.new, {})

        def look_up(name: str) -> Any:
            return getattr(found, renamed.get(name, name))

        vars(module)["__getattr__"] = look_up


class MovedFinder:
    """Finds the modules in `MOVED`. It is asked last, only for modules that nobody else has."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The spec of a module under an old name, None for any other."""
        return ModuleSpec(name, MovedModule(MOVED[name])) if name in MOVED else None  # type: ignore[arg-type]


def install() -> None:
    """Make the old paths importable."""
    sys.meta_path.append(MovedFinder)
