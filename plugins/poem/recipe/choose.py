"""Choose again among scored texts, by other weights: `python choose.py SCORED.jsonl --best-of 8 --aim 0.9`.

SCORED.jsonl is what `gen poem --best-of 1 --num K --json` writes, K a multiple of --best-of: texts with the parts of
their scores. The best of each group in turn is written with its new score; on standard error is told what they are
like on average. `gen eval poem` judges what was written. So texts are drawn once for all weights that are tried.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import fields
from statistics import fmean
from typing import Any

from gen_poem.verse.poem_files import read_lines
from gen_poem.writing.scoring import BEST_OF, WEIGHTS, Parts, Weights, scores

PARTS = [field.name for field in fields(Parts)]


def choose(rows: Sequence[dict[str, Any]], weights: Weights) -> dict[str, Any]:
    """The best of these rows, with its new score."""
    found = scores([Parts(**{name: row["score"][name] for name in PARTS}) for row in rows], weights)
    score, row = max(zip(found, rows, strict=True), key=lambda each: each[0].total)
    return {**row, "score": score.record()}


def main() -> None:
    """Write the best texts, and say what they are like."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--best-of", type=int, default=BEST_OF)
    for field in fields(Weights):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=float, default=getattr(WEIGHTS, field.name))
    given = parser.parse_args()
    weights = Weights(**{field.name: getattr(given, field.name) for field in fields(Weights)})
    rows = [json.loads(line) for line in read_lines(given.file)]
    best = [choose(rows[i : i + given.best_of], weights) for i in range(0, len(rows), given.best_of)]
    for row in best:
        print(json.dumps(row, ensure_ascii=False))
    told = [f"{name} {fmean(row['score'][name] for row in best):.3f}" for name in PARTS]
    print(f"{len(best)} of {len(rows)} texts, on average: {', '.join(told)}", file=sys.stderr)


if __name__ == "__main__":
    main()
