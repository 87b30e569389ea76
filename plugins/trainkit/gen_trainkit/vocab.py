"""Vocabularies of one token a character, built from the texts themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers


def character_tokenizer(
    texts: Sequence[str], specials: Sequence[str], *, unknown: str, size: int | None = None, min_count: int = 1
) -> Tokenizer:
    """A tokenizer of `specials`, in order, then the characters of `texts` from frequent to rare; no frame is added.

    `size` (specials included) and `min_count` leave the rarest characters out; they become `unknown`.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    ranked = sorted((char for char, count in counts.items() if count >= min_count), key=lambda c: (-counts[c], c))
    kept = ranked[: size - len(specials)] if size else ranked
    vocabulary = {token: index for index, token in enumerate((*specials, *kept))}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token=unknown))
    core.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    core.decoder = decoders.Fuse()
    core.add_special_tokens(list(specials))
    return core
