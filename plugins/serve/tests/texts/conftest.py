"""A whole server within the tests' process, its engines in a process of their own; and the commands themselves."""

import json
from functools import lru_cache

import click
import pytest
from fastapi.testclient import TestClient

from gen_engine.cli import options, output
from gen_engine.cli.main import make_cli
from gen_engine.errors import GenError
from gen_engine.system.screen import notes_kept, results_kept
from gen_serve.app import make_app
from gen_serve.settings import Settings

MODELS = ("poem", "novel")


@pytest.fixture(scope="session")
def client():
    with TestClient(make_app(Settings(MODELS, has_patient_lane=False)), base_url="http://localhost") as client:
        yield client


@pytest.fixture(scope="session")
def gen():
    """Runs a command in this process: its JSON lines and its notes, or what it refused."""
    load, cli = lru_cache(maxsize=4)(output.load_engine), make_cli()

    def run(*arguments):
        with pytest.MonkeyPatch.context() as patch, results_kept() as out, notes_kept() as notes:
            patch.setattr(output, "load_engine", load)
            try:
                cli.main([*arguments], prog_name="gen", obj=options.Settings(), standalone_mode=False)
            except (GenError, click.ClickException) as problem:
                return problem
        return [*map(json.loads, out.getvalue().splitlines())], notes

    return run


@pytest.fixture(scope="session")
def events(client):
    """The events of a stream, each with its id."""

    def read(method, path, **given):
        answer = client.request(method, path, **given)
        assert answer.headers["content-type"].startswith("text/event-stream"), answer.text
        lines = [each.split("\n") for each in answer.text.split("\n\n") if each]
        return [(name.removeprefix("id: "), json.loads(data.removeprefix("data: "))) for name, data in lines]

    return read
