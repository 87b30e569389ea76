"""Connections: who begins a request sends it in time, or is shown the door."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SECONDS = 20.0
"""Seconds in which the head of a request must have come, and what of its body comes after its answer."""

LEAVING = 5.0
"""Seconds in which such a client may still read what was written."""

LATE = (
    b"HTTP/1.1 408 Request Timeout\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
    b"Content-Length: 51\r\n\r\nThe request did not come in time; send it at once.\n"
)


@dataclass(eq=False)
class Punctual:
    """A connection of uvicorn's (`inner`) that is closed when it has kept the server waiting for `seconds`.

    The server waits for whoever connects until a whole head is there. uvicorn limits only the time in which nothing
    comes after an answer, so a client that sends a byte now and then could hold as many connections as it likes.
    """

    inner: Any
    seconds: float = SECONDS
    _transport: Any = None
    _timer: asyncio.TimerHandle | None = None
    _has_begun: bool = False

    def connection_made(self, transport: asyncio.Transport) -> None:
        """asyncio calls this; and so the others."""
        self._transport = transport
        self.inner.connection_made(transport)
        self._look()

    def data_received(self, data: bytes) -> None:
        self._has_begun = True
        self.inner.data_received(data)
        self._look()

    def eof_received(self) -> None:
        self.inner.eof_received()

    def connection_lost(self, problem: Exception | None) -> None:
        self._stop()
        self.inner.connection_lost(problem)

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()

    def _look(self) -> None:
        """Time the client while no request of it is being answered."""
        answering = self.inner.cycle
        if answering is not None and not answering.response_complete:
            self._stop()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.seconds, self._end)

    def _stop(self) -> None:
        self._has_begun = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        if self._has_begun and not self._transport.is_closing():
            self._transport.write(LATE)
        self._transport.close()  # when all that was written is read
        asyncio.get_running_loop().call_later(LEAVING, self._transport.abort)


def punctual(protocol: Callable[..., Any], *, seconds: float = SECONDS) -> Callable[..., Punctual]:
    """What makes connections of a protocol of uvicorn's that are punctual; for the `http` of its configuration."""

    def connection(
        config: Any, server_state: Any, app_state: dict[str, Any], _loop: asyncio.AbstractEventLoop | None = None
    ) -> Punctual:
        made = protocol(config=config, server_state=server_state, app_state=app_state, _loop=_loop)
        return Punctual(made, seconds)

    return connection
