"""Train a next-character model, a given or new encoder with a head, into a folder that `gen` can write with."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal

import torch
from tokenizers import processors
from torch import Tensor, nn
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    BertConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from gen_engine.errors import GenError
from gen_engine.system.underway import doing
from gen_nextchar.data import Corpus, Cut, Data, collate_windows, encode_corpus, split_texts, window_lengths
from gen_trainkit.jobs import Prepared, name_files, silence_transformers
from gen_trainkit.losses import chunked_cross_entropy
from gen_trainkit.publishing import CardFacts, Publishing, check_known, export_model, load_pretrained
from gen_trainkit.tally import Tally
from gen_trainkit.tasks import Batch, Part, Recipe, Reporting, Task
from gen_trainkit.telling import beginning
from gen_trainkit.vocab import bert_tokenizer

SHORT = 256
"""Up to this many tokens plain attention is faster on a CPU than the fused kernel: in bf16 1.7 times at 35 tokens."""

FRAME = 3
"""The number of marks in the longest frame: [CLS], [MASK] and [SEP]."""

ENCODER_SETTINGS = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "max_position_embeddings",
    "type_vocab_size",
    "initializer_range",
    "layer_norm_eps",
    "pad_token_id",
)
"""The fields of a BertConfig that a model's configuration keeps."""

LEFT_ONLY = {"is_decoder": True, "use_cache": False}
"""The settings with which a BERT looks left only."""

Freeze = Literal["all", "all-but-pooler", "nothing"]
"""Which part of the encoder is frozen."""


@dataclass(frozen=True)
class Windows:
    """How texts are cut, see `Cut`; a `stride` of None means contiguous windows.

    With `left_only` the encoder of a new model looks left only. Its vector for a character then does not depend on
    those that follow. So all characters of a window are predicted at once, not one per window.
    """

    window: int = 32
    stride: int | None = None
    valid_stride: int | None = None
    variable: bool = False
    left_only: bool = False
    short_share: float = 0.1
    shift: bool = True


@dataclass(frozen=True)
class Encoder:
    """The encoder: a folder or hub name, or None to make one of these sizes; its frozen part, and its dropout."""

    encoder: str | None = None
    freeze: Freeze = "nothing"
    encoder_layers: int = 4
    width: int = 128
    heads: int = 4
    ff: int | None = None
    encoder_dropout: float | None = None  # None: as the encoder has it; made from scratch, 0
    vocab_size: int | None = None
    min_count: int = 1


@dataclass(frozen=True)
class Family:
    """A kind of model: its name in prose, and its classes. Its model type is also the name of its command."""

    title: str
    config: type[PretrainedConfig]
    model: type[PreTrainedModel]


@dataclass(frozen=True)
class Job:
    """One call of a trainer; `base` is a model of the family to train further, else a new one gets the head `head`."""

    family: Family
    data: Data
    windows: Windows
    encoder: Encoder
    head: Mapping[str, Any]
    base: str | None
    recipe: Recipe
    reporting: Reporting
    publishing: Publishing


def prepare(job: Job) -> Prepared[Corpus]:
    """Read the data and make or load the model; raises GenError for every problem that can be found before training."""
    silence_transformers()
    tally = Tally()
    texts, valid_texts = split_texts(job.data, job.recipe.seed, tally)
    torch.manual_seed(job.recipe.seed)
    model, tokenizer = load_base(job) if job.base else make_model(job, texts)
    corpora: dict[Part, Corpus] = {
        "train": encode_corpus(tokenizer, texts),
        "valid": encode_corpus(tokenizer, valid_texts),
    }
    check_known(tokenizer, corpora["train"].ids)
    cuts = plan_cuts(job, model)
    lengths = {part: window_lengths(corpora[part], cuts[part]) for part in corpora}
    frame, pad = model.framing.frame, model.framing.pad
    extra = len(frame([]))

    def collate(split: Part, indices: Sequence[int], epoch: int) -> Batch:
        return collate_windows(
            corpora[split], cuts[split], indices, epoch=epoch, lengths=lengths[split], frame=frame, pad=pad
        )

    if model.framing.most <= SHORT:
        model.encoder.set_attn_implementation("eager")
    freeze(model, job.encoder.freeze)
    task = Task(
        model=model,
        train_lengths=[length + extra for length in lengths["train"]],
        valid_lengths=[length + extra for length in lengths["valid"]],
        collate=collate,
        score=score,
        export=partial(export_model, model, tokenizer, job.publishing.save_dtype),
        fingerprint=_fingerprint(job, corpora, cuts),
        is_head=lambda name: not name.startswith("encoder."),
    )
    return Prepared(
        model=model,
        tokenizer=tokenizer,
        train=corpora["train"],
        valid=corpora["valid"],
        task=task,
        card=_card(job, model, corpora["train"], cuts["train"], windows=len(task.train_lengths)),
        facts=partial(_facts, tokenizer, corpora["train"]),
        told=tally.told("texts"),
        example=(beginning(texts),),
    )


