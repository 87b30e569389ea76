"""Load on loopback: `python plugins/serve/benchmarks/load.py [--seconds 60] [--clients 64]`.

Clients ask a server of two models for verse and prose at once. A tenth of the requests are left in mid-stream, a tenth
are wrong, and one in fifty is a contradiction that takes long to see. Each text must equal the one of the same request
alone, and no row may be left in flight. Memory and rates are printed, beside those of requests one by one. The same
texts are also written by the scheduler alone, without a server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

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


# -------------------------------------------------------------------------------------------------------- the report


def processes(pid: int) -> dict[str, int]:
    """The processes of a server by what they do. The resource tracker of multiprocessing is none of them."""
    listed = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    engines = [each for each in listed if b"resource_tracker" not in Path(f"/proc/{each}/cmdline").read_bytes()]
    return dict(zip(("HTTP", "quick", "patient"), (pid, *engines), strict=False))


def memory(pid: int) -> dict[str, float]:
    """The memory of the server's processes in MB, each counted with its share of what they have together."""
    told = {name: Path(f"/proc/{each}/smaps_rollup").read_text() for name, each in processes(pid).items()}
    return {name: int(re.search(r"Pss: +(\d+)", text)[1]) / 1024 for name, text in told.items()}


def processor(pid: int) -> dict[str, float]:
    """The seconds of processor time of these clients and of the server's processes, up to now."""
    found = {"clients": time.process_time()}
    for name, each in processes(pid).items():
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        found[name] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


async def rows_in_flight(port: int) -> float:
    _, text = await Client(port).post("/metrics", "", "GET")
    return sum(float(line.split()[-1]) for line in text.splitlines() if re.match(r"gen_lane_(rows|waiting)\{", line))


async def measure(port: int, pid: int, seconds: float, clients: int) -> bool:
    """Ask one by one, then at once. Returns whether all was right."""
    alone = {}
    client = Client(port)
    for ask in asks():  # the first time tables are made
        status, body = await client.post(ask.path, ask.body)
        assert status == 200, (ask, status, body)
        alone[ask] = texts_of(body)
    some = [*alone][:: max(1, len(alone) // 48)]
    since = time.perf_counter()
    for ask in some:
        await client.post(ask.path, ask.body)
    single = len(some) / (time.perf_counter() - since)
    await loaded(port, pid, alone, 4, clients, is_mixed=True)  # what is remembered of contradictions has its size now
    before = memory(pid)
    plain = await loaded(port, pid, alone, seconds / 2, clients, is_mixed=False)
    mixed = await loaded(port, pid, alone, seconds / 2, clients, is_mixed=True)
    await asyncio.sleep(1)
    rows = await rows_in_flight(port)
    print(f"one by one          {single:8.1f} requests a second")
    for name, tally in (("at once", plain), ("mixed", mixed)):
        report(name, tally, single)
    print(
        "memory before and after, MB:",
        *(f"{each} {old:.0f} -> {memory(pid)[each]:.0f}" for each, old in before.items()),
    )
    print(f"rows in flight at the end: {rows:g}")
    return not plain.wrong + mixed.wrong and rows == 0


async def loaded(
    port: int, pid: int, alone: dict[Ask, list[str]], seconds: float, clients: int, *, is_mixed: bool
) -> Tally:
    """What became of the requests of so many clients in so many seconds."""
    tally, since, used = Tally(alone), time.perf_counter(), processor(pid)
    until = since + seconds
    await asyncio.gather(*(keep_asking(port, tally, until, random.Random(n), is_mixed) for n in range(clients)))
    tally.seconds = time.perf_counter() - since
    tally.processor = {name: now - used[name] for name, now in processor(pid).items()}
    return tally


def report(name: str, tally: Tally, single: float) -> None:
    """What a load came to, beside the requests one by one."""
    rate, chars = tally.answered / tally.seconds, tally.chars / tally.seconds
    print(
        f"{name:20}{rate:8.1f} requests a second, {rate / single:.2f} times as many; {chars:,.0f} characters a second"
    )
    for what, times in (("first text", tally.first), ("contradictions", tally.refusing)):
        if len(times) > 1:
            cuts = statistics.quantiles(times, n=20)
            print(f"  {what:18}{cuts[9] * 1000:8.0f} ms p50, {cuts[18] * 1000:.0f} ms p95")
    shares = (f"{name} {100 * used / tally.seconds:.0f}%" for name, used in tally.processor.items())
    print("  processor         ", ", ".join(shares))
    counts = ("answered", "left", "refused", "hard", "busy")
    print("  " + ", ".join(f"{each} {getattr(tally, each)}" for each in counts), f"wrong {len(tally.wrong)}", sep=", ")
    for each in tally.wrong[:5]:
        print("  ", each[:600])


def offline() -> None:
    """The same requests by the schedulers of one process, all at once: how many a second."""
    from gen_engine.engine import load
    from gen_serve.api.texts import writings
    from gen_serve.engine_process.commands import task_of

    engines = {name: load(name) for name in MODELS}
    names = {"poems": "poem", "couplets": "couplet", "novels": "novel", "texts": "text"}
    kinds, tasks = writings(MODELS), []
    for ask in asks():
        kind = kinds[names[ask.path.rpartition("/")[2]]]
        model, wish, seed = kind.wish(kind.body(**json.loads(ask.body)))
        tasks.append((model, task_of(wish, model, engines, seed)[0]))
    for turn in range(2):  # the first time tables are made
        since = time.perf_counter()
        schedulers = {name: engine.scheduler() for name, engine in engines.items()}
        for model, task in tasks:
            schedulers[model].submit(task.request)
        while not all(each.is_idle for each in schedulers.values()):
            for each in schedulers.values():
                if not each.is_idle:
                    each.step()
        if turn:
            print(f"scheduler alone     {len(tasks) / (time.perf_counter() - since):8.1f} requests a second")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--threads", default="1")
    parser.add_argument("--only", choices=("server", "scheduler"), help="one half of the measuring")
    chosen = parser.parse_args()
    is_right = chosen.only == "scheduler" or serve_and_measure(chosen.threads, chosen.seconds, chosen.clients)
    if chosen.only != "server":
        os.environ["OMP_NUM_THREADS"] = chosen.threads
        offline()
    return 0 if is_right else 1


def serve_and_measure(threads: str, seconds: float, clients: int) -> bool:
    """Start a server, and measure it. Returns whether all was right."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        command = [sys.executable, "-m", "gen_engine", "serve", "--port", "0", "--threads", threads]
        command += [part for model in MODELS for part in ("--model", model)]
        with log.open("wb") as out:
            server = subprocess.Popen(command, stderr=out)
        try:
            while b"http://" not in log.read_bytes():
                time.sleep(0.1)
            port = int(re.search(r"http://[^:]+:(\d+)", log.read_text())[1])
            while asyncio.run(Client(port).post("/readyz", "", "GET"))[0] != 200:
                time.sleep(0.1)
            return asyncio.run(measure(port, server.pid, seconds, clients))
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    sys.exit(main())
