"""The punctuation of verse, in any width: marks that end a line, pause within one, or accompany its characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from gen_engine.text import is_punctuation

PRINTED: Mapping[str, frozenset[str]] = {
    "，": frozenset("，,"),
    "。": frozenset("。."),
    "、": frozenset("、､，,"),
}
"""The marks of patterns, and the signs that vocabularies have for each. A comma passes where a pause is wanted, since
many models write no 、."""

PUT_IN = {"、": "，"}
"""What is inserted into a prompt for a mark, if not the mark itself: models of verse know no 、, so a comma stands for
it."""

LINE_ENDS = frozenset("，。！？；,.!?;｡")
"""What ends a line, in full width and in half."""

STOPS = LINE_ENDS - frozenset("，,")
"""What ends a sentence."""

SHORT_PAUSES = frozenset("、､﹑")
"""Marks of a short pause (读), where they may also be missing."""

PAUSES = LINE_ENDS | frozenset("：:…⋯﹐﹒﹔﹕﹖﹗/／|｜")
"""Marks that end a line of a text that people typed; a line break does so too."""

BESIDE = frozenset("“”‘’「」『』（）()【】[]《》〈〉\"'·—～-")
"""What such a text may have besides its characters."""

PASSED = BESIDE | frozenset("、､：:…–・~ \t\r\n\u3000")
"""Signs in a line that do not count as characters."""

BETWEEN = LINE_ENDS | PASSED
"""All signs that are not characters of a line."""

BLANKS = frozenset("□_＿○")
"""Signs for any Chinese character in a template."""

LOST = BLANKS | frozenset("■●*＊")
"""Signs that people write where a character is lost or left out."""

UNFINISHED = ("，", "、", ",")
"""Marks in which no poem ends."""

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
