"""What `guide` gains: reviews written under a classifier, judged by others that were trained on other reviews.

`prepare` writes reviews of GEN_DATA to build/guide, `train` prints the commands that train the language model, the
guiding classifiers and the judge, `measure` prints the table: python plugins/classify/recipe/guide.py prepare
"""

from __future__ import annotations

import csv
import json
import lzma
import math
import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import click

BUILD = Path("build/guide")
LENGTH = 40
CUT = 60
WANTED = "正向评价"
CLASSIFIER = """--text text --label label --label-names 负向评价,正向评价 --from-scratch --max-length 64 \\
  --split 95/5 --epochs 3 --batch-tokens 4096 --rate 1e-3 --warmup 50 --dtype bf16"""
TRAIN = f"""
gen train gpt2 {BUILD}/texts.jsonl --column text --from-scratch --layers 2 --width 192 --positions 64 --min-count 30 \\
  --epochs 1.2 --optimizer muon --matrix-rate 1e-2 --rate 3e-3 --schedule cosine --warmup 30 --dtype bf16 \\
  --out {BUILD}/lm
gen train classifier {BUILD}/one.tsv {CLASSIFIER} \\
  --layers 2 --width 128 --seed 1 --prefixes --out {BUILD}/prefixes
gen train classifier {BUILD}/one.tsv {CLASSIFIER} \\
  --layers 2 --width 128 --seed 1 --out {BUILD}/whole
gen train classifier {BUILD}/other.tsv {CLASSIFIER} \\
  --layers 3 --width 96 --heads 3 --seed 2 --out {BUILD}/judge
"""


@dataclass(frozen=True)
class Line:
    """Texts under one guide: the share of them that each judge calls positive, and how fluent they are.

    `fluency` is the ratio of nats a character without and with the guide, `in_perplexity` that of their exponentials.
    """

    guide: str
    strength: float
    judge: float
    baseline: float
    nats: float
    fluency: float
    in_perplexity: float
    seconds: float


@click.group()
def main() -> None:
    """Measure what guiding by a classifier gains."""


@main.command()
def prepare() -> None:
    """Write texts.jsonl, one.tsv and other.tsv: all reviews, and two halves of them that share none."""
    packed = Path(os.environ["GEN_DATA"]) / "online_shopping_10_cats.tsv.xz"
    with lzma.open(packed, "rt", encoding="utf-8") as file:
        table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        labels = {row["text"].strip(): row["label"] for row in table}
    reviews = [(label, text[:CUT]) for text, label in labels.items() if len(text) >= 12]
    random.Random(0).shuffle(reviews)
    BUILD.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"text": text}, ensure_ascii=False) for _, text in reviews]
    (BUILD / "texts.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, part in (("one", reviews[::2]), ("other", reviews[1::2])):
        rows = "".join(f"{label}\t{text}\n" for label, text in part)
        (BUILD / f"{name}.tsv").write_text("label\ttext\n" + rows, encoding="utf-8")
    click.echo(f"{len(reviews)} reviews")


@main.command()
def train() -> None:
    """Print the commands that train what `measure` needs."""
    click.echo(TRAIN.strip())


@main.command()
@click.option("--num", default=100, show_default=True, help="Texts of 40 characters a line.")
@click.option("--strengths", default="1,2,4", show_default=True)
@click.option("--guides", default="prefixes,whole", show_default=True, help="Folders of build/guide.")
@click.option("--seed", default=0, show_default=True)
def measure(num: int, strengths: str, guides: str, seed: int) -> None:
    """Print a table of strengths, and a few texts of each; build/guide/measured.json keeps them."""
    import gen_engine

    engine, judges = gen_engine.load(BUILD / "lm"), _judges()
    asked = [("", 0.0), *((name, float(each)) for name in guides.split(",") for each in strengths.split(","))]
    lines: list[Line] = []
    kept: list[dict[str, Any]] = []
    for name, strength in asked:
        line, texts = _measure(engine, judges, name, strength, num=num, seed=seed, first=lines[0] if lines else None)
        lines.append(line)
        kept.append({**asdict(line), "texts": texts})
        (BUILD / "measured.json").write_text(json.dumps(kept, ensure_ascii=False, indent=1), encoding="utf-8")
        click.echo(_row(line), err=True)
    click.echo("\n".join([HEAD, *map(_row, lines)]))
    for each in kept:
        click.echo("\n".join([f"\n{each['guide'] or 'unguided'} {each['strength']:g}:", *each["texts"][:3]]))


HEAD = """| guide | strength | positive: judge | TF-IDF | nats/char | fluency, nats | perplexity | s |
|---|---|---|---|---|---|---|---|"""


def _row(line: Line) -> str:
    return (
        f"| {line.guide or 'none'} | {line.strength:g} | {line.judge:.0%} | {line.baseline:.0%} | {line.nats:.3f} |"
        f" {line.fluency:.3f} | {line.in_perplexity:.3f} | {line.seconds:.0f} |"
    )


def _judges() -> tuple[Callable[[Sequence[str]], float], Callable[[Sequence[str]], float]]:
    """What share of texts the two judges call positive: a BERT, and TF-IDF with logistic regression."""
    from gen_classify.baseline import train_baseline
    from gen_classify.predicting import load_classifier

    judge = load_classifier(BUILD / "judge")
    with (BUILD / "other.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    baseline = train_baseline([row["text"] for row in rows], [row["label"] for row in rows], seed=2)
    wanted = judge.labels.index(WANTED)

    def by_judge(texts: Sequence[str]) -> float:
        return float((judge.choose(judge.probabilities(list(texts))) == wanted).float().mean())

    def by_baseline(texts: Sequence[str]) -> float:
        return mean(guess == "1" for guess in baseline.predict(list(texts)))

    return by_judge, by_baseline


def _measure(
    engine: Any, judges: Any, name: str, strength: float, *, num: int, seed: int, first: Line | None
) -> tuple[Line, list[str]]:
    """Texts under one guide; `first` is the unguided line."""
    guided = [f"guide={BUILD / name}:{WANTED}@{strength:g}"] if name else []
    started = time.perf_counter()
    chain = ["no_unk", "no_special", f"length={LENGTH}", "top_k=20", *guided]
    done = engine.generate("", processors=chain, num=num, seed=seed, max_new=LENGTH)
    seconds = time.perf_counter() - started
    texts = [each.new for each in done]
    nats = -sum(each.logprob for each in done) / sum(map(len, texts))
    plain = first.nats if first else nats
    shares = [share(texts) for share in judges]
    return Line(name, strength, *shares, nats, plain / nats, math.exp(plain - nats), seconds), texts


if __name__ == "__main__":
    main()
