"""What the clients of a load ask, and how they ask it: see `load.py`."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

MODELS = ("poem", "novel")
HARD = {"form": "五绝", "tones": "strict", "rhyme": ["东"], "distinct": True}
LEVEL = "春山云天花秋人江心青林声烟霜寒星楼舟家沙乡"
"""Twelve of these cannot all stand in such a poem: the places of their tone are too few, and none of them rhymes."""

WRONG = ({"form": "no such form"}, {"nonsense": 1}, {"rows": "four"}, {"prompt": "白" * 300, "rows": 2})


@dataclass(frozen=True)
class Ask:
    """One request: its path, and its body."""

    path: str
    body: str

    @property
    def streamed(self) -> str:
        return json.dumps({**json.loads(self.body), "stream": True})


def asks() -> list[Ask]:
    """The requests, each with a seed."""
    dice, found = random.Random(7), []
    firsts = "春夏秋江山月风雪云花明白青天水夜"
    for seed in range(24):
        first = dice.choice(firsts)
        found += [
            Ask("/v1/poems", json.dumps({"prompt": first, "seed": seed})),
            Ask("/v1/poems", json.dumps({"form": dice.choice(["五绝", "七绝", "七律"]), "seed": seed, "best_of": 1})),
            Ask("/v1/poems", json.dumps({"prompt": first, "seed": seed, "num": 2, "best_of": 1})),
            Ask("/v1/couplets", json.dumps({"prompt": first + "风吹" + dice.choice(firsts), "seed": seed})),
            Ask("/v1/texts", json.dumps({"prompt": first, "seed": seed, "max_new": 40, "model": "poem"})),
            Ask("/v1/novels", json.dumps({"prompt": "话说" + first, "seed": seed, "len": 60})),
        ]
    return found


# ------------------------------------------------------------------------------------------------------- the client


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(eq=False)
class Client:
    """One connection, of as little code as can be: the clients share the machine with the server."""

    port: int
    streams: Streams | None = None

    async def post(self, path: str, body: str, method: str = "POST") -> tuple[int, str]:
        """The status, and the body."""
        reader, _ = await self.begin(path, body, method)
        status, headers = await self.head(reader)
        if "content-length" in headers:
            text = await reader.readexactly(int(headers["content-length"]))
        else:
            text = b"".join([part async for part in chunks(reader)])
        return status, text.decode()

    async def begin(self, path: str, body: str, method: str = "POST") -> Streams:
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        data = body.encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        self.streams[1].write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
        return self.streams

    async def head(self, reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.partition(": ") for line in lines[1:] if line)
        return int(lines[0].split()[1]), {name.lower(): value for name, _, value in pairs}

    def leave(self) -> None:
        if self.streams is not None:
            self.streams[1].transport.abort()
            self.streams = None


async def chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """The parts of a body in chunks."""
    while size := int(await reader.readline(), 16):
        yield await reader.readexactly(size)
        await reader.readline()
    await reader.readline()


def texts_of(body: str) -> list[str]:
    """The texts of an answer, streamed or not."""
    if body.startswith("{"):
        return [each["text"] for each in json.loads(body)["texts"]]
    told = [json.loads(line[6:]) for line in body.splitlines() if line.startswith("data: {")]
    done = [each for each in told if each.get("type") == "text_done" or "result" in each]
    return [each["result"]["text"] for each in done]


# ---------------------------------------------------------------------------------------------------------- the load


@dataclass
class Tally:
    """What became of the requests."""

    alone: dict[Ask, list[str]]
    answered: int = 0
    chars: int = 0
    left: int = 0
    refused: int = 0
    hard: int = 0
    busy: int = 0
    wrong: list[str] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    refusing: list[float] = field(default_factory=list)
    seconds: float = 0.0
    processor: dict[str, float] = field(default_factory=dict)


async def ask_all(port: int, tally: Tally, left: Iterator[Ask], dice: random.Random) -> None:
    """One of the clients that share requests, until none is left; half of them are streamed."""
    client = Client(port)
    for ask in left:
        if dice.random() < 0.5:
            await read_stream(client, ask, tally)
        else:
            take(tally, ask, *await client.post(ask.path, ask.body))


async def keep_asking(port: int, tally: Tally, until: float, dice: random.Random, is_mixed: bool) -> None:
    """One client, until the time is over; of a load that is not mixed, nothing is left, wrong or hard."""
    client, known = Client(port), [*tally.alone]
    while time.perf_counter() < until:
        chance, ask = dice.random() if is_mixed else dice.uniform(0.22, 1), dice.choice(known)
        if chance < 0.1:
            await leave_midway(client, ask, tally)
        elif chance < 0.2:
            status, body = await client.post("/v1/poems", json.dumps(dice.choice(WRONG)))
            tally.refused += 1
            tally.wrong += [] if 400 <= status < 500 else [f"{status} for a wrong request: {body[:200]}"]
        elif chance < 0.22:
            since = time.perf_counter()
            status, body = await client.post(
                "/v1/poems", json.dumps({**HARD, "require": "".join(dice.sample(LEVEL, 12))})
            )
            tally.hard += status != 429
            tally.busy += status == 429
            tally.refusing.append(time.perf_counter() - since)
            tally.wrong += [] if status in (422, 424, 429) else [f"{status} for a hard request: {body[:200]}"]
        elif chance < 0.6:
            await read_stream(client, ask, tally)
        else:
            take(tally, ask, *await client.post(ask.path, ask.body))


def take(tally: Tally, ask: Ask, status: int, body: str) -> None:
    """Compare an answer with the one alone."""
    if status == 429:
        tally.busy += 1
        return
    found = texts_of(body) if status == 200 else [f"{status} {body[:200]}"]
    if found != tally.alone[ask]:
        tally.wrong.append(f"{ask}: {found} and not {tally.alone[ask]}")
    tally.answered += 1
    tally.chars += sum(map(len, found))


async def read_stream(client: Client, ask: Ask, tally: Tally) -> None:
    since, parts = time.perf_counter(), []
    reader, _ = await client.begin(ask.path, ask.streamed)
    status, headers = await client.head(reader)
    if "content-length" in headers:
        take(tally, ask, status, (await reader.readexactly(int(headers["content-length"]))).decode())
        return
    is_first = True
    async for part in chunks(reader):
        if is_first and b'"text"' in part:
            tally.first.append(time.perf_counter() - since)
            is_first = False
        parts.append(part)
    take(tally, ask, status, b"".join(parts).decode())


async def leave_midway(client: Client, ask: Ask, tally: Tally) -> None:
    reader, _ = await client.begin(ask.path, ask.streamed)
    await client.head(reader)
    await reader.readline()
    client.leave()
    tally.left += 1
