"""What tokens print: the vocabulary, sets of characters and of tokens, and how a character is spelt.

`vocabulary` is what constraints and models share; `token_sets` and `sparse` are sets of its tokens; `token_arrays`
holds the same of large vocabularies as arrays, which `array_files` keeps on disk; `spellings` is about 東 and 东.
"""

from .vocabulary import (
    EVERY_CHAR,
    HAN_RANGES,
    NO_CHAR,
    CharSet,
    Ranges,
    Vocabulary,
    char_test,
    class_ranges,
    in_a_row,
    is_han,
    is_punctuation,
    split_utf8,
)

__all__ = [
    "EVERY_CHAR",
    "HAN_RANGES",
    "NO_CHAR",
    "CharSet",
    "Ranges",
    "Vocabulary",
    "char_test",
    "class_ranges",
    "in_a_row",
    "is_han",
    "is_punctuation",
    "split_utf8",
]
