"""Training a GPT-2, from a base model or from scratch, into a folder any transformers program loads."""

from __future__ import annotations

import copy
import os
import random
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoConfig, AutoTokenizer, GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from gen_engine.errors import GenError
from gen_engine.models.checkpoint import refuse_pickled
from gen_gpt2.data import Windows, collate_windows, encode_windows
from gen_gpt2.data_vocab import build_tokenizer
from gen_gpt2.train_card import CardFacts, write_card
from gen_trainkit.loop import Batch, Outcome, Recipe, Reporting, Task, export_last, plan_steps, train
from gen_trainkit.losses import chunked_cross_entropy
from gen_trainkit.reading import read_texts

SAVE_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
SHORT = 256  # up to this many positions plain attention is faster on a CPU than the fused kernel


@dataclass(frozen=True)
class Data:
    """Where the texts come from."""

    files: tuple[Path, ...]
    column: str | None = None
    encoding: str = "utf-8"
    valid_files: tuple[Path, ...] = ()
    valid_share: float = 0.01


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
    out: Path
    save_dtype: Literal["fp32", "bf16", "fp16"] = "fp32"
    keep: Literal["best", "last"] = "best"
    title: str | None = None
    note: str = ""


@dataclass(frozen=True)
class Prepared:
    """A job made ready: the model with its tokenizer, the windows, and the task for the loop."""

    model: GPT2LMHeadModel
    tokenizer: PreTrainedTokenizerBase
    train: Windows
    valid: Windows
    task: Task


def prepare(job: Job) -> Prepared:
    """Read the data and make or load the model; raises GenError for all that is known to be wrong before training."""
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()  # it would warn of the attention mask that `collate_windows` needs not
    texts, valid_texts = split_texts(job.data, job.recipe.seed)
    torch.manual_seed(job.recipe.seed)
    model, tokenizer = load_base(job.base) if job.base else make_model(texts, job.shape)
    if len(tokenizer) > model.config.vocab_size:
        raise GenError(
            f"The vocabulary has {len(tokenizer)} tokens and the model {model.config.vocab_size}."
            " Give the tokenizer that belongs to the model, or --from-scratch."
        )
    quicken(model)
    positions = model.config.n_positions
    windows = {
        "train": encode_windows(tokenizer, texts, positions),
        "valid": encode_windows(tokenizer, valid_texts, positions),
    }
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    unknown = tokenizer.unk_token_id if tokenizer.unk_token_id != tokenizer.eos_token_id else None

    def collate(split: Literal["train", "valid"], indices: Sequence[int]) -> Batch:
        return collate_windows(windows[split], indices, pad=pad, unknown=unknown)

    task = Task(
        model=model,
        train_lengths=windows["train"].lengths,
        valid_lengths=windows["valid"].lengths,
        collate=collate,
        score=score,
        export=partial(export_model, model, tokenizer, job.save_dtype),
        fingerprint={"data": windows["train"].digest, "valid_data": windows["valid"].digest, "base": job.base}
        | ({} if job.base else {"shape": asdict(job.shape)}),
    )
    return Prepared(model, tokenizer, windows["train"], windows["valid"], task)


def split_texts(data: Data, seed: int) -> tuple[list[str], list[str]]:
    """(training texts, validation texts): from files of their own, or a random share set aside by `seed`."""
    texts = read_texts(data.files, column=data.column, encoding=data.encoding)
    if data.valid_files:
        return texts, read_texts(data.valid_files, column=data.column, encoding=data.encoding)
    aside = round(len(texts) * data.valid_share)
    random.Random(seed).shuffle(texts)
    return texts[aside:], texts[:aside]


def make_model(texts: Sequence[str], shape: Shape) -> tuple[GPT2LMHeadModel, PreTrainedTokenizerBase]:
    """A new GPT-2 of `shape` with a vocabulary out of `texts`."""
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
    """The GPT-2 and tokenizer of a folder or hub name, in fp32; nothing in it is executed."""
    try:
        config = AutoConfig.from_pretrained(base, trust_remote_code=False)
        if config.model_type != "gpt2":
            raise GenError(
                f"{base} is a {config.model_type} model. Give a GPT-2, such as uer/gpt2-chinese-cluecorpussmall."
            )
        if Path(base).is_dir():
            refuse_pickled(Path(base))
        model, info = GPT2LMHeadModel.from_pretrained(
            base, dtype=torch.float32, use_safetensors=True, output_loading_info=True
        )
        if info["missing_keys"]:
            raise GenError(f"{base} lacks {min(info['missing_keys'])}. Give weights that fit its config.json.")
        return model, AutoTokenizer.from_pretrained(base, trust_remote_code=False)
    except SafetensorError as error:
        raise GenError(f"The weights of {base} are damaged ({error}). Fetch them again.") from error
    except (OSError, ValueError) as error:
        raise GenError(
            f"{base} is neither a model folder nor a hub name within reach. Check it, or download it first."
        ) from error


def quicken(model: GPT2LMHeadModel) -> None:
    """Swap in faster kernels of the same functions; neither the weights nor the configuration change."""
    model.set_attn_implementation("eager" if model.config.n_positions <= SHORT else "sdpa")
    if model.config.activation_function == "gelu_new":
        for block in model.transformer.h:
            block.mlp.act = nn.GELU(approximate="tanh")


def score(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """(summed next-token loss in nats, number of right guesses) of a batch."""
    assert isinstance(model, GPT2LMHeadModel)
    hidden = model.transformer(**batch.inputs, use_cache=False).last_hidden_state
    return chunked_cross_entropy(hidden.flatten(0, 1), model.lm_head.weight, batch.labels.flatten())


def export_model(model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerBase, dtype: str, folder: Path) -> None:
    """Write config.json, model.safetensors and the tokenizer's files into `folder`."""
    copy.deepcopy(model).to(SAVE_DTYPES[dtype]).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def describe(job: Job, ready: Prepared) -> dict[str, object]:
    """What would be trained, for `--dry-run`."""
    in_epoch, total = plan_steps(ready.task, job.recipe)
    return {
        "parameters": ready.model.num_parameters(),
        "vocabulary": len(ready.tokenizer),
        "training windows": len(ready.train.lengths),
        "training tokens": len(ready.train.ids),
        "validation windows": len(ready.valid.lengths),
        "steps an epoch": in_epoch,
        "steps": total,
    }


def run_job(job: Job, ready: Prepared, *, resume: bool) -> Outcome:
    """Train, and unless stopped by a signal publish the model folder in `job.out`; its `run` folder keeps the rest."""
    run = job.out / "run"
    outcome = train(ready.task, job.recipe, run, reporting=job.reporting, resume=resume)
    if outcome.signal:
        return outcome
    chosen = run / "best"
    if job.keep == "last" or not chosen.exists():
        chosen = run / "last"
        export_last(ready.task, job.recipe, chosen)
    for path in sorted(chosen.iterdir()):
        _copy_whole(path, job.out / path.name)
    facts = CardFacts(
        title=job.title or job.out.name,
        note=job.note,
        data=", ".join(path.name for path in job.data.files),
        config=ready.model.config.to_dict(),
        parameters=ready.model.num_parameters(),
        base=job.base,
        train_tokens=len(ready.train.ids),
    )
    (job.out / "README.md").write_text(write_card(facts, job.recipe, outcome), encoding="utf-8")
    return outcome


def _copy_whole(source: Path, target: Path) -> None:
    aside = target.with_name(f".writing-{target.name}")
    shutil.copyfile(source, aside)
    os.replace(aside, target)
