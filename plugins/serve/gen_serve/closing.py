"""How a server ends: what runs is finished, new requests are refused, and after a while the rest is ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

LAST = 2.0
"""Seconds in which requests that were ended may still be told so."""


@dataclass(eq=False)
class Closing:
    """Whether the server is closing, and how many requests run. They have `grace` seconds.

    `give_up` ends what then still runs; each of those requests is told so.
    """

    grace: float
    give_up: Callable[[], None] = lambda: None
    has_begun: bool = False
    running: int = 0
    _is_idle: asyncio.Event = field(default_factory=asyncio.Event)

    def enter(self) -> None:
        """A request begins."""
        self.running += 1
        self._is_idle.clear()

    def leave(self) -> None:
        """A request is over."""
        self.running -= 1
        if not self.running:
            self._is_idle.set()

    async def wait(self) -> None:
        """Refuse new requests from now on, and return when none runs."""
        self.has_begun = True
        if not await self._idle_within(self.grace):
            self.give_up()
            await self._idle_within(LAST)

    async def _idle_within(self, seconds: float) -> bool:
        if not self.running:
            return True
        waiting: Awaitable[object] = self._is_idle.wait()
        try:
            await asyncio.wait_for(waiting, seconds)
        except TimeoutError:
            return False
        return True
