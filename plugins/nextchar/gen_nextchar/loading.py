"""Which runner computes a next-character model: int8 by the compiled step, or torch. Neither is imported before."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from gen_engine.compiled.library import library

if TYPE_CHECKING:
    from gen_engine.types import LanguageModel


def why_int8(dtype: str) -> str | None:
    """Why a model of this `dtype` option is computed in int8; None if torch computes it."""
    if dtype == "int8":
        return "asked for"
    chosen = library() if dtype == "auto" else None
    return None if chosen is None else f"the compiled step computes it with {chosen.kernel}"


def load(folder: Path, head: str, *, name: str, dtype: str, fast: bool) -> LanguageModel:
    """The model in `folder`, whose head is that of the package `head` here. Raises GenError as its runner does."""
    reason = why_int8(dtype)
    if reason is not None:
        from gen_nextchar.int8 import load_int8

        model: LanguageModel = load_int8(
            folder, import_module(f"gen_nextchar.{head}.int8").KIND, name=name, reason=reason
        )
        return model
    from gen_nextchar.runner import load_nextchar

    return load_nextchar(folder, import_module(f"gen_nextchar.{head}.head").KIND, name=name, dtype=dtype, fast=fast)
