"""Train a GPT-2, from a base model or from scratch, into a folder that any transformers program loads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerBase

from gen_engine.errors import GenError
from gen_engine.models.notes import ModelNote, read_note_file, save_note
from gen_engine.system.underway import doing
from gen_gpt2.adapters import Adapters, add_adapters, merge_adapters
from gen_gpt2.data import collate_windows, encode_windows
from gen_gpt2.data_texts import Data, split_texts
from gen_gpt2.data_vocab import build_tokenizer
from gen_trainkit.jobs import Finished, Prepared, name_files, silence_transformers
from gen_trainkit.loop import Batch, Outcome, Part, Recipe, Reporting, Task
from gen_trainkit.losses import chunked_cross_entropy
from gen_trainkit.publishing import CardFacts, Publishing, check_known, export_model, load_pretrained
from gen_trainkit.ranks import is_first
from gen_trainkit.tally import Tally
from gen_trainkit.telling import beginning
from gen_trainkit.windows import Windows

SHORT = 256  # up to this many positions plain attention is faster on a CPU than the fused kernel


@dataclass(frozen=True)
class Shape:
    """Sizes of a model made from scratch."""

    layers: int = 4
    width: int = 256
    heads: int = 4
    positions: int = 256
    dropout: float = 0.0
    vocab: str = "chars"
    vocab_size: int | None = None
    min_count: int = 1


@dataclass(frozen=True)
class Job:
    """One call of `gen train gpt2`: `base` is a folder or hub name, or None to make a model of `shape`."""

    data: Data
    base: str | None
    shape: Shape
    recipe: Recipe
    reporting: Reporting
    publishing: Publishing
    adapters: Adapters


def prepare(job: Job) -> Prepared[Windows]:
    """Read the data and make or load the model; raises GenError for every problem that can be found before training."""
    silence_transformers()  # it would warn of a missing attention mask, which is not needed here
    tally = Tally()
    note = read_note_file(job.data.context_note) if job.data.context_note else None
    texts, valid_texts = split_texts(job.data, job.recipe.seed, tally)
    torch.manual_seed(job.recipe.seed)
    model, tokenizer = load_base(job.base) if job.base else make_model(texts, job.shape)
    quicken(model)
    if job.adapters.lora:
        add_adapters(model, job.adapters)
    windows: dict[Part, Windows] = {
        "train": cut_windows(tokenizer, texts, model.config.n_positions, data=job.data),
        "valid": cut_windows(tokenizer, valid_texts, model.config.n_positions, data=job.data),
    }
    check_known(tokenizer, windows["train"].ids)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    unknown = tokenizer.unk_token_id if tokenizer.unk_token_id != tokenizer.eos_token_id else None

    def collate(split: Part, indices: Sequence[int], epoch: int) -> Batch:
        return collate_windows(windows[split], indices, pad=pad, unknown=unknown)

    task = Task(
        model=model,
        train_lengths=windows["train"].lengths,
        valid_lengths=windows["valid"].lengths,
        collate=collate,
        score=score,
        export=partial(export, model, tokenizer, job),
        fingerprint={"data": windows["train"].digest, "valid_data": windows["valid"].digest, "base": job.base}
        | ({} if job.base else {"shape": asdict(job.shape)})
        | (asdict(job.adapters) if job.adapters.lora else {}),
    )
    joined = job.data.column2 is not None or job.data.split_at is not None
    example = beginning(texts, job.data.separator if joined else "")
    return Prepared(
        model=model,
        tokenizer=tokenizer,
        train=windows["train"],
        valid=windows["valid"],
        task=task,
        card=_card(job, model, windows["train"]),
        facts=partial(_facts, tokenizer, windows["train"], windows["valid"]),
        told=tally.told("texts"),
        example=(example,),
        end=partial(_end, job.publishing.out, note),
    )


def cut_windows(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], positions: int, *, data: Data) -> Windows:
    """The windows of `texts`, within the model's positions and `--max-length`."""
    room = data.max_length or positions
    if room > positions:
        raise GenError(f"--max-length {room} is more than the model's {positions} positions. Give at most {positions}.")
    windows = encode_windows(tokenizer, texts, room, longer=data.longer)
    if texts and not windows.lengths:
        raise GenError(
            f"All {len(texts)} texts are longer than {room} tokens. Raise --max-length, or let --longer cut."
        )
    return windows