def _fingerprint(job: Job, corpora: Mapping[Part, Corpus], cuts: Mapping[Part, Cut]) -> dict[str, Any]:
    made = {} if job.base else {"encoder": asdict(job.encoder), "head": dict(job.head)}
    digests = {"data": corpora["train"].digest, "valid_data": corpora["valid"].digest}
    return {**digests, "base": job.base, "freeze": job.encoder.freeze, "windows": asdict(cuts["train"]), **made}


def plan_cuts(job: Job, model: PreTrainedModel) -> dict[Part, Cut]:
    """How training and validation texts are cut; the latter always in whole windows, at the same places."""
    windows, config = job.windows, model.config
    dense = bool(model.encoder.config.is_decoder)
    cut = Cut(
        window=config.window,
        stride=windows.stride or config.window,
        variable=config.variable,
        short_share=0.0 if dense else windows.short_share,  # dense windows show all lengths
        dense=dense,
        shift=windows.shift,
        seed=job.recipe.seed,
    )
    stride = windows.valid_stride or config.window
    return {
        "train": cut,
        "valid": replace(cut, stride=stride, variable=False, short_share=0.0, dense=False, shift=False),
    }


# ------------------------------------------------------------------------------------------------------ model


@doing("making the model")
def make_model(job: Job, texts: Sequence[str]) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A new model of the family on the chosen encoder, and the encoder's tokenizer, set up to read prompts."""
    encoder = None
    if job.encoder.encoder:
        encoder, tokenizer = load_encoder(job.encoder)
        config = encoder.config
    window = job.windows.window
    if job.windows.left_only and (job.windows.variable or job.head["pooler"]):
        raise GenError("[MASK] and pooler see nothing of use from the left. Leave out --left-only, or these.")
    if encoder is None:
        tokenizer = bert_tokenizer(
            texts, size=job.encoder.vocab_size, min_count=job.encoder.min_count, positions=window + FRAME
        )
        config = encoder_config(job.encoder, len(tokenizer), window + FRAME)
    marks = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("cls", "sep", "mask", "pad")}
    settings = {
        "encoder": {name: getattr(config, name) for name in ENCODER_SETTINGS}
        | (LEFT_ONLY if job.windows.left_only else {}),
        "vocab_size": config.vocab_size,
        "window": window,
        "variable": job.windows.variable,
        **marks,
        "bos_token_id": marks["cls_token_id"],
        "eos_token_id": marks["sep_token_id"],
        **job.head,
    }
    model = job.family.model(job.family.config(**settings))
    if encoder is not None:
        take_weights(model.encoder, encoder)
    return model, read_prompts(tokenizer)


def load_encoder(asked: Encoder) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The BERT of a folder or hub name without its head; all its weights must be there."""
    dropout = asked.encoder_dropout
    settings = {} if dropout is None else {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    encoder, tokenizer = load_pretrained(
        AutoModel, str(asked.encoder), kinds=("bert",), new=("pooler.", "bert.pooler.", "cls."), settings=settings
    )
    missing = [name for name in ("cls", "sep", "pad", "mask", "unk") if getattr(tokenizer, f"{name}_token_id") is None]
    if missing:
        raise GenError(
            f"The tokenizer of {asked.encoder} has no {missing[0]} token. Give a BERT with its own tokenizer."
        )
    return encoder, tokenizer


def take_weights(encoder: nn.Module, source: PreTrainedModel) -> None:
    """Copy the weights of `source`, except parts that the model does not have because it does not read them (a
    pooler)."""
    wanted = set(encoder.state_dict())
    encoder.load_state_dict({name: tensor for name, tensor in source.state_dict().items() if name in wanted})


def load_base(job: Job) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A model of the family, to be trained on; its window and head stay as they are."""
    return load_pretrained(AutoModelForCausalLM, str(job.base), kinds=(job.family.config.model_type,))


