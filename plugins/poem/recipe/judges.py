"""Train the two judges of relevance on real poems and write them: `python judges.py FOLDER`; GEN_DATA holds the poems.

They learn from the poems that the model learns from, never from the validation poems, by which they are measured at
the end, and whose titles are the wrong ones that texts are offered. It takes some four minutes on one core.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from prepare import VALIDATION_POEMS, Verse, read_poems, split, unique
from sklearn.feature_extraction.text import CountVectorizer

from gen_poem.evaluation.counts import Counts, Numbers, grams
from gen_poem.evaluation.judges import read_judges, write_judges
from gen_poem.evaluation.relevance import hits, plain_lines
from gen_poem.evaluation.towers import Encoder, Towers

OFTEN_IN_TITLES, OFTEN_IN_TEXTS = 5, 20
"""Grams that are in fewer titles, or texts, are left out."""

PAIRS = 20_000
"""So many of the commonest pairs of characters of texts are counted."""


@dataclass(frozen=True)
class Training:
    """How the encoder is trained."""

    width: int = 128
    batch: int = 512
    epochs: float = 1.5
    rate: float = 4e-3
    warmup: int = 50
    dropout: float = 0.1


def count(poems: Sequence[Verse]) -> Counts:
    """The judge by counts."""
    titles = CountVectorizer(analyzer=grams, binary=True, min_df=OFTEN_IN_TITLES, dtype=np.int32)
    texts = CountVectorizer(analyzer=grams, binary=True, min_df=OFTEN_IN_TEXTS, dtype=np.int32)
    rows = titles.fit_transform([poem.title for poem in poems])  # [poems, titles]
    columns = texts.fit_transform([plain_lines(poem.text) for poem in poems])  # [poems, features]
    names, usual = texts.get_feature_names_out(), np.asarray(columns.sum(0)).ravel()
    single = np.array([len(name) == 1 for name in names])
    pairs = sorted(np.flatnonzero(~single), key=lambda place: (-usual[place], place))[:PAIRS]
    chosen = np.concatenate([np.flatnonzero(single), np.sort(np.array(pairs, dtype=np.int64))])
    columns = columns[:, chosen]
    characters = int(single.sum())
    table = (rows.T @ columns).tocsr()
    table.sort_indices()
    both = [np.asarray(part.sum(1)).ravel() for part in (table[:, :characters], table[:, characters:])]
    return Counts(
        titles=titles.get_feature_names_out().tolist(),
        features=names[chosen].tolist(),
        total=len(poems),
        poems=np.asarray(rows.sum(0)).ravel(),
        sums=np.stack(both, axis=1),
        usual=usual[chosen],
        starts=table.indptr.astype(np.int64),
        places=_narrow(table.indices),
        counts=_narrow(table.data),
    )


def _narrow(numbers: Numbers) -> Numbers:
    """The numbers in two bytes each, where they have room there: most of the folder is these."""
    return numbers.astype(np.uint16) if numbers.max(initial=0) < 2**16 else numbers


def train(poems: Sequence[Verse], how: Training) -> Encoder:
    """The encoder with two towers."""
    torch.manual_seed(0)
    texts = [plain_lines(poem.text) for poem in poems]
    often = Counter(char for poem, text in zip(poems, texts, strict=True) for char in {*text, *poem.title} - {" "})
    characters = "".join(sorted(char for char, times in often.items() if times >= OFTEN_IN_TEXTS))
    towers = Towers(len(characters), how.width, how.dropout)
    encoder = Encoder(towers, characters)
    read, titles = encoder.rows(texts), encoder.rows([poem.title for poem in poems])
    numbers = {title: number for number, title in enumerate(dict.fromkeys(poem.title for poem in poems))}
    same = torch.tensor([numbers[poem.title] for poem in poems])
    steps = max(1, int(how.epochs * len(poems) / how.batch))
    optimizer = torch.optim.AdamW(towers.parameters(), lr=how.rate, weight_decay=0.01)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: min(1.0, (n + 1) / how.warmup) * (1 - n / steps))
    for step, batch in zip(range(steps), _batches(len(poems), how.batch), strict=False):
        optimizer.zero_grad()
        loss = towers.loss(_cut(titles[batch]), _cut(read[batch]), same[batch])
        loss.backward()
        optimizer.step()
        rate.step()
        if step % 100 == 99:
            print(f"step {step + 1} of {steps}: loss {loss.item():.2f}", flush=True)
    towers.eval()
    return encoder


def _batches(rows: int, size: int) -> Iterable[torch.Tensor]:
    """Batches of row numbers for ever, in a new order each time through."""
    while True:
        yield from torch.randperm(rows).split(size)


def _cut(rows: torch.Tensor) -> torch.Tensor:
    """The rows without places that none of them has."""
    return rows[:, : int((rows != 0).sum(1).max())]


def main() -> None:
    """Train, write, and print how often the judges are right on the validation poems, form by form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    poems, valid = split(unique(read_poems()), VALIDATION_POEMS)
    poems = [poem for poem in poems if poem.title]
    random.Random(0).shuffle(poems)
    write_judges(folder, count(poems), train(poems, Training()), tuple(dict.fromkeys(poem.title for poem in valid)))
    judges = read_judges(folder)
    for form in ("五绝", "七绝", "五律", "七律"):
        found = hits(judges, [(poem.text, poem.title) for poem in valid if poem.form == form])
        means = {name: sum(each[name] for each in found) / len(found) for name in judges.judges}
        print(form, len(found), ", ".join(f"{name} {mean:.3f}" for name, mean in means.items()))


if __name__ == "__main__":
    main()
