"""gen-engine: text generation in which every output obeys every hard constraint.

`load` makes an engine around a model. `Request` asks for one text, and `Chat` is what a chat model answers. What
authors of plugins need is here, too: `hookimpl`, the classes of `types`, and `GenError`.
"""

from __future__ import annotations

from .hooks import moved

TYPE_CHECKING = False  # `gen` hears Ctrl-C only once this is imported, and typing is slow to import
if TYPE_CHECKING:
    from typing import Any

    from .engine import Engine, load
    from .errors import BusyError, ConflictError, GenError, PluginError, UndecidedError
    from .hooks.hookspecs import hookimpl
    from .text.chats import Chat
    from .types import Completion, Piece, Request, ShippedModel, Step

__version__ = "0.4.0"
__all__ = [
    "BusyError",
    "Chat",
    "Completion",
    "ConflictError",
    "Engine",
    "GenError",
    "Piece",
    "PluginError",
    "Request",
    "ShippedModel",
    "Step",
    "UndecidedError",
    "hookimpl",
    "load",
]

moved.install()

_PLACES = {
    "engine": ("Engine", "load"),
    "errors": ("BusyError", "ConflictError", "GenError", "PluginError", "UndecidedError"),
    "hooks.hookspecs": ("hookimpl",),
    "text.chats": ("Chat",),
    "types": ("Completion", "Piece", "Request", "ShippedModel", "Step"),
}


def __getattr__(name: str) -> Any:
    """Every name is imported when first used."""
    from importlib import import_module

    module = next((module for module, names in _PLACES.items() if name in names), None)
    if module is None:
        raise AttributeError(f"module 'gen_engine' has no attribute {name!r}")
    return getattr(import_module(f".{module}", __name__), name)
