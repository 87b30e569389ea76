"""Packs the asks of many decoders into one forward pass, and turns the logits into scores for each decoder."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, chain, islice
from numbers import Integral
from operator import add, gt
from typing import Any

from ..errors import GenError, PluginError, brief, quoted, reason_of
from ..types import Decoder, Draw, StepRequest
from .generation import Generation, slides
from .logits import Choices, Logits
from .sampling import Forced, Scores, logits_of, score

REMEMBERED = 16
"""How many beginnings of rows are remembered."""

ROOM = 50_000_000
"""The most tokens of all rows of a search at its beginning: a row keeps its own, with 25 bytes for each."""

Beginning = tuple[tuple[tuple[tuple[int, ...], ...], int, tuple[int, ...]], ...]
"""What determines the logits of a row that was only read so far, to the last bit: for each of its asks the new tokens,
how many are pinned, and how many logits are wanted.
"""


@dataclass(eq=False)
class Prefix:
    """A beginning of a row that was computed.

    It has a `length` in tokens, and the last ask's logits [wanted, vocab]. After forward pass number `step`, `row` of
    the model's cache began with it.
    """

    length: int
    logits: Logits
    row: int = -1
    step: int = -1


@dataclass(frozen=True, eq=False)
class Made:
    """A job that may begin as soon as there is room for the rows it asks for at `most`, and for their tokens."""

    decoder: Decoder
    generation: Generation
    most: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "most", rows_of(self.decoder))

    @property
    def rows(self) -> int:
        return max(self.most, len(self.generation.samples))

    @property
    def tokens(self) -> int:
        return self.rows * longest_row(self.generation)


@dataclass(eq=False)
class Running:
    """A decoder under way for `owner`: what it asks now, and the most `rows` of a pass that it takes.

    `decoder` is the coroutine that `strategy` returned.

    Its rows begin at `first_row` of the model's cache (-1: it has none yet). `wanted[i]` is how many logits row i of
    the ask needs. `lengths` are the rows' lengths in tokens, and a 0 at the end. `prefixes` are beginnings that all its
    rows share. `beginning` is what its row has read once it has what is asked now; it is empty where more than reading
    happened. `after` is the ask that follows when the context was read.
    """

    owner: Any
    generation: Generation
    first_text: int
    most: int
    strategy: Decoder
    decoder: Generator[StepRequest, Scores | None, None] = field(init=False)
    ask: StepRequest = field(init=False)
    first_row: int = -1
    wanted: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=lambda: [0])
    prefixes: list[Prefix] = field(default_factory=list)
    beginning: Beginning = ()
    after: StepRequest | None = None

    @property
    def rows(self) -> int:
        """How many rows it takes or will take. Before the first ask, all texts share one row."""
        return max(self.most, len(self.ask.tokens), len(self.ask.draws))

    @property
    def tokens(self) -> int:
        """The most tokens that its rows can come to hold."""
        return self.rows * longest_row(self.generation)

    def begin(self) -> None:
        """Let the decoder begin. Raises PluginError if it is no coroutine."""
        found = self.strategy(self.generation)
        if not all(callable(getattr(found, name, None)) for name in ("send", "close")):
            raise PluginError(f"{named(self.strategy)} returned {quoted(found)}, which is no generator; let it yield.")
        self.decoder = found

    def go_on(self, scores: Scores | None, positions: int | None) -> None:
        """Send the decoder its scores, and take its next ask. Raises what it raises, and GenError for a wrong ask.

        A context is read before what the decoder asks first, so that others with the same one can share it.
        """
        if self.after is not None:
            after, self.after = self.after, None
            self.accept(after, positions)
            return
        self.accept(self.decoder.send(scores), positions)
        if scores is None and (parts := context_first(self.ask, self.generation.plan.prompt.pinned)) is not None:
            self.beginning, self.lengths = (), [0]
            first, self.after = parts
            self.accept(first, positions)

    def close(self) -> None:
        """End the decoder, whatever it says: nobody waits for it any more. Raises interrupts only."""
        try:
            self.decoder.close()
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - the code of others
            pass

    def accept(self, ask: StepRequest, positions: int | None) -> None:
        """Take the decoder's next ask. Raises GenError for an ask that would break the pass for all."""
        try:
            self.wanted = _wanted(ask)
            wrong = _wrong(ask, self.wanted, self.lengths, len(self.generation.plan.chain.vocabulary))
            lengths = list(map(add, ask.keep, map(len, ask.tokens)))
        except (AttributeError, TypeError, ValueError, LookupError) as problem:
            raise PluginError(
                f"{named(self.strategy)} asks for what is no proper StepRequest ({reason_of(problem)}); "
                "mend it, or take another decoder."
            ) from problem
        if wrong is not None and not self.generation.plan.prompt.read:
            raise GenError(
                "The prompt is empty, and the model's tokenizer begins no text with a token of its own, so that there "
                "is nothing to go on from; give a prompt of one character at least, or a context."
            )
        if wrong is not None:
            raise PluginError(
                f"{named(self.strategy)} asks for {wrong}, which no model can be fed; mend it, or take another decoder."
            )
        kept = 0 if min(ask.parents) < 0 or max(lengths) > (positions or max(lengths)) else min(ask.keep)
        self.prefixes = [prefix for prefix in self.prefixes if prefix.length <= kept]
        reads_on = self.beginning and not self.ask.draws and ask.parents == (0,) and [*ask.keep] == self.lengths[:-1]
        key = ask.tokens, ask.pinned, tuple(self.wanted)
        self.beginning = (*self.beginning, key) if reads_on or self.lengths == [0] else ()
        self.ask, self.lengths = ask, [*lengths, 0]  # the last one belongs to parent -1, from which nothing can be kept


