"""What `guide` gains: reviews written under a classifier, judged by others that were trained on other reviews.

`python plugins/classify/recipe/guide.py prepare` writes reviews of GEN_DATA to build/guide; `... train` prints the
commands that train the language model, the guiding classifiers and the judge; `... write` writes under them,
`... judge` prints the table, `... beginnings` how well guides judge what is not finished.
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

import click

BUILD = Path("build/guide")
LENGTH = 40
CUT = 60
LABELS = ("负向评价", "正向评价")
CLASSIFIER = f"""--text text --label label --label-names {",".join(LABELS)} --from-scratch --max-length 64 \\
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
class Written:
    """Texts under one guide to a label, their nats a character under the language model alone, and what they took.

    `work` are seconds of processor time, which other programs on the machine change less.
    """

    guide: str
    label: str
    strength: float
    nats: float
    seconds: float
    work: float
    texts: list[str]


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
    """Print the commands that train what `write` and `judge` need."""
    click.echo(TRAIN.strip())


@main.command()
@click.option("--num", default=100, show_default=True, help="Texts of 40 characters for each guide and strength.")
@click.option("--strengths", default="1,2,4", show_default=True)
@click.option("--guides", default="prefixes,whole", show_default=True, help="Folders of build/guide.")
@click.option("--label", type=click.Choice(LABELS), default=LABELS[1], show_default=True)
@click.option("--seed", default=0, show_default=True)
def write(num: int, strengths: str, guides: str, label: str, seed: int) -> None:
    """Write texts under each guide and without one; they are added to build/guide/written.jsonl."""
    import gen_engine

    engine = gen_engine.load(BUILD / "lm")
    for name in ["", *guides.split(",")]:
        for strength in map(float, strengths.split(",") if name else ["0"]):
            guided = [f"guide={BUILD / name}:{label}@{strength:g}"] if name else []
            chain = ["no_unk", "no_special", f"length={LENGTH}", "top_k=20", *guided]
            started = time.perf_counter(), time.process_time()
            done = engine.generate("", processors=chain, num=num, seed=seed, max_new=LENGTH)
            seconds, work = time.perf_counter() - started[0], time.process_time() - started[1]
            texts = [each.new for each in done]
            nats = -sum(each.logprob for each in done) / sum(map(len, texts))
            written = Written(name, label if name else "", strength, nats, seconds, work, texts)
            with (BUILD / "written.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(written), ensure_ascii=False) + "\n")
            click.echo(f"{name or 'unguided'} {strength:g}: {nats:.3f} nats, {work:.0f} s of work")


@main.command()
@click.option("--folder", type=click.Path(path_type=Path), default=BUILD / "judge", show_default=True)
def judge(folder: Path) -> None:
    """Print the table of what was written last under each guide and strength, and a few texts of each."""
    lines = (BUILD / "written.jsonl").read_text(encoding="utf-8").splitlines()
    latest = {(each.guide, each.label, each.strength): each for each in (Written(**json.loads(line)) for line in lines)}
    plain = latest["", "", 0.0]
    judges = _judges(folder)
    click.echo(HEAD)
    for each in latest.values():
        shares = " | ".join(f"{share(each.texts):.0%}" for share in judges)
        fluency, perplexity = plain.nats / each.nats, math.exp(plain.nats - each.nats)
        click.echo(
            f"| {each.guide or 'none'} | {each.label} | {each.strength:g} | {shares} | {each.nats:.3f} |"
            f" {fluency:.3f} | {perplexity:.3f} | {each.work:.0f} |"
        )
    for each in latest.values():
        click.echo("\n".join([f"\n{each.guide or 'unguided'} {each.label} {each.strength:g}:", *each.texts[:3]]))


@main.command()
@click.option("--guides", default="prefixes,whole", show_default=True, help="Folders of build/guide.")
@click.option("--num", default=1000, show_default=True, help="Reviews that the guides were not trained on.")
def beginnings(guides: str, num: int) -> None:
    """Print how often guides judge the first characters of reviews rightly, and how many nats they give the label."""
    from gen_classify.predicting.classifier import load_classifier

    rows = [row for row in _rows("other") if len(row["text"]) >= LENGTH][:num]
    lengths = (5, 10, 20, LENGTH)
    click.echo("\n".join([f"| guide | {' | '.join(map(str, lengths))} |", "|---" * 5 + "|"]))
    for name in guides.split(","):
        classifier = load_classifier(BUILD / name)
        told: list[str] = []
        for length in lengths:
            found = classifier.probabilities([row["text"][:length] for row in rows])
            labels = [int(row["label"]) for row in rows]
            right = mean(guess == label for guess, label in zip(classifier.choose(found).tolist(), labels, strict=True))
            told.append(f"{right:.1%}, {-float(found[range(len(labels)), labels].log().mean()):.3f} nats")
        click.echo(f"| {name} | {' | '.join(told)} |")


HEAD = """| guide | to | strength | positive: judge | TF-IDF | nats/char | fluency, nats | perplexity | CPU s |
|---|---|---|---|---|---|---|---|---|"""


def _judges(folder: Path) -> tuple[Callable[[Sequence[str]], float], Callable[[Sequence[str]], float]]:
    """What share of texts the two judges call positive: a BERT, and TF-IDF with logistic regression."""
    from gen_classify.evaluating.baseline import train_baseline
    from gen_classify.predicting.classifier import load_classifier

    second, rows = load_classifier(folder), _rows("other")
    baseline = train_baseline([row["text"] for row in rows], [row["label"] for row in rows], seed=2)
    wanted = second.labels.index(LABELS[1])

    def by_judge(texts: Sequence[str]) -> float:
        return float((second.choose(second.probabilities(list(texts))) == wanted).float().mean())

    def by_baseline(texts: Sequence[str]) -> float:
        return mean(guess == "1" for guess in baseline.predict(list(texts)))

    return by_judge, by_baseline


def _rows(name: str) -> list[dict[str, str]]:
    with (BUILD / f"{name}.tsv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


if __name__ == "__main__":
    main()
