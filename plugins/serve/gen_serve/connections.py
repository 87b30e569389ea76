"""Connections: who begins a request sends it in time, or is shown the door."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from gen_engine.errors import escaped

from .api.errors import error

SECONDS = 20.0
"""Seconds in which the head of a request must have come, and what of its body comes after its answer."""

LEAVING = 5.0
"""Seconds in which such a client may still read what was written."""

LATE = "The request did not come in time; send it at once."
TOO_LONG = "The head of the request is too long; send a shorter one."
UNREAD = "The request is no valid HTTP ({what}); send what a client of HTTP sends, with its path percent-encoded."


def _cause(problem: BaseException | None) -> str:
    """What the parser says, without the bytes that it repeats."""
    return escaped(str(problem).partition(": bytearray")[0])


def _answer(status: int, code: str, message: str) -> bytes:
    """A whole answer with an error, after which the connection is closed."""
    body = json.dumps(error(message, code=code, status=status), ensure_ascii=False).encode()
    head = (f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Content-Type: application/json", "Connection: close",
            f"Content-Length: {len(body)}", "", "")  # fmt: skip
    return "\r\n".join(head).encode() + body


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
    _is_over: bool = False

    def connection_made(self, transport: asyncio.Transport) -> None:
        """asyncio calls this; and so the others."""
        self._transport = transport
        self.inner.connection_made(transport)
        self._look()

    def data_received(self, data: bytes) -> None:
        if self._is_over:
            return  # read, but by nobody: what is not read resets the connection, and the client misses the answer
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

    def refuse(self, _: str) -> None:
        """Tell the client, in the form of all errors, why its request is no HTTP, unless an answer to it has begun."""
        problem, answering = sys.exception(), self.inner.cycle  # that of the parser; uvicorn has no words for it
        self._is_over = True
        if answering is not None:
            begun = answering.response_started and not answering.response_complete
            answering.disconnected = True  # nothing more is written for it
            if begun:
                self._transport.close()
                return
        status = int(getattr(problem, "error_status_hint", 400))
        told = TOO_LONG if status == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE else UNREAD.format(what=_cause(problem))
        self._transport.write(_answer(status, "http", told))
        self._transport.write_eof()
        asyncio.get_running_loop().call_later(LEAVING, self._transport.abort)

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
            self._transport.write(_answer(408, "slow", LATE))
        self._transport.close()  # when all that was written is read
        asyncio.get_running_loop().call_later(LEAVING, self._transport.abort)


def punctual(protocol: Callable[..., Any], *, seconds: float = SECONDS) -> Callable[..., Punctual]:
    """What makes connections of a protocol of uvicorn's that are punctual; for the `http` of its configuration."""

    def connection(
        config: Any, server_state: Any, app_state: dict[str, Any], _loop: asyncio.AbstractEventLoop | None = None
    ) -> Punctual:
        made = protocol(config=config, server_state=server_state, app_state=app_state, _loop=_loop)
        found = Punctual(made, seconds)
        made.send_400_response = found.refuse  # which uvicorn calls for what is no HTTP
        return found

    return connection