def context_first(ask: StepRequest, pinned: int) -> tuple[StepRequest, StepRequest] | None:
    """A first ask in two: the context (but for its last token, after which scores may be wanted), and the rest of it.

    None where a row does not begin with a context of two tokens or more, as it may in another's decoder.
    """
    told = ask.tokens[0][: pinned - 1] if pinned > 1 else ()
    if not told or any(row[: pinned - 1] != told or len(row) < pinned for row in ask.tokens):
        return None
    rows = len(ask.tokens)
    first = StepRequest((-1,), (0,), (told,), ((),), (), pinned=pinned)
    rest = tuple(row[len(told) :] for row in ask.tokens)
    return first, replace(ask, parents=(0,) * rows, keep=(len(told),) * rows, tokens=rest)


def longest_row(generation: Generation) -> int:
    """The most tokens that a row of this generation holds: prompt and budget, or all that the model reads at once."""
    length = len(generation.plan.prompt.read) + int(generation.plan.budget)
    positions: int | None = generation.model.positions
    return length if positions is None else min(length, positions)


def _wanted(ask: StepRequest) -> list[int]:
    """How many logits each row needs: one for each forced token, and one for a draw."""
    if not any(ask.forced):
        return [1] * len(ask.tokens)
    drawn = {draw.row for draw in ask.draws}
    return [max(1, len(forced) + (row in drawn)) for row, forced in enumerate(ask.forced)]


