"""What every request passes before an endpoint sees it: the journal, the host, the origin, the key, and the bounds."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gen_engine.errors import brief

from .api.errors import error
from .api.metrics import Metrics
from .closing import Closing

LOOPBACK = ("localhost", "127.0.0.1", "::1")
OPEN = ("/healthz", "/readyz", "/", "/studio")
"""What needs no key, and answers while the server closes; below `/studio/` are the files of the page."""

READING = (b"GET", b"HEAD", b"OPTIONS")
METHODS = ("GET", "POST", "DELETE")
HEADERS = ("Authorization", "Content-Type", "Last-Event-ID", "X-Request-Id")
"""What pages of other origins may ask with, if theirs is allowed at all."""

SIMPLE = ("accept", "accept-language", "content-language")
"""Headers that every page may send, so that nobody need be asked."""

BODY_SECONDS = 20.0
"""Seconds in which a body must have come."""


def is_open(path: str) -> bool:
    """Whether a path needs no key."""
    return path in OPEN or path.startswith("/studio/")


@dataclass(frozen=True)
class Refusal:
    """An answer instead of an endpoint's."""

    status: int
    code: str
    message: str
    headers: tuple[tuple[str, str], ...] = ()

    async def send(self, scope: Scope, receive: Receive, send: Send, metrics: Metrics) -> None:
        """Answer with it."""
        metrics.refusals.labels(self.code).inc()
        body = error(self.message, code=self.code, status=self.status)
        await JSONResponse(body, self.status, dict(self.headers))(scope, receive, send)


AMBIGUOUS = Refusal(400, "ambiguous", "A body has either a Content-Length or a Transfer-Encoding; send one of them.")

STRANGER = Refusal(
    403,
    "origin",
    "Refused, since a page of another origin asks; allow it when the server is started (--cors ORIGIN).",
)

Check = Callable[[Scope, Headers], Refusal | None]


def host_check(host: str, others: tuple[str, ...]) -> Check:
    """Refuse requests for hosts that this server is not called.

    A page of a stranger can give its own name the address of this machine, and then read what is answered.
    """
    names = {name.lower().strip("[]") for name in (*LOOPBACK, host, *others)}

    def check(_: Scope, headers: Headers) -> Refusal | None:
        asked = headers.get("host", "")
        name = _host_of(asked)
        if "*" in names or (name is not None and name in names):
            return None
        known = f"the host {asked[:100]!r} is none of this server's names"
        return Refusal(421, "host", f"Refused, since {known}; allow it when the server is started (--allowed-host).")

    return check


def origin_check(origins: tuple[str, ...]) -> Check:
    """Refuse what pages of others have the browser send. CORS only keeps them from reading the answer."""

    def check(scope: Scope, headers: Headers) -> Refusal | None:
        origin = headers.get("origin")
        if origin is None or scope["method"].encode() in READING or "*" in origins or origin in origins:
            return None
        if urlsplit(origin).netloc == headers.get("host"):
            return None
        return STRANGER

    return check


def key_check(keys: tuple[str, ...]) -> Check:
    """Refuse what does not bring one of the keys."""
    known = [key.encode() for key in keys]

    def check(scope: Scope, headers: Headers) -> Refusal | None:
        if is_open(scope["path"]):
            return None
        scheme, _, given = headers.get("authorization", "").partition(" ")
        told = given.strip().encode() if scheme.lower() == "bearer" else b""
        # All are compared, each in a time that does not tell how much of it is right.
        if sum(hmac.compare_digest(told, key) for key in known):
            return None
        return Refusal(401, "invalid_api_key", "Refused without a key of this server; send it as `Authorization: "
                       "Bearer KEY`.", (("WWW-Authenticate", "Bearer"),))  # fmt: skip

    return check


