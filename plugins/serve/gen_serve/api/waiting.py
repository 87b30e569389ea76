"""Waiting for a wish while its client is watched: when the client goes away, the wish is cancelled at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from ..messages import Event

Value = TypeVar("Value")

NOBODY = 499
"""The status in the log of a request whose client went away before an answer. Nobody receives it."""


class ClientLeft(Exception):  # noqa: N818 - not an error of anybody
    """The client closed the connection before the answer began."""


async def run_to_end(request: Request, events: AsyncIterator[Event]) -> list[Event]:
    """All events of a wish, the last one Over or Failed. Raises ClientLeft, and cancels the wish, if nobody waits."""
    return await while_connected(request, _all_of(events))


async def begun(request: Request, events: AsyncIterator[Event]) -> tuple[Event, AsyncIterator[Event]]:
    """The first event of a wish, which decides the status, and an iterator over the others.

    Raises ClientLeft, and cancels the wish, if nobody waits for it any more.
    """
    first = await while_connected(request, _next_of(events))
    return first, events


async def while_connected(request: Request, work: Coroutine[Any, Any, Value]) -> Value:
    """What `work` returns or raises. If the client goes away first, `work` is cancelled; raises ClientLeft.

    The request's body must have been read.
    """
    working, watching = asyncio.create_task(work), asyncio.create_task(_departure(request))
    try:
        await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientLeft
        return working.result()
    finally:
        for task in (working, watching):
            task.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)


async def on_left(_: Request, __: Exception) -> Response:
    """What the application makes of ClientLeft."""
    return Response(status_code=NOBODY)


async def _all_of(events: AsyncIterator[Event]) -> list[Event]:
    async with aclosing(events):  # type: ignore[type-var]  # generators, all of them
        return [event async for event in events]


async def _next_of(events: AsyncIterator[Event]) -> Event:
    return await anext(events)


async def _departure(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
