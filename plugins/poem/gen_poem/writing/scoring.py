"""The best of several texts: how verse is scored, and which of several samples is printed.

    from gen_poem.writing.scoring import best_of

    for text in best_of(load("poem"), "", processors=("form=七绝", "temperature=0.9"), seed=1):
        print(text.completion.text, text.score)

The total, in nats per character, is

    - fluency * |f - aim| + relevance * r - repeats * share - known_lines * lines

Here f = log p(text | context) says how likely the model itself finds the text. The relevance is r = log (p(text |
context) / p(text | context without title)). `share` is the share of characters that occurred before, and `lines` the
number of lines that stand in the training data.

The weights are those of `Weights`. The first two terms together are the objective of Li et al. 2016 ("A
Diversity-Promoting Objective Function for Neural Conversation Models"). The second is the pointwise mutual information
of text and title. The likeliest of several texts is not the best one. It is bland (Zhang et al. 2021, "Trading Off
Diversity and Quality in Natural Language Generation") and unlike what people write. People's texts are about as likely
as the model's own are on average (Meister et al. 2022, "On the probability-quality paradox in language generation"). So
the aim is a quantile of the texts drawn together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from gen_engine.compiled.arithmetic import as_array
from gen_engine.decoding.generation import slides
from gen_engine.decoding.sampling import logprobs_of
from gen_engine.patience import SECONDS
from gen_engine.text import is_han

from .known_lines import RUN, KnownLines

if TYPE_CHECKING:
    from gen_engine.engine import Engine
    from gen_engine.types import Completion, Decoder, LanguageModel, Prompt

BEST_OF = 8
"""How many texts are sampled for each one returned, by default."""

PACKED = 1 << 25
"""How many logits are computed at once (128 MB); those of one text always are."""


@dataclass(frozen=True)
class Weights:
    """The weight of each part of a score: see above. `aim` is the quantile at which a text's fluency should lie among
    the texts drawn together: 0.5 is their median, 1 the likeliest text's."""

    aim: float = 0.8
    fluency: float = 1.0
    relevance: float = 6.0
    repeats: float = 5.0
    known_lines: float = 0.5


WEIGHTS = Weights()


@dataclass(frozen=True)
class Parts:
    """The measurements of a single text.

    `fluency` is the model's own log-probability of the new text, and `relevance` is how much of it is due to the title.
    Both are in nats for each of its `chars` Chinese characters (each token, if it has none). `repeats` counts new
    characters that stood before, but not right before: 处处 is no repetition. `known_lines` counts new lines that stand
    in what the model was trained on.
    """

    fluency: float
    relevance: float
    repeats: int
    known_lines: int
    chars: int


@dataclass(frozen=True)
class Score:
    """The `total` of one text, its parts (see `Parts`), and the target fluency."""

    total: float
    fluency: float
    aim: float
    relevance: float
    repeats: int
    known_lines: int
    chars: int

    def record(self) -> dict[str, Any]:
        """The score as a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class Scored:
    """A text and its score."""

    completion: Completion
    score: Score


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the others lies, interpolated between two of them if need be."""
    ordered = sorted(values)
    rank = share * (len(ordered) - 1)
    low = int(rank)
    return ordered[low] + (rank - low) * (ordered[min(low + 1, len(ordered) - 1)] - ordered[low])


def scores(parts: Sequence[Parts], weights: Weights = WEIGHTS) -> list[Score]:
    """The scores of texts that were drawn together."""
    aim = quantile([each.fluency for each in parts], weights.aim)
    return [Score(total=total(each, aim, weights), aim=aim, **asdict(each)) for each in parts]


def total(parts: Parts, aim: float, weights: Weights) -> float:
    """The weighted sum of the parts."""
    return (
        -weights.fluency * abs(parts.fluency - aim)
        + weights.relevance * parts.relevance
        - weights.repeats * parts.repeats / max(1, parts.chars)
        - weights.known_lines * parts.known_lines
    )


def repeats(text: str, start: int = 0) -> int:
    """How many Chinese characters from place `start` on occurred before, but not right before."""
    seen = set(text[:start])
    found = 0
    for position in range(start, len(text)):
        char = text[position]
        found += is_han(char) and char in seen and char != text[position - 1]
        seen.add(char)
    return found