def encoding_check(_: Scope, headers: Headers) -> Refusal | None:
    """Refuse bodies that are compressed: nothing is undone here, so they would be read as what they are not."""
    named = [part.strip().lower() for each in headers.getlist("content-encoding") for part in each.split(",")]
    kind = next((each for each in named if each not in ("", "identity")), None)
    if kind is None:
        return None
    told = f"The body is encoded ({brief(kind)}), and no encoding is undone here; send it as it is."
    return Refusal(415, "encoding", told)


def closing_check(closing: Closing) -> Check:
    """Refuse what comes while the server closes."""

    def check(scope: Scope, _: Headers) -> Refusal | None:
        if not closing.has_begun or is_open(scope["path"]):
            return None
        return Refusal(503, "closing", "The server is closing; ask again when it runs again.", (("Retry-After", "5"),))

    return check


@dataclass(frozen=True, eq=False)
class Preflight:
    """Refuses browsers that ask whether a page may send what it may not. Others are passed on to `app`."""

    app: ASGIApp
    origins: tuple[str, ...]
    metrics: Metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope, Headers(scope=scope)) if scope["type"] == "http" else None
        if refusal is None:
            await self.app(scope, receive, send)
        else:
            await refusal.send(scope, receive, send, self.metrics)

    def _refusal(self, scope: Scope, headers: Headers) -> Refusal | None:
        origin, method = headers.get("origin"), headers.get("access-control-request-method")
        if scope["method"] != "OPTIONS" or origin is None or method is None:
            return None
        if not {"*", origin} & {*self.origins}:
            return STRANGER
        if method not in METHODS:
            told = f"Pages of other origins may not send {brief(method)}; use {', '.join(METHODS)}."
            return Refusal(403, "origin", told)
        wanted = [each.strip().lower() for each in headers.get("access-control-request-headers", "").split(",")]
        known = {"", *SIMPLE, *map(str.lower, HEADERS)}
        if odd := next((each for each in wanted if each not in known), None):
            told = f"Pages of other origins may not send the header {brief(odd)}; leave it out."
            return Refusal(403, "origin", told)
        return None


def _host_of(asked: str) -> str | None:
    """The name in a Host header, without its port; None if it is none."""
    try:
        name = urlsplit(f"//{asked}").hostname
    except ValueError:
        return None
    return None if name is None else name.rstrip(".")


@dataclass(frozen=True, eq=False)
class Guard:
    """Passes on to `app` what no check refuses, with a body of at most `most` bytes that is complete."""

    app: ASGIApp
    checks: tuple[Check, ...]
    metrics: Metrics
    most: int
    keeps_body: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if "transfer-encoding" in headers and "content-length" in headers:
            await AMBIGUOUS.send(scope, receive, send, self.metrics)
            return
        refusal = next((found for check in self.checks if (found := check(scope, headers)) is not None), None)
        if refusal is None and scope["method"].encode() not in READING:
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    body = await self._body(headers, receive)
            except TimeoutError:
                body = Refusal(408, "slow", f"The body did not come within {BODY_SECONDS:g} seconds; send it faster.")
            if isinstance(body, Refusal):
                refusal = body
            elif body is None:
                return  # the client has left
            else:
                if self.keeps_body:
                    scope["gen_body"] = body
                receive = _replayed(body, receive)
        if refusal is not None:
            await refusal.send(scope, receive, send, self.metrics)
            return
        await self.app(scope, receive, send)

    async def _body(self, headers: Headers, receive: Receive) -> bytes | Refusal | None:
        told = headers.get("content-length", "0")
        parts, size = [], int(told) if told.isdecimal() else 0
        if size <= self.most:
            size, is_more = 0, True
            while is_more and size <= self.most:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                part = message.get("body", b"")
                parts.append(part)
                size += len(part)
                is_more = message.get("more_body", False)
        if size > self.most:
            return Refusal(413, "too_large", f"A body has {self.most:,} bytes at most here; send a shorter one.")
        return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Gives a body that was read, and then what else comes."""
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
