"""Server-sent events: how each is written, and what keeps a silent stream open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Any, TypeVar

from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse

Told = TypeVar("Told")

SILENCE = 15.0
"""After so many seconds without an event a comment is sent, so that nobody between closes the connection."""

KEEP_OPEN = KEEPALIVE_COMMENT
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}

BREAKS = {"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""Characters at which some clients break lines, and with them an event."""


def as_event(data: Mapping[str, Any], *, name: str | None = None) -> bytes:
    """An event, with `name` as its id. Its characters are not escaped, but for those of `BREAKS`."""
    text = json.dumps(data, ensure_ascii=False)
    for char, escape in BREAKS.items():
        text = text.replace(char, escape)
    first = "" if name is None else f"id: {name}\n"
    return f"{first}data: {text}\n\n".encode()


def stream_of(events: AsyncIterator[bytes]) -> EventSourceResponse:
    """The response that sends these events, each in one write."""
    return EventSourceResponse(events, headers=HEADERS)


async def pumped(
    events: AsyncIterator[Told], *, begun: Callable[[asyncio.Task[None]], object] = lambda _: None
) -> AsyncGenerator[Told | None]:
    """The events, and None after some silence. To leave the iteration ends what makes them.

    So does whoever cancels the task that `begun` is given.
    """
    queue: asyncio.Queue[tuple[Told] | None] = asyncio.Queue()

    async def pump() -> None:
        try:
            async for each in events:
                queue.put_nowait((each,))
        finally:
            queue.put_nowait(None)

    task = asyncio.create_task(pump())
    begun(task)
    try:
        while True:
            try:
                async with asyncio.timeout(SILENCE):  # `wait_for` makes a task of each event
                    found = await queue.get()
            except TimeoutError:
                yield None
                continue
            if found is None:
                break
            yield found[0]
        await asyncio.wait({task})
        if not task.cancelled() and (problem := task.exception()) is not None:
            raise problem
    finally:
        task.cancel()
