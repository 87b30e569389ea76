"""How good second lines are: rules kept, lines copied, and BLEU compared with a look-up and with shuffled lines."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from gen_engine.cli.languages import Say
from gen_engine.errors import GenError
from gen_engine.system.bounds import TEXTS, bounded
from gen_engine.text import is_han

from ..rules.couplet import couplet_of, shape_of
from ..rules.parallel import OPPOSITE, Tones, tones_of
from ..verse.books import LEVEL, OBLIQUE
from ..verse.marks import without_end_marks
from ..verse.poem_files import read_lines

Pair = tuple[str, str]

NEAR = 0.5
"""Two first lines with at least this cosine are near-duplicates."""


def read_pairs(path: str) -> list[Pair]:
    """The couplets of a table FIRST<tab>SECOND without a header; .xz is unpacked. GenError if it is no such table."""
    rows = [
        tuple(map(without_end_marks, line.split("\t")))
        for line in bounded(read_lines(path, columns=True), TEXTS, path, "give fewer couplets")
        if line.strip()
    ]
    odd = next((number for number, row in enumerate(rows, 1) if not _is_pair(row)), None)
    if odd is not None or not rows:
        raise GenError(f"Row {odd or 1} of {path} is not FIRST<tab>SECOND; mend it, or name another file.")
    return [(row[0], row[1]) for row in rows]


def _is_pair(row: Sequence[str]) -> bool:
    return len(row) == 2 and all(any(map(is_han, line)) for line in row)


@dataclass(frozen=True)
class Drawn:
    """Couplets whose first lines can be answered, and for each reason how many of the others cannot."""

    pairs: list[Pair]
    aside: Counter[str]


def draw(pairs: Sequence[Pair], count: int, *, seed: int, book: str | None, unknown: Collection[str] = ()) -> Drawn:
    """The first `count` of `pairs`, shuffled by `seed`, whose first line can begin a couplet.

    A first line that cannot end oblique has no second line by the rules, whoever writes it. One with marks that are
    `unknown` has none by this model. Both are set aside and counted.
    """
    order = list(pairs)
    random.Random(seed).shuffle(order)
    found: list[Pair] = []
    aside: Counter[str] = Counter()
    for first, second in order:
        reason = why_not(first, book) or ("marks the model lacks" if set(first) & set(unknown) else "")
        if reason:
            aside[reason] += 1
        elif len(found) < count:
            found.append((first, second))
        if len(found) == count:
            break
    if not found:
        raise GenError("None of the first lines can be answered by the rules; give others, or --rhyme-book none.")
    return Drawn(found, aside)


def why_not(first: str, book: str | None) -> str:
    """Why no couplet begins with this line; "" if one may."""
    try:
        machine = couplet_of(shape_of(first), book=book)
    except GenError:
        return "other signs or shapes"
    return "ends level" if machine.ends_wrong(first) else ""


def same_length(pair: Pair) -> bool:
    """Whether both lines have the same length, with their marks at the same places."""
    return [is_han(char) or char for char in pair[0]] == [is_han(char) or char for char in pair[1]]


def opposed(pair: Pair, tones: Tones) -> bool:
    """Whether the lines are opposed at the even places and the ends of all parts, and end oblique and level.

    A character of several readings may be read in either tone. One that the book does not know can stand anywhere in
    the first line but at its end.
    """
    parts = ["".join(char if is_han(char) else " " for char in line).split(" ") for line in pair]
    if not same_length(pair) or OBLIQUE not in tones.of(pair[0][-1]) or LEVEL not in tones.of(pair[1][-1]):
        return False
    return all(_part_opposed(above, below, tones) for above, below in zip(*parts, strict=True))


def _part_opposed(above: str, below: str, tones: Tones) -> bool:
    judged = [place for place in range(len(above)) if place % 2 == 1 or place == len(above) - 1]
    read = [(tones.of(above[place]), tones.of(below[place])) for place in judged]
    return all(OPPOSITE[tone] in answer for tone, answer in read if tone in OPPOSITE)


def bleu(written: Sequence[str], wanted: Sequence[str]) -> float:
    """Corpus BLEU-4 of characters, from 0 to 100, by sacrebleu."""
    try:
        import sacrebleu
    except ImportError as problem:
        raise GenError("BLEU needs sacrebleu; install it by `pip install 'gen-engine-poem[eval]'`.") from problem
    return float(sacrebleu.corpus_bleu(list(written), [list(wanted)], tokenize="char").score)


def shuffle_alike(pairs: Sequence[Pair], *, seed: int) -> list[str]:
    """The second lines, each moved to another pair of the same shape; where a shape occurs once, to the next pair."""
    groups: dict[str, list[int]] = defaultdict(list)
    for number, (first, _) in enumerate(pairs):
        groups[shape_of(first)].append(number)
    alone = [numbers.pop() for numbers in groups.values() if len(numbers) == 1]
    moved = [second for _, second in pairs]
    for numbers in (*groups.values(), alone):
        random.Random(seed).shuffle(numbers)
        for here, there in zip(numbers, numbers[1:] + numbers[:1], strict=True):
            moved[here] = pairs[there][1]
    return moved


def grams(line: str) -> list[str]:
    """The characters of a line and its pairs of neighbours."""
    return [*line, *(line[at : at + 2] for at in range(len(line) - 1))]


@dataclass(frozen=True, eq=False)
class Retrieval:
    """Finds the couplet with the most similar first line, by the cosine of TF-IDF over characters and pairs of them."""

    pairs: Sequence[Pair]

    @cached_property
    def _postings(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for number, (first, _) in enumerate(self.pairs):
            for gram in set(grams(first)):
                found[gram].append(number)
        return found

    def _weight(self, gram: str) -> float:
        return math.log((1 + len(self.pairs)) / (1 + len(self._postings.get(gram, ())))) + 1

    @cached_property
    def _norms(self) -> list[float]:
        return [math.sqrt(sum(self._weight(gram) ** 2 for gram in set(grams(first)))) for first, _ in self.pairs]

    def nearest(self, first: str) -> tuple[Pair, float]:
        """The couplet whose first line is most like `first` (the earliest of equals), and the cosine."""
        weights = {gram: self._weight(gram) ** 2 for gram in grams(first)}
        scores: dict[int, float] = defaultdict(float)
        for gram, weight in weights.items():
            for number in self._postings.get(gram, ()):
                scores[number] += weight
        best = max(scores, key=lambda number: (scores[number] / self._norms[number], -number), default=0)
        length = math.sqrt(sum(weights.values())) * self._norms[best]
        return self.pairs[best], scores[best] / length if length else 0.0


@dataclass(frozen=True)
class Bleu:
    """BLEU of `lines` second lines: as written, shuffled among first lines, and looked up (None without a corpus)."""

    lines: int
    written: float
    shuffled: float
    retrieval: float | None = None


@dataclass(frozen=True)
class Evaluation:
    """Figures of written second lines, for the report and for JSON.

    `bleu_apart` covers only the lines whose first line has no near-duplicate in the corpus (a cosine of NEAR or more).
    Collections hold many a couplet in several spellings, and looking those up would copy the answer.
    """

    lines: int
    aside: dict[str, int]
    equal_length: float
    opposed: float
    copied: int | None
    bleu: Bleu
    bleu_apart: Bleu | None
    real_opposed: float


def evaluate(
    drawn: Drawn, written: Sequence[str], *, book: str | None, corpus: Sequence[Pair] | None, seed: int
) -> Evaluation:
    """Judge `written`, the second lines in the order of `drawn.pairs`, beside both baselines."""
    tones = tones_of(book)
    ours = [(first, second) for (first, _), second in zip(drawn.pairs, written, strict=True)]
    known = {line for pair in corpus or () for line in pair}
    retrieval = Retrieval(corpus) if corpus else None
    looked_up = [retrieval.nearest(first) for first, _ in ours] if retrieval else None
    columns = {
        "written": list(written),
        "shuffled": shuffle_alike(ours, seed=seed),
        **({"retrieval": [pair[1] for pair, _ in looked_up]} if looked_up else {}),
    }

    def scores(indices: Sequence[int]) -> Bleu:
        wanted = [drawn.pairs[index][1] for index in indices]
        found = {name: bleu([lines[index] for index in indices], wanted) for name, lines in columns.items()}
        return Bleu(len(indices), found["written"], found["shuffled"], found.get("retrieval"))

    def share(judge: Callable[[Pair], bool], pairs: Sequence[Pair]) -> float:
        return sum(map(judge, pairs)) / len(pairs)

    apart = [index for index, (_, cosine) in enumerate(looked_up or ()) if cosine < NEAR]
    return Evaluation(
        lines=len(ours),
        aside=dict(drawn.aside),
        equal_length=share(same_length, ours),
        opposed=share(lambda pair: opposed(pair, tones), ours),
        copied=sum(second in known for second in written) if corpus else None,
        bleu=scores(range(len(ours))),
        bleu_apart=scores(apart) if apart else None,
        real_opposed=share(lambda pair: opposed(pair, tones), drawn.pairs),
    )


def rows(found: Evaluation, say: Say = str) -> Iterator[list[str]]:
    """The figures as lines of a table: figure, value, meaning."""
    aside = ", ".join(f"{count} {say(reason)}" for reason, count in found.aside.items()) or say("none")
    real = f"{100 * found.real_opposed:.1f}%"
    words = say("set aside since no couplet begins so: {aside}")
    yield [say("first lines"), str(found.lines), words.format(aside=aside)]
    yield [say("equal length"), f"{100 * found.equal_length:.1f}%", say("marks at the same places")]
    words = say("of the real second lines {share}")
    yield [say("opposed tones"), f"{100 * found.opposed:.1f}%", words.format(share=real)]
    if found.copied is not None:
        yield [say("copied lines"), str(found.copied), say("second lines that stand in the corpus")]
    yield from _bleu_rows(found.bleu, "BLEU", "", say)
    if found.bleu_apart:
        title = say("BLEU of {count} apart").format(count=found.bleu_apart.lines)
        apart = say("; lines with a cosine of {near} to the corpus left out").format(near=NEAR)
        yield from _bleu_rows(found.bleu_apart, title, apart, say)


def _bleu_rows(found: Bleu, title: str, apart: str, say: Say) -> Iterator[list[str]]:
    yield [title, f"{found.written:.2f}", say("characters, against the real second lines") + apart]
    words = say("the same lines, each to another first line of its shape")
    yield [say("{title}, shuffled").format(title=title), f"{found.shuffled:.2f}", words]
    if found.retrieval is not None:
        words = say("the answer to the corpus' most similar first line")
        yield [say("{title}, retrieval").format(title=title), f"{found.retrieval:.2f}", words]
