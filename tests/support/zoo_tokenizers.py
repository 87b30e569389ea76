"""Small tokenizers of every kind that real models have, trained on a few lines. Only the library `tokenizers` is used.

Each function makes one kind: its normaliser, pre-tokeniser, decoder, special and added tokens are those of the family.
"""

from __future__ import annotations

import json

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

VERSE = """白日依山尽，黄河入海流。欲穷千里目，更上一层楼。
床前明月光，疑是地上霜。举头望明月，低头思故乡。
春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。
千山鸟飞绝，万径人踪灭。孤舟蓑笠翁，独钓寒江雪。
红豆生南国，春来发几枝。愿君多采撷，此物最相思。
空山不见人，但闻人语响。返景入深林，复照青苔上。
松下问童子，言师采药去。只在此山中，云深不知处。
离离原上草，一岁一枯荣。野火烧不尽，春风吹又生。""".split("\n")

PROSE = """Tiger, tiger, burning bright in the forests of the night.
What immortal hand or eye could frame thy fearful symmetry?
Shall I compare thee to a summer's day? Thou art more lovely and more temperate.
Rough winds do shake the darling buds of May, and summer's lease hath all too short a date.
I wandered lonely as a cloud that floats on high o'er vales and hills,
when all at once I saw a crowd, a host, of golden daffodils;
beside the lake, beneath the trees, fluttering and dancing in the breeze.
The year's at the spring, and day's at the morn; morning's at seven (1841)!
Don't count the hours: 10, 20, 30... they are not yours, and it isn't late.""".split("\n")

LINES = [*VERSE, *PROSE, *VERSE]

WORDS = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""How byte-level tokenizers of the newer families split a text."""


def _special(tokenizer, *names):
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
    return tokenizer


def _begins(tokenizer, name):
    """Every text is read after the token `name`."""
    special = [(name, tokenizer.token_to_id(name))]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{name} $A", special_tokens=special)
    return tokenizer


# ------------------------------------------------------------------------------------------------- byte level


def byte_level(specials, merges=110, *, first=(), prefix_space=False, split=False, runs=()):
    """BPE over bytes: GPT-2's table of letters for bytes, `first` ones of the vocabulary, `specials` after the others.

    `runs` are added tokens that are spelt with spaces, as GPT-NeoX has them.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    if split:
        parts = [pre_tokenizers.Split(Regex(WORDS), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
        tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.NFC(), pre_tokenizers.Sequence(parts)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=256 + len(first) + merges,
        special_tokens=list(first),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(LINES, trainer)
    tokenizer.add_tokens([AddedToken(run, normalized=True, special=False) for run in runs])
    return _special(tokenizer, *specials)


def qwen():
    return byte_level(["<|endoftext|>", "<|im_start|>", "<|im_end|>"], split=True)


def llama3():
    ends = ["<|begin_of_text|>", "<|end_of_text|>", "<|eom_id|>", "<|eot_id|>"]
    return _begins(byte_level(ends, 100, split=True), ends[0])


def neox():
    runs = [" " * count for count in (5, 4, 3, 2)]
    return byte_level([], first=["<|endoftext|>", "<|padding|>"], split=True, runs=runs)


def code():
    """CodeGen's and Phi's: the end token follows the bytes, then runs of blanks and tabs."""
    return byte_level(["<|endoftext|>"], 90, runs=["   ", "  ", "\t\t"])


def opt():
    return _begins(byte_level([], 100, first=["<s>", "<pad>", "</s>", "<unk>"]), "</s>")


def roberta():
    tokenizer = byte_level(["<mask>"], 80, first=["<s>", "<pad>", "</s>", "<unk>"])
    ends = [(name, tokenizer.token_to_id(name)) for name in ("</s>", "<s>")]
    tokenizer.post_processor = processors.RobertaProcessing(*ends, add_prefix_space=False)
    return tokenizer


def bloom():
    return byte_level([], 120, first=["<unk>", "<s>", "</s>", "<pad>"], split=True)


# ----------------------------------------------------------------------------------------------- SentencePiece


def byte_fallback(specials, pieces, *, prepend=True, metaspace=False, runs=False):
    """BPE of SentencePiece: `specials`, the 256 bytes, then `pieces` trained pieces, with ▁ for a space.

    Rare characters have no piece and are spelt in bytes. With `runs`, ▁▁, ▁▁▁ and ▁▁▁▁ are pieces, too.
    """
    raw = Tokenizer(models.BPE(unk_token="<unk>"))
    raw.normalizer = normalizers.Replace(" ", "▁")
    raw.pre_tokenizer = pre_tokenizers.Split(Regex("▁?[^▁，。]+"), "isolated")
    trainer = trainers.BpeTrainer(vocab_size=pieces, limit_alphabet=64, initial_alphabet=["▁"], show_progress=False)
    raw.train_from_iterator([f" {line}" for line in LINES], trainer)
    trained = sorted(raw.get_vocab().items(), key=lambda item: item[1])
    names = [*specials, *(f"<0x{byte:02X}>" for byte in range(256)), *(name for name, _ in trained)]
    merges = [("▁", "▁"), ("▁▁", "▁"), ("▁▁", "▁▁")] if runs else []
    names += ["".join(pair) for pair in merges]
    vocab = {name: i for i, name in enumerate(names)}
    model = models.BPE(vocab, [*merges, *_merges(raw)], unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(model)
    replace = normalizers.Replace(" ", "▁")
    shown = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    if metaspace:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    else:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), replace]) if prepend else replace
    if prepend or metaspace:
        shown.append(decoders.Strip(" ", 1, 0))
    tokenizer.decoder = decoders.Sequence(shown)
    return _special(tokenizer, *specials)


