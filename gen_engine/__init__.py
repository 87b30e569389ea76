"""gen-engine: text generation in which every output obeys every hard constraint.

`load` makes an engine around a model; `Request` is one text that somebody wants. What authors of plugins need is
named here, too: `hookimpl`, the classes of `types`, and `GenError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import ConflictError, GenError, UndecidedError
from .hookspecs import hookimpl
from .types import Completion, Piece, Request, ShippedModel, Step

if TYPE_CHECKING:
    from .engine import Engine, load

__version__ = "0.4.0"
__all__ = [
    "Completion",
    "ConflictError",
    "Engine",
    "GenError",
    "Piece",
    "Request",
    "ShippedModel",
    "Step",
    "UndecidedError",
    "hookimpl",
    "load",
]


def __getattr__(name: str) -> Any:
    """`Engine` and `load` arrive when first used, so that importing the package stays quick."""
    if name in ("Engine", "load"):
        from . import engine

        return getattr(engine, name)
    raise AttributeError(f"module 'gen_engine' has no attribute {name!r}")
