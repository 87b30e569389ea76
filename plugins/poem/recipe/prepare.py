"""Write poems.train.txt and poems.valid.txt, a poem a line, from poems.jsonl.xz in the folder GEN_DATA."""

from __future__ import annotations

import json
import lzma
import os
import random
import re
import sys
from collections import Counter
from pathlib import Path

VALIDATION_POEMS = 1000


def read_poems(path: Path) -> list[str]:
    """All texts with full-width punctuation."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line)["text"].translate({ord(","): "，", ord("."): "。"}) for line in file]


def lines_of(poem: str) -> list[str]:
    """The poem's lines without punctuation."""
    return [line for line in re.split("[，。]", poem) if line]


def split_poems(poems: list[str]) -> tuple[list[str], list[str]]:
    """(training poems, validation poems); the latter share no line with any other poem."""
    shuffled = sorted(set(poems))
    random.Random(0).shuffle(shuffled)
    counts = Counter(line for poem in shuffled for line in set(lines_of(poem)))
    alone = [poem for poem in shuffled if all(counts[line] == 1 for line in lines_of(poem))]
    valid = set(alone[:VALIDATION_POEMS])
    return [poem for poem in shuffled if poem not in valid], sorted(valid)


def main() -> None:
    """Write both files into the folder named on the command line."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    parts = split_poems(read_poems(Path(os.environ["GEN_DATA"]) / "poems.jsonl.xz"))
    for name, poems in zip(("train", "valid"), parts, strict=True):
        (out / f"poems.{name}.txt").write_text("\n".join(poems) + "\n", encoding="utf-8")
        print(f"{name}: {len(poems)} poems")


if __name__ == "__main__":
    main()
