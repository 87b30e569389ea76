"""Vocabularies built from the texts themselves: one token per character, or byte-level BPE."""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from gen_engine.errors import GenError, quoted
from gen_engine.system.underway import doing
from gen_gpt2.data_texts import CONTEXT_END
from gen_trainkit.vocab import character_tokenizer

PAD, UNK, CLS, SEP = SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")

MOST = 1_000_000
"""The largest BPE vocabulary."""


@doing("making the vocabulary")
def build_tokenizer(
    texts: Sequence[str], vocab: str, *, size: int | None, min_count: int, positions: int
) -> PreTrainedTokenizerFast:
    """A tokenizer whose prompts read [CLS] ...; `vocab` is "chars" or "bpe:N".

    For characters, `size` and `min_count` leave out the rarest. They become [UNK], which is never a training target.
    Raises GenError for any other `vocab`.
    """
    texts = [text.replace(CONTEXT_END, "") for text in texts]
    if vocab == "chars":
        core = character_tokenizer(texts, SPECIALS, unknown=UNK, size=size, min_count=min_count)
    elif vocab.startswith("bpe:") and vocab[4:].isdecimal():
        core = _bpe_tokenizer(texts, int(vocab[4:]))
    else:
        raise GenError(
            f"There is no vocabulary {quoted(vocab)}. Give --vocab chars, or --vocab bpe:N with a number of tokens."
        )
    core.post_processor = processors.TemplateProcessing(
        single=f"{CLS} $A",  # no [SEP]: whoever encodes a prompt wants it continued, and the trainer adds the end
        pair=f"{CLS} $A {SEP} $B",
        special_tokens=[(CLS, core.token_to_id(CLS)), (SEP, core.token_to_id(SEP))],
    )
    roles = {"pad_token": PAD, "unk_token": UNK, "cls_token": CLS, "sep_token": SEP, "bos_token": CLS, "eos_token": SEP}
    return PreTrainedTokenizerFast(
        tokenizer_object=core, model_max_length=positions, clean_up_tokenization_spaces=False, **roles
    )


def _bpe_tokenizer(texts: Sequence[str], size: int) -> Tokenizer:
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    if size < len(alphabet) + len(SPECIALS):
        raise GenError(
            f"bpe:{size} is too small to hold every byte. Give at least bpe:{len(alphabet) + len(SPECIALS)}."
        )
    if size > MOST:  # the library makes room for all of them first, and where there is none ends the process
        raise GenError(f"bpe:{size} is more than any text fills. Give at most bpe:{MOST}.")
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(SPECIALS), initial_alphabet=alphabet, show_progress=False
    )
    core.train_from_iterator(texts, trainer)
    return core
