"""How requests of the completions protocol are answered: their wishes run side by side, whole or as a stream."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol

from fastapi import Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from gen_engine.errors import GenError

from ..messages import Begun, Event, Failed, ModelFacts, Over, Text, TextDone, TextWish
from .errors import body_of, refusal, response_of
from .protocol import JsonSchema, Pattern, Shared
from .schema import regex_of_schema
from .waiting import while_connected

Numbered = tuple[int, Event]
"""An event, and the number of the wish that it belongs to."""

FINISH = {"budget": "length"}
"""What the protocol calls an end of a text, if not "stop"."""

BREAKS = {"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""Characters at which some clients break lines, and with them an event."""


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


async def wish_of(asked: Shared, request: Request, **more: Any) -> TextWish:
    """The wish of a request. Raises HTTPException for what cannot be wished."""
    given = asked.gen_xargs
    names = {*given.model_fields_set} if given is not None else set()
    twice = next((name for name in asked.own_names if name in names), None)
    if twice is not None:
        raise refusal(f"{twice} is asked for twice; give it by its own field, or in gen_xargs.", code="invalid",
                      param=f"gen_xargs.{twice}")  # fmt: skip
    decoder = given.decoder_spec if given is not None else None
    if asked.temperature == 0 and decoder not in (None, "greedy"):
        raise refusal(f"temperature=0 takes the likeliest tokens, and the decoder {decoder} others; leave one out.",
                      code="invalid", param="temperature")  # fmt: skip
    longest = request.app.state.router.seconds
    if given is not None and given.patience is not None and given.patience > longest:
        raise refusal(f"This server's patience is {longest:g} seconds; ask for less.", code="invalid",
                      param="gen_xargs.patience")  # fmt: skip
    pattern = await _pattern(asked)
    return TextWish(
        processors=(*pattern, *asked.shared_specs, *(given.specs if given is not None else ()), *asked.last_specs),
        decoder=decoder or ("greedy" if asked.temperature == 0 else "sample"),
        num=asked.n or 1,
        patience=None if given is None else given.patience,
        **more,
    )


async def _pattern(asked: Shared) -> tuple[str, ...]:
    """The processor of a response format."""
    from gen_engine.types import Spec

    wanted = asked.response_format
    if isinstance(wanted, Pattern):
        return (str(Spec("regex", (wanted.regex,))),)
    if not isinstance(wanted, JsonSchema):
        return ()
    try:
        found = await asyncio.to_thread(regex_of_schema, wanted.json_schema.schema_)
    except GenError as problem:
        raise refusal(str(problem), code="invalid", param="response_format") from None
    return (str(Spec("regex", (found,))),)


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
            return response_of(found)
        return StreamingResponse(_chunks(asked, writer, found), media_type="text/event-stream")
    return await while_connected(asked.request, _whole(asked, writer))


async def _whole(asked: Asked, writer: Writer) -> Response:
    choices: dict[int, dict[str, Any]] = {}
    counts: list[Mapping[str, int]] = []
    async with aclosing(asked.events()) as events:
        async for wish, event in events:
            if isinstance(event, Failed):
                return response_of(event)
            if isinstance(event, TextDone):
                index = asked.index(wish, event.sample)
                choices[index] = {"index": index, **writer.choice(index, event), **_ended(event)}
            if isinstance(event, Over):
                counts.append(event.usage)
    told = {**asked.head(asked.kind), "choices": [choices[index] for index in sorted(choices)], "usage": usage(counts)}
    return JSONResponse(told)


def _ended(done: TextDone) -> dict[str, Any]:
    """How a text ended, and what the engine promises of it."""
    promises = ("finish", "logprob", "exact", "reproducible", "portable", "undone")
    return {
        "finish_reason": FINISH.get(done.record["finish"], "stop"),
        "gen": {name: done.record[name] for name in promises},
    }


def usage(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """How many tokens all wishes read and drew."""
    read, drawn = (sum(each[name] for each in counts) for name in ("prompt_tokens", "completion_tokens"))
    return {"prompt_tokens": read, "completion_tokens": drawn, "total_tokens": read + drawn}


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
            yield _event({**head, "choices": [{"index": index, **choice, "finish_reason": None}]})
    async with aclosing(_then(seen, events)) as all_events:
        async for wish, event in all_events:
            if isinstance(event, Failed):
                yield _event(body_of(event))
                break
            for choice in _told(asked, writer, wish, event, sent):
                yield _event({**head, "choices": [choice]})
            if isinstance(event, Over):
                counts.append(event.usage)
        else:
            if tells_usage:
                yield _event({**head, "choices": [], "usage": usage(counts)})
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
        return [*parts, {"index": index, **writer.piece(index, ""), **_ended(event)}]
    return []


async def _then(seen: Sequence[Numbered], events: AsyncGenerator[Numbered, None]) -> AsyncGenerator[Numbered, None]:
    async with aclosing(events):
        for each in seen:
            yield each
        async for each in events:
            yield each


def _event(told: Mapping[str, Any]) -> bytes:
    """A server-sent event. Its characters are not escaped, but for those at which some clients break lines."""
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    for char, escape in BREAKS.items():
        text = text.replace(char, escape)
    return f"data: {text}\n\n".encode()
