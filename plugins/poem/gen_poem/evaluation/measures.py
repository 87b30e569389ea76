"""How good a set of poems is, in figures: whether they keep their form, how much they repeat, and how likely they
are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from gen_engine.compiled.arithmetic import as_array
from gen_engine.decoding.ends import fold_ends
from gen_engine.decoding.generation import slides
from gen_engine.errors import GenError
from gen_engine.system.underway import counted

from ..judging.check import judge
from ..judging.report import Report
from ..verse.marks import full_width
from ..verse.patterns import form_name
from ..verse.segments import segments
from ..verse.tunes import number_of, tune

if TYPE_CHECKING:
    from gen_engine.engine import Engine
    from gen_engine.types import Prompt

COMPARED = 200
"""The most poems that are compared for self-BLEU; every pair costs time."""

PACKED = 32
"""How many poems the model reads at once."""

STRUCTURE, TONE, RHYME = 0.4, 0.3, 0.3
"""PoeTone's weights of its three shares."""


@dataclass(frozen=True)
class Wanted:
    """What poems are judged by: a form, or a tune and perhaps one of its forms. With neither, each poem is judged by
    what it looks like."""

    form: str = ""
    tune: str = ""
    variant: int | None = None
    rhyme_book: str = ""
    rhyme: str = ""

    def check(self) -> Wanted:
        """The same; GenError now if there is no such form or tune."""
        if self.form and self.tune:
            raise GenError("Poems are judged by one form or one tune; give one of --form and --tune.")
        if self.form:
            form_name(self.form)
        if self.tune and self.variant:
            tune(self.tune).variant(self.variant)
        elif self.tune:
            tune(self.tune)
        return self


@dataclass(frozen=True)
class PoeTone:
    """PoeTone's shares of a ci (Qu, Yuan and Färber 2025): lines of the right length, places of the right tone in
    these, and rhyme words that rhyme. They are measured by the form of the tune that gives the highest shares."""

    structure: float
    tone: float
    rhyme: float

    @property
    def score(self) -> float:
        """The weighted sum of the three."""
        return STRUCTURE * self.structure + TONE * self.tone + RHYME * self.rhyme


@dataclass(frozen=True)
class Judged:
    """One poem: which rules it keeps, by which form and rhyme group, and how likely it is.

    `strict` and `loose` say whether its tones are right by either measure. `old` says that it was judged as old verse,
    which has no tones. `nats` is of the whole poem with marks and end, without the characters that the model does not
    know. `nats_behind` is the same, with the poem read after its context. They are None without a model or a context.
    `relevance` is 1 for each judge that finds its title.
    """

    text: str
    form: str
    group: str
    format: bool
    strict: bool
    loose: bool
    rhyme: bool
    old: bool = False
    poetone: PoeTone | None = None
    nats: float | None = None
    known: int = 0
    nats_behind: float | None = None
    title: str = ""
    relevance: Mapping[str, float] = field(default_factory=dict)

    @property
    def keeps(self) -> bool:
        """Whether it keeps its form: lines, tones by the loose measure, and rhyme."""
        return self.format and self.loose and self.rhyme


def lines_of(poem: str) -> list[str]:
    """The lines of a poem, Chinese characters only."""
    return [piece.chars for piece in segments(poem)[0]]


# ---------------------------------------------------------------------------------------------------- each poem


def judge_poem(text: str, wanted: Wanted) -> Judged:
    """Judge one poem; a text that is no verse keeps no rule."""
    try:
        loose = _report(text, wanted, "loose", wanted.variant)
    except GenError:  # it looks like no form, or has no character
        return Judged(text, "", "", format=False, strict=False, loose=False, rhyme=False)
    strict = loose if wanted.tune else _report(text, wanted, "strict", None)
    named = bool(wanted.form or wanted.tune)  # where nothing is named, old verse has no tones that could be right
    return Judged(
        text=text,
        form=loose.pattern.form,
        group=loose.group if loose.rhyme_ok else "",
        format=loose.format_ok,
        strict=strict.format_ok and strict.tones_ok and (named or strict.has_tones),
        loose=loose.format_ok and loose.tones_ok and (named or loose.has_tones),
        rhyme=loose.format_ok and loose.rhyme_ok and (named or loose.has_rhyme),
        old=not named and loose.ok and not loose.has_tones,
        poetone=poetone(text, wanted) if wanted.tune else None,
    )


def _report(text: str, wanted: Wanted, tones: str, variant: int | None) -> Report:
    return judge(
        text,
        wanted.form,
        tune_name=wanted.tune,
        variant=variant,
        tones=tones,
        rhyme_book=wanted.rhyme_book,
        rhyme=wanted.rhyme,
    )


def poetone(text: str, wanted: Wanted) -> PoeTone:
    """The shares of one ci, by the form of the tune for which their weighted sum is the largest."""
    meant = tune(wanted.tune)
    forms = [meant.variant(wanted.variant)] if wanted.variant else meant.variants
    judged = (_report(text, replace(wanted, tune=each.form), "loose", number_of(each)) for each in forms)
    return max(map(_shares, judged), key=lambda each: each.score)


