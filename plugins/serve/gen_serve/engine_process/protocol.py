"""Wishes of the completions protocol as jobs: prompts of text, tokens or chats, and the log-probabilities of tokens."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from gen_engine.cli.tasks import EVERY_ONE, Choosing, Drawn, Show, Task
from gen_engine.decoding.choosing import descending
from gen_engine.errors import GenError
from gen_engine.inspecting.explain import logprobs_along
from gen_engine.text.chats import Chat
from gen_engine.types import Prompt, Request

from ..messages import Event, Scored, Submit, TextWish
from .jobs import Job

if TYPE_CHECKING:
    from gen_engine.engine import Engine
    from gen_engine.types import Completion


def job_of(asked: Submit, wish: TextWish, engine: Engine, send: Callable[[Event], None], *, longest: int) -> Job:
    """The job of a wish of the completions protocol. An answer that names no limit has at most `longest` tokens.

    Raises GenError for a chat that the model's template does not write, and for tokens that the model does not have.
    """
    context = _chat(wish.chat) if wish.chat else ""
    prompt = wish.prompt if isinstance(wish.prompt, str) else prompt_of_tokens(wish.prompt, engine)
    read = engine.read(prompt, context)
    drawn = wish.draws or wish.num
    request = Request(
        prompt,
        wish.processors,
        num=drawn,
        seed=asked.seed,
        max_new=_room(read, engine, longest) if wish.max_new is None else wish.max_new,
        decoder=wish.decoder,
        patience=min(asked.patience, asked.patience if wish.patience is None else wish.patience),
        context=context,
    )
    choosing = EVERY_ONE if drawn == wish.num else Choosing(ceil(drawn / wish.num), Likeliest(wish.num))
    task = Task(engine, request, Show(streams=wish.logprobs is None), choosing)
    scores = Scores(engine, read, wish.logprobs or 0, wish.echo)
    return Job(
        asked,
        task,
        send,
        details=scores if wish.logprobs is not None else lambda _: {},
        before=read.text if wish.echo else "",
    )


def _room(read: Prompt, engine: Engine, longest: int) -> int:
    """How many tokens the model still reads at once after the prompt, `longest` at most."""
    positions = engine.model.positions
    return longest if positions is None else max(1, min(longest, positions - len(read.read)))


def _chat(turns: Sequence[tuple[str, str]]) -> Chat:
    """A conversation, in which the user speaks last, as the engine's."""
    _, text = turns[-1]
    system = turns[0][1] if turns[0][0] == "system" else ""
    return Chat(text, system, earlier=tuple(turns[1 if system else 0 : -1]))


def prompt_of_tokens(tokens: Sequence[int], engine: Engine) -> Prompt:
    """A prompt of these tokens. Raises GenError if the model lacks one, or if they print no whole characters."""
    vocabulary = engine.tokenizer.vocabulary
    unknown = next((token for token in tokens if not 0 <= token < len(vocabulary)), None)
    if unknown is not None:
        raise GenError(f"prompt has the token {unknown}, and the model's end at {len(vocabulary) - 1}; give its own.")
    printed = b"".join(vocabulary.surfaces[token] for token in tokens)
    try:
        text = printed.decode()
    except UnicodeDecodeError:
        raise GenError("prompt has tokens that print parts of characters only; give all of their tokens.") from None
    at = [number for number, char in enumerate(text) for _ in char.encode()]  # the character of each byte
    spans, first = [], 0
    for token in tokens:
        after = first + len(vocabulary.surfaces[token])
        start = at[first] if first < len(at) else len(text)
        spans.append((start, at[after - 1] + 1 if after > first else start))
        first = after
    return Prompt(text, tuple(tokens), tuple(spans))


def stretches(spans: Sequence[tuple[int, int]], length: int) -> Iterator[slice | None]:
    """The stretch of a text of `length` characters that each of its tokens stands for, all together the whole text.

    None for a token that shares a character with another, and so prints a part of it.
    """
    for number, (first, last) in enumerate(spans):
        before = spans[number - 1][1] if number else 0
        after = spans[number + 1][0] if number + 1 < len(spans) else length
        yield slice(first if number else 0, after) if before <= first and last <= after else None


@dataclass(frozen=True)
class Likeliest:
    """Keeps the `num` texts with the highest log-probability a token, in the order in which they were drawn."""

    num: int

    def __call__(self, drawn: Iterator[Completion]) -> Iterator[Drawn]:
        texts = list(drawn)
        best = sorted(range(len(texts)), key=lambda number: -_mean(texts[number]))[: self.num]
        return ((texts[number], {}) for number in best)


