"""Pretrain a BERT by masked tokens, from scratch or from a base, into a folder that any transformers program loads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForMaskedLM, BertConfig, BertForMaskedLM, PreTrainedTokenizerBase

from gen_engine.errors import GenError
from gen_engine.system.underway import doing
from gen_mlm.data import Masking, encode_windows, read_columns
from gen_mlm.vocab import read_tokenizer, write_vocabulary
from gen_trainkit.csv_rows import Quotes
from gen_trainkit.holding_out import hold_out
from gen_trainkit.jobs import Prepared, name_files, silence_transformers
from gen_trainkit.loop import Batch, Part, Recipe, Reporting, Task
from gen_trainkit.losses import chunked_cross_entropy
from gen_trainkit.publishing import CardFacts, Publishing, check_known, export_model, load_pretrained
from gen_trainkit.tables import Reading
from gen_trainkit.tally import Tally
from gen_trainkit.telling import beginning
from gen_trainkit.vocab import bert_tokenizer
from gen_trainkit.windows import Windows

SHORT = 256  # up to this many positions plain attention is faster on a CPU than the fused kernel


@dataclass(frozen=True)
class Data:
    """Where the texts come from, and how they are cut and masked."""

    files: tuple[Path, ...]
    columns: tuple[str, ...] = ()
    encoding: str = "utf-8"
    quotes: Quotes = "check"
    part: str | None = None
    valid_files: tuple[Path, ...] = ()
    valid_share: float | None = None
    max_length: int | None = None
    pack: bool = False
    mask_share: float = 0.15


@dataclass(frozen=True)
class Shape:
    """Sizes and vocabulary of a model made from scratch; `ff` None is four times the width."""

    layers: int = 4
    width: int = 192
    heads: int = 4
    ff: int | None = None
    positions: int = 128
    vocab_file: Path | None = None
    lower_case: bool = True
    vocab_size: int | None = None
    min_count: int = 1


@dataclass(frozen=True)
class Job:
    """One call of `gen train mlm`: `base` is a folder or hub name, or None to make a model of `shape`."""

    data: Data
    base: str | None
    shape: Shape
    dropout: float
    recipe: Recipe
    reporting: Reporting
    publishing: Publishing


def prepare(job: Job) -> Prepared[Windows]:
    """Read the data and make or load the model; raises GenError for every problem that can be found before training."""
    silence_transformers()
    tally = Tally()
    texts, valid_texts = split_texts(job.data, job.recipe.seed, tally)
    torch.manual_seed(job.recipe.seed)
    if job.base:
        model, tokenizer = load_base(job.base, job.dropout)
    else:
        model, tokenizer = make_model(texts, job.shape, job.dropout)
    positions = window_length(model.config.max_position_embeddings, job.data.max_length)
    model.set_attn_implementation("eager" if positions <= SHORT else "sdpa")
    windows: dict[Part, Windows] = {
        "train": encode_windows(tokenizer, texts, positions, pack=job.data.pack),
        "valid": encode_windows(tokenizer, valid_texts, positions, pack=job.data.pack),
    }
    check_known(tokenizer, windows["train"].ids)
    masking = {  # what is hidden in the validation texts is the same in every run
        "train": Masking(tokenizer, job.data.mask_share, job.recipe.seed),
        "valid": Masking(tokenizer, job.data.mask_share, 0),
    }

    def collate(split: Part, indices: Sequence[int], epoch: int) -> Batch:
        return masking[split].collate(windows[split], indices, epoch)

    def export(folder: Path) -> None:
        export_model(model, tokenizer, job.publishing.save_dtype, folder)
        write_vocabulary(tokenizer, folder)

    task = Task(
        model=model,
        train_lengths=windows["train"].lengths,
        valid_lengths=windows["valid"].lengths,
        collate=collate,
        score=score,
        export=export,
        fingerprint=_fingerprint(job, windows["train"], windows["valid"]),
    )
    hidden = beginning(texts)[:-1] + str(tokenizer.mask_token)
    return Prepared(
        model=model,
        tokenizer=tokenizer,
        train=windows["train"],
        valid=windows["valid"],
        task=task,
        card=_card(job, model, windows["train"]),
        facts=partial(_facts, tokenizer, windows["train"]),
        told=tally.told(),
        example=(hidden,),
    )


def _fingerprint(job: Job, train: Windows, valid: Windows) -> dict[str, Any]:
    facts: dict[str, Any] = {"data": train.digest, "valid_data": valid.digest, "base": job.base}
    facts |= {"mask_share": job.data.mask_share, "dropout": job.dropout}
    if job.base is None:
        facts["shape"] = asdict(job.shape) | {"vocab_file": str(job.shape.vocab_file)}
    return facts


def split_texts(data: Data, seed: int, tally: Tally | None = None) -> tuple[list[str], list[str]]:
    """(training texts, validation texts), counted by `tally`; see `hold_out`."""
    counted = Tally() if tally is None else tally
    reading = Reading(data.encoding, quotes=data.quotes)

    def read(files: Sequence[Path], splits: Sequence[str]) -> list[str]:
        part = None if files == data.valid_files else data.part
        return read_columns(files, columns=data.columns, reading=reading, splits=splits, part=part, tally=counted)

    return hold_out(
        read,
        data.files,
        valid_files=data.valid_files,
        valid_share=data.valid_share,
        part=data.part,
        seed=seed,
    )


def window_length(positions: int, wanted: int | None) -> int:
    """The most tokens of a window; GenError if more are wanted than the model has `positions`."""
    if wanted is not None and wanted > positions:
        raise GenError(
            f"--max-length {wanted} is more than the model's {positions} positions. Give at most {positions}."
        )
    return wanted or positions


@doing("making the model")
def make_model(texts: Sequence[str], shape: Shape, dropout: float) -> tuple[BertForMaskedLM, PreTrainedTokenizerBase]:
    """A new BERT of `shape` with a vocabulary built from `texts`, or from its vocabulary file."""
    if shape.width % shape.heads:
        raise GenError(f"A width of {shape.width} cannot be shared by {shape.heads} heads. Give a multiple of --heads.")
    tokenizer: PreTrainedTokenizerBase
    if shape.vocab_file:
        tokenizer = read_tokenizer(shape.vocab_file, positions=shape.positions, lower_case=shape.lower_case)
    else:
        tokenizer = bert_tokenizer(texts, size=shape.vocab_size, min_count=shape.min_count, positions=shape.positions)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.ff or 4 * shape.width,
        max_position_embeddings=shape.positions,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        pad_token_id=tokenizer.pad_token_id,
    )
    return BertForMaskedLM(config), tokenizer


def load_base(base: str, dropout: float) -> tuple[BertForMaskedLM, PreTrainedTokenizerBase]:
    """The BERT and tokenizer of a folder or hub name, in fp32; a bare encoder gets a fresh head.

    Its pooler and next-sentence head, which masked tokens do not train, are left out.
    """
    model, tokenizer = load_pretrained(
        AutoModelForMaskedLM,
        base,
        kinds=("bert",),
        new=("cls.", "bert.pooler.", "pooler."),
        settings={"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout},
    )
    assert isinstance(model, BertForMaskedLM)
    if tokenizer.mask_token_id is None or tokenizer.cls_token_id is None or tokenizer.sep_token_id is None:
        raise GenError(f"The tokenizer of {base} has no [MASK], [CLS] or [SEP]. Give a BERT with its own tokenizer.")
    return model, tokenizer


def score(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """(summed loss of the hidden tokens in nats, number of right guesses); logits are computed at these places only."""
    assert isinstance(model, BertForMaskedLM)
    hidden = model.bert(**batch.inputs).last_hidden_state.flatten(0, 1)
    head = model.cls.predictions
    guesses = head.transform(hidden[batch.chosen])  # [hidden tokens, width]
    ones = guesses.new_ones(len(guesses), 1)
    weight = torch.cat([head.decoder.weight, head.decoder.bias[:, None]], 1)  # the bias as one more column
    return chunked_cross_entropy(torch.cat([guesses, ones], 1), weight, batch.labels.flatten()[batch.chosen])


def _facts(tokenizer: PreTrainedTokenizerBase, train: Windows) -> dict[str, object]:
    unknown = int((train.ids == tokenizer.unk_token_id).sum())
    return {
        "vocabulary": len(tokenizer),
        "training tokens": len(train.ids),
        "unknown characters": f"{unknown / max(1, len(train.ids)):.3%}",
    }


def _card(job: Job, model: BertForMaskedLM, train: Windows) -> CardFacts:
    config = model.config
    start = f"trained on from `{job.base}`" if job.base else "trained from scratch"
    shape = f"{config.num_hidden_layers} layers x {config.hidden_size}, {config.num_attention_heads} heads"
    return CardFacts(
        made=f"A BERT {start} by `gen train mlm` (gen-engine): {job.data.mask_share:.0%} of the tokens were hidden (80%"
        " as [MASK], 10% as another token, 10% not at all) and guessed, without next-sentence prediction; special"
        " tokens and characters outside the vocabulary were never hidden. The pooler is untrained.",
        pipeline="fill-mask",
        facts={
            "Data": f"{name_files(job.data.files)}; {len(train.ids):,} tokens an epoch",
            "Size": f"{model.num_parameters():,} parameters; {shape}, {config.max_position_embeddings} positions;"
            f" vocabulary of {config.vocab_size:,}",
        },
    )
