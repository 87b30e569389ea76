"""Load on loopback: `python plugins/serve/benchmarks/load.py [--seconds 60] [--clients 64]`.

Clients ask a server of two models for verse and prose at once. A tenth of the requests are left in mid-stream, a tenth
are wrong, and one in fifty is a contradiction that takes long to see. Each text must equal the one of the same request
alone, and no row may be left in flight. Memory and rates are printed, beside those of requests one by one. Then the
server and the schedulers of another process write the same requests in turns of seconds, so that a machine whose speed
changes misleads nobody; the median of the ratios is printed.
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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clients import MODELS, Ask, Client, Tally, ask_all, asks, keep_asking, texts_of

TIMES = 2
"""How often each request is written in a turn."""


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


async def measure(port: int, pid: int, chosen: argparse.Namespace, offline: Offline) -> int:
    """Ask one by one, then at once, then in turns with the schedulers. Returns 0 if all was right."""
    seconds, clients = chosen.seconds, chosen.clients
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
    wrong = await in_turns(port, pid, alone, offline, chosen.turns, clients)
    return int(bool(plain.wrong or mixed.wrong or wrong or rows))


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


def write_offline() -> None:
    """The same requests by the schedulers of one process, all at hand.

    For each line that is read, their seconds and those of processor time.
    """
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
    for times in map(int, sys.stdin):
        since, used = time.perf_counter(), time.process_time()
        schedulers = {name: engine.scheduler(queue=None) for name, engine in engines.items()}
        for model, task in tasks * times:
            schedulers[model].submit(task.request)
        while not all(each.is_idle for each in schedulers.values()):
            for each in schedulers.values():
                if not each.is_idle:
                    each.step()
        print(time.perf_counter() - since, time.process_time() - used, flush=True)


@dataclass
class Offline:
    """The schedulers of a process of their own, which has nothing to do between two turns."""

    threads: str

    def __enter__(self) -> Offline:
        command = [sys.executable, __file__, "--offline"]
        environment = {**os.environ, "OMP_NUM_THREADS": self.threads}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def write(self, times: int) -> tuple[float, float]:
        """The seconds in which all requests are written so often, and those of processor time."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(times, file=self.process.stdin, flush=True)
        seconds, used = map(float, self.process.stdout.readline().split())
        return seconds, used


async def in_turns(port: int, pid: int, alone: dict[Ask, list[str]], offline: Offline, turns: int, clients: int) -> int:
    """The server and the schedulers write the same requests in turns. Returns how many answers were wrong.

    Processor time is compared, too: that of the quick lane, which never rests, with that of the schedulers.
    """
    offline.write(1)  # the first time tables are made
    tally, seconds, used = Tally(alone), [], []
    for turn in range(turns):
        for who in ("server", "scheduler")[:: 1 if turn % 2 else -1]:
            if who == "scheduler":
                theirs = offline.write(TIMES)
                continue
            since, before, left = time.perf_counter(), processor(pid)["quick"], iter([*alone] * TIMES)
            await asyncio.gather(*(ask_all(port, tally, left, random.Random(n)) for n in range(clients)))
            own = time.perf_counter() - since, processor(pid)["quick"] - before
        seconds.append((own[0], theirs[0]))
        used.append((own[1], theirs[1]))
    for what, pairs in (("seconds", seconds), ("processor time", used)):
        server, scheduler = (TIMES * len(alone) / statistics.median(each) for each in zip(*pairs, strict=True))
        ratios = sorted(theirs / own for own, theirs in pairs)
        print(f"in turns, by {what}: server {server:.1f}, scheduler {scheduler:.1f} requests a second; ", end="")
        print(f"{statistics.median(ratios):.2f} of it (each turn: {', '.join(f'{each:.2f}' for each in ratios)})")
    return len(tally.wrong)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--threads", default="1")
    parser.add_argument("--turns", type=int, default=5, help="how often server and scheduler write all requests")
    parser.add_argument("--offline", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.offline:
        write_offline()
        return 0
    with served(chosen.threads) as (port, pid), Offline(chosen.threads) as offline:
        return asyncio.run(measure(port, pid, chosen, offline))


@contextmanager
def served(threads: str) -> Iterator[tuple[int, int]]:
    """A server that is ready: its port, and the number of its process."""
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
            yield port, server.pid
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    sys.exit(main())
