"""Write couplets.train.tsv, couplets.valid.tsv and, of all couplets, couplets.known.tsv from the files in GEN_DATA."""

from __future__ import annotations

import lzma
import os
import random
import sys
from collections import Counter
from pathlib import Path

VALIDATION_COUPLETS = 1000
OUT_OF_VERSE = 90_000
"""How many of the couplets out of regulated verse are taken, so that they do not outnumber the others."""

Couplet = tuple[str, str]


def read_couplets(path: Path) -> list[Couplet]:
    """The pairs of a table without a header."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        rows = (line.rstrip("\n").split("\t") for line in file)
        return [(first, second) for first, second in rows]


def split_couplets(couplets: list[Couplet]) -> tuple[list[Couplet], list[Couplet]]:
    """(training couplets, validation couplets); the latter share no line with any other."""
    shuffled = sorted(set(couplets))
    random.Random(0).shuffle(shuffled)
    counts = Counter(line for couplet in shuffled for line in couplet)
    alone = [couplet for couplet in shuffled if all(counts[line] == 1 for line in couplet)]
    valid = set(alone[:VALIDATION_COUPLETS])
    lines = {line for couplet in valid for line in couplet}
    return [couplet for couplet in shuffled if not lines.intersection(couplet)], sorted(valid)


def main() -> None:
    """Write the files into the folder named on the command line."""
    out, data = Path(sys.argv[1]), Path(os.environ["GEN_DATA"])
    out.mkdir(parents=True, exist_ok=True)
    every = read_couplets(data / "couplets.tsv.xz")
    train, valid = split_couplets(every)
    held = {line for couplet in valid for line in couplet}
    all_verse = sorted(set(read_couplets(data / "couplets_lushi.tsv.xz")))
    verse = [each for each in all_verse if not held.intersection(each)]
    parts = {
        "train": train + random.Random(0).sample(verse, OUT_OF_VERSE),
        "valid": valid,
        "known": sorted(set(every)) + all_verse,
    }
    for name, couplets in parts.items():
        text = "".join(f"{first}\t{second}\n" for first, second in couplets)
        (out / f"couplets.{name}.tsv").write_text(text, encoding="utf-8")
        print(f"{name}: {len(couplets)} couplets")


if __name__ == "__main__":
    main()
