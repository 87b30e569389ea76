"""Train the seven tasks with a pretrained and with an untrained encoder, seed by seed, and print who won.

    python plugins/classify/recipe/compare.py train build/mlm/encoder build/compare --seeds 1 2 3
    python plugins/classify/recipe/compare.py show build/compare

Every run is one call of `gen train classifier`; runs that are finished are not repeated. The judge is macro-averaged F1
on the held-out files, chosen beforehand; accuracy stands beside it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import time
from pathlib import Path

from tasks import TASKS, DataSet

from gen_engine.cli.main import main as gen

ARMS = {"pretrained": (), "untrained": ("--untrained",)}
BASELINE = ("pretrained", 1)  # the arm and the seed that train it, too
JUDGE = "macro_f1"


def options(task: DataSet, encoder: Path, out: Path, *, arm: str, seed: int, rows: int) -> list[str]:
    """The arguments of `gen train classifier` for one run."""
    data = Path(os.environ["GEN_DATA"])
    columns = ["--text", task.text, "--label", task.label, *(["--text2", task.text2] if task.text2 else [])]
    return [
        *("train", "classifier", str(data / task.file), "--test", str(data / "eval" / task.file)),
        *columns,
        *("--encoder", str(encoder), *ARMS[arm], "--max-rows", str(rows), "--max-length", str(task.length)),
        *("--split", "90/10", "--epochs", "3", "--batch-tokens", "1024", "--rate", "4e-4", "--warmup", "50"),
        *("--goal", "macro_f1", "--dtype", "bf16", "--save-every", "0", "--seed", str(seed), "--resume"),
        *("--out", str(out), *task.options, *(["--baseline"] if (arm, seed) == BASELINE else [])),
    ]


def train(encoder: Path, folder: Path, *, seeds: list[int], tasks: list[str], rows: int) -> None:
    """All runs that are not finished yet, one after another."""
    for seed in seeds:
        for name in tasks:
            for arm in ARMS:
                out = folder / f"{name}-{arm}-{seed}"
                if (out / "run" / "test.json").exists():
                    continue
                began = time.monotonic()
                try:
                    gen(options(TASKS[name], encoder, out, arm=arm, seed=seed, rows=rows))
                except SystemExit as end:
                    if end.code:
                        sys.exit(f"{out.name} ended with {end.code}.")
                print(f"{out.name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def read(folder: Path, task: str, arm: str) -> dict[int, dict[str, dict[str, float]]]:
    """What the finished runs of one arm measured, by seed."""
    found = sorted(folder.glob(f"{task}-{arm}-*/run/test.json"))
    return {int(path.parts[-3].rsplit("-", 1)[1]): json.loads(path.read_text(encoding="utf-8")) for path in found}


def mean_and_error(values: list[float]) -> tuple[float, float]:
    """(mean, standard error of the mean)."""
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return statistics.mean(values), error


def show(folder: Path) -> None:
    """Print the table of all tasks as Markdown."""
    print("| task | untrained | pretrained | difference | TF-IDF + LR | accuracy: untrained, pretrained, TF-IDF |")
    print("|---|---|---|---|---|---|")
    won = 0
    for task in TASKS:
        found = {arm: read(folder, task, arm) for arm in ARMS}
        seeds = sorted(set.intersection(*map(set, found.values())))  # a run without its partner tells nothing yet
        if not seeds:
            continue
        arms = {arm: [runs[seed] for seed in seeds] for arm, runs in found.items()}
        scores = {arm: [run["model"][JUDGE] for run in runs] for arm, runs in arms.items()}
        pairs = [a - b for a, b in zip(scores["pretrained"], scores["untrained"], strict=True)]
        gain, error = mean_and_error(pairs)
        won += gain > error
        cells = [f"{100 * statistics.mean(scores[arm]):.1f}" for arm in ("untrained", "pretrained")]
        beside = found[BASELINE[0]][BASELINE[1]]["baseline"]
        accuracy = [
            statistics.mean(run["model"]["accuracy"] for run in arms[arm]) for arm in ("untrained", "pretrained")
        ]
        accuracy.append(beside["accuracy"])
        last = ", ".join(f"{100 * value:.1f}" for value in accuracy)
        cells += [f"{100 * gain:+.1f} ± {100 * error:.1f}", f"{100 * beside[JUDGE]:.1f}"]
        print(f"| {task} | {' | '.join(cells)} | {last} |")
    print(f"\nThe pretrained encoder wins {won} of {len(TASKS)} by more than the standard error of the difference.")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=["train", "show"])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--rows", type=int, default=3000)
    given = parser.parse_args()
    if given.verb == "show":
        show(given.folders[0])
    else:
        train(*given.folders[:2], seeds=given.seeds, tasks=given.tasks, rows=given.rows)


if __name__ == "__main__":
    main()
