"""The public test kit: tiny exact models, hypothesis strategies, and laws that one line each checks.

`check_constraint`, `check_shaper`, `check_decoder` and `check_model` raise an AssertionError. It names the broken law
in words, with the smallest example. `strategies` makes vocabularies, prompts, logits, chains and tiny models.
Everything is imported when first used. `pip install 'gen-engine[test]'` installs what it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import strategies
    from .conformance import check_constraint, check_decoder, check_model, check_shaper
    from .models import TableModel, table_model, tiny_vocabulary

PLACES = {
    "check_constraint": "conformance",
    "check_decoder": "conformance",
    "check_model": "conformance",
    "check_shaper": "conformance",
    "TableModel": "models",
    "table_model": "models",
    "tiny_vocabulary": "models",
}

__all__ = [
    "TableModel",
    "check_constraint",
    "check_decoder",
    "check_model",
    "check_shaper",
    "strategies",
    "table_model",
    "tiny_vocabulary",
]


def __getattr__(name: str) -> Any:
    """Public names are imported when first used, so that the pytest plugin loads at once and needs no hypothesis."""
    if name == "strategies":
        return import_module(f"{__name__}.strategies")
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{PLACES[name]}"), name)
