"""Speculative decoding: a draft guesses tokens ahead, and the model reads the text and all guesses in one pass.

Leviathan, Kalman and Matias (2023), "Fast inference from transformers via speculative decoding", and Chen et al.
(2023), "Accelerating large language model decoding with speculative sampling", accept a guess at random, so that the
*distribution* of the text stays the same. Here the *text* stays the same, to the last bit. Every position has a random
number of its own, at which the model's distribution is inverted, with a draft as without one (common random numbers). A
guess saves time if it is the token that is drawn there anyway. If not, the drawn token is written, and what was guessed
behind it is forgotten. So a draft may guess anything: `test_drafts.py` tries the worst.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..chain import Chain, has_memory
from ..errors import GenError, brief, quoted
from ..memory import Memory, remembered
from ..types import Decoder, Draw, LanguageModel
from .generation import Draft, Generation, Going, Guess, Proposal, slides
from .rows import Continuation
from .sampling import logits_of
from .viable import Choice

MOST = 64
"""The most tokens that may be guessed ahead."""

LONGEST = 4
"""The longest run of tokens that `lookup` looks for."""

CONTEXTS, FOLLOWERS = 1 << 16, 4
"""For how many runs of tokens `ngram` counts what follows, and how many different tokens for each."""


def check_draft(draft: Any, decoder: Decoder, name: str, model: LanguageModel, chain: Chain) -> None:
    """Raise GenError if this decoder (called `name`), model or chain cannot use a draft, or this is none.

    No draft (None) is always right.
    """
    if draft is None:
        return
    if not callable(getattr(draft, "begin", None)):
        raise GenError(f"draft={quoted(draft)} is no draft; give lookup, ngram or model=NAME.")
    if not getattr(decoder, "takes_draft", False):
        raise GenError(f"The decoder {brief(name)} takes no draft; leave it out, or take sample or greedy.")
    if getattr(model, "verifies", 1) < 2 or not getattr(model, "rewinds", False):
        hint = "load it with fast (--fast), or " if model.reproducible else ""
        raise GenError(
            f"The model {brief(model.name)} reads several tokens at once with other last bits than one by one, so a "
            f"draft would change texts; {hint}leave out the draft."
        )
    for named in chain.shapers:
        if has_memory(named.processor):
            raise GenError(
                f"{brief(named.label)} remembers how likely each token was, so nothing can be drawn ahead; leave out "
                "the draft, or that."
            )


# ------------------------------------------------------------------------------------------------- the proposals


def propose(
    generation: Generation, guess: Guess, going: Sequence[Going], draw: Callable[[int, Continuation], Draw]
) -> list[Proposal]:
    """A proposal for each text, which may have no token; none at all before the first ask, which texts share.

    Only tokens that may follow, and have a text behind them, are proposed. Those forced behind a token go with it, or
    it is left out: the model reads a long run in other parts with other last bits.
    """
    if going[0][0] < 0:
        return []
    walks = [
        None if why is not None else _Walk(generation, row, text.fork(), text.unread, draw)
        for row, (_, text, why) in enumerate(going)
    ]
    live = [walk for walk in walks if walk is not None]
    for level in range(generation.draft.tokens if generation.draft is not None else 0):
        live = [walk for walk in live if walk.room > 0]
        if live:
            guesses = guess([walk.draws[-1] for walk in live], level)
            live = [walk for walk, token in zip(live, guesses, strict=True) if walk.goes_on(token)]
    for walk, (_, text, _) in zip(walks, going, strict=True):
        text.proposed += len(walk.segments) if walk is not None else 0
    return [Proposal() if walk is None else walk.proposal() for walk in walks]


@dataclass(eq=False)
class _Walk:
    """A copy of a text that goes on as a draft guesses; the model has not read the last `unread` tokens before that.

    `draws` are those of the text itself, and from behind each segment. `room` is for how many tokens there is room.
    """

    generation: Generation
    row: int
    text: Continuation
    unread: int
    draw: Callable[[int, Continuation], Draw]
    segments: list[tuple[int, ...]] = field(default_factory=list)
    draws: list[Draw] = field(init=False)
    room: int = field(init=False)

    def __post_init__(self) -> None:
        model, prompt = self.generation.model, self.generation.plan.prompt
        self.draws = [self.draw(self.row, self.text)]
        self.room = model.verifies - self.unread
        if model.positions is not None:  # a window that slides is read again, in its own parts
            self.room = min(self.room, model.positions - len(prompt.read) - len(self.text.tokens))

    def goes_on(self, token: int | None) -> bool:
        """Write a guessed token and what is forced behind it; returns whether more can be guessed."""
        text, generation = self.text, self.generation
        if token is None or token == generation.plan.end or token not in self.draws[-1].allowed:
            return False
        before, text.forced = len(text.tokens), 0
        if not generation.go_on(text, token, _never):
            seen = generation.viable.look(text.joint, generation.left(text), token, text.rest, text.history)
            if seen.answer != "yes":
                return False
            generation.write(text, Choice(token, seen.joint, seen.rest))
        (why,) = generation.run_on([text])
        segment = tuple(text.tokens[before:])
        if why is not None or len(segment) > self.room:
            return False
        self.room -= len(segment)
        self.segments.append(segment)
        self.draws.append(self.draw(self.row, text))
        return True

    def proposal(self) -> Proposal:
        """What came of it."""
        back = 0
        for draw, segment in zip(reversed(self.draws), [*reversed(self.segments), ()], strict=True):
            draw.back = back
            back += len(segment)
        return Proposal(tuple(self.segments), tuple(self.draws))


def _never(token: int) -> float:
    """The log-probability of a guess, which nobody asks for: shapers with a memory take no draft."""
    raise AssertionError(token)


def _read(generation: Generation, draw: Draw) -> tuple[int, ...]:
    """All that the model reads of a text before a draw."""
    prompt = generation.plan.prompt
    return (*prompt.read, *draw.history[len(prompt.tokens) :])


# --------------------------------------------------------------------------------------------------- the drafts


def lookup(tokens: int = 4, least: int = 2) -> Draft:
    """Guess what followed the last LEAST or more tokens where they stood before, in the prompt or the text.

    Saxena (2023), "Prompt lookup decoding". The longest run of tokens counts, and its last occurrence.
    """
    _check("lookup", tokens)
    if not 1 <= least <= LONGEST:
        raise GenError(f"least={least} is no length of a run to look for; give one from 1 to {LONGEST}.")
    return Lookup(tokens, least)


@dataclass(frozen=True, eq=False)
class Lookup:
    """Prompt look-up as a draft; made by `lookup`."""

    tokens: int
    least: int

    def begin(self, generation: Generation) -> Guess:
        """A guess that remembers what it has read of each text."""
        read = generation.plan.prompt.read
        first: dict[tuple[int, ...], int] = {}
        self._learn(first, read, 0)
        own: dict[int, tuple[dict[tuple[int, ...], int], int]] = {}

        def guess(draws: Sequence[Draw], level: int) -> list[int | None]:
            nonlocal own
            texts = [_read(generation, draw) for draw in draws]
            if level == 0:
                known = [own.get(draw.sample, ({}, len(read))) for draw in draws]
                for text, (table, length) in zip(texts, known, strict=True):
                    self._learn(table, text, length)
                pairs = zip(draws, texts, known, strict=True)
                own = {draw.sample: (table, len(text)) for draw, text, (table, _) in pairs}
            return [self._find(text, own[draw.sample][0], first) for draw, text in zip(draws, texts, strict=True)]

        return guess

    def _learn(self, table: dict[tuple[int, ...], int], text: tuple[int, ...], first: int) -> None:
        """Note the tokens of a text from `first` on, by the runs before them."""
        for place in range(first, len(text)):
            for count in range(self.least, min(LONGEST, place) + 1):
                table[text[place - count : place]] = text[place]

    def _find(self, text: tuple[int, ...], *tables: dict[tuple[int, ...], int]) -> int | None:
        for count in range(min(LONGEST, len(text)), self.least - 1, -1):
            for table in tables:
                found = table.get(text[-count:])
                if found is not None:
                    return found
        return None


def ngram(tokens: int = 4, order: int = 3) -> Draft:
    """Guess what most often followed the last ORDER or fewer tokens, in all texts that the engine has written.

    The 65,536 most recently seen runs of tokens are counted, and up to 4 tokens behind each.
    """
    _check("ngram", tokens)
    if not 1 <= order <= LONGEST:
        raise GenError(f"order={order} is no length of a run to count by; give one from 1 to {LONGEST}.")
    return Ngram(tokens, order)


@dataclass(frozen=True, eq=False)
class Ngram:
    """Counts of n-grams as a draft; made by `ngram`. Requests share them."""

    tokens: int
    order: int
    _counts: Memory[tuple[int, ...], dict[int, int]] = remembered(CONTEXTS)

    def begin(self, generation: Generation) -> Guess:
        """A guess that counts the tokens of these texts, too."""
        read = generation.plan.prompt.read
        self._count(read, 0)
        counted: dict[int, int] = {}

        def guess(draws: Sequence[Draw], level: int) -> list[int | None]:
            nonlocal counted
            texts = [_read(generation, draw) for draw in draws]
            if level == 0:
                for draw, text in zip(draws, texts, strict=True):
                    self._count(text, counted.get(draw.sample, len(read)))
                counted = {draw.sample: len(text) for draw, text in zip(draws, texts, strict=True)}
            return [self._likeliest(text, draw) for text, draw in zip(texts, draws, strict=True)]

        return guess

    def _count(self, text: tuple[int, ...], first: int) -> None:
        """Count the tokens of a text from `first` on, by the runs before them."""
        for place in range(first, len(text)):
            for length in range(1, min(self.order, place) + 1):
                run = text[place - length : place]
                counts = dict(self._counts.get(run) or {})  # a new one, since threads may share them
                if len(counts) == FOLLOWERS and text[place] not in counts:
                    del counts[min(counts, key=lambda token: counts[token])]
                counts[text[place]] = counts.get(text[place], 0) + 1
                self._counts.put(run, counts)

    def _likeliest(self, text: tuple[int, ...], draw: Draw) -> int | None:
        """The allowed token that most often followed the longest known run at the end of a text."""
        for length in range(min(self.order, len(text)), 0, -1):
            counts = self._counts.get(text[-length:]) or {}
            allowed = [token for token in counts if token in draw.allowed]
            if allowed:
                return max(allowed, key=lambda token: counts[token])
        return None


def model(name: str, tokens: int = 4) -> Draft:
    """Guess what the smaller model NAME, of the same vocabulary, draws at the same random number."""
    _check("model", tokens)
    return ModelDraft(tokens, name)


def _check(name: str, tokens: int) -> None:
    if not 1 <= tokens <= MOST:
        raise GenError(f"{name},tokens={tokens} is no number of tokens to guess ahead; give one from 1 to {MOST}.")


@dataclass(frozen=True, eq=False)
class ModelDraft:
    """A smaller model as a draft; made by `model`. It has a cache of its own for each generation."""

    tokens: int
    name: str
    model: Any = None

    def loaded(self, found: LanguageModel, target: LanguageModel) -> ModelDraft:
        """The draft with its model, which was found by its name. Raises GenError if it has another vocabulary."""
        own, other = found.tokenizer.vocabulary, target.tokenizer.vocabulary
        if own.surfaces != other.surfaces or own.specials != other.specials or own.every_end != other.every_end:
            raise GenError(
                f"The model {brief(self.name)} has another vocabulary than {brief(target.name)} and cannot guess its "
                "tokens; name a model with the same one, or take the draft lookup."
            )
        return ModelDraft(self.tokens, self.name, found)

    def begin(self, generation: Generation) -> Guess:
        """A guess with a cache of these texts."""
        return _Reader(self.model, generation).guess


@dataclass(eq=False)
class _Reader:
    """What a draft's model has read: by sample, the row of its cache and the row's tokens."""

    model: Any
    generation: Generation
    rows: dict[int, tuple[int, tuple[int, ...]]] = field(default_factory=dict)

    @cached_property
    def _cache(self) -> Any:
        """A cache with one row, the prompt."""
        cache = self.model.open(len(self.generation.samples))
        self.model.feed(cache, [-1], [0], [self.generation.plan.prompt.read])
        self.rows = dict.fromkeys(self.generation.samples, (0, self.generation.plan.prompt.read))
        return cache

    def guess(self, draws: Sequence[Draw], level: int) -> list[int | None]:
        """What the model draws. Texts that are absent at a later level are read on by no token, to keep their rows."""
        cache = self._cache
        texts = {draw.sample: _read(self.generation, draw) for draw in draws}
        texts |= {sample: had for sample, (_, had) in self.rows.items() if level and sample not in texts}
        parents, keep, tokens = [], [], []
        for sample, text in texts.items():
            row, had = self.rows.get(sample, (-1, ()))
            kept = min(len(had), len(text) - 1)
            while had[:kept] != text[:kept]:  # they differ only in what was guessed
                kept -= 1
            parents.append(row)
            keep.append(kept)
            tokens.append(text[kept:])
        pinned = self.generation.plan.prompt.pinned
        slid = slides(pinned, max(map(len, texts.values())), self.model.positions)
        told = ([pinned] * len(texts),) if slid else ()
        logits = logits_of(self.model.feed(cache, parents, keep, tokens, None, *told), self.model)
        self.rows = {sample: (row, text) for row, (sample, text) in enumerate(texts.items())}
        asks = [(self.generation, draw) for draw in draws]
        return list(logits.take(range(len(draws))).choose(asks).tokens)


DRAFTS: dict[str, Callable[..., Draft]] = {"lookup": lookup, "ngram": ngram, "model": model}
"""The drafts by the names that they are asked for."""