def export(model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerBase, job: Job, folder: Path) -> None:
    """Write a folder of plain weights, with adapters, if there are any, merged into them."""
    whole = merge_adapters(model) if job.adapters.lora else model
    export_model(whole, tokenizer, job.publishing.save_dtype, folder)


@doing("making the model")
def make_model(texts: Sequence[str], shape: Shape) -> tuple[GPT2LMHeadModel, PreTrainedTokenizerBase]:
    """A new GPT-2 of `shape` with a vocabulary built from `texts`."""
    if shape.width % shape.heads:
        raise GenError(f"A width of {shape.width} cannot be shared by {shape.heads} heads. Give a multiple of --heads.")
    tokenizer = build_tokenizer(
        texts, shape.vocab, size=shape.vocab_size, min_count=shape.min_count, positions=shape.positions
    )
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=shape.positions,
        n_embd=shape.width,
        n_layer=shape.layers,
        n_head=shape.heads,
        resid_pdrop=shape.dropout,
        embd_pdrop=shape.dropout,
        attn_pdrop=shape.dropout,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return GPT2LMHeadModel(config), tokenizer


def load_base(base: str) -> tuple[GPT2LMHeadModel, PreTrainedTokenizerBase]:
    """The GPT-2 and tokenizer of a folder or hub name, in fp32; no code in it is executed."""
    model, tokenizer = load_pretrained(AutoModelForCausalLM, base, kinds=("gpt2",))
    assert isinstance(model, GPT2LMHeadModel)
    return model, tokenizer


def quicken(model: GPT2LMHeadModel) -> None:
    """Replace functions by faster kernels; neither the weights nor the configuration change."""
    model.set_attn_implementation("eager" if model.config.n_positions <= SHORT else "sdpa")
    if model.config.activation_function == "gelu_new":
        for block in model.transformer.h:
            block.mlp.act = nn.GELU(approximate="tanh")


def score(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """(summed next-token loss in nats, number of right guesses) of a batch."""
    assert isinstance(model, GPT2LMHeadModel)
    hidden = model.transformer(**batch.inputs, use_cache=False).last_hidden_state
    return chunked_cross_entropy(hidden.flatten(0, 1), model.lm_head.weight, batch.labels.flatten())


def _facts(tokenizer: PreTrainedTokenizerBase, train: Windows, valid: Windows) -> dict[str, object]:
    return {
        "vocabulary": len(tokenizer),
        "training windows": len(train.lengths),
        "training tokens": len(train.ids),
        "texts left out": train.dropped + valid.dropped,
        "validation windows": len(valid.lengths),
    }


def _card(job: Job, model: GPT2LMHeadModel, train: Windows) -> CardFacts:
    config = model.config
    start = f"fine-tuned from `{job.base}`" if job.base else "trained from scratch"
    shape = f"{config.n_layer} layers x {config.n_embd}, {config.n_head} heads, {config.n_positions} positions"
    adapted = f"; LoRA of rank {job.adapters.lora} beside {job.adapters.lora_targets}, merged"
    left_out = f"; {train.dropped:,} texts left out as too long" if train.dropped else ""
    return CardFacts(
        made=f"A GPT-2 {start} by `gen train gpt2` (gen-engine). Padding and characters outside the vocabulary were"
        " masked out of the loss.",
        pipeline="text-generation",
        facts={
            "Data": f"{name_files(job.data.files)}; {len(train.ids):,} tokens an epoch{left_out}",
            "Size": f"{model.num_parameters():,} parameters; {shape}; vocabulary of {config.vocab_size:,}"
            + (adapted if job.adapters.lora else ""),
        },
    )


def _end(out: Path, note: ModelNote | None, outcome: Outcome) -> Finished:
    if note is not None and not outcome.signal and is_first():
        save_note(note, out)  # the best weights may be older than the note that was given now
    return Finished(outcome)
