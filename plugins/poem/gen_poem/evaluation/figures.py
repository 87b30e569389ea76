"""The figures of a set of poems together: what `gen eval poem` prints, writes and draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from gen_engine.cli.languages import Say
from gen_engine.errors import GenError
from gen_engine.system.underway import counted

from ..verse.poem_files import Row
from .antithesis import parallel_share
from .classifier import auc_by_words, match, shape_of
from .measures import Judged, Wanted, distinct, judge_poem, nats, repeated_lines, self_bleu, verbatim
from .relevance import hits

if TYPE_CHECKING:
    from gen_engine.engine import Engine

    from .relevance import Judges


BY = {"counts": "relevance, counts", "encoder": "relevance, encoder"}
"""The name of the relevance figure of each judge."""


@dataclass(frozen=True)
class Figure:
    """One figure: a share of poems, lines or runs between 0 and 1, an area between 0 and 1, or nats. It is None where
    it could not be computed.

    `meaning` may have placeholders for the name of the `model` under which the figure is measured, and for a `count`.
    """

    name: str
    value: float | None
    meaning: str
    unit: str = "share"
    model: str = ""
    count: int = 0

    def told(self, say: Say = str) -> str:
        """What the figure means."""
        return say(self.meaning).replace("{model}", self.model).replace("{count}", f"{self.count:,}")


@dataclass(frozen=True)
class Evaluation:
    """A set of poems, each judged, and the figures of all of them."""

    wanted: Wanted
    source: str
    poems: tuple[Judged, ...]
    figures: tuple[Figure, ...]

    @property
    def groups(self) -> list[tuple[str, int]]:
        """The rhyme groups, with the number of poems that rhyme in each, the usual ones first."""
        return Counter(poem.group for poem in self.poems if poem.group).most_common()

    def title(self, say: Say = str) -> str:
        """How many poems of which form were judged, and where they are from."""
        what = self.wanted.form or self.wanted.tune or say("poems")
        return say("{count} × {what} ({source})").format(count=len(self.poems), what=what, source=self.source)

    def record(self) -> dict[str, Any]:
        """The evaluation as a JSON object."""
        return {
            "source": self.source,
            "poems": len(self.poems),
            **asdict(self.wanted),
            "figures": {figure.name: figure.value for figure in self.figures},
            "rhymes": dict(self.groups),
            "each": [asdict(poem) for poem in self.poems],
        }


def evaluate(
    texts: Sequence[str | Row],
    wanted: Wanted,
    *,
    source: str,
    engine: Engine | None = None,
    corpus: Iterable[str] | None = None,
    judges: Judges | None = None,
    real: Sequence[str] | None = None,
) -> Evaluation:
    """Judge all poems; with an engine also measure how likely they are, with a corpus which lines stand in it.

    With `judges`, also measure whether their titles are found. With `real` poems, also measure whether a classifier
    tells the two apart.
    """
    rows = [Row(text) if isinstance(text, str) else text for text in texts]
    bare = [row.text for row in rows]
    poems = [replace(judge_poem(row.text, wanted), title=row.title) for row in counted(rows, "judging poems")]
    if engine is not None:
        poems = _read(engine, poems, [row.context for row in rows])
    if judges is not None:
        found = hits(judges, [(row.text, row.title) for row in rows])
        poems = [replace(poem, relevance=each) for poem, each in zip(poems, found, strict=True)]
    sense = (*_parallel(bare), *_relevance(poems, judges), *_telling(poems, real, wanted))
    figures = (*_kept(poems, wanted), *_variety(bare, corpus), *sense, *_likelihood(poems, engine))
    return Evaluation(wanted, source, tuple(poems), figures)


def _read(engine: Engine, poems: Sequence[Judged], contexts: Sequence[str]) -> list[Judged]:
    """The poems with their nats, and with those after their contexts if any poem has one."""
    texts = [poem.text for poem in poems]
    costs = zip(poems, nats(engine, texts), strict=True)
    found = [replace(poem, nats=total, known=chars) for poem, (total, chars) in costs]
    if not any(contexts):
        return found
    behind = zip(found, nats(engine, texts, contexts), strict=True)
    return [replace(poem, nats_behind=total) for poem, (total, _) in behind]


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return sum(found) / len(found) if found else None


def _kept(poems: Sequence[Judged], wanted: Wanted) -> list[Figure]:
    """How many poems keep their form."""
    tones = (
        [Figure("tone", _mean(poem.loose for poem in poems), "poems whose every tone is the tune's")]
        if wanted.tune
        else [
            Figure(
                "tone strict",
                _mean(poem.strict for poem in poems),
                "poems with all tones of the pattern, no 孤平, no 三平尾",
            ),
            Figure("tone loose", _mean(poem.loose for poem in poems), "poems with all tones but 一三五不论"),
        ]
    )
    shares = [poem.poetone for poem in poems if poem.poetone is not None]
    ci = [
        Figure("PoeTone", _mean(each.score for each in shares), "0.4 structure + 0.3 tone + 0.3 rhyme"),
        Figure("structure", _mean(each.structure for each in shares), "lines of the right length"),
        Figure("tone places", _mean(each.tone for each in shares), "places of the right tone in these"),
        Figure("rhyme words", _mean(each.rhyme for each in shares), "rhyme words that rhyme"),
    ]
    old = Figure("old verse", _mean(poem.old for poem in poems), "poems of free tones that rhyme as old verse does")
    return [
        Figure("format", _mean(poem.format for poem in poems), "poems with the right lines of the right length"),
        *tones,
        Figure("rhyme", _mean(poem.rhyme for poem in poems), "poems that rhyme, no word twice"),
        *(() if wanted.form or wanted.tune else [old]),
        *(ci if wanted.tune else ()),
    ]


def _variety(texts: Sequence[str], corpus: Iterable[str] | None) -> list[Figure]:
    """How much the poems repeat themselves, each other, and a corpus."""
    figures = [
        Figure("distinct-1", distinct(texts, 1), "different characters"),
        Figure("distinct-2", distinct(texts, 2), "different pairs of characters within lines"),
        _alike(texts),
        Figure("repeated lines", repeated_lines(texts), "lines that stood before"),
    ]
    if corpus is not None:
        figures.append(Figure("verbatim", verbatim(texts, corpus), "lines that stand in the corpus"))
    return figures


def _alike(texts: Sequence[str]) -> Figure:
    try:
        return Figure("self-BLEU", self_bleu(texts), "likeness of each poem to the others, by BLEU-4")
    except GenError as problem:  # the other figures do not need what may be missing
        return Figure("self-BLEU", None, str(problem))


def _parallel(texts: Sequence[str]) -> list[Figure]:
    """How many middle couplets are parallel, if any poem has eight lines."""
    share = parallel_share(texts)
    meaning = "middle couplets of opposed words; of real ones nine in ten"
    return [] if share is None else [Figure("parallel", share, meaning)]


def _relevance(poems: Sequence[Judged], judges: Judges | None) -> list[Figure]:
    """How often each judge finds the title of a poem."""
    if judges is None:
        return []
    titled = [poem.relevance for poem in poems if poem.relevance]
    meaning = "titles found among 20 by a judge of {model}, of {count} (chance: 5%)"
    return [
        Figure(BY[name], _mean(each[name] for each in titled), meaning, model=name, count=len(titled))
        for name in judges.judges
    ]


def _telling(poems: Sequence[Judged], real: Sequence[str] | None, wanted: Wanted) -> list[Figure]:
    """How well a classifier tells the poems from real ones. Only poems that keep the form are compared, so that rules
    give nothing away."""
    if real is None:
        return []
    ours = [poem.text for poem in poems if poem.keeps]
    others = [text for text in counted(real, "judging real poems") if judge_poem(text, wanted).keeps]
    ours, others = match(ours, others, shape_of)
    meaning = "area under the curve of a classifier, {count} poems and as many real ones (0.5: it cannot tell)"
    try:
        return [Figure("AUC, TF-IDF", auc_by_words(ours, others), meaning, "area", count=len(ours))]
    except GenError as problem:
        return [Figure("AUC, TF-IDF", None, str(problem), "area")]


def _likelihood(poems: Sequence[Judged], engine: Engine | None) -> list[Figure]:
    if engine is None:
        return []
    chars = sum(poem.known for poem in poems)
    bare, behind = [poem.nats or 0.0 for poem in poems], [poem.nats_behind for poem in poems]
    told = {"nats a character": bare, "nats with context": [each for each in behind if each is not None]}
    meanings = {
        "nats a character": "under {model}, marks and end included",
        "nats with context": "the same, each poem read behind its context",
    }
    return [
        Figure(name, sum(values) / chars if chars else None, meanings[name], "nats", engine.model.name)
        for name, values in told.items()
        if len(values) == len(poems)
    ]
