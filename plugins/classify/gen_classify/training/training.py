"""Training a text classifier, from an encoder or from scratch, into a folder any transformers program loads."""

from __future__ import annotations

import hashlib
import json
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from gen_classify.evaluating.measures import measure
from gen_classify.rows.balance import class_weights
from gen_classify.rows.cache import cached_rows, default_folder
from gen_classify.rows.dataset import Data, Rows, load_rows
from gen_classify.rows.encoding import Encoded, collate_rows, frame_lengths
from gen_classify.rows.splits import write_splits
from gen_classify.training.final import measure_final, tell_final
from gen_classify.training.heads import Head, Shape, is_head, make_classifier
from gen_engine.cli.languages import choose_language, speak
from gen_engine.errors import GenError
from gen_trainkit.bases import model_source
from gen_trainkit.bucketing import plan_epoch
from gen_trainkit.checkpoints import newest_checkpoint
from gen_trainkit.devices import device_of, on_device, own_device, place
from gen_trainkit.jobs import Finished, Prepared, name_files, run_job, silence_transformers
from gen_trainkit.loop import Batch, Outcome, Part, Recipe, Reporting, Task
from gen_trainkit.metrics import read_metrics
from gen_trainkit.publishing import CardFacts, Publishing, check_known, export_model
from gen_trainkit.ranks import is_first
from gen_trainkit.storing import stored, whole_file
from gen_trainkit.telling import best_of, measured

GUESSED = "valid_labels_guessed"
"""The figure that counts the different labels predicted for the validation part."""

SHOWN = 30
"""How many characters of a text are shown in a command."""

GOALS = {"accuracy": "valid_accuracy", "macro_f1": "valid_macro_f1", "loss": "valid_loss"}


@dataclass(frozen=True)
class Job:
    """One call of `gen train classifier`: `encoder` is a folder or hub name, or None to make a BERT of `shape`."""

    data: Data
    encoder: str | None
    untrained: bool
    shape: Shape
    head: Head
    goal: str
    baseline: bool
    recipe: Recipe
    reporting: Reporting
    publishing: Publishing


def prepare(job: Job) -> Prepared[list[int]]:
    """Read the data and make or load the model; raises GenError for every problem that can be found before training."""
    silence_transformers()
    rows = load_rows(job.data, seed=job.recipe.seed)
    weights = class_weights(job.data.class_weights, rows.counts(rows.train), rows.labels.data)
    if job.data.prefixes and rows.table.seconds:
        raise GenError("A pair of texts has no prefix to learn from. Leave --prefixes out.")
    torch.manual_seed(job.recipe.seed)
    texts = [
        column[index] for column in (rows.table.texts, rows.table.seconds) if column for index in rows.parts["train"]
    ]
    encoder = job.encoder and model_source(job.encoder)
    model, tokenizer = make_classifier(
        encoder, untrained=job.untrained, shape=job.shape, head=job.head, labels=rows.labels, texts=texts
    )
    length = min(job.data.max_length, _positions(model))
    tokenizer.model_max_length = length
    encoded = cached_rows(tokenizer, rows.table, length, folder=job.data.cache or default_folder())
    check_known(tokenizer, encoded.ids)
    task = _make_task(job, rows, model, tokenizer, encoded, weights)
    return Prepared(
        model=model,
        tokenizer=tokenizer,
        train=rows.train,
        valid=rows.parts["valid"],
        task=task,
        card=_card(job, rows, model, length),
        facts=partial(_facts, rows, tokenizer, encoded),
        told=rows.told,
        example=_example(rows),
        labels=rows.labels.names,
        begin=partial(_begin, job, rows),
        end=partial(_end, job, rows, task),
    )


def _example(rows: Rows) -> tuple[str, ...]:
    """The beginning of a text, or of both texts of a pair, from the validation part if there is one."""
    index = (*rows.parts["valid"], *rows.parts["train"])[0]
    columns = [column for column in (rows.table.texts, rows.table.seconds) if column]
    return tuple(" ".join(column[index].split())[:SHOWN] for column in columns)


def _positions(model: PreTrainedModel) -> int:
    return int(model.config.max_position_embeddings)