def _merges(tokenizer):
    """The merges of a trained BPE, as pairs."""
    found = json.loads(tokenizer.to_str())["model"]["merges"]
    return [tuple(pair) if isinstance(pair, list) else tuple(pair.split(" ")) for pair in found]


def llama():
    return _begins(byte_fallback(["<unk>", "<s>", "</s>"], 120), "<s>")


def mistral():
    return _begins(byte_fallback(["<unk>", "<s>", "</s>", "[INST]", "[/INST]"], 120, metaspace=True), "<s>")


def gemma():
    """Runs of ▁ and of line breaks are added tokens that are not special; some names are left unused."""
    specials = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    tokenizer = byte_fallback(specials, 120, prepend=False, runs=True)
    added = ["\n\n", "\n", "▁▁", "▁▁▁", "▁▁▁▁", "<b>", "<unused0>"]
    tokenizer.add_tokens([AddedToken(name, normalized=False, special=False) for name in added])
    return _begins(_special(tokenizer, "<start_of_turn>", "<end_of_turn>"), "<bos>")


def unigram():
    """T5's: pieces with probabilities, ▁ before each word, unfamiliar characters unknown, sentinels at the end."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    first = ["<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=260, special_tokens=first, unk_token="<unk>", show_progress=False, max_piece_length=8
    )
    tokenizer.train_from_iterator(LINES, trainer)
    _special(tokenizer, *first, *(f"<extra_id_{i}>" for i in (2, 1, 0)))
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return tokenizer


# ------------------------------------------------------------------------------------------ words and characters


def word_piece(*, lower, pieces=300, han_twins=False):
    """BERT's. With `han_twins` each Chinese character has a ## twin, which no text is read as."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower, handle_chinese_chars=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    first = ["[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=pieces, special_tokens=first, show_progress=False)
    tokenizer.train_from_iterator(LINES, trainer)
    if han_twins:
        names = sorted(tokenizer.get_vocab(), key=tokenizer.token_to_id)
        names += [f"##{name}" for name in names if len(name) == 1 and name > "㐀" and f"##{name}" not in names][:40]
        tokenizer.model = models.WordPiece({name: i for i, name in enumerate(names)}, unk_token="[UNK]")
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    special = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=special)
    return _special(tokenizer, *(name for name in first if name != "[unused1]"))


def bert_cased():
    return word_piece(lower=False)


def bert_chinese():
    return word_piece(lower=True, pieces=240, han_twins=True)


def characters():
    """WordLevel over single characters, joined without spaces, as own character models have it."""
    found = sorted(set("".join(LINES)) | {"\n"})
    names = ["[PAD]", "[UNK]", "[EOS]", *found]
    tokenizer = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    return _special(tokenizer, "[PAD]", "[UNK]", "[EOS]")


def words():
    """WordLevel over words, without a decoder: all tokens are joined by spaces."""
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    first = ["<unk>", "<s>", "</s>"]
    trainer = trainers.WordLevelTrainer(vocab_size=170, special_tokens=first, show_progress=False)
    tokenizer.train_from_iterator(LINES, trainer)
    return _special(tokenizer, *first)


def word_ends():
    """The first GPT's: BPE whose words end in </w>, lower case."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, handle_chinese_chars=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.BPEDecoder(suffix="</w>")
    trainer = trainers.BpeTrainer(
        vocab_size=330, special_tokens=["<unk>"], end_of_word_suffix="</w>", show_progress=False
    )
    tokenizer.train_from_iterator(LINES, trainer)
    return _special(tokenizer, "<unk>")
