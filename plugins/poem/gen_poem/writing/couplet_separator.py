"""Which mark a model writes between the lines of a couplet; a model trained on another mark answers badly after ，."""

from __future__ import annotations

from gen_engine.compiled.arithmetic import as_array, powers
from gen_engine.compiled.drawing import log_softmax
from gen_engine.text import Vocabulary, is_han
from gen_engine.types import LanguageModel

from ..verse.marks import widths

LIKELY, BEYOND = 0.2, 10.0
"""How likely another separator must be, and how many times as likely as the mark, for the model to count as writing
it."""


def other_separator(model: LanguageModel, line: str, mark: str = "，") -> str:
    """What the model writes after the first `line` instead of `mark`, in words; "" if it does write the mark."""
    tokens = model.tokenizer.encode(line).tokens
    vocabulary = model.tokenizer.vocabulary
    shares = powers(log_softmax(as_array(model.feed(model.open(1), [-1], [0], [tokens])))[0])
    marks = [token for char in widths(mark) for token in vocabulary.carriers.get(char, ())]
    top, wanted = int(shares.argmax()), float(shares[marks].sum())
    text = vocabulary.texts[top] or ""
    if is_han(text[:1] or " ") or float(shares[top]) < max(LIKELY, BEYOND * wanted):
        return ""
    return f"{_told(vocabulary, top, text)} ({shares[top]:.0%}) rather than {mark} ({wanted:.1%})"


def _told(vocabulary: Vocabulary, token: int, text: str) -> str:
    if token == vocabulary.end:
        return "the end of the text"
    if token in vocabulary.specials:
        return vocabulary.names[token]
    return {" ": "a space", "\n": "a line break", "\t": "a tab"}.get(text, repr(text))
