"""How well a trained classifier tells a model's poems from real ones: the area under its ROC curve.

    python telling.py OUT --train OURS REAL --test OURS REAL

Each pair of files has poems as `gen eval poem` reads them. Of both are taken those that keep their form, as many of
ours as real ones of each form; the real ones should be poems that the model has not seen, so that what it has by heart
does not make it the more real. `gen train classifier` learns from one pair, and the area is that of the other pair,
beside that of TF-IDF with a logistic regression on the same rows. What it starts from reads verse (`--encoder`, the
shipped model by default), so that a few hundred poems are enough: name the same one for all models that are compared.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from gen_classify.evaluating.baseline import train_baseline
from gen_classify.predicting.classifier import load_classifier
from gen_engine.cli.main import main as gen
from gen_poem.evaluation.classifier import auc, match, shape_of
from gen_poem.evaluation.measures import Wanted, judge_poem, lines_of
from gen_poem.verse.poem_files import read_poems

OURS, REAL = "ours", "real"


def paired(ours: Path, real: Path) -> list[tuple[str, str]]:
    """(label, text) of as many poems of each sort, lines parted by commas alone."""
    kept = [[text for text in read_poems(str(path)) if judge_poem(text, Wanted()).keeps] for path in (ours, real)]
    chosen = match(kept[0], kept[1], shape_of)
    return [
        (label, "，".join(lines_of(text))) for label, side in zip((OURS, REAL), chosen, strict=True) for text in side
    ]


def area(scores: list[float], rows: list[tuple[str, str]]) -> float:
    """The area of scores that are the higher the more a row looks like ours."""
    told = list(zip(scores, rows, strict=True))
    return auc([score for score, row in told if row[0] == OURS], [score for score, row in told if row[0] == REAL])


def train(table: Path, out: Path, *, encoder: str, epochs: int, seed: int) -> None:
    """Train the classifier into `out`; a tenth of the rows chooses the best epoch."""
    options = ["--epochs", str(epochs), "--batch-tokens", "1024", "--rate", "3e-4", "--warmup", "20", "--goal", "loss",
               "--save-every", "0", "--split", "90/10", "--seed", str(seed)]  # fmt: skip
    try:
        gen(["train", "classifier", str(table), "--encoder", encoder, *options, "--out", str(out)])
    except SystemExit as end:
        if end.code:
            raise


def main() -> None:
    """Train, and print both areas."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--train", nargs=2, type=Path, required=True, metavar=("OURS", "REAL"))
    parser.add_argument("--test", nargs=2, type=Path, required=True, metavar=("OURS", "REAL"))
    parser.add_argument("--encoder", default="poem")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rows = {part: paired(*getattr(given, part)) for part in ("train", "test")}
    given.out.mkdir(parents=True, exist_ok=True)
    table = given.out / "train.tsv"
    lines = ("\t".join(row) + "\n" for row in [("label", "text"), *rows["train"]])
    table.write_text("".join(lines), encoding="utf-8")
    train(table, given.out / "model", encoder=given.encoder, epochs=given.epochs, seed=given.seed)
    texts = [text for _, text in rows["test"]]
    classifier = load_classifier(given.out / "model")
    learned = classifier.probabilities(texts)[:, classifier.labels.index(OURS)].tolist()
    baseline = train_baseline([text for _, text in rows["train"]], [label for label, _ in rows["train"]])
    likely = baseline.model.predict_proba(baseline.vectorizer.transform(texts))
    words = likely[:, list(baseline.model.classes_).index(OURS)].tolist()
    print(f"trained on {len(rows['train'])} poems, half of them real, judged on {len(texts)}")
    print(f"AUC, classifier: {area(learned, rows['test']):.3f}")
    print(f"AUC, TF-IDF: {area(words, rows['test']):.3f}")


if __name__ == "__main__":
    main()
