"""The log of requests: what was asked for, what became of it, and how long it took. It holds no prompt unless asked."""

from __future__ import annotations

import logging
import re
import secrets
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .api.metrics import Metrics
from .api.waiting import NOBODY
from .closing import Closing
from .log_lines import LOGGER

ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
"""The ids of requests that are taken over from clients."""

ASKED_OFTEN = ("/healthz", "/readyz", "/metrics")
"""What machines ask every few seconds, which would fill the log."""


@dataclass(frozen=True, eq=False)
class Journal:
    """Counts and logs each request of `app`, and gives it an id."""

    app: ASGIApp
    metrics: Metrics
    closing: Closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        name = given if ID.fullmatch(given) else secrets.token_hex(8)
        status, since = NOBODY, perf_counter()

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = name
            await send(message)

        self.closing.enter()
        self.metrics.open.inc()
        try:
            await self.app(scope, receive, tell)
        except BaseException as problem:
            status = 500 if isinstance(problem, Exception) else status  # else the client has left
            raise
        finally:
            self.closing.leave()
            self.metrics.open.dec()
            seconds = perf_counter() - since
            self.metrics.answered(endpoint_of(scope), status, seconds)
            _log(scope, name, status, seconds)


def endpoint_of(scope: Scope) -> str:
    """The pattern of the path. Paths themselves are without number, and would be as many counters."""
    route = scope.get("route")
    path = getattr(route, "path", None)
    return str(path) if path else "/studio" if scope["path"].startswith("/studio") else "other"


def _log(scope: Scope, name: str, status: int, seconds: float) -> None:
    raw = scope.get("raw_path") or scope["path"].encode()
    told: dict[str, Any] = {
        "method": scope["method"],
        "path": raw.decode("ascii", "backslashreplace")[:200],
        "status": status,
        "ms": round(seconds * 1000, 1),
        "request": name,
    }
    if "gen_body" in scope:
        told["body"] = scope["gen_body"].decode("utf-8", "replace")
    LOGGER.log(logging.DEBUG if scope["path"] in ASKED_OFTEN else logging.INFO, "request", extra={"told": told})
