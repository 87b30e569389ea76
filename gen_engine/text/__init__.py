"""What tokens print: the vocabulary, sets of characters and of tokens, and alternative spellings of a character.

Constraints and models share `vocabulary`, and `char_sets`: classes and sets of characters. `token_sets` and `sparse`
hold sets of the vocabulary's tokens. `token_arrays` describes what tokens print as arrays, which `array_files` keeps on
disk for large vocabularies. `spellings` maps 東 to 东.
"""

from .char_sets import (
    EVERY_CHAR,
    HAN_RANGES,
    NO_CHAR,
    CharSet,
    Ranges,
    char_test,
    class_ranges,
    is_han,
    is_punctuation,
)
from .vocabulary import Vocabulary, in_a_row, split_utf8

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
