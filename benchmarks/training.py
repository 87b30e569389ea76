"""Throughput of `gen train gpt2` beside `transformers.Trainer`, on the same texts and the same model.

`python -m benchmarks.training --device cuda` measures both large trainers on a device, without a peer (see `pace`).
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from statistics import median
from typing import Any

import torch

from .measure import Figure, seconds

TEXTS = 6_000
STEPS = 12
"""Steps of one turn, few enough that the turns of all contestants see the same weather."""

BATCH_TOKENS = 4096
MOST_ROUNDS = 5
RATE = 1e-4
Turn = Callable[[], int]
"""Trains for STEPS steps and returns the number of tokens read, padding not counted."""


def measure(folder: Path, rounds: int) -> Iterator[Figure]:
    """Milliseconds for 1,000 tokens of text, of the median turn; peers by the median of the ratios of each round."""
    with tempfile.TemporaryDirectory() as made:
        texts = Path(made) / "texts.txt"
        texts.write_text("\n".join(read_poems() or make_poems()), encoding="utf-8")
        contestants = _contestants(folder, texts, Path(made))
        times = [[_pace(turn) for turn in contestants] for _ in range(1 + min(rounds, MOST_ROUNDS))][1:]
    ours = median(row[0] for row in times)
    dynamic, padded = (ours * median(row[peer] / row[0] for row in times) for peer in (1, 2))
    yield Figure("train, 1,000 tokens: bf16, Trainer pads to the longest", "ms", ours, dynamic, times_faster=1.3)
    yield Figure("train, 1,000 tokens: bf16, Trainer fp32 pads to all positions", "ms", ours, padded)


def _pace(turn: Turn) -> float:
    """Milliseconds for 1,000 tokens in one turn, on all threads that the machine gives."""
    tokens: list[int] = []
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        taken = seconds(lambda: tokens.append(turn()))
    return 1e6 * taken / tokens[0]


def read_poems() -> list[str]:
    """Shuffled poems out of the folder GEN_DATA; none where that is not set."""
    from gen_trainkit.reading import read_texts

    file = Path(os.environ.get("GEN_DATA", "")) / "poems.jsonl.xz"
    if not os.environ.get("GEN_DATA") or not file.is_file():
        return []
    texts = read_texts([file])
    random.Random(0).shuffle(texts)
    return texts[:TEXTS]


def make_poems() -> list[str]:
    """Texts as long as poems, in the same proportions (五绝 七绝 五律 七律), of characters drawn at random."""
    draw = random.Random(0)
    sizes = draw.choices([(4, 5), (4, 7), (8, 5), (8, 7)], weights=[11, 43, 19, 27], k=TEXTS)
    chars = [chr(code) for code in range(0x4E00, 0x4E00 + 3000)]
    return [
        "".join("".join(draw.choices(chars, k=cols)) + "，。"[row % 2] for row in range(rows)) for rows, cols in sizes
    ]


def _contestants(folder: Path, texts: Path, made: Path) -> list[Turn]:
    from gen_gpt2.adapters import Adapters
    from gen_gpt2.data_texts import Data
    from gen_gpt2.train import Job, Shape, prepare
    from gen_trainkit.loop import Recipe, Reporting, train
    from gen_trainkit.publishing import Publishing

    recipe = Recipe(steps=STEPS, batch_tokens=BATCH_TOKENS, rate=RATE, dtype="bf16", parallel=2)
    data, reporting = Data((texts,), valid_share=0), Reporting(log_every=STEPS, save_every=0)
    job = Job(data, str(folder), Shape(), recipe, reporting, Publishing(made / "out"), Adapters())
    ready = prepare(job)
    lengths, numbers = ready.train.lengths, count()
    read: list[int] = []

    def collate(part: Any, indices: Sequence[int], epoch: int) -> Any:
        read.extend(lengths[index] for index in indices)
        return ready.task.collate(part, indices, epoch)

    task = replace(ready.task, collate=collate)

    def ours() -> int:
        read.clear()
        train(task, recipe, made / f"run-{next(numbers)}", reporting=reporting, resume=False)
        return sum(read)

    bounds = zip(ready.train.starts, ready.train.starts[1:], strict=False)
    rows = [{"input_ids": ready.train.ids[start:end].tolist()} for start, end in bounds]
    peers = (_trainer_turn(folder, rows, made, bf16=True), _trainer_turn(folder, rows, made, bf16=False))
    return [ours, *peers]


def _trainer_turn(folder: Path, rows: list[dict[str, list[int]]], made: Path, *, bf16: bool) -> Turn:
    """`transformers.Trainer` as one would write it down: in bf16 padded to the longest text of a batch, in fp32 to all
    positions; as many texts a batch as make BATCH_TOKENS tokens of text."""
    from accelerate.state import AcceleratorState
    from transformers import (
        AutoModelForCausalLM,
        AutoTokenizer,
        DataCollatorForLanguageModeling,
        Trainer,
        TrainingArguments,
    )

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    plain = DataCollatorForLanguageModeling(tokenizer, mlm=False)
    size = round(BATCH_TOKENS * len(rows) / sum(len(row["input_ids"]) for row in rows))
    read: list[int] = []

    def collate(batch: list[dict[str, list[int]]]) -> Any:
        read.append(sum(len(row["input_ids"]) for row in batch))
        if bf16:
            return plain(batch)
        padded = tokenizer.pad(batch, padding="max_length", max_length=model.config.n_positions, return_tensors="pt")
        labels = padded["input_ids"].masked_fill(padded["attention_mask"] == 0, -100)
        return {**padded, "labels": labels}

    def turn() -> int:
        read.clear()
        AcceleratorState._reset_state(reset_partial_state=True)  # it would keep the precision of the other turn
        os.environ["ACCELERATE_MIXED_PRECISION"] = "bf16" if bf16 else "no"
        settings = TrainingArguments(
            str(made / "trainer"), max_steps=STEPS, per_device_train_batch_size=size, learning_rate=RATE, bf16=bf16,
            use_cpu=True, save_strategy="no", logging_strategy="no", report_to=[], disable_tqdm=True,
        )  # fmt: skip
        Trainer(model, settings, train_dataset=rows, data_collator=collate).train()
        return sum(islice(read, STEPS))

    return turn


if __name__ == "__main__":
    from .pace import main

    main()