def _make_task(
    job: Job,
    rows: Rows,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    encoded: Encoded,
    weights: list[float] | None,
) -> Task:
    chosen: Mapping[Part, list[int]] = {"train": rows.train, "valid": rows.parts["valid"]}
    collate = make_collate(job, rows, chosen, tokenizer, encoded, masked=model.config.model_type != "gpt2")
    guess = partial(guesses, threshold=job.head.threshold if job.head.loss == "bce" else None)
    lengths = encoded.lengths
    valid_lengths = [lengths[index] for index in chosen["valid"]]

    def figures(trained: nn.Module) -> dict[str, float]:
        guessed, wanted = [], []
        for indices in plan_epoch(valid_lengths, job.recipe.batch_tokens, seed=0, epoch=0):
            batch = collate("valid", indices, 0)
            guessed.append(guess(trained(**on_device(batch, device_of(trained)).inputs).logits))
            wanted += batch.labels.tolist()
        found = torch.cat(guessed).tolist()
        return {"valid_macro_f1": measure(wanted, found, rows.labels.names).macro_f1, GUESSED: len(set(found))}

    head = is_head(model)
    return Task(
        model=model,
        train_lengths=[lengths[index] for index in chosen["train"]],
        valid_lengths=valid_lengths,
        collate=collate,
        score=make_score(guess, weights, one_logit=job.head.loss == "bce"),
        export=partial(export_model, model, tokenizer, job.publishing.save_dtype),
        fingerprint=_fingerprint(job, rows, encoded, weights),
        figures=figures,
        goal=GOALS[job.goal],
        is_head=head.__contains__,
    )


def make_collate(
    job: Job,
    rows: Rows,
    chosen: Mapping[Part, Sequence[int]],
    tokenizer: PreTrainedTokenizerBase,
    encoded: Encoded,
    *,
    masked: bool,
) -> Callable[[Part, Sequence[int], int], Batch]:
    """A function that makes batches of rows; with `prefixes`, each text is cut at random in every epoch."""
    before, after = frame_lengths(tokenizer)
    targets = torch.tensor(rows.targets)
    collate_all = partial(collate_rows, encoded, pad=tokenizer.pad_token_id, masked=masked)

    def collate(part: Part, indices: Sequence[int], epoch: int) -> Batch:
        picked = [chosen[part][index] for index in indices]
        seed = f"{job.recipe.seed}/{epoch}" if part == "train" else "valid"

        def keep(places: Tensor, row: int) -> Tensor:
            body = len(places) - before - after
            if not job.data.prefixes or body < 2:
                return places
            end = before + random.Random(f"{seed}/{row}").randint(1, body)
            return torch.cat([places[:end], places[len(places) - after :]])

        return collate_all(picked, targets[picked], keep=keep)

    return collate


def guesses(logits: Tensor, *, threshold: float | None) -> Tensor:
    """The label index of each row of logits: the highest, or for a single logit whether it passes `threshold`."""
    if threshold is None:
        return logits.argmax(1)
    return (logits[:, 0].float().sigmoid() >= threshold).long()


