"""Connections: who never ends a request is shown the door, and who waits for an answer is not."""

import asyncio
from types import SimpleNamespace

import pytest
from event_loops import run_alone
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from gen_serve.connections import Punctual, punctual

HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n"


async def empty(scope, receive, send):
    """Answers at once, whatever of the body is still to come."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


def answered(*parts):
    """What a server says to a client that sends these parts and waits."""

    async def scene():
        make, config = punctual(H11Protocol, seconds=0.05), Config(empty, log_config=None, timeout_keep_alive=60)
        config.load()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: make(config, ServerState(), {}, loop), "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            told = b""
            for part in parts:
                writer.write(part)
                told += await reader.readuntil(b"\r\n\r\n") if part.endswith(b"\r\n\r\n") else b""
            told += await asyncio.wait_for(reader.read(), 20)
            writer.close()
            return told

    return run_alone(scene())


@pytest.mark.parametrize("parts", [[], [b"G"], [HEAD], [HEAD + b"\r\n", HEAD]])
def test_half_a_head_is_not_waited_for(parts):
    told = answered(*parts)
    assert (b" 408 " in told, b" 204 " in told) == (bool(parts), len(parts) == 2)


def test_half_a_body_is_not_waited_for_after_its_answer():
    told = answered(HEAD + b"Content-Length: 9\r\n\r\n", b"1")
    assert b" 204 " in told
    assert b" 408 " in told


async def ticks(connection, data):
    """Lets the loop go round after a connection sent that."""
    connection.data_received(data)
    for _ in range(3):
        await asyncio.sleep(0)


def test_an_answer_may_take_longer():
    closed = []
    inner = SimpleNamespace(cycle=SimpleNamespace(response_complete=False), data_received=lambda _: None)
    transport = SimpleNamespace(close=lambda: closed.append(1), is_closing=lambda: False, abort=lambda: None)
    run_alone(ticks(Punctual(inner, 0, transport), b"GET"))
    assert closed == []
    inner.cycle.response_complete = True
    transport.write = closed.append
    run_alone(ticks(Punctual(inner, 0, transport), b"GET"))
    assert len(closed) == 2
