"""The studio: a page of static files, which is the first user of the API."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FOLDER = Path(__file__).parents[1] / "studio"

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""What the page may load: its own files."""

SAFE = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-cache"),  # kept, and asked about each time: the answer is 304 while it has not changed
)
"""The headers of the page and of its files."""


def mount(app: FastAPI, folder: Path = FOLDER) -> None:
    """Serve the page at `/`, and its files below `/studio/`, which leads to it."""

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def page(request: Request) -> Response:
        index = folder / "index.html"
        if not index.is_file():
            raise HTTPException(404, "This server has no page; ask its API, which /openapi.json describes.")
        found = StaticFiles(directory=folder).file_response(index, index.stat(), request.scope)
        found.headers.update({name.decode(): value.decode() for name, value in SAFE})
        return found

    @app.api_route("/studio", methods=["GET", "HEAD"], include_in_schema=False)
    @app.api_route("/studio/", methods=["GET", "HEAD"], include_in_schema=False)
    async def lead(request: Request) -> Response:
        """Relative, since a proxy may put the server below another path; the page names its files in the same way."""
        to = "../" if request.url.path.endswith("/") else "./"
        return RedirectResponse(f"{to}?{request.url.query}" if request.url.query else to)

    if folder.is_dir():
        app.mount("/studio", _safe(StaticFiles(directory=folder)), name="studio")


def _safe(files: ASGIApp) -> ASGIApp:
    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *SAFE]
            await send(message)

        await files(scope, receive, tell)

    return call
