"""How requests of the completions protocol are answered: their wishes run side by side, whole or as a stream."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from ..messages import Begun, Event, Failed, ModelFacts, Over, Text, TextDone, TextWish
from .blaming import blamed, with_field, without_option
from .errors import body_of, response_of
from .events import KEEP_OPEN, as_event, pumped, stream_of
from .protocol import JsonSchema, Shared
from .reading import ended, pattern_of, usage
from .waiting import while_connected

Numbered = tuple[int, Event]
"""An event, and the number of the wish that it belongs to."""


class Writer(Protocol):
    """Writes the answers of one endpoint."""

    def choice(self, index: int, done: TextDone) -> dict[str, Any]: ...

    def opening(self, index: int) -> list[dict[str, Any]]: ...

    def piece(self, index: int, text: str) -> dict[str, Any]: ...

    def rest(self, index: int, done: TextDone, text: str) -> list[dict[str, Any]]: ...

    def whole(self, done: TextDone) -> str: ...


@dataclass(frozen=True)
class Asked:
    """A request and its wishes. `kind` is what its answers are called, `chunk` their parts in a stream."""

    request: Request
    asked: Shared
    facts: ModelFacts
    wishes: Sequence[TextWish]
    kind: str
    chunk: str
    prefix: str
    seed: int = field(default_factory=lambda: secrets.randbelow(2**32))

    @property
    def router(self) -> Any:
        return self.request.app.state.router

    def index(self, wish: int, sample: int) -> int:
        """The index of a text among all choices."""
        return wish * (self.asked.n or 1) + sample

    def events(self) -> AsyncGenerator[Numbered, None]:
        """What the engine tells of all wishes."""
        is_streamed = bool(self.asked.stream)
        name, seed = self.facts.name, self.seed if self.asked.seed is None else self.asked.seed
        return side_by_side(
            [self.router.events(name, each, seed=seed, is_streamed=is_streamed) for each in self.wishes]
        )

    def told(self, failed: Failed) -> Failed:
        """A failure that names a field of the request."""
        own = {"num": "best_of" if getattr(self.asked, "best_of", None) else "n", "max_new": "max_tokens"}
        param = own.get(failed.param or "", failed.param)
        if param is None and failed.code == "bad_request":
            param = self._blamed(failed.message)
        given = self.asked.gen_xargs
        is_shorter = given is not None and given.patience is not None and given.patience < self.router.seconds
        message = without_option(failed.message, field="patience in gen_xargs" if is_shorter else None)
        pattern = pattern_of(self.asked, self.wishes[0])
        if pattern is not None and pattern in failed.members:
            message = with_field(message, pattern, "response_format")
        members = tuple("response_format" if each == pattern else each for each in failed.members)
        return replace(failed, param=param, message=message, members=members)

    def _blamed(self, message: str) -> str | None:
        """The field that the engine means by a rule or a value."""
        if pattern_of(self.asked, self.wishes[0]) is not None and message.startswith("regex="):
            return "response_format"
        own, given = self.asked.model_dump(exclude={"gen_xargs"}, exclude_unset=True), self.asked.gen_xargs
        rules = {} if given is None else given.model_dump(exclude_unset=True)
        found = blamed(message, {**own, **rules})
        return f"gen_xargs.{found}" if found in rules else found

    def head(self, kind: str) -> dict[str, Any]:
        """What all answers and chunks begin with."""
        return {
            "id": f"{self.prefix}-{secrets.token_hex(12)}",
            "object": kind,
            "created": int(time.time()),
            "model": self.facts.name,
            "system_fingerprint": f"gen-{self.facts.hash}",
            "seed": self.seed if self.asked.seed is None else self.asked.seed,
        }


async def wished(reading: Callable[[], list[TextWish]], asked: Shared) -> list[TextWish]:
    """What `reading` returns of a request; others are served while a schema is read. Raises what it raises."""
    return await asyncio.to_thread(reading) if isinstance(asked.response_format, JsonSchema) else reading()


# ------------------------------------------------------------------------------------------------------- running


async def side_by_side(sources: Sequence[AsyncGenerator[Event, None]]) -> AsyncGenerator[Numbered, None]:
    """The events of several wishes as they come. To leave early cancels all of them."""
    queue: asyncio.Queue[Numbered | None] = asyncio.Queue()

    async def pump(number: int, source: AsyncGenerator[Event, None]) -> None:
        try:
            async with aclosing(source):
                async for event in source:
                    queue.put_nowait((number, event))
        finally:
            queue.put_nowait(None)

    tasks = [asyncio.create_task(pump(number, source)) for number, source in enumerate(sources)]
    try:
        going = len(tasks)
        while going:
            found = await queue.get()
            if found is None:
                going -= 1
            else:
                yield found
        await asyncio.gather(*tasks)  # raises what one of them raised
    finally:
        for task in tasks:
            task.cancel()


async def answer(asked: Asked, writer: Writer) -> Response:
    """The answer to a request, whole or as a stream. An error before the first chunk is an error of its own."""
    if asked.asked.stream:
        found = await while_connected(asked.request, _begun(asked.events(), len(asked.wishes)))
        if isinstance(found, Failed):
            return response_of(asked.told(found))
        return stream_of(_chunks(asked, writer, found))
    return await while_connected(asked.request, _whole(asked, writer))


async def _whole(asked: Asked, writer: Writer) -> Response:
    choices: dict[int, dict[str, Any]] = {}
    counts: list[Mapping[str, int]] = []
    async with aclosing(asked.events()) as events:
        async for wish, event in events:
            if isinstance(event, Failed):
                return response_of(asked.told(event))
            if isinstance(event, TextDone):
                index = asked.index(wish, event.sample)
                choices[index] = {"index": index, **writer.choice(index, event), **ended(event)}
            if isinstance(event, Over):
                counts.append(event.usage)
    told = {**asked.head(asked.kind), "choices": [choices[index] for index in sorted(choices)], "usage": usage(counts)}
    return JSONResponse(told)


# ------------------------------------------------------------------------------------------------------- streams


async def _begun(
    events: AsyncGenerator[Numbered, None], wishes: int
) -> tuple[list[Numbered], AsyncGenerator[Numbered, None]] | Failed:
    """The events up to where all wishes have begun, and the others; or the first failure."""
    seen: list[Numbered] = []
    begun: set[int] = set()
    try:
        while len(begun) < wishes:
            wish, event = await anext(events)
            if isinstance(event, Failed):
                await events.aclose()
                return event
            seen.append((wish, event))
            begun |= {wish} if isinstance(event, Begun | Over) else set()
    except asyncio.CancelledError:
        await events.aclose()
        raise
    return seen, events


async def _chunks(
    asked: Asked, writer: Writer, begun: tuple[list[Numbered], AsyncGenerator[Numbered, None]]
) -> AsyncIterator[bytes]:
    seen, events = begun
    options = asked.asked.stream_options
    tells_usage = options is not None and options.include_usage
    head = {**asked.head(asked.chunk), **({"usage": None} if tells_usage else {})}
    sent: dict[int, str] = {}
    counts: list[Mapping[str, int]] = []
    for index in range(len(asked.wishes) * (asked.asked.n or 1)):
        for choice in writer.opening(index):
            yield as_event({**head, "choices": [{"index": index, **choice, "finish_reason": None}]})
    async with aclosing(pumped(_then(seen, events))) as all_events:
        async for told in all_events:
            if told is None:
                yield KEEP_OPEN
                continue
            wish, event = told
            if isinstance(event, Failed):
                yield as_event(body_of(asked.told(event)))
                break
            for choice in _told(asked, writer, wish, event, sent):
                yield as_event({**head, "choices": [choice]})
            if isinstance(event, Over):
                counts.append(event.usage)
        else:
            if tells_usage:
                yield as_event({**head, "choices": [], "usage": usage(counts)})
    yield b"data: [DONE]\n\n"


def _told(asked: Asked, writer: Writer, wish: int, event: Event, sent: dict[int, str]) -> list[dict[str, Any]]:
    """What chunks tell of an event; `sent` is the text of each choice so far."""
    if isinstance(event, Text):
        index = asked.index(wish, event.sample)
        sent[index] = sent.get(index, "") + event.text
        return [{"index": index, **writer.piece(index, event.text), "finish_reason": None}]
    if isinstance(event, TextDone):
        index = asked.index(wish, event.sample)
        rest = writer.rest(index, event, writer.whole(event).removeprefix(sent.get(index, "")))
        parts = [{"index": index, **each, "finish_reason": None} for each in rest]
        return [*parts, {"index": index, **writer.piece(index, ""), **ended(event)}]
    return []


async def _then(seen: Sequence[Numbered], events: AsyncGenerator[Numbered, None]) -> AsyncGenerator[Numbered, None]:
    async with aclosing(events):
        for each in seen:
            yield each
        async for each in events:
            yield each
