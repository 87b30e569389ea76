"""Tokenizers of a BERT made from scratch: one token per character, or the WordPieces of a vocab.txt."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

from transformers import BertTokenizer, PreTrainedTokenizerBase

from gen_engine.errors import GenError, quoted
from gen_trainkit.reading import read_file
from gen_trainkit.vocab import BERT_SPECIALS

MOST = 1_000_000
"""The most tokens of a vocabulary."""


def read_tokenizer(vocab_file: Path, *, positions: int, lower_case: bool) -> BertTokenizer:
    """BERT's own tokenizer over the tokens of `vocab_file`, one per line, packed or not.

    Raises GenError if a token occurs twice or one of the five special tokens is missing.
    """
    tokens = list(islice(read_file(vocab_file), MOST + 1))
    if len(tokens) > MOST:
        raise GenError(f"{vocab_file} has more than {MOST:,} lines. Give a vocabulary with one token a line.")
    while tokens and not tokens[-1]:
        tokens.pop()
    twice = [token for token, count in Counter(tokens).items() if count > 1]
    if twice:
        raise GenError(f"{vocab_file} has the token {quoted(twice[0])} twice. Give a vocabulary with one token a line.")
    lacking = [token for token in BERT_SPECIALS if token not in tokens]
    if lacking:
        raise GenError(f"{vocab_file} lacks {', '.join(lacking)}. Add the special tokens of BERT, one a line.")
    vocabulary = {token: index for index, token in enumerate(tokens)}
    return BertTokenizer(vocabulary, do_lower_case=lower_case, model_max_length=positions)


def write_vocabulary(tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write vocab.txt, one token per line, for programs that want it; not if a token is itself a line break."""
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    if not any("\n" in token or "\r" in token for token in tokens):
        (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in tokens), encoding="utf-8")
