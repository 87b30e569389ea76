"""The punctuation of verse: what ends a line, pauses within one, or stands beside its characters, in any width."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from gen_engine.text import is_punctuation

PRINTED: Mapping[str, frozenset[str]] = {
    "，": frozenset("，,"),
    "。": frozenset("。."),
    "、": frozenset("、､，,"),
}
"""The marks of patterns, and what is printed for each by one vocabulary or another. Where a pause is wanted a comma
passes, since many models write no 、."""

PUT_IN = {"、": "，"}
"""What is put into a prompt for a mark, if not the mark itself: models of verse know no 、, and it passes for one."""

LINE_ENDS = frozenset("，。！？；,.!?;｡")
"""What ends a line, in full width and in half."""

STOPS = LINE_ENDS - frozenset("，,")
"""What ends a sentence."""

SHORT_PAUSES = frozenset("、､﹑")
"""What may stand for a short pause (读) or be missing there."""

PAUSES = LINE_ENDS | frozenset("：:…⋯﹐﹒﹔﹕﹖﹗/／|｜")
"""What ends a line of a text that people typed, whichever of them it is; so does a line break."""

BESIDE = frozenset("“”‘’「」『』（）()【】[]《》〈〉\"'·—～-")
"""What such a text may have beside its characters."""

PASSED = BESIDE | frozenset("、､：:…–・~ \t\r\n\u3000")
"""What stands beside the characters of a line without being one of them."""

BETWEEN = LINE_ENDS | PASSED
"""All that is no character of a line."""

BLANKS = frozenset("□_＿○")
"""What stands in a template for any Chinese character."""

LOST = BLANKS | frozenset("■●*＊")
"""What people write where a character is lost or left out."""

UNFINISHED = ("，", "、", ",")
"""What no poem ends in."""

FULL_WIDTH = {ord(each): mark for mark in "，。" for each in PRINTED[mark]}


def full_width(text: str) -> str:
    """The text with its commas and full stops in full width."""
    return text.translate(FULL_WIDTH)


def break_lines(text: str) -> str:
    """The same, with a line break after each of them."""
    return full_width(text).replace("，", "，\n").replace("。", "。\n")


def without_end_marks(line: str) -> str:
    """A line without spaces and without the marks that end it."""
    return "".join(line.split()).rstrip("".join(LINE_ENDS))


def widths(char: str) -> frozenset[str]:
    """A mark in full and in half width; any other character alone."""
    if not is_punctuation(char):
        return frozenset(char)
    narrow = {"。": ".", "｡": "."}.get(char, unicodedata.normalize("NFKC", char))
    if len(narrow) != 1:
        return frozenset(char)
    wide = chr(ord(narrow) + 0xFEE0) if "!" <= narrow <= "~" else narrow
    more = "。｡．" if narrow == "." else "､" if narrow == "、" else ""
    return frozenset((char, narrow, wide, *more))