def make_score(
    guess: Callable[[Tensor], Tensor], weights: list[float] | None, *, one_logit: bool
) -> Callable[[nn.Module, Batch], tuple[Tensor, Tensor]]:
    """A function that returns (summed loss in nats, number of right guesses) of a batch; class weights apply in
    training only."""
    table = cache(partial(torch.tensor, weights, dtype=torch.float32))  # one for each device: `table(device=...)`

    def score(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        logits = model(**batch.inputs).logits.float()
        if one_logit:
            targets = batch.labels.to(logits.dtype)
            losses = functional.binary_cross_entropy_with_logits(logits[:, 0], targets, reduction="none")
        else:
            losses = functional.cross_entropy(logits, batch.labels, reduction="none")
        if weights is not None and model.training:
            losses = losses * table(device=losses.device)[batch.labels]
        return losses.sum(), (guess(logits) == batch.labels).sum()

    return score


def _fingerprint(job: Job, rows: Rows, encoded: Encoded, weights: list[float] | None) -> dict[str, Any]:
    digest = hashlib.sha256(encoded.ids.numpy().tobytes() + str(encoded.starts).encode())
    digest.update(json.dumps([rows.targets, rows.train, rows.parts["valid"]]).encode())
    shape = {} if job.encoder else {"shape": asdict(job.shape)}
    return {
        "data": digest.hexdigest()[:16],
        "labels": list(rows.labels.names),
        "encoder": job.encoder,
        "untrained": job.untrained,
        "head": asdict(job.head),
        "class_weights": weights,
        "prefixes": job.data.prefixes,
        **shape,
    }


def _facts(rows: Rows, tokenizer: PreTrainedTokenizerBase, encoded: Encoded) -> dict[str, object]:
    return {
        "vocabulary": len(tokenizer),
        "labels": list(rows.labels.names),
        "rows": {name: len(indices) for name, indices in rows.parts.items()},
        "training rows after balancing": len(rows.train),
        "texts cut to the maximum length": encoded.cut,
        "unusable rows": rows.remark or "none",
    }


def _begin(job: Job, rows: Rows) -> None:
    """Write the splits to files, before anything is trained on them."""
    run = job.publishing.out / "run"
    if is_first() and newest_checkpoint(run / "checkpoints") is None:
        with stored(run):
            write_splits(rows.table, rows.parts, run / "splits")


def _end(job: Job, rows: Rows, task: Task, outcome: Outcome) -> Finished:
    """Measure the published model once on the test part, if there is one or a baseline is wanted."""
    if outcome.signal or not is_first() or not (job.baseline or "test" in rows.parts):
        return Finished(outcome, doubts=_doubts(job, rows, task.goal, {}))
    language = choose_language(job.reporting.lang, rows.labels.names)
    device = device_of(task.model)
    found = measure_final(job.publishing.out, rows, baseline=job.baseline, seed=job.recipe.seed, device=device)
    with whole_file(job.publishing.out / "run" / "test.json") as aside:
        aside.write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")
    report = tell_final(found, speak(language), sys.stdout)
    return Finished(outcome, found, report, _doubts(job, rows, task.goal, found))


def _doubts(job: Job, rows: Rows, goal: str, found: Mapping[str, Any]) -> list[str]:
    """A warning if the published classifier gives one label to all rows of a part that has several labels."""
    told, parts = read_metrics(job.publishing.out / "run" / "metrics.jsonl"), []
    goal = goal if job.publishing.keep == "best" else "step"  # the last weights are those of the last step
    published = best_of(goal, measured(goal, told))
    guessed = dict(measured(GUESSED, told))
    if published and guessed.get(published[0]) == 1 and len({rows.targets[i] for i in rows.parts["valid"]}) > 1:
        parts.append("validation")
    each = found["model"]["labels"].values() if found.get("part") == "test" else ()
    if sum(label["guessed"] > 0 for label in each) == 1 and sum(label["rows"] > 0 for label in each) > 1:
        parts.append("test")
    if not parts:
        return []
    same = f"the classifier gives every row of {' and '.join(parts)} the same label"
    return [f"{same}; try more --epochs, another --rate, or --balance."]


def train_classifier(job: Job, *, resume: bool = False, device: str = "auto") -> Finished:
    """What `gen train classifier` does, for programs that train several classifiers."""
    chosen = own_device(device)
    ready = prepare(job)
    place(ready.task.model, chosen)
    return run_job(job, ready, resume=resume)


def _card(job: Job, rows: Rows, model: PreTrainedModel, length: int) -> CardFacts:
    config = model.config
    sizes = (
        f"sizes and vocabulary of `{job.encoder}`, fresh weights"
        if job.untrained
        else f"fine-tuned from `{job.encoder}`"
    )
    start = sizes if job.encoder else "trained from scratch"
    counts = ", ".join(f"{len(indices):,} {name}" for name, indices in rows.parts.items())
    one_logit = f"; one logit, threshold {job.head.threshold}" if job.head.loss == "bce" else ""
    labels = [
        f"{name} ({data})" if name != data else name
        for name, data in zip(rows.labels.names, rows.labels.data, strict=True)
    ]
    family = config.model_type.removesuffix("-head").upper()
    return CardFacts(
        made=f"A {family} classifier, {start}, by `gen train classifier` (gen-engine).",
        pipeline="text-classification",
        facts={
            "Labels": ", ".join(labels) + one_logit,
            "Data": f"{name_files(job.data.files)}; rows: {counts}; balance: {job.data.balance}",
            "Size": f"{model.num_parameters():,} parameters; vocabulary of {config.vocab_size:,};"
            f" at most {length} tokens of a text",
            "Frozen": job.head.freeze,
            **({} if job.head.plain else {"Head": _head_told(job.head)}),
        },
    )


def _head_told(head: Head) -> str:
    """A description of a head that transformers' own classifiers do not have, and of how to load it."""
    reads = "the raw state of [CLS]" if head.reads == "cls" else "the pooler's output"
    layer = f", a layer of {head.relu} ReLU units between" if head.relu else ""
    return f"it reads {reads}{layer}; `import gen_classify.bert_head` before `pipeline` loads it"
