"""Connections: who never ends a request is shown the door, and who waits for an answer is not."""

import asyncio
import json
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


REFUSED = {
    "GET /白 HTTP/1.1\r\nHost: a\r\n\r\n".encode(): (400, "percent-encoded"),
    b"GET / HTTP/1.1\r\n\r\n": (400, "Missing mandatory Host: header"),
    HEAD + b"Content-Length: x\r\n\r\n": (400, "bad Content-Length"),
    HEAD + b"Transfer-Encoding: gzip\r\n\r\n": (501, "Transfer-Encoding"),
    HEAD + b"A: " + b"a" * 200_000 + b"\r\n\r\n": (431, "too long"),
    HEAD + b"Transfer-Encoding: chunked\r\n\r\nz\r\n\r\n": (400, "chunk"),
}


@pytest.mark.parametrize("sent", REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_http_is_told_as_an_error(sent):
    status, words = REFUSED[sent]
    head, _, body = answered(sent).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert f"Content-Length: {len(body)}".encode() in head
    found = json.loads(body)["error"]
    assert (found["code"], words in found["message"], found["message"][-1]) == ("http", True, ".")


def test_who_is_slow_is_told_in_the_form_of_errors():
    found = json.loads(answered(HEAD).partition(b"\r\n\r\n")[2])["error"]
    assert (found["code"], "send it at once" in found["message"]) == ("slow", True)


def test_nothing_is_told_within_an_answer():
    said = []
    cycle = SimpleNamespace(response_complete=False, response_started=True, disconnected=False)
    inner = SimpleNamespace(cycle=cycle, data_received=said.append)
    made = punctual(lambda **_: inner)(None, None, {})
    made._transport = SimpleNamespace(write=said.append, close=lambda: said.append("end"))
    inner.send_400_response("")
    made.data_received(b"more")
    assert (said, cycle.disconnected) == (["end"], True)


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
