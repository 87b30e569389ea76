"""Simplified characters to traditional ones and back, by words (头发 頭髮, 发现 發現), with OpenCC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gen_engine.text.spellings import converted

if TYPE_CHECKING:
    from collections.abc import Mapping


MODERN: Mapping[str, tuple[str, str]] = {
    "征": ("徵", "象征 特征 征兆 征召 征聘 征求 征辟 应征"),
    "干": ("幹", "才干 树干 枝干 主干 躯干 干练 骨干 根干 柱干"),
    "斗": ("鬥", "战斗 争斗 斗争 斗鸡 斗草 相斗 斗艳 斗百草 斗茶 百斗 搏斗 械斗 打斗"),
}
"""OpenCC's choice for a lone 征, 干 or 斗 is right in the words given here, and wrong almost everywhere else in
verse."""


def to_traditional(text: str) -> str:
    """The text in traditional characters, of the same length; the choice depends on the words around."""
    full = converted("s2t", text)
    for char, (modern, words) in MODERN.items():
        if modern in full and modern not in text:
            full = "".join(
                char if text[i] == char and each == modern and not _within(text, i, words) else each
                for i, each in enumerate(full)
            )
    return full


def to_simplified(text: str) -> str:
    """The text in simplified characters, of the same length."""
    return converted("t2s", text)


def _within(text: str, position: int, words: str) -> bool:
    """Whether the character at that place is part of one of the words."""
    near = text[max(0, position - 2) : position + 3]
    return any(word in near and text[position] in word for word in words.split())
