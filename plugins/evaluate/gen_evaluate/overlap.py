"""Overlap with references, by characters: BLEU and ROUGE; and distinct-n, which needs none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gen_engine.errors import GenError
from gen_engine.system.underway import counted


@dataclass(frozen=True)
class Rouge:
    """Means over the texts: precision, recall and their harmonic mean."""

    precision: float
    recall: float
    f: float


def characters(text: str) -> list[str]:
    """The characters of `text` without white space: the tokens of all measures here."""
    return [char for char in text if not char.isspace()]


def check_pairs(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    """Raise GenError unless each list of references is as long as the candidates."""
    for number, each in enumerate(references, 1):
        if len(each) != len(candidates):
            raise GenError(
                f"There are {len(candidates)} candidates and {len(each)} references in list {number}."
                " Give one reference a candidate, in the same order."
            )


def bleu(candidates: Sequence[str], references: Sequence[Sequence[str]], *, tokenize: str = "char") -> float:
    """Corpus BLEU, 0 to 100, by sacrebleu; `references` are one or more lists, each in the candidates' order.

    `tokenize` is "char", or "zh", which keeps Latin words whole.
    """
    from sacrebleu import corpus_bleu

    check_pairs(candidates, references)
    return float(corpus_bleu(list(candidates), [list(each) for each in references], tokenize=tokenize).score)


def rouge(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Rouge]:
    """ROUGE-1, ROUGE-2 and ROUGE-L (Lin 2004) as means over the texts; of several references the best F counts."""
    check_pairs(candidates, references)
    found: dict[str, list[Rouge]] = {"rouge1": [], "rouge2": [], "rougeL": []}
    pairs = zip(candidates, *references, strict=True)
    for candidate, *those in counted(pairs, "comparing with references", len(candidates)):
        guess, golds = characters(candidate), [characters(each) for each in those]
        for name, kind in (("rouge1", 1), ("rouge2", 2)):
            found[name].append(max((_shared_ngrams(guess, gold, kind) for gold in golds), key=lambda each: each.f))
        found["rougeL"].append(max((_shared_sequence(guess, gold) for gold in golds), key=lambda each: each.f))
    return {name: _mean(each) for name, each in found.items()}


def distinct(texts: Sequence[str], n: int) -> float:
    """The share of different n-grams among all character n-grams of all texts (Li et al. 2016); 0 if there are none."""
    grams = [gram for text in texts for gram in _ngrams(characters(text), n)]
    return len(set(grams)) / len(grams) if grams else 0.0


def _ngrams(tokens: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]


def _shared_ngrams(guess: Sequence[str], gold: Sequence[str], n: int) -> Rouge:
    ours, theirs = Counter(_ngrams(guess, n)), Counter(_ngrams(gold, n))
    return _rate((ours & theirs).total(), ours.total(), theirs.total())


def _shared_sequence(guess: Sequence[str], gold: Sequence[str]) -> Rouge:
    """ROUGE-L, by the longest common subsequence."""
    row = [0] * (len(gold) + 1)
    for token in guess:
        before = row
        row = [0]
        for i, other in enumerate(gold):
            row.append(before[i] + 1 if token == other else max(before[i + 1], row[i]))
    return _rate(row[-1], len(guess), len(gold))


def _rate(shared: int, ours: int, theirs: int) -> Rouge:
    precision, recall = shared / max(1, ours), shared / max(1, theirs)
    return Rouge(precision, recall, 2 * precision * recall / (precision + recall) if shared else 0.0)


def _mean(each: Sequence[Rouge]) -> Rouge:
    count = max(1, len(each))
    return Rouge(*(sum(getattr(one, name) for one in each) / count for name in ("precision", "recall", "f")))