@dataclass(frozen=True, eq=False)
class Scorer:
    """Scores texts that `engine` made of `prompt` (as `engine.read` reads it, with its context).

    `without_title` is the same prompt after the context without the title; None if there is no title, and then the
    relevance is 0. `demanded` is how many repetitions every text must have; they do not count.
    """

    engine: Engine
    prompt: Prompt
    without_title: Prompt | None = None
    known: KnownLines | None = None
    demanded: int = 0
    weights: Weights = WEIGHTS

    def best(self, drawn: Iterable[Completion], of: int) -> Iterator[Scored]:
        """Of each run of `of` texts, the one with the highest total (the first of equals), as soon as all are drawn."""
        rest = iter(drawn)
        while group := list(islice(rest, of)):
            yield max(self.scored(group), key=lambda each: each.score.total)

    def best_with_scores(self, drawn: Iterable[Completion], of: int) -> Iterator[tuple[Completion, dict[str, Any]]]:
        """The completions of `best`, each with its score for JSON."""
        for best in self.best(drawn, of):
            yield best.completion, {"score": best.score.record()}

    def scored(self, texts: Sequence[Completion]) -> list[Scored]:
        """All of the texts, which were drawn together, with their scores."""
        return list(map(Scored, texts, scores(self.parts(texts), self.weights)))

    def parts(self, texts: Sequence[Completion]) -> list[Parts]:
        """What is measured of each of the texts."""
        own = [sum(done.logprobs[: len(done.tokens)]) for done in texts]
        plain = own if self.without_title is None else logprobs(self.engine, self.without_title, texts)
        return [self._parts(*each) for each in zip(texts, own, plain, strict=True)]

    def _parts(self, done: Completion, own: float, plain: float) -> Parts:
        begun = self.prompt.spelt or self.prompt.text
        text, chars = begun + done.new, sum(map(is_han, done.new))
        lines = [run.group() for run in RUN.finditer(text) if run.end() > len(begun)]
        known = self.known
        size = chars or max(1, len(done.tokens))
        return Parts(
            fluency=own / size,
            relevance=(own - plain) / size,
            repeats=max(0, repeats(text, len(begun)) - self.demanded),
            known_lines=0 if known is None else sum(line in known for line in lines),
            chars=chars,
        )


def logprobs(engine: Engine, prompt: Prompt, texts: Sequence[Completion]) -> list[float]:
    """The model's log-probability of the new tokens of each text after `prompt`, in nats; the end is not counted."""
    longest = max((len(done.tokens) for done in texts), default=0)
    at_once = max(1, PACKED // (len(engine.tokenizer.vocabulary) * max(1, longest)))
    groups = (texts[first : first + at_once] for first in range(0, len(texts), at_once))
    return [found for group in groups for found in _logprobs(engine.model, prompt, group)]


def _logprobs(model: LanguageModel, prompt: Prompt, texts: Sequence[Completion]) -> list[float]:
    rows = [(*prompt.read, *done.tokens[:-1]) for done in texts if done.tokens]
    if not rows:
        return [0.0] * len(texts)
    asked = [len(done.tokens) for done in texts if done.tokens]
    told = any(slides(prompt.pinned, len(row), model.positions) for row in rows)
    pinned = [[prompt.pinned] * len(rows)] if told else []
    logits = as_array(model.feed(model.open(len(rows)), [-1] * len(rows), [0] * len(rows), rows, asked, *pinned))
    found = iter(logprobs_of(logits, range(len(logits)), [token for done in texts for token in done.tokens]))
    return [sum(islice(found, len(done.tokens))) for done in texts]


def best_of(
    engine: Engine,
    prompt: str,
    *,
    of: int = BEST_OF,
    processors: Sequence[Any] = (),
    num: int = 1,
    seed: int | None = None,
    max_new: int = 256,
    decoder: str | Decoder = "sample",
    patience: float = SECONDS,
    context: str = "",
    without_title: str | None = None,
    known: KnownLines | None = None,
    demanded: int = 0,
    weights: Weights = WEIGHTS,
) -> Iterator[Scored]:
    """`num` texts as `engine.completions` makes them, each the best of `of`: text i is that of the samples from i * of.

    So it is the same for every larger `num`. `without_title` is the context without the title, where it has one.
    `known` are lines that should not be written again, and `demanded` is how many repetitions every text must have.
    Raises what `engine.completions` does.
    """
    plain = None if without_title is None else engine.read(prompt, without_title)
    scorer = Scorer(engine, engine.read(prompt, context), plain, known, demanded, weights)
    drawn = engine.completions(
        prompt,
        processors=processors,
        num=num * of,
        seed=seed,
        max_new=max_new,
        decoder=decoder,
        patience=patience,
        context=context,
        draws=of,
    )
    return scorer.best(drawn, of)