def _shares(report: Report) -> PoeTone:
    rows = list(zip(report.pattern.lines, report.rows, strict=False))
    whole = [(line, row) for line, row in rows if len(row) == line.length]
    places = [place for _, row in whole for place in row]
    wrong = [place for place in places if any(fault.rule in ("tone", "unknown") for fault in place.faults)]
    words = [row[-1] for line, row in whole if line.rhyme]
    odd = [word for word in words if any(fault.rule == "rhyme" for fault in word.faults)]
    unread = [word for word in words if not word.readings and word not in odd]
    return PoeTone(
        structure=len(whole) / max(len(report.pattern.lines), len(report.rows)),
        tone=1 - len(wrong) / len(places) if places else 0.0,
        rhyme=1 - (len(odd) + len(unread)) / len(words) if words else 0.0,
    )


# --------------------------------------------------------------------------------------------------- all of them


def distinct(poems: Sequence[str], n: int) -> float:
    """distinct-n (Li et al. 2016): the number of different runs of n characters within lines, as a share of all
    runs."""
    runs = [line[i : i + n] for poem in poems for line in lines_of(poem) for i in range(len(line) - n + 1)]
    return len(set(runs)) / len(runs) if runs else 0.0


def self_bleu(poems: Sequence[str]) -> float | None:
    """How much each poem is like the others: its mean BLEU-4 over characters against all of them (Zhu et al. 2018).

    From 0 to 1, over the first 200 poems; None for fewer than two. GenError if sacrebleu is not installed.
    """
    try:
        from sacrebleu.metrics.bleu import BLEU
    except ImportError:
        raise GenError("Self-BLEU needs sacrebleu; `pip install 'gen-engine-poem[eval]'` installs it.") from None
    texts = [" ".join("".join(lines_of(poem))) for poem in poems[:COMPARED]]
    if len(texts) < 2:
        return None
    bleu = BLEU(tokenize="none", effective_order=True, force=True)
    others = ((text, texts[:i] + texts[i + 1 :]) for i, text in enumerate(texts))
    scores = [bleu.sentence_score(*each).score for each in counted(others, "comparing poems", len(texts))]
    return sum(scores) / len(scores) / 100


def repeated_lines(poems: Sequence[str]) -> float:
    """The share of lines that stood before, in the same poem or in an earlier one."""
    lines = Counter(line for poem in poems for line in lines_of(poem))
    return 1 - len(lines) / lines.total() if lines else 0.0


def verbatim(poems: Sequence[str], corpus: Iterable[str]) -> float:
    """The share of lines that stand in the corpus as they are."""
    lines = [line for poem in poems for line in lines_of(poem)]
    own = set(lines)
    seen = {line for text in counted(corpus, "reading the corpus, texts") for line in lines_of(text) if line in own}
    return sum(line in seen for line in lines) / len(lines) if lines else 0.0


# ------------------------------------------------------------------------------------------------ under a model


def laid_out(poem: str) -> str:
    """The poem as models of verse read it: on one line, with ， and 。 added where lines have no marks of their own."""
    text = full_width("".join(poem.split()))
    if any(mark in text for mark in "，。"):
        return text
    return "".join(f"{line}{'，。'[i % 2]}" for i, line in enumerate(lines_of(poem)))


def nats(engine: Engine, poems: Sequence[str], contexts: Sequence[str] = ()) -> list[tuple[float, int]]:
    """For each poem the nats of all its tokens, marks and end included, and its number of Chinese characters.

    Characters that the model does not know count in neither. With `contexts`, one for each poem, the model reads each
    poem after its context, whose own nats are not counted.
    """
    import torch

    found: list[tuple[float, int]] = []
    vocabulary = engine.tokenizer.vocabulary
    ends = () if vocabulary.end is None else (vocabulary.end,)
    batches = range(0, len(poems), PACKED)
    for first in counted(batches, "reading poems with the model, batches"):
        some = slice(first, first + PACKED)
        behind = contexts[some] or [""] * PACKED
        prompts = [engine.read(laid_out(poem), before) for poem, before in zip(poems[some], behind, strict=False)]
        rows = [(*prompt.read, *ends) for prompt in prompts]
        leads = [max(1, sum(a == b for a, b in prompt.spans) + len(prompt.context)) for prompt in prompts]
        asked = [len(row) - lead for row, lead in zip(rows, leads, strict=True)]
        with torch.inference_mode():
            cache = engine.model.open(len(rows))
            fresh, zeros, unread = [-1] * len(rows), [0] * len(rows), [row[:-1] for row in rows]
            given = engine.model.feed(cache, fresh, zeros, unread, asked, *_pinned(engine, prompts, unread))
            logits = fold_ends(as_array(given), vocabulary)
            wanted = torch.tensor([token for row, lead in zip(rows, leads, strict=True) for token in row[lead:]])
            own = torch.log_softmax(torch.from_numpy(logits), dim=-1).gather(1, wanted[:, None]).flatten()
            own[wanted == (-1 if vocabulary.unk is None else vocabulary.unk)] = 0.0
        told = iter(own.double().tolist())
        for prompt, count in zip(prompts, asked, strict=True):
            known = [char for line in lines_of(prompt.text) for char in line if char not in prompt.unknown]
            found.append((-sum(islice(told, count)), len(known)))
    return found


def _pinned(engine: Engine, prompts: Sequence[Prompt], rows: Sequence[Sequence[int]]) -> list[list[int]]:
    """How many tokens at the start of each row the model keeps reading, if any row is longer than it reads at once."""
    pinned = [prompt.pinned for prompt in prompts]
    slide = [slides(each, len(row), engine.model.positions) for each, row in zip(pinned, rows, strict=True)]
    return [pinned] if any(slide) else []
