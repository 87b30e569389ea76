"""Steps one decoder or hundreds over one model, packing their rows into one forward pass."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

from .course import Course, slides
from .scores import Scores, logprobs_of, score
from .types import Decoder, Extend, LanguageModel

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 64
"""How many rows are packed into one forward pass, as long as single decoders do not ask for more."""

AHEAD = 16 * ROWS
"""No text begins that is so many texts behind the first unfinished one: whoever wants them in order keeps the rest."""

Sent = TypeVar("Sent")
"""What courses send: pieces, or what their maker wraps them in."""


@dataclass
class _Job:
    number: int
    course: Course
    decoder: Generator[Extend, Scores, None]
    ask: Extend
    pieces: list[Any]
    first_text: int
    first_row: int = -1
    most: int = 1

    @property
    def rows(self) -> int:
        """How many rows it takes, or will take: before the first ask, all texts are one row."""
        return max(self.most, len(self.ask.tokens), len(self.ask.draws))


@dataclass
class Runner:
    """Runs decoders over one model, up to `rows` rows in one forward pass if single decoders ask for no more."""

    model: LanguageModel
    rows: int = ROWS
    _pieces: list[tuple[int, Any]] = field(default_factory=list)

    def run(
        self, jobs: Iterable[tuple[Decoder, Callable[[Callable[[Sent], None]], Course]]]
    ) -> Iterator[tuple[int, Sent]]:
        """Run all jobs to their end; what they send, as soon as it is final, with the job's number.

        A job is a decoder and a function that makes its course from a place to send to. Jobs are taken from the
        iterable when there is room for them.
        """
        import torch

        numbered = enumerate(jobs)
        first = list(islice(numbered, self.rows))
        waiting = chain(first, numbered)
        live: list[_Job] = []
        cache = self.model.open(max(1, len(first)))
        following, texts = next(waiting, None), 0
        while following or live:
            while following and (not live or self._has_room(live, texts)):
                number, (decoder, make_course) = following
                job, sent, count = _begin(number, decoder, make_course, texts)
                live += [job] if job is not None else []
                following, texts = next(waiting, None), texts + count
                yield from ((number, piece) for piece in sent)
            if not live:
                continue
            with torch.inference_mode():
                live = self._tick(cache, live)
            yield from self._pieces
            self._pieces.clear()

    def _has_room(self, live: Sequence[_Job], texts: int) -> bool:
        """Whether another job may begin, with the text number `texts`; the first of the live ones is the oldest."""
        return sum(job.rows for job in live) < self.rows and texts - live[0].first_text < AHEAD

    def _tick(self, cache: Any, live: list[_Job]) -> list[_Job]:
        """One forward pass, and every decoder's answer to it; the jobs that go on."""
        parents: list[int] = []
        keep: list[int] = []
        tokens: list[tuple[int, ...]] = []
        last: list[int] = []
        pinned: list[int] = []
        drawing = {(job.number, draw.row) for job in live for draw in job.ask.draws}
        firsts: list[int] = []
        for job in live:
            firsts.append(len(tokens))
            parents += [parent if parent < 0 else parent + job.first_row for parent in job.ask.parents]
            keep += job.ask.keep
            tokens += job.ask.tokens
            last += [len(forced) + ((job.number, row) in drawing) for row, forced in enumerate(job.ask.forced)]
            pinned += [job.ask.pinned] * len(job.ask.tokens)
        wanted = None if max(last) == 1 else last
        rows = zip(pinned, keep, tokens, strict=True)
        told = any(slides(count, kept + len(new), self.model.positions) for count, kept, new in rows)
        # A model that knows no contexts reads them like any other text, as long as all has room.
        logits = self.model.feed(cache, parents, keep, tokens, wanted, *([pinned] if told else []))
        for job, first in zip(live, firsts, strict=True):
            job.first_row = first
        scores = _score_all(live, logits, last)
        going: list[_Job] = []
        for job in live:
            try:
                job.ask = job.decoder.send(scores[job.number])
                going.append(job)
            except StopIteration:
                pass
            self._pieces += [(job.number, piece) for piece in job.pieces]
            job.pieces.clear()
        return going


def _begin(number: int, decoder: Decoder, make_course: Any, first_text: int) -> tuple[_Job | None, list[Any], int]:
    """A started job, or None if it ended without asking the model; what it sent at once, and how many texts it is."""
    sent: list[Any] = []
    course = make_course(sent.append)
    coroutine = decoder(course)
    count = len(course.samples)
    try:
        ask = next(coroutine)
    except StopIteration:
        return None, sent, count
    most = getattr(decoder, "rows", 1)
    return _Job(number, course, coroutine, ask, sent, first_text, most=most), [], count


def _score_all(live: list[_Job], logits: Tensor, last: Sequence[int]) -> dict[int, Scores]:
    """The scores of each job, worked out at once for all jobs that share a chain.

    Row r has `last[r]` rows of `logits` [sum(last), vocab], those of its forced tokens first.
    """
    ends = list(accumulate(last))
    by_chain: dict[int, list[_Job]] = {}
    for job in live:
        by_chain.setdefault(id(job.course.plan.chain), []).append(job)
    found: dict[int, Scores] = {}
    for jobs in by_chain.values():
        rows = [ends[job.first_row + draw.row] - 1 for job in jobs for draw in job.ask.draws]
        own = logits if rows == list(range(len(logits))) else logits[rows]
        told = [(job.course, job.ask.draws, _score_forced(job, logits, last, ends)) for job in jobs]
        for job, scores in zip(jobs, score(told, own), strict=True):
            found[job.number] = scores
            if job.ask.temperature != 1:
                tempered = _score_forced(job, logits, last, ends, job.ask.temperature)
                found[job.number] = replace(scores, tempered=tempered)
    return found


def _score_forced(
    job: _Job, logits: Tensor, last: Sequence[int], ends: Sequence[int], temperature: float = 1.0
) -> list[list[float]]:
    """The model's own log-probabilities of the forced tokens of each row, in nats."""
    counts = [len(forced) for forced in job.ask.forced]
    if not any(counts):
        return [[] for _ in counts]
    firsts = [ends[row] - last[row] for row in range(job.first_row, job.first_row + len(counts))]
    rows = [first + place for first, count in zip(firsts, counts, strict=True) for place in range(count)]
    tokens = [token for forced in job.ask.forced for token in forced]
    found = iter(logprobs_of(logits, rows, tokens, temperature))
    return [list(islice(found, count)) for count in counts]
