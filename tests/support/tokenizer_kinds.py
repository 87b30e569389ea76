"""Tokenizers of the kinds that people use, built in memory, and the judge of what their tokens print."""

import re
from itertools import groupby, pairwise

from tokenizers import (
    AddedToken,
    ByteLevelBPETokenizer,
    CharBPETokenizer,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)

from gen_engine.models.printing import is_chinese
from gen_engine.text import split_utf8

WRITTEN = ["白日依山尽，黄河入海流。", "the moonlight isn't (so) bright, is it?", "El Niño: déjà vu — “naïve” 3/4!"] * 9
SPECIALS = ["<unk>", "<s>", "</s>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
PIECES = ["▁", "▁the", "▁moon", "light", "▁白日", "依", "山", ".", ",", "'", "s", "\n", "é", "▁▁x▁", "<0xG1>", "</w>"]
WORDS = ["the", "moon", "白", "日", "，", "“", "(", ")", ".", ",", "!", "'", "n't", "'s", "##light", "##日", "##", "#"]
WORDS += ["▁", "▁moon", "do", "not", "カ", "한국", "é", "A", "…", "。", "##.", "x##y", "Ｂ"]


def ids_of(names):
    """Names numbered, each once."""
    return {name: i for i, name in enumerate(dict.fromkeys(names))}


def byte_level():
    """GPT-2, Qwen2: a byte for each sign; added tokens are spelt literally, or look like such signs (é)."""
    made = ByteLevelBPETokenizer()
    made.train_from_iterator(WRITTEN, vocab_size=330, show_progress=False)
    made = Tokenizer.from_str(made.to_str())
    made.add_tokens([AddedToken("<tool>", normalized=False), "é", "白 日", AddedToken("  ", lstrip=True, rstrip=True)])
    made.add_special_tokens(["<|endoftext|>", "<|im_end|>"])
    return made


def byte_fallback(*added, decoder):
    """SentencePiece's BPE: ▁ for a space, <0x0A> for a byte."""
    made = Tokenizer(models.BPE(ids_of([*SPECIALS, *BYTES, *PIECES]), [], unk_token="<unk>", byte_fallback=True))
    made.add_special_tokens(SPECIALS)
    made.add_tokens([AddedToken(name, normalized=False) for name in added])
    made.normalizer, made.decoder = normalizers.Replace(" ", "▁"), decoder
    return made


def llama():
    parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    return byte_fallback(decoder=decoders.Sequence(parts))


def gemma():
    """Runs of spaces and line breaks are added tokens."""
    parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    runs = ["▁" * count for count in range(2, 6)]
    return byte_fallback(*runs, "\n\n", "<b>", "a▁b", decoder=decoders.Sequence(parts))


def metaspace(scheme, decoder_scheme):
    """T5: unigrams, and a space before the text or not."""
    pieces = [(name, -1.0 - i / 9) for i, name in enumerate(ids_of([*SPECIALS, *PIECES]))]
    made = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=False))
    made.add_special_tokens(SPECIALS)
    made.add_tokens(["▁▁▁", "<b>"])
    made.pre_tokenizer = pre_tokenizers.Metaspace("▁", scheme)
    made.decoder = decoders.Metaspace("▁", decoder_scheme)
    return made


def word_piece(*, lowercase=False, prefix="##", cleanup=True):
    names = ["[UNK]", "[CLS]", "[SEP]", *(word.replace("##", prefix) for word in WORDS)]
    made = Tokenizer(models.WordPiece(ids_of(names), unk_token="[UNK]", continuing_subword_prefix=prefix))
    made.add_special_tokens(["[UNK]", "[CLS]", "[SEP]"])
    made.add_tokens(["##added", "added ."])
    made.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    made.pre_tokenizer, made.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece(prefix, cleanup)
    return made


def word_level():
    """Words, joined by spaces for want of a decoder."""
    made = Tokenizer(models.WordLevel(ids_of(["[UNK]", *WORDS, "\n"]), unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.add_special_tokens(["[UNK]"])
    return made


def word_ends():
    """GPT: `</w>` ends a word."""
    names = ["<unk>", "the</w>", "moon", "moon</w>", "light</w>", "白</w>", "日", "</w>", ".</w>", "Ġx"]
    made = Tokenizer(models.BPE(ids_of(names), [], unk_token="<unk>", end_of_word_suffix="</w>"))
    made.add_special_tokens(["<unk>"])
    made.add_tokens(["<b>", "new</w>"])
    made.pre_tokenizer, made.decoder = pre_tokenizers.BertPreTokenizer(), decoders.BPEDecoder("</w>")
    return made


def char_bpe():
    made = CharBPETokenizer()
    made.train_from_iterator(WRITTEN, vocab_size=150, show_progress=False)
    return Tokenizer.from_str(made.to_str())


def characters():
    """This project's own: one token for each character."""
    names = ids_of(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"白日，。“—…\n ab▁Ġ2"])
    made = Tokenizer(models.WordLevel(names, unk_token="[UNK]"))
    made.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    made.decoder = decoders.Fuse()
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 2)])
    return made


def odd():
    """Decoders that nobody combines so: a pattern, a strip of every token, and marks."""
    parts = [decoders.Replace(Regex("[xs]+"), "z"), decoders.Strip("▁", 1, 0), decoders.Metaspace("▁", "never")]
    return byte_fallback("▁▁", decoder=decoders.Sequence(parts))


def fused(decoder):
    """A decoder that sees the whole text as its first and last token."""
    return byte_fallback("▁▁", decoder=decoders.Sequence([decoders.Fuse(), decoder]))


KINDS = {
    "byte level": byte_level,
    "llama": llama,
    "gemma": gemma,
    "t5": lambda: metaspace("always", "always"),
    "metaspace first": lambda: metaspace("first", "first"),
    "metaspace never": lambda: metaspace("never", "never"),
    "word pieces": word_piece,
    "word pieces uncased": lambda: word_piece(lowercase=True, cleanup=False),
    "word pieces of another prefix": lambda: word_piece(prefix="@@"),
    "words": word_level,
    "word ends": word_ends,
    "char bpe": char_bpe,
    "characters": characters,
    "odd": odd,
    "fused marks": lambda: fused(decoders.Metaspace("▁", "always")),
    "fused spaces": lambda: fused(decoders.Metaspace("▁", "never")),
    "fused ends": lambda: fused(decoders.BPEDecoder("</w>")),
    "fused pieces": lambda: fused(decoders.WordPiece("##", cleanup=True)),
}
"""Functions that build a tokenizer of the library, by name."""


def is_otherwise_first(name):
    """Whether a token of this spelling prints more or less at the beginning of a text than a space."""
    return name.startswith(("##", "@@")) or "▁" in name.lstrip("▁")


def comparable(text):
    """A text bar what may differ: outer spaces, those before Chinese writing, and how many U+FFFD stand in a row."""
    text = re.sub("\ufffd+", "\ufffd", text.strip(" "))
    pairs = pairwise([*text, ""])
    return "".join(char for char, after in pairs if char != " " or not (after and is_chinese(after, ambiguous=True)))


def printed(vocabulary, ids):
    """The text of these tokens. A run of byte tokens that is no UTF-8 is one U+FFFD, as ByteFallback writes it."""
    found = b""
    for is_byte, run in groupby(ids, lambda i: vocabulary.names[i] in BYTES):
        data = b"".join(vocabulary.surfaces[i] for i in run)
        found += data if not is_byte or split_utf8(data) == (data.decode(errors="ignore"), b"") else b"\xff"
    return found.decode(errors="replace")