def _wrong(ask: StepRequest, wanted: Sequence[int], before: Sequence[int], size: int) -> str | None:
    """What no model can be fed in an ask, None if nothing. `before` are the lengths of the last ask's rows, and a 0."""
    rows = len(ask.tokens)
    if not rows or not len(ask.parents) == len(ask.keep) == len(ask.forced) == rows:
        return "rows, parents, keep and forced that do not belong together"
    read = [*chain.from_iterable(ask.tokens)]
    kinds = {*map(type, read), *map(type, ask.parents), *map(type, ask.keep), type(ask.pinned)}
    if kinds != {int} and not all(issubclass(kind, Integral) for kind in kinds):
        return "numbers that are none"
    if min(ask.parents) < -1 or max(ask.parents) > len(before) - 2:
        return f"row {max(ask.parents)} of {len(before) - 1}"
    if min(ask.keep) < 0 or any(map(gt, ask.keep, map(before.__getitem__, ask.parents))):
        return "more of a row than there is"
    if any(map(gt, wanted, map(len, ask.tokens))):
        return "a row with too few new tokens"
    if min(read) < 0 or max(read) >= size:
        return f"tokens beyond the {size} of the model"
    if {*map(type, ask.draws)} - {Draw}:
        return "draws that are none"
    if ask.draws and (min(drawn := [draw.row for draw in ask.draws]) < 0 or max(drawn) >= rows):
        return f"a draw from a row beyond its {rows}"
    if any(not 0 <= draw.back < wanted[draw.row] for draw in ask.draws):
        return "a draw from before the forced tokens"
    return None


# ---------------------------------------------------------------------------------------------------- decoders


def named(decoder: Decoder) -> str:
    """A decoder at the beginning of a sentence."""
    return f"The decoder {brief(getattr(decoder, '__name__', None) or repr(decoder))}"


def texts_at_once(decoder: Decoder, num: int) -> int | None:
    """How many of `num` texts a decoder writes in one generation, None if it does not say so.

    Raises what the decoder raises, and PluginError if it says no number.
    """
    own = getattr(decoder, "at_once", None)
    found = None if own is None else own(num)
    if own is not None and (not isinstance(found, Integral) or int(found) < 1):
        raise PluginError(f"{named(decoder)} gave {quoted(found)} in at_once; return a whole number from 1.")
    return found


def rows_of(decoder: Decoder) -> int:
    """How many rows a decoder asks for at most, 1 if it does not say so. PluginError if it says no number."""
    found = getattr(decoder, "rows", 1)
    if not isinstance(found, Integral) or found < 1:
        raise PluginError(f"{named(decoder)} has rows={quoted(found)}; give a whole number from 1, or leave it out.")
    return int(found)


def check_room(rows: int, tokens: int) -> None:
    """Raise GenError if this many rows of a prompt of this many tokens take more memory than anybody intends."""
    if rows * tokens > ROOM:
        raise GenError(
            f"{rows:,} beams or particles for a prompt of {tokens:,} tokens are more than {ROOM:,} tokens in all; "
            "ask for fewer, or give a shorter prompt."
        )


# ----------------------------------------------------------------------------------------------------- the pass


@dataclass(frozen=True, eq=False)
class Feed:
    """Arguments of `LanguageModel.feed`; `pinned` is None where the model need not know it."""

    parents: list[int]
    keep: list[int]
    tokens: list[tuple[int, ...]]
    last: list[int]
    pinned: list[int] | None

    def __call__(self, model: Any, cache: Any) -> Logits:
        """The model's logits [sum(last), vocab], in which the end stands for all ends."""
        wanted = None if max(self.last) == 1 else self.last
        # A model without contexts reads them like any other text, as long as everything fits.
        told = () if self.pinned is None else (self.pinned,)
        return logits_of(model.feed(cache, self.parents, self.keep, self.tokens, wanted, *told), model)


def pack(jobs: Sequence[Running], positions: int | None) -> Feed:
    """One pass for all of these jobs. Each is told where its rows will be; rows that read the same are one."""
    parents: list[int] = []
    keep: list[int] = []
    tokens: list[tuple[int, ...]] = []
    last: list[int] = []
    pinned: list[int] = []
    begun: dict[Beginning, int] = {}
    told = False
    for job in jobs:
        ask, before, first = job.ask, job.first_row, len(tokens)
        job.first_row = begun.setdefault(job.beginning, first) if job.beginning else first
        if job.first_row < first:
            continue
        parents += [parent if parent < 0 else parent + before for parent in ask.parents]
        keep += ask.keep
        tokens += ask.tokens
        last += job.wanted
        pinned += [ask.pinned] * len(ask.tokens)
        told = told or (ask.pinned > 0 and slides(ask.pinned, max(job.lengths[:-1]), positions))
    return Feed(parents, keep, tokens, last, pinned if told else None)