def _mean(done: Completion) -> float:
    return done.logprob / max(1, len(done.logprobs))


# ------------------------------------------------------------------------------------------- log-probabilities


@dataclass(frozen=True, eq=False)
class Scores:
    """Tells the tokens of a finished text with their log-probabilities, and the `top` likeliest beside each.

    With `echo`, those of the prompt as well. The alternatives come from one more reading of the whole text.
    """

    engine: Engine
    prompt: Prompt
    top: int
    echo: bool

    def __call__(self, done: Completion) -> Mapping[str, Any]:
        own, read = self.prompt.tokens, self.prompt.read
        begins = len(read) - len(self._typed) if self.echo else len(read)
        path = (*read[begins:], *done.tokens)
        told: list[tuple[float | None, Sequence[tuple[str, bytes, float]]]] = []
        if begins == 0 and path:
            told, path, begins = [(None, ())], path[1:], 1
        if self.top or self.echo:
            told += self._read_again(read[:begins], path)
        else:
            told += [(logprob, ()) for logprob in done.logprobs[: len(done.tokens)]]
        count = len(self._typed) if self.echo else 0
        if count and told:
            told[0] = (None, ())  # so the protocol has it, whatever the model read before
        for number, logprob in enumerate(done.logprobs[: len(done.tokens)], count):
            told[number] = (logprob, told[number][1])
        typed = list(zip(own[len(own) - count :], told[:count], strict=True))
        new = zip(done.tokens, told[count:], strict=True)
        return {"prompt": tuple(self._of_prompt(typed)), "new": tuple(self._of_text(new))}

    @cached_property
    def _typed(self) -> tuple[tuple[int, int], ...]:
        """The spans of the prompt's tokens, without the special ones that a tokenizer puts before every text."""
        specials = self.engine.tokenizer.vocabulary.specials
        pairs = zip(self.prompt.tokens, self.prompt.spans, strict=True)
        framing = next(
            (n for n, (token, (a, b)) in enumerate(pairs) if token not in specials or b > a), len(self.prompt.tokens)
        )
        return self.prompt.spans[framing:]

    def _read_again(
        self, before: Sequence[int], path: Sequence[int]
    ) -> Iterator[tuple[float, list[tuple[str, bytes, float]]]]:
        """The log-probability of each token of `path`, and of the likeliest tokens at its place."""
        places = iter(path)
        for rows in logprobs_along(self.engine, before, path, self.prompt.pinned) if path else ():
            for token, row in zip(islice(places, len(rows)), rows, strict=True):
                yield float(row[token]), self._likeliest(row)

    def _likeliest(self, row: np.ndarray) -> list[tuple[str, bytes, float]]:
        """The likeliest tokens that a text may consist of or end with, those that print the same once."""
        vocabulary = self.engine.tokenizer.vocabulary
        found: dict[str, tuple[str, bytes, float]] = {}
        for token in descending(row, 4 * self.top) if self.top else ():
            printed, name = vocabulary.surfaces[token], vocabulary.names[token]
            if token not in vocabulary.unused:
                found.setdefault(printed.decode(errors="surrogateescape") or name, (name, printed, float(row[token])))
            if len(found) == self.top:
                break
        return list(found.values())

    def _of_prompt(self, told: Sequence[tuple[int, Any]]) -> Iterator[Scored]:
        vocabulary, text = self.engine.tokenizer.vocabulary, self.prompt.text
        typed = stretches(self._typed, len(text))
        for (token, (logprob, top)), (first, _), own in zip(told, self._typed, typed, strict=False):  # none w/o echo
            # As it was typed, since a character may be unknown, or known by another spelling.
            printed = vocabulary.surfaces[token] if own is None else text[own].encode()
            yield Scored(vocabulary.names[token], printed, first, logprob, tuple(top))

    def _of_text(self, told: Any) -> Iterator[Scored]:
        vocabulary = self.engine.tokenizer.vocabulary
        decoder, offset = codecs.getincrementaldecoder("utf-8")(errors="replace"), 0
        for token, (logprob, top) in told:
            printed = vocabulary.surfaces[token]
            yield Scored(vocabulary.names[token], printed, offset, logprob, tuple(top))
            offset += len(decoder.decode(printed))
