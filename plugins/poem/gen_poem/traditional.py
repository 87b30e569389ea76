"""Simplified characters to traditional ones and back, by words (头发 頭髮, 发现 發現), with OpenCC."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from gen_engine.errors import GenError

if TYPE_CHECKING:
    from collections.abc import Callable


def to_traditional(text: str) -> str:
    """The text in traditional characters, as many as before; which one is chosen goes by the words around."""
    return _each_line("s2t", text)


def to_simplified(text: str) -> str:
    """The text in simplified characters, as many as before."""
    return _each_line("t2s", text)


def _each_line(way: str, text: str) -> str:
    return _converter(way)(text)


@cache
def _converter(way: str) -> Callable[[str], str]:
    try:
        from opencc import OpenCC
    except ImportError as problem:
        raise GenError("Traditional characters need the package opencc; `pip install opencc`.") from problem
    convert: Callable[[str], str] = OpenCC(way).convert
    return convert
