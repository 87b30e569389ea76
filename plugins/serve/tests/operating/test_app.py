"""The application: health, metrics, the log, and failures that stay with one request."""

import asyncio
import json
import logging
from types import SimpleNamespace

import pytest

from gen_serve.api.health import readiness
from gen_serve.log_lines import LOGGER, Lines
from gen_serve.messages import Failed

POEM = {"prompt": "白"}


@pytest.fixture
def lines(monkeypatch):
    """What is logged."""
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    monkeypatch.setattr(LOGGER, "handlers", [handler])
    monkeypatch.setattr(LOGGER, "level", logging.INFO)
    monkeypatch.setattr(LOGGER, "propagate", False)
    LOGGER.manager._clear_cache()
    return lambda in_json: [Lines(in_json).format(record) for record in records]


def test_ready_when_all_lanes_are(client, eventually):
    made = client()
    eventually(lambda: made.get("/readyz").status_code == 200)
    assert made.get("/readyz").json() == {"status": "ready", "problems": [], "models": ["poem"]}


def test_not_ready_while_models_load(client, stage):
    stage.how = {"ready": False}
    found = client().get("/readyz")
    assert (found.status_code, found.json()["status"]) == (503, "loading")


def test_not_ready_tells_why_a_model_is_missing(client, stage, eventually):
    stage.how = {"problems": ("There is no such model.",)}
    made = client()
    eventually(lambda: made.get("/readyz").json()["problems"] == ["There is no such model."])
    assert made.get("/readyz").status_code == 503


def test_ready_without_the_patient_lane_but_it_is_told():
    quick, patient = (SimpleNamespace(problem=told, ready=asyncio.Event(), models=()) for told in ("", "It ended."))
    quick.ready.set()
    found = readiness(SimpleNamespace(lanes=(quick, patient)), SimpleNamespace(has_begun=False))
    assert (found["status"], found["problems"]) == ("ready", ["It ended."])
    quick.problem = "It ended, too."
    assert readiness(SimpleNamespace(lanes=(quick, patient)), SimpleNamespace(has_begun=False))["status"] == "failed"


COUNTED = """gen_requests_total{endpoint="/v1/poems",status="200"} 1.0
gen_refusals_total{cause="invalid_api_key"} 1.0
gen_tokens_total{kind="completion"} 4.0
gen_lane_ready{lane="quick"} 1.0
gen_lane_rows{lane="patient"} 0.0"""


def test_metrics_count_requests_tokens_and_refusals(client):
    made = client(keys=("key",))
    made.post("/v1/poems", json=POEM, headers={"Authorization": "Bearer key"})
    made.post("/v1/poems", json=POEM)
    text = made.get("/metrics", headers={"Authorization": "Bearer key"}).text
    assert [line for line in COUNTED.splitlines() if line not in text] == []


def test_metrics_time_the_first_text_of_streams(client):
    made = client()
    assert made.post("/v1/poems", json={**POEM, "stream": True}).status_code == 200
    text = made.get("/metrics").text
    assert "gen_first_token_seconds_count 1.0" in text
    assert "gen_token_seconds_count 1.0" in text


def test_unknown_paths_are_one_counter(client):
    made = client()
    for path in ("/a", "/b/c", "/v1/none"):
        assert made.get(path).status_code == 404
    assert 'gen_requests_total{endpoint="other",status="404"} 3.0' in made.get("/metrics").text


@pytest.mark.parametrize("method, path, status, words", [
    ("GET", "/v1/poem", 404, "There is no /v1/poem here; did you mean /v1/poems? /openapi.json lists what there is."),
    ("GET", "/%1b", 404, "There is no /\\x1b here; /openapi.json lists what there is."),
    ("GET", "/v1/poems", 405, "/v1/poems has no GET; use POST."),
    ("PUT", "/v1/streams/a", 405, "/v1/streams/a has no PUT; use DELETE or GET."),
    ("DELETE", "/healthz", 405, "/healthz has no DELETE; use GET."),
])  # fmt: skip
def test_who_asks_for_what_is_not_there_is_told(client, method, path, status, words):
    found = client().request(method, path)
    assert (found.status_code, found.json()["error"]["code"]) == (status, "http")
    assert found.json()["error"]["message"] == words
    assert status == 404 or {*words.split("use ")[1].strip(".").split(" or ")} <= {*found.headers["allow"].split(", ")}


def test_two_applications_count_apart(client):
    first, second = client(), client()
    first.get("/a")
    assert 'endpoint="other"' not in second.get("/metrics").text


def test_the_log_has_no_prompt(client, lines):
    client().post("/v1/poems", json=POEM, headers={"X-Request-Id": "mine"})
    [line] = lines(in_json=True)
    told = json.loads(line)
    assert [told[key] for key in ("method", "path", "status", "request")] == ["POST", "/v1/poems", 200, "mine"]
    assert "白" not in line
    assert "\\u767d" not in line


def test_the_log_has_prompts_if_asked(client, lines):
    client(logs_prompts=True).post("/v1/poems", json=POEM)
    assert json.loads(json.loads(lines(in_json=True)[0])["body"]) == POEM


def test_paths_cannot_forge_lines_of_the_log(client, lines):
    client().get("/a%0a%1b[2Jb")
    [line] = lines(in_json=False)
    assert "\n" not in line
    assert "\x1b" not in line


async def broken(*_, **__):
    raise RuntimeError("no")
    yield Failed(0, "failed", "")


def test_a_fault_harms_one_request(client, monkeypatch):
    made = client()
    with monkeypatch.context() as patched:
        patched.setattr(made.app.state.router, "events", broken)
        found = made.post("/v1/poems", json=POEM)
    assert (found.status_code, found.json()["error"]["code"]) == (500, "failed")
    assert made.post("/v1/poems", json=POEM).status_code == 200
    assert made.app.state.closing.running == 0
