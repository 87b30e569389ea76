"""Steps one decoder or hundreds over one model, packing their rows into one forward pass."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Any

from .course import Course
from .scores import Scores, score
from .types import Decoder, Extend, LanguageModel, Piece

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 64
"""How many rows are packed into one forward pass, as long as single decoders do not ask for more."""


@dataclass
class _Job:
    number: int
    course: Course
    decoder: Generator[Extend, Scores, None]
    ask: Extend
    pieces: list[Piece]
    first_row: int = -1
    most: int = 1

    @property
    def rows(self) -> int:
        """How many rows it takes, or will take."""
        return max(self.most, len(self.ask.tokens))


@dataclass
class Runner:
    """Runs decoders over one model, up to `rows` rows in one forward pass if single decoders ask for no more."""

    model: LanguageModel
    rows: int = ROWS
    _pieces: list[tuple[int, Piece]] = field(default_factory=list)

    def run(self, jobs: Sequence[tuple[Decoder, Any]]) -> Iterator[tuple[int, Piece]]:
        """Run all jobs to their end; what they write, as soon as it is final, with the job's number.

        A job is a decoder and a function that makes its course from a place to send pieces to.
        """
        import torch

        waiting = list(enumerate(jobs))[::-1]
        live: list[_Job] = []
        cache = self.model.open(min(self.rows, max(1, len(jobs))))
        while waiting or live:
            while waiting and (not live or sum(job.rows for job in live) < self.rows):
                number, (decoder, make_course) = waiting.pop()
                job, pieces = _begin(number, decoder, make_course)
                live += [job] if job is not None else []
                yield from ((number, piece) for piece in pieces)
            if not live:
                continue
            with torch.inference_mode():
                live = self._tick(cache, live)
            yield from self._pieces
            self._pieces.clear()

    def _tick(self, cache: Any, live: list[_Job]) -> list[_Job]:
        """One forward pass, and every decoder's answer to it; the jobs that go on."""
        parents: list[int] = []
        keep: list[int] = []
        tokens: list[tuple[int, ...]] = []
        last: list[int] = []
        drawing = {(job.number, draw.row) for job in live for draw in job.ask.draws}
        firsts: list[int] = []
        for job in live:
            firsts.append(len(tokens))
            parents += [parent if parent < 0 else parent + job.first_row for parent in job.ask.parents]
            keep += job.ask.keep
            tokens += job.ask.tokens
            last += [len(forced) + ((job.number, row) in drawing) for row, forced in enumerate(job.ask.forced)]
        logits = self.model.feed(cache, parents, keep, tokens, None if max(last) == 1 else last)
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


def _begin(number: int, decoder: Decoder, make_course: Any) -> tuple[_Job | None, list[Piece]]:
    """A started job, or None if it ended without asking the model; and what it wrote at once."""
    pieces: list[Piece] = []
    course = make_course(pieces.append)
    coroutine = decoder(course)
    try:
        ask = next(coroutine)
    except StopIteration:
        return None, pieces
    return _Job(number, course, coroutine, ask, pieces, most=getattr(decoder, "rows", 1)), []


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
    import torch

    counts = [len(forced) for forced in job.ask.forced]
    if not any(counts):
        return [[] for _ in counts]
    firsts = [ends[row] - last[row] for row in range(job.first_row, job.first_row + len(counts))]
    rows = [first + place for first, count in zip(firsts, counts, strict=True) for place in range(count)]
    tokens = [token for forced in job.ask.forced for token in forced]
    logprobs = torch.log_softmax(logits[rows] / temperature, dim=-1)
    found = iter(logprobs.gather(1, torch.tensor(tokens)[:, None]).flatten().tolist())
    return [list(islice(found, count)) for count in counts]
