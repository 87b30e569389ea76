"""Many clients at once: each gets what it gets alone, whoever leaves or errs beside it."""

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

CLIENTS = 8
ASKS = (
    ("poems", {"prompt": "白", "best_of": 1}),
    ("poems", {"form": "五绝", "best_of": 2}),
    ("poems", {"prompt": "秋", "num": 2, "best_of": 1, "temperature": 1.2}),
    ("couplets", {"prompt": "春风吹绿水", "best_of": 1}),
    ("texts", {"prompt": "春", "max_new": 20, "model": "poem"}),
    ("novels", {"prompt": "话说", "len": 20}),
)
WRONG = ({"form": "no such form"}, {"nonsense": 1}, {"prompt": "白" * 300, "rows": 2})
CLASH = {"acrostic": "春夏秋冬", "forbid": "春"}


@pytest.fixture(scope="module")
def client(server_url):
    with httpx.Client(base_url=f"{server_url}/v1", timeout=120, limits=httpx.Limits(max_connections=CLIENTS)) as found:
        yield found


def asked(number, **more):
    path, body = ASKS[number % len(ASKS)]
    return {"url": path, "json": {**body, "seed": number, **more}}


def whole(client, number):
    return [each["text"] for each in client.post(**asked(number)).json()["texts"]]


def streamed(client, number):
    lines = client.post(**asked(number, stream=True)).text.splitlines()
    told = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    return [each["result"]["text"] for each in told if each["type"] == "text_done"]


def left(client, number):
    with client.stream("POST", **asked(number, stream=True)) as answer:
        next(answer.iter_lines())
    return answer.status_code


def wrong(client, number):
    return client.post("poems", json=WRONG[number % len(WRONG)]).json()["error"]["code"]


def clashing(client, number):
    return client.post("poems", json={**CLASH, "seed": number}).json()["error"]["code"]


@pytest.fixture(scope="module")
def load(client):
    """What each of these was answered while the others were."""
    turns = [(kind, number) for kind in (whole, streamed, left, wrong, clashing) for number in range(12)]
    random.Random(1).shuffle(turns)
    with ThreadPoolExecutor(CLIENTS) as pool:
        return dict(zip(turns, pool.map(lambda turn: turn[0](client, turn[1]), turns), strict=True))


def found(load, kind):
    return [load[kind, number] for number in range(12)]


@pytest.mark.parametrize("kind", [whole, streamed])
def test_under_load_each_gets_its_text_alone(client, load, kind):
    assert found(load, kind) == [whole(client, number) for number in range(12)]


def test_under_load_bad_requests_are_refused(load):
    assert {*found(load, wrong)} <= {"bad_request", "invalid"}
    assert {*found(load, clashing)} == {"conflict"}
    assert {*found(load, left)} == {200}


def test_after_a_load_no_row_is_left(client, load):
    until = time.monotonic() + 30
    while rows := in_flight(client):
        assert time.monotonic() < until, f"{rows} rows are left"


def in_flight(client):
    lines = client.get("/../metrics").text.splitlines()
    names = ("gen_lane_rows{", "gen_lane_waiting{", "gen_lane_running{")
    return sum(float(line.split()[-1]) for line in lines if line.startswith(names))
