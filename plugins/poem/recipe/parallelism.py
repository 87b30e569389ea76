"""Learn which characters poets set against each other, for `gen eval poem`: `python parallelism.py`, with GEN_DATA set.

Counted are the characters at the same places of the middle couplets of the training poems. The table of the logarithms
of how much oftener two occur together than by chance, each count raised by SMOOTHING, is told by its WIDTH largest
eigenvalues, rounded to whole numbers. The thresholds let 90% of the validation poems' middle couplets pass. Printed is
what passes of eval/poems: middle couplets; their second lines shuffled among those of like tones; first and last
couplets; lines 4 and 5.
"""

from __future__ import annotations

import lzma
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from prepare import VALIDATION_POEMS, lines_of, read_poems, read_rows, split, unique
from scipy.sparse.linalg import eigsh

from gen_poem.evaluation.antithesis import LENGTHS, TABLE, Pair, classes, read_classes, write_classes
from gen_poem.rules.parallel import tones_of
from gen_poem.verse.books import TABLES

OFTEN, WIDTH, SMOOTHING, STEPS = 20, 32, 1.0, 40
PASSING = 0.9


def couplets(poems: Iterable[str], places: Sequence[int] = (2, 4)) -> list[Pair]:
    """The couplets that begin at these places of the poems of eight lines of one length."""
    found = []
    for lines in map(lines_of, poems):
        if len(lines) == 8 and len({len(line) for line in lines}) == 1:
            found += [(lines[place], lines[place + 1]) for place in places]
    return found


def association(pairs: Sequence[Pair], characters: Sequence[str]) -> NDArray[np.float32]:
    """The logarithm of counted over expected, both smoothed, of each two characters: symmetric. [characters] squared"""
    number, size = {char: place for place, char in enumerate(characters)}, len(characters)
    both = [(number[a], number[b]) for one, other in pairs for a, b in zip(one, other, strict=True)
            if a in number and b in number]  # fmt: skip
    first, second = np.array(both, dtype=np.int64).T
    counts = np.bincount(first * size + second, minlength=size * size).reshape(size, size).astype(np.float32)
    counts += counts.T
    sums = counts.sum(1)
    expected = np.outer(sums, sums / sums.sum())
    return np.asarray(np.log((counts + SMOOTHING) / (expected + SMOOTHING)))


def shuffled(pairs: Sequence[Pair]) -> list[Pair]:
    """Each first line with the second line of another couplet that has the same tones at its even places and end."""
    tones, groups = tones_of("pingshui"), defaultdict(list)
    for number, (_, second) in enumerate(pairs):
        groups[len(second), *map(tones.of, second[1::2] + second[-1])].append(number)
    found = []
    for numbers in groups.values():
        random.Random(0).shuffle(numbers)
        moved = zip(numbers, numbers[1:] + numbers[:1], strict=True)
        found += [(pairs[here][0], pairs[there][1]) for here, there in moved if here != there]
    return found


def learn(train: Sequence[Pair], valid: Sequence[Pair]) -> str:
    """The table of the classes."""
    often = Counter(char for pair in train for line in pair for char in line)
    characters = sorted(char for char, times in often.items() if times >= OFTEN)
    values, vectors = eigsh(association(train, characters), k=WIDTH, which="LM", v0=np.ones(len(characters)))
    vectors = vectors * np.sqrt(np.abs(values))
    scales = np.abs(vectors).max(0) / STEPS
    whole = np.rint(vectors / scales).astype(np.int64)
    told = {"scales": [float(f"{scale:.5g}") for scale in scales], "signs": np.sign(values).astype(int).tolist()}
    found = read_classes(write_classes(characters, whole, **told, thresholds={}))
    limits = {size: [found.score(pair) for pair in valid if len(pair[0]) == size] for size in LENGTHS}
    thresholds = {size: round(float(np.quantile(scores, 1 - PASSING)), 4) for size, scores in limits.items()}
    return write_classes(characters, whole, **told, thresholds=thresholds)


def main() -> None:
    """Write the table and print what passes."""
    train, valid = split(unique(read_poems()), VALIDATION_POEMS)
    text = learn(couplets(each.text for each in train), couplets(each.text for each in valid))
    (TABLES / f"{TABLE}.txt.xz").write_bytes(lzma.compress(text.encode("utf-8"), preset=9))
    poems = [row["text"] for row in read_rows("eval/poems")]
    middle = couplets(poems)
    kinds = {
        "middle couplets": middle,
        "shuffled": shuffled(middle),
        "first couplets": couplets(poems, (0,)),
        "last couplets": couplets(poems, (6,)),
        "lines 4 and 5": couplets(poems, (3,)),
    }
    for name, pairs in kinds.items():
        for size in LENGTHS:
            judged = [classes().is_parallel(pair) for pair in pairs if len(pair[0]) == size]
            print(f"{name}, {size} characters: {sum(judged) / len(judged):.3f} of {len(judged)}")


if __name__ == "__main__":
    main()
