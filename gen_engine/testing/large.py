"""A made-up vocabulary as large as those of real models: Chinese characters and words, Latin pieces, bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count, islice
from random import Random

from ..text.vocabulary import Vocabulary

SIZE = 262_144
SPECIALS = ("<pad>", "<eos>", "<bos>", "<unk>")
SHARE = 0.23
"""The share of tokens that are words of Chinese characters."""

MARKS = "，。、；：？！“”‘’（）《》—…·"


def large_vocabulary(size: int = SIZE) -> Vocabulary:
    """A vocabulary of `size` tokens with byte fallback, always the same one.

    It has some special tokens, a token per byte, and all common Chinese characters. It also has Chinese words of two to
    four characters, and pieces of Latin words with and without a leading ▁.
    """
    names = [*SPECIALS, *(f"<0x{byte:02X}>" for byte in range(256))]
    surfaces = [*[b""] * len(SPECIALS), *(bytes([byte]) for byte in range(256))]
    chars = [*map(chr, range(0x20, 0x7F)), *MARKS, *map(chr, range(0x4E00, 0xA000))][: max(0, size // 2)]
    words = dict.fromkeys(islice(_different(_han_words(Random(1))), int(size * SHARE)))
    rest = _different(_latin_words(Random(2)))
    texts = [*chars, *words]
    texts += islice((text for text in rest if len(text) > 1), size - len(names) - len(texts))
    return Vocabulary(
        surfaces=(*surfaces, *(text.encode() for text in texts)),
        names=(*names, *(text.replace(" ", "▁") for text in texts)),
        specials=frozenset(range(len(SPECIALS))),
        unk=SPECIALS.index("<unk>"),
        end=SPECIALS.index("<eos>"),
    )


def _different(words: Iterable[str]) -> Iterable[str]:
    seen: set[str] = set()
    for word in words:
        if word not in seen:
            seen.add(word)
            yield word


def _han_words(chance: Random) -> Iterable[str]:
    """Words of common characters (those of GB 2312's first level); more common ones occur more often."""
    common = [bytes([0xB0 + i // 94, 0xA1 + i % 94]).decode("gb2312") for i in range(3755)]
    draw: Callable[[], float] = chance.random
    for _ in count():
        length = (2, 2, 2, 3, 4)[int(5 * draw())]
        yield "".join([common[int(3755 * draw() ** 2)] for _ in range(length)])


def _latin_words(chance: Random) -> Iterable[str]:
    """Pieces of words; every second one begins a word."""
    syllables = [a + b + c for a in "etaoinshrdlcmfpgwybvk" for b in "eaoiu" for c in ("", "n", "r", "s", "t", "l")]
    draw: Callable[[], float] = chance.random
    for number in count():
        parts = [syllables[int(len(syllables) * draw() ** 2)] for _ in range((1, 2, 2, 3, 3, 4)[int(6 * draw())])]
        yield " " * (number % 2) + "".join(parts)
