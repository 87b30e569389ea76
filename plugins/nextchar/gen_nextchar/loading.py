"""Which runner computes a next-character model: int8 by the compiled step, or torch, which is imported only then."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gen_engine.types import LanguageModel


def load(folder: Path, head: str, *, name: str, dtype: str, fast: bool) -> LanguageModel:
    """The model in `folder`, whose head is that of the package `head` here. Raises GenError as its runner does."""
    why = ""
    if dtype in ("auto", "int8"):
        from gen_engine.models.int8 import int8_reason, takes_int8
        from gen_nextchar.int8 import load_int8

        model: Any = load_int8(folder, _kind(head, "int8"), name=name, dtype=dtype)
        if takes_int8(dtype, model.loss):
            found: LanguageModel = model
            return found
        why = int8_reason(dtype, model.loss)
    from gen_nextchar.runner import load_nextchar

    return load_nextchar(folder, _kind(head, "head"), name=name, dtype=dtype, fast=fast, why=why)


def _kind(head: str, module: str) -> Any:
    return import_module(f"gen_nextchar.{head}.{module}").KIND
