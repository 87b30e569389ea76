"""Runs the server: the HTTP side in this process, the engines in others."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread
from types import FrameType
from typing import TYPE_CHECKING, Any

from gen_engine.errors import GenError
from gen_engine.hooks.registry import registry
from gen_engine.system.screen import note

from .lanes import Lane, lanes_of
from .log_lines import LOGGER, begin_logging
from .settings import Settings, is_loopback

if TYPE_CHECKING:
    import uvicorn

BACKLOG = 1024
"""How many connections the system holds ready for the server."""


def run(settings: Settings, *, opens: bool = False) -> None:
    """Serve until a signal ends it; a second signal ends it at once. With `opens`, the page is opened in the browser.

    Raises GenError, before anything is started, if a model is not there or the port cannot be listened at.
    """
    check_models(settings.models)
    listening = listen(settings.host, settings.port)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{host}:{listening.getsockname()[1]}"
    begin_logging(in_json=settings.logs_json)
    tell(settings, f"serving {', '.join(settings.names)} on {address}; Ctrl-C ends it", head="")
    if not (settings.keys or is_loopback(settings.host)):
        tell(settings, "whoever reaches this address may use it; give it keys (--api-key-file)")
    if opens:
        Thread(target=_open, args=(address,), daemon=True).start()
    lanes = lanes_of(settings)
    try:
        lanes[0].launch()  # the other one starts with the application, so that the page need not wait for it
        _run(settings, lanes, listening)
    finally:
        for lane in lanes:
            lane.kill()


def _run(settings: Settings, lanes: Sequence[Lane], listening: socket.socket) -> None:
    """Serve by lanes of which the first was launched: it loads while the frameworks of this side are imported."""
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    from .app import make_app
    from .connections import punctual

    app = make_app(settings, lanes)
    http: Any = punctual(H11Protocol)  # uvicorn makes a protocol by calling what it is given
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False, backlog=BACKLOG, http=http,
                            ws="none", timeout_graceful_shutdown=3, lifespan="on")  # fmt: skip
    asyncio.run(_serve(uvicorn.Server(config), app, listening, settings))


def tell(settings: Settings, words: str, *, head: str = "note:") -> None:
    """Tell whoever runs the server: as a line of the log where that is JSON, which programs read."""
    if settings.logs_json:
        LOGGER.info(words)
    else:
        note(words, head=head)


def check_models(models: tuple[str, ...]) -> None:
    """Raises GenError if one is not on this machine, unless it is a hub's, which is fetched when it is loaded."""
    for model in models:
        is_hub_name = model.count("/") == 1 and not model.startswith((".", "/", "~")) and not os.path.isdir(model)
        if model in registry().models or os.path.isfile(model) or is_hub_name:
            continue
        from gen_engine.models.holdings import refuse_no_model  # numpy, which most servers need not wait for
        from gen_engine.sources import model_folder

        refuse_no_model(model_folder(model, online=False), model)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises GenError if there is no such address, or it is taken."""
    try:
        [(family, *_, address), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise GenError(
            f"The server cannot listen on {host}, port {port} ({reason}); choose another (--host, --port), or --port 0 "
            "for one that is free."
        ) from None


async def _serve(server: uvicorn.Server, app: Any, listening: socket.socket, settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    closing, lanes = app.state.closing, app.state.router.lanes
    tasks = []

    async def close() -> None:
        await closing.wait()
        server.should_exit = True

    def begin() -> None:
        tell(settings, "closing; what runs is finished, and a second signal ends it at once", head="")
        tasks.append(loop.create_task(close()))

    def heed(number: int, _: FrameType | None) -> None:
        if closing.has_begun or tasks or server.should_exit:
            for lane in lanes:
                lane.kill()
            os._exit(128 + number)
        closing.has_begun = True
        loop.call_soon_threadsafe(begin)

    server.handle_exit = heed  # type: ignore[method-assign,assignment]  # uvicorn's own closes the port before all is finished
    hang_up = getattr(signal, "SIGHUP", None)
    if hang_up is not None and signal.getsignal(hang_up) != signal.SIG_IGN:
        signal.signal(hang_up, heed)
    await server.serve(sockets=[listening])


def _open(address: str) -> None:
    with suppress(webbrowser.Error):
        webbrowser.open(address)
