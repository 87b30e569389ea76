"""Answers lines on a Ray cluster: Ray Data maps blocks of them over actors, each of which is a worker as anywhere else.

Lines go to the cluster in windows, so that neither this process nor the cluster holds more than one of them.
"""

from __future__ import annotations

import logging
import os
import pickle
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gen_engine.errors import GenError, brief

from .feeding import Feed
from .messages import LINES, Answer, Line
from .plan import Plan
from .pool import deadly

if TYPE_CHECKING:
    import pyarrow as pa

BLOCKS = 4
"""A block has this many times as many lines as a forward pass has rows."""

TRIES = 3
"""How often a block is begun whose actor dies; Ray itself would begin it for ever."""

CPUS = 4
"""The least logical cores of a cluster of our own: two actors on two cores wait for each other for ever."""

STORE = 256 << 20
"""The bytes that a cluster of our own shares among its processes."""

PORTS = 65_535
"""The last port."""

SECONDS = 5.0
"""How long an address is given to answer."""

INSTALL = "pip install 'gen-engine-batch[ray]'"

BROKEN = -1
"""The index of a sentence on why no line can be answered."""


@dataclass(eq=False)
class Cluster:
    """Answers lines by `workers` actors, of a cluster at `address` or of one that is started here.

    Ray replaces an actor that dies, and its block is done again. Lines that still have no answer then run alone. One
    that no actor survives is answered with an error.
    """

    plan: Plan
    workers: int
    address: str | None = None
    _is_ours: bool = field(default=False, init=False)
    _counter: Any = field(default=None, init=False)
    _runs: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._is_ours = connect(self.address, self.workers)
        import ray

        self._counter = ray.remote(num_cpus=0)(Counter).remote()

    def answers(self, lines: Iterable[Line]) -> Iterator[Answer]:
        """The answer of each line, in any order within a window. Raises GenError if the actors cannot compute."""
        feed = Feed(lines)
        try:
            while window := self._window(feed):
                yield from self._answered(window, BLOCKS * self.plan.rows)
                yield from self._answered(window, 1)
                yield from map(deadly, window.values())
        finally:
            feed.close()

    def close(self) -> None:
        """End the actors, and the cluster if it was started here."""
        import ray

        if self._is_ours:
            with redirect_stdout(sys.stderr):  # where answers may go, it would print what is left of the dead
                ray.shutdown()
            self._is_ours = False

    def _window(self, feed: Feed) -> dict[int, Line]:
        """The next lines that go to the cluster together. Between two windows the actors are started anew."""
        found: dict[int, Line] = {}
        while not feed.is_over and len(found) < LINES * self.workers:
            found |= {line.index: line for line in feed.take(LINES * self.workers - len(found), waits=True)}
        return found

    def _answered(self, window: dict[int, Line], size: int) -> Iterator[Answer]:
        """The answers of the lines of a window in blocks of this size. Lines that are answered are taken out of it."""
        if not window:
            return
        self._runs += 1
        for index, packed in self._run([*window.values()], size):
            if index == BROKEN:
                raise GenError(pickle.loads(packed))
            if window.pop(index, None) is not None:
                yield pickle.loads(packed)

    def _run(self, lines: list[Line], size: int) -> Iterator[tuple[int, bytes]]:
        """What the actors return of these lines, in any order; of lines whose actors died, perhaps nothing."""
        import ray.data

        blocks = [lines[first : first + size] for first in range(0, len(lines), size)]
        tables = [table_of((line.index, pickle.dumps(line)) for line in block) for block in blocks]
        data = ray.data.from_arrow(tables).map_batches(
            Actor,
            fn_constructor_args=(self.plan, self._counter, self._runs),
            batch_size=None,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=min(self.workers, len(blocks))),
            num_cpus=1,
        )
        for found in data.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            yield from zip(found["index"].to_pylist(), found["packed"].to_pylist(), strict=True)


def table_of(rows: Iterable[tuple[int, bytes]]) -> pa.Table:
    """Rows for Ray Data: the index of a line, and what belongs to it."""
    import pyarrow as pa

    indices, packed = zip(*rows, strict=True)
    return pa.table({"index": pa.array(indices, pa.int64()), "packed": pa.array(packed, pa.binary())})


class Counter:
    """Counts how often each block of a run was begun. It runs in a process of its own, since actors die."""

    def __init__(self) -> None:
        self.run, self.counts = 0, dict[int, int]()  # at most one for each block of a run

    def begin(self, run: int, block: int) -> int:
        """How often this block was begun, now included."""
        if run != self.run:
            self.run, self.counts = run, {}
        self.counts[block] = self.counts.get(block, 0) + 1
        return self.counts[block]


class Actor:
    """What Ray runs in each process: a worker, which keeps its models from block to block."""

    def __init__(self, plan: Plan, counter: Any, run: int) -> None:
        if plan.threads is not None:  # else Ray says how many; read when the engine is imported
            os.environ["OMP_NUM_THREADS"] = str(plan.threads)
        from .working import Worker

        self.worker = Worker(plan)
        self.counter, self.run = counter, run

    def __call__(self, block: pa.Table) -> pa.Table:
        """The answers of a block of lines; none if actors died of it before."""
        import ray

        if ray.get(self.counter.begin.remote(self.run, block["index"][0].as_py())) > TRIES:
            return block.slice(0, 0)
        lines = [pickle.loads(each) for each in block["packed"].to_pylist()]
        try:
            return table_of([(answer.index, pickle.dumps(answer)) for answer in self.worker.answers(lines)])
        except GenError as problem:
            return table_of([(BROKEN, pickle.dumps(str(problem)))])


def connect(address: str | None, workers: int) -> bool:
    """Connect this process to a cluster, or start one. Returns whether it was not connected before.

    Raises GenError if Ray is not installed, or nothing answers at the address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    try:
        import ray
        import ray.data
    except ImportError:
        raise GenError(f"Ray is not installed; {INSTALL} installs it.") from None
    if address is not None:
        _check(address)
    _be_quiet()
    if ray.is_initialized():
        return False
    settings: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address is None:
        settings |= {"num_cpus": max(CPUS, workers + 2), "object_store_memory": STORE, "include_dashboard": False}
    else:
        settings |= {"address": address}
    try:
        ray.init(**settings)
    except Exception as problem:  # noqa: BLE001 - Ray raises it as such
        raise _unreachable(address, str(problem)) from None
    return True


def _check(address: str) -> None:
    """Raises GenError at once if nothing listens there; Ray itself would try for a minute."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address in ("auto", "local"):
        return
    if not port.isdecimal() or int(port) > PORTS:
        raise GenError(f"The address {brief(address)} is none; write HOST:PORT, or auto for a cluster on this machine.")
    try:
        socket.create_connection((host, int(port)), SECONDS).close()
    except OSError as problem:
        raise _unreachable(address, problem.strerror or str(problem)) from None


def _unreachable(address: str | None, reason: str) -> GenError:
    found = brief(reason.strip().split("\n")[0].rstrip("."), 200)
    if address is None:
        return GenError(f"Ray did not start on this machine ({found}); try again when it is less busy.")
    where, remedy = brief(address), "start one with `ray start --head`, or leave out --address"
    return GenError(f"No Ray cluster answers at {where} ({found}); {remedy}.")


def _be_quiet() -> None:
    """Ray's own bars and logs would stand between our lines. A block that fails ends nothing: it is done otherwise."""
    import ray.data

    settings = ray.data.DataContext.get_current()
    settings.enable_progress_bars = False
    settings.print_on_execution_start = False
    settings.max_errored_blocks = -1
    for name in ("ray.data", "ray"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
