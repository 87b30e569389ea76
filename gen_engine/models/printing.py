"""What each token of a tokenizer prints, read from the decoder in its `tokenizer.json`.

A decoder of the library `tokenizers` turns the tokens of a text into strings and joins them. Here each of its parts is
applied to every token of the vocabulary, as it is applied inside a text. At the beginning and the end of a text some
decoders strip a space, so texts may differ from `decode` by those.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from ..errors import GenError, quoted
from ..text.char_sets import is_han

Part = Mapping[str, Any]
"""A decoder, as `tokenizer.json` writes it."""

BYTE = re.compile(rb"<0x[0-9A-Fa-f]{2}>")

FUSING = ("Fuse", "ByteLevel")
"""Decoders that make one string of all tokens; what comes after them sees the whole text."""


def print_tokens(decoder: Part | None, names: Sequence[str]) -> list[bytes]:
    """The bytes that each token prints inside a text. Raises GenError for a decoder of another kind.

    Without a decoder, tokens are words, which spaces join. Before a Chinese character no space is printed.
    """
    found = [name.encode() for name in names]
    if decoder is None:
        spaced = spacing(names, "")
        return [_behind_space(piece, spaced(name)) for piece, name in zip(found, names, strict=True)]
    fused = False
    for part in flattened(decoder):
        apply = DECODERS.get(part["type"])
        if apply is None:
            raise GenError(
                f"The tokenizer's decoder {quoted(part['type'])} is not known here; give the tokenizer of a language "
                "model, whose tokens print the same wherever they stand."
            )
        found = apply(part, found, fused)
        fused = fused or part["type"] in FUSING
    return found


def flattened(part: Part | None) -> Iterable[Part]:
    """A part of a tokenizer, or those that it is a sequence of."""
    if part is None:
        return
    if part["type"] != "Sequence":
        yield part
    for inner in [*part.get("pretokenizers", ()), *part.get("decoders", ())]:
        yield from flattened(inner)


# ---------------------------------------------------------------------------------------------------- the decoders


def _byte_level(part: Part, tokens: Sequence[bytes], fused: bool) -> list[bytes]:
    return list(map(_unspelt, tokens))


@cache
def _byte_table() -> dict[int, str]:
    """For `str.translate`: GPT-2's stand-ins for bytes (`bytes_to_unicode` in its encoder.py) to Latin-1."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in printable]
    return dict.fromkeys(rest, "\uffff") | {256 + i: chr(byte) for i, byte in enumerate(rest)}


def _unspelt(token: bytes) -> bytes:
    try:
        return token.decode().translate(_byte_table()).encode("latin-1")
    except UnicodeError:
        return token  # an added token, spelt literally


def _byte_fallback(part: Part, tokens: Sequence[bytes], fused: bool) -> list[bytes]:
    if fused:
        return list(tokens)
    return [bytes.fromhex(token[3:5].decode()) if BYTE.fullmatch(token) else token for token in tokens]


def _metaspace(part: Part, tokens: Sequence[bytes], fused: bool) -> list[bytes]:
    # The first string loses its marks; after Fuse the whole text is the first string.
    space = b"" if fused and part.get("prepend_scheme", "always") != "never" else b" "
    mark = part["replacement"].encode()
    return [token.replace(mark, space) for token in tokens]


def _replace(part: Part, tokens: Sequence[bytes], fused: bool) -> list[bytes]:
    if "String" in part["pattern"]:
        old, new = part["pattern"]["String"].encode(), part["content"].encode()
        return [token.replace(old, new) for token in tokens] if old else list(tokens)
    from tokenizers import Regex, decoders

    replace = decoders.Replace(Regex(part["pattern"]["Regex"]), part["content"])
    return [_on_text(lambda text: replace.decode([text]), token) for token in tokens]


def _on_text(change: Callable[[str], str], token: bytes) -> bytes:
    try:
        return change(token.decode()).encode()
    except UnicodeDecodeError:
        return token  # a part of a character