@dataclass(eq=False)
class Prefixes:
    """The most recent beginnings, whose rows and logits others may reuse. `step` counts the passes."""

    known: dict[Beginning, Prefix] = field(default_factory=dict)
    step: int = 0

    def find(self, job: Running) -> Prefix | None:
        """The result of the same beginning, if a row of the last pass begins with it."""
        found = self.known.get(job.beginning)
        return found if found is not None and found.step == self.step else None

    def follow(self, jobs: Sequence[Running]) -> None:
        """Record another pass, in which these jobs had their rows."""
        self.step += 1
        for job in jobs:
            for prefix in job.prefixes:
                prefix.row, prefix.step = job.first_row, self.step

    def add(self, begun: Sequence[Running], logits: Logits, last: Sequence[int], positions: int | None) -> None:
        """Remember what jobs read in this pass as one row. Rows whose window slid already are left out."""
        for job in begun:
            length = job.lengths[0]
            if len(job.ask.tokens) > 1 or length > (positions or length):
                continue
            known = self.find(job)
            if known is None:
                first = sum(last[: job.first_row])
                known = Prefix(length, logits.copy(first, first + job.wanted[0]), job.first_row, self.step)
            self.known.pop(job.beginning, None)
            self.known[job.beginning] = known
            job.prefixes.append(known)
            if len(self.known) > REMEMBERED:
                del self.known[next(iter(self.known))]


# --------------------------------------------------------------------------------------------------- the scores


@dataclass(frozen=True, eq=False)
class Scoring:
    """The scores of `jobs`, which share a chain. On an accelerator they are computed, but not copied yet."""

    jobs: Sequence[Running]
    chosen: Choices
    forced: Sequence[tuple[Forced, Forced]]

    def scores(self) -> dict[Running, Scores]:
        """The scores of each job."""
        told = [(job.generation, job.ask.draws, *forced) for job, forced in zip(self.jobs, self.forced, strict=True)]
        return dict(zip(self.jobs, score(told, self.chosen), strict=True))


def score_all(jobs: Sequence[Running], logits: Logits, last: Sequence[int]) -> Scoring:
    """Compute the scores of these jobs, which share a chain, at once.

    Row r has `last[r]` rows of `logits` [sum(last), vocab], first those of its forced tokens.
    """
    ends = list(accumulate(last))
    rows = [ends[job.first_row + draw.row] - 1 - draw.back for job in jobs for draw in job.ask.draws]
    asks = [(job.generation, draw) for job in jobs for draw in job.ask.draws]
    forced = [(_score_forced(job, logits, ends), _score_forced(job, logits, ends, job.ask.temperature)) for job in jobs]
    chosen = logits.take(rows).choose(asks, own=True, temperature=jobs[0].ask.temperature)
    return Scoring(jobs, chosen, forced)


def _score_forced(job: Running, logits: Logits, ends: Sequence[int], temperature: float | None = None) -> Forced:
    """The model's own log-probabilities of the forced tokens of each row, in nats; of none at the temperature 1."""
    counts = [len(forced) for forced in job.ask.forced]
    if temperature == 1:
        return tuple
    if not any(counts):
        return lambda: [[] for _ in counts]
    firsts = [ends[job.first_row + row] - wanted for row, wanted in enumerate(job.wanted)]
    rows = [first + place for first, count in zip(firsts, counts, strict=True) for place in range(count)]
    tokens = [token for forced in job.ask.forced for token in forced]
    read = logits.logprobs(rows, tokens, temperature or 1.0)

    def told() -> list[list[float]]:
        found = iter(read())
        return [list(islice(found, count)) for count in counts]

    return told
