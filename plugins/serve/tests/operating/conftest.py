"""Engine processes that play what their wishes say, and servers that really run."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread

import httpx
import pytest
from event_loops import run_alone

from gen_serve.messages import (
    Begun,
    Busyness,
    Cancel,
    Drawing,
    Failed,
    ModelFacts,
    Over,
    Ready,
    Stop,
    Submit,
    Text,
    TextDone,
    TextWish,
)

FACTS = ModelFacts("poem", "0", "int8", "cpu", True, None, False)


def easy(number, _):
    texts = [Text(number, 0, "白日"), Text(number, 0, "依山")]
    return [Begun(number), *texts, TextDone(number, 0, {"text": "白日依山"}), Over(number, {"completion_tokens": 4})]


def hard(number, patience):
    if patience < 1:
        return [Begun(number), Text(number, 0, "白日依"), Drawing(number, 1, 2), Failed(number, "undecided", "?")]
    return [Begun(number), Drawing(number, 1, 2), Drawing(number, 2, 2), *easy(number, patience)[1:]]


def cut(number, patience):
    return [Failed(number, "conflict", "They clash.", ("a", "b", "c")[: 2 + (patience < 1)], None, patience < 1)]


ANSWERS = {
    "easy": easy,
    "hard": hard,
    "cut": cut,
    "conflict": lambda number, _: [Failed(number, "conflict", "They clash.", ("a", "b"))],
    "doubtful": lambda number, _: [Failed(number, "conflict", "They clash.", ("a", "b"), None, True)],
    "slow": lambda number, _: [Begun(number)],
    "silent": lambda _, __: [],
}


class Played:
    """An engine process that is a thread. It answers each wish by its prompt; `die` ends it."""

    def __init__(self, connection, loading, ready=True, problems=()):
        self.connection = Connection(os.dup(connection.fileno()))
        self.said, self.loading = [], loading
        self.facts = Ready((FACTS,), problems) if ready else None
        self.thread = Thread(target=self.play, daemon=True)
        self.thread.start()

    def play(self):
        if self.facts is not None:
            self.connection.send((self.facts, Busyness(0, 0, 0, 0)))
        while not isinstance(message := self.connection.recv(), Stop):
            self.said.append(message)
            if isinstance(message, Submit):
                prompt = getattr(message.wish, "prompt", "easy")
                if prompt == "die":
                    break
                self.connection.send(tuple(ANSWERS[prompt](message.number, message.patience)))
        self.connection.close()

    def cancelled(self):
        return [each.number for each in self.said if isinstance(each, Cancel)]

    def join(self, _=None):
        self.thread.join(1)

    def kill(self):
        pass


class Stage:
    """Starts played processes, and keeps them."""

    def __init__(self):
        self.processes, self.how = [], {}

    def __call__(self, connection, loading):
        self.processes.append(Played(connection, loading, **self.how))
        return self.processes[-1]


@pytest.fixture
def stage():
    return Stage()


@pytest.fixture
def play(stage):
    """Runs a coroutine over a router of two played lanes."""
    from gen_serve.engine_process.loading import Loading
    from gen_serve.lanes import Lane
    from gen_serve.routing import Router

    def played(scene: Callable, lanes=2, **how):
        async def run():
            made = [Lane(Loading((("poem", "poem"),)), 2, stage) for _ in range(lanes)]
            router = Router(made[0], made[1] if lanes > 1 else None, **how)
            for lane in made:
                lane.start()
            try:
                return await asyncio.wait_for(scene(router), 10)
            finally:
                router.close()

        return run_alone(run())

    return played


@pytest.fixture
def told():
    """All events of a wish with this prompt."""

    async def all_of(router, prompt, **how):
        return [event async for event in router.events("poem", TextWish(prompt), seed=1, is_streamed=True, **how)]

    return all_of


class Server:
    """`gen serve` as a process, on the shipped model."""

    def __init__(self, folder: Path, *options: str, **environment: str):
        self.log = folder / "log"
        command = [sys.executable, "-m", "gen_engine", "serve", "--model", "poem", "--port", "0", *options]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log, env={**os.environ, **environment})
        wait_for(lambda: b"http://" in self.log.read_bytes() or self.process.poll() is not None)
        address = self.log.read_text().partition("http://")[2].partition(";")[0]
        self.client = httpx.Client(base_url=f"http://{address}", timeout=60)

    def wait_until_ready(self):
        wait_for(lambda: self.client.get("/readyz").status_code == 200)
        return self

    def poem(self, **fields):
        return self.client.post("/v1/poems", json={"prompt": "白", "seed": 1, **fields})

    def children(self):
        """The process ids of its engine processes."""
        listed = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for file in listed for pid in file.read_text().split() if b"spawn_main" in command_of(pid)]

    def end(self):
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def command_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def wait_for(holds, seconds=30.0):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come to hold in time"
        time.sleep(0.02)


@pytest.fixture
def eventually():
    return wait_for


@pytest.fixture
def serve(tmp_path):
    """Starts servers, which end with the test."""
    started = []

    def start(*options, **environment):
        started.append(Server(tmp_path, *options, **environment))
        return started[-1]

    yield start
    for each in started:
        each.end()


@pytest.fixture
def client(stage):
    """Makes clients of applications whose engine processes are played."""
    from contextlib import ExitStack

    from starlette.testclient import TestClient

    from gen_serve.app import make_app
    from gen_serve.lanes import lanes_of
    from gen_serve.settings import Settings

    with ExitStack() as opened:

        def made(**settings):
            chosen = Settings(("poem",), **settings)
            app = make_app(chosen, lanes_of(chosen, stage))
            return opened.enter_context(TestClient(app, "http://127.0.0.1:8000", raise_server_exceptions=False))

        yield made