def _fuse(part: Part, tokens: Sequence[bytes], fused: bool) -> list[bytes]:
    return list(tokens)


def _strip(part: Part, tokens: Sequence[bytes], fused: bool) -> list[bytes]:
    if fused:  # the beginning and the end of a text
        return list(tokens)
    char = part["content"].encode()
    return [_stripped(token, char, part["start"], part["stop"]) for token in tokens]


def _stripped(token: bytes, char: bytes, start: int, stop: int) -> bytes:
    for _ in range(start):
        token = token.removeprefix(char)
    for _ in range(stop):
        token = token.removesuffix(char)
    return token


def _word_pieces(part: Part, tokens: Sequence[bytes], fused: bool) -> list[bytes]:
    prefix = part["prefix"]
    texts = [token.decode(errors="surrogateescape") for token in tokens]
    spaced = spacing(texts, prefix)
    found = list(tokens)
    if not fused:
        found = [
            token.removeprefix(prefix.encode()) if text.startswith(prefix) else _behind_space(token, spaced(text))
            for token, text in zip(tokens, texts, strict=True)
        ]
    return list(map(_cleaned, found)) if part.get("cleanup", True) else found


CLEANED = [(b" .", b"."), (b" ?", b"?"), (b" !", b"!"), (b" ,", b","), (b" ' ", b"'"), (b" n't", b"n't"),
           (b" 'm", b"'m"), (b" do not", b" don't"), (b" 's", b"'s"), (b" 've", b"'ve"), (b" 're", b"'re")]  # fmt: skip
"""What a WordPiece decoder with `cleanup` writes otherwise, in this order (`wordpiece.rs` of tokenizers)."""


def _cleaned(token: bytes) -> bytes:
    if b" " in token:
        for old, new in CLEANED:
            token = token.replace(old, new)
    return token


def _suffixed(part: Part, tokens: Sequence[bytes], fused: bool) -> list[bytes]:
    # The last string's suffix prints nothing; after Fuse the whole text is the last string.
    suffix, space = part["suffix"].encode(), b"" if fused else b" "
    return [token.replace(suffix, space) for token in tokens] if suffix else list(tokens)


DECODERS: dict[str, Callable[[Part, Sequence[bytes], bool], list[bytes]]] = {
    "BPEDecoder": _suffixed,
    "ByteFallback": _byte_fallback,
    "ByteLevel": _byte_level,
    "Fuse": _fuse,
    "Metaspace": _metaspace,
    "Replace": _replace,
    "Strip": _strip,
    "WordPiece": _word_pieces,
}
"""The decoders of `tokenizers`, by the names in `tokenizer.json`; CTC, for speech, joins tokens that are alike."""


# ----------------------------------------------------------------------------------------------------- the spaces


def spacing(names: Iterable[str], prefix: str) -> Callable[[str], bool]:
    """Whether words begin with a space, by their first character: all but those that begin in Chinese writing.

    Marks that Chinese shares with other scripts (“ … ·) belong to the writing of most words in the vocabulary, as
    Unicode's annex 11 advises for characters of ambiguous width.
    """
    firsts = [name[0] for name in names if name and not (prefix and name.startswith(prefix)) and name[0].isalpha()]
    chinese = sum(map(is_han, firsts)) * 2 > len(firsts)
    return lambda word: not (word and is_chinese(word[0], ambiguous=chinese))


def is_chinese(char: str, *, ambiguous: bool = False) -> bool:
    """Whether Chinese sets `char` without spaces: its characters, its punctuation, full-width forms.

    `ambiguous` says whether signs of ambiguous width count, too.
    """
    width, category = unicodedata.east_asian_width(char), unicodedata.category(char)
    if is_han(char) or width == "F":  # U+3000 included
        return True
    if width == "W":
        return category[0] == "P" or 0x3000 <= ord(char) <= 0x303F
    return ambiguous and width == "A" and category[0] != "L"


def _behind_space(token: bytes, spaced: bool) -> bytes:
    return b" " + token if spaced else token
