"""A running server with the shipped models and a tiny chat model; and an application whose engines are told."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from chatting import folder_of
from fastapi.testclient import TestClient
from told_engines import ToldRouter

from gen_serve.app import make_app
from gen_serve.settings import Settings

STARTS = 180
"""Seconds in which a server must be ready."""


@pytest.fixture(scope="session")
def chat_folder(tmp_path_factory):
    """The folder of a tiny chat model with random weights; the server knows it as `chatml`."""
    return str(folder_of("chatml", tmp_path_factory.mktemp("models") / "chatml"))


@pytest.fixture(scope="session")
def server_url(chat_folder, tmp_path_factory):
    """The address of `gen serve`, ready to answer. The models are poem, novel and chatml."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    models = [part for name in ("poem", "novel", chat_folder) for part in ("--model", name)]
    command = [sys.executable, "-m", "gen_engine", "serve", *models, "--port", str(port)]
    log = tmp_path_factory.mktemp("serve") / "log"
    with log.open("wb") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told)
    try:
        _await(f"http://127.0.0.1:{port}", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def _await(url, process, log):
    """Return when the models are loaded."""
    until = time.monotonic() + STARTS
    while True:
        try:
            with urllib.request.urlopen(f"{url}/v1/models", timeout=10):
                return
        except OSError as problem:
            if isinstance(problem, urllib.error.HTTPError):
                problem.close()
            assert process.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < until, log.read_text(encoding="utf-8")
            time.sleep(0.2)


@pytest.fixture
def told():
    """A router without engines: it remembers what is wished, and answers what the test says."""
    return ToldRouter()


@pytest.fixture
def http(told):
    """A client of the application in this process, whose engines are `told`."""
    app = make_app(Settings(("poem", "chat")))
    app.state.router = told
    # A host that the server answers to; and not entered, so that no engine is started.
    client = TestClient(app, base_url="http://127.0.0.1")
    yield client
    client.close()
