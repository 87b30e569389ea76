"""Vocabularies with one token per character, built from the texts themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from gen_engine.system.underway import doing

PAD, UNK, CLS, SEP, MASK = BERT_SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


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


@doing("making the vocabulary")
def bert_tokenizer(
    texts: Sequence[str], *, size: int | None, min_count: int, positions: int
) -> PreTrainedTokenizerFast:
    """A tokenizer of the characters of `texts`, framed as for BERT: [CLS] a [SEP], and [CLS] a [SEP] b [SEP]."""
    core = character_tokenizer(texts, BERT_SPECIALS, unknown=UNK, size=size, min_count=min_count)
    core.post_processor = processors.TemplateProcessing(
        single=f"{CLS}:0 $A:0 {SEP}:0",
        pair=f"{CLS}:0 $A:0 {SEP}:0 $B:1 {SEP}:1",
        special_tokens=[(CLS, core.token_to_id(CLS)), (SEP, core.token_to_id(SEP))],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        model_max_length=positions,
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        pad_token=PAD,
        unk_token=UNK,
        cls_token=CLS,
        sep_token=SEP,
        mask_token=MASK,
    )