def encoder_config(asked: Encoder, vocab_size: int, positions: int) -> BertConfig:
    """The configuration of an encoder made from scratch."""
    if asked.width % asked.heads:
        raise GenError(f"A width of {asked.width} cannot be shared by {asked.heads} heads. Give a multiple of --heads.")
    dropout = asked.encoder_dropout or 0.0
    return BertConfig(
        vocab_size=vocab_size,
        num_hidden_layers=asked.encoder_layers,
        hidden_size=asked.width,
        num_attention_heads=asked.heads,
        intermediate_size=asked.ff or 4 * asked.width,
        max_position_embeddings=positions,
        type_vocab_size=2,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        pad_token_id=0,
    )


def read_prompts(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """The tokenizer, changed to put [CLS] before a text and nothing after it, because prompts are to be continued."""
    tokenizer = copy.deepcopy(tokenizer)
    marks = [(str(tokenizer.cls_token), tokenizer.cls_token_id), (str(tokenizer.sep_token), tokenizer.sep_token_id)]
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{tokenizer.cls_token} $A",
        pair=f"{tokenizer.cls_token} $A {tokenizer.sep_token} $B",
        special_tokens=marks,
    )
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    return tokenizer


def freeze(model: Any, what: Freeze) -> None:
    """Train the whole encoder, its pooler alone, or none of it; the head is always trained."""
    encoder = model.encoder
    encoder.requires_grad_(what == "nothing")
    if what == "all-but-pooler":
        if encoder.pooler is None:
            raise GenError("This model does not read the pooler. Give --freeze all, or --pooler to have it read.")
        encoder.pooler.requires_grad_(True)


def score(model: Any, batch: Batch) -> tuple[Tensor, Tensor]:
    """(summed next-character loss in nats, number of right guesses) of a batch."""
    if batch.labels.ndim == 2:
        hidden = model.all_hidden(**batch.inputs).flatten(0, 1)[batch.chosen]
        return chunked_cross_entropy(hidden, model.output_weight(), batch.labels.flatten()[batch.chosen])
    hidden = model.next_hidden(**batch.inputs)
    return chunked_cross_entropy(hidden, model.output_weight(), batch.labels)


# ------------------------------------------------------------------------------------------------ what is told


def _facts(tokenizer: PreTrainedTokenizerBase, train: Corpus) -> dict[str, object]:
    return {
        "vocabulary": len(tokenizer),
        "training characters": len(train.ids),
        "unknown characters": f"{train.unknown_share:.3%}",
    }


def _card(job: Job, model: PreTrainedModel, train: Corpus, cut: Cut, *, windows: int) -> CardFacts:
    config = model.config
    encoder = BertConfig(**config.encoder)
    start = f"trained on from `{job.base}`" if job.base else f"on the encoder `{job.encoder.encoder}`"
    start = start if job.base or job.encoder.encoder else "trained from scratch"
    kind = "lengths of 1 to " if cut.variable else ""
    frozen = {"all": "frozen", "all-but-pooler": "frozen but for the pooler", "nothing": "trained along"}
    sight = "; looks left only, so that each character of a window was asked for" if cut.dense else ""
    return CardFacts(
        made=f"A {job.family.title} next-character model {start} by `gen train {job.family.config.model_type}`"
        " (gen-engine). Characters outside the vocabulary were seen, but never asked for.",
        pipeline="text-generation",
        facts={
            "Data": f"{name_files(job.data.files)}; {len(train.ids):,} characters, {windows:,} windows an epoch",
            "Windows": f"{kind}{cut.window} characters, the next one {cut.stride} further on",
            "Encoder": f"{encoder.num_hidden_layers} layers x {encoder.hidden_size},"
            f" {encoder.num_attention_heads} heads; {frozen[job.encoder.freeze]}{sight}",
            "Size": f"{model.num_parameters():,} parameters; vocabulary of {config.vocab_size:,}",
        },
    )
