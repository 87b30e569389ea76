"""Streams of a running server: they tell what is told without a stream, and can be taken up anywhere."""

from dataclasses import replace

import pytest

WISHES = [
    ("poems", {"form": "五绝", "num": 3, "best_of": 1, "seed": 5}),
    ("poems", {"form": "五绝", "num": 2, "best_of": 1, "seed": 6, "script": "trad", "prompt": "春眠"}),
    ("poems", {"template": "床前□□光", "best_of": 1, "seed": 6, "script": "trad"}),
    ("poems", {"form": "五绝", "seed": 5}),
    ("poems", {"acrostic": "發財", "acrostic_at": "tail", "best_of": 1, "num": 2, "seed": 1}),
    ("ci", {"tune": "如梦令", "best_of": 1, "seed": 2, "prompt": "昨夜"}),
    ("couplets", {"first": "白日依山尽", "best_of": 1, "seed": 2}),
    ("novels", {"prompt": "话说", "len": 20, "num": 2, "seed": 3}),
]


def told(events):
    """What the text events of each sample say together."""
    texts = {}
    for _, each in events:
        if each["type"] == "text":
            texts[each["sample"]] = texts.get(each["sample"], "") + each["text"]
    return texts


def results(events):
    return [each["result"] for _, each in events if each["type"] == "text_done"]


@pytest.mark.parametrize("path, body", WISHES)
def test_a_stream_tells_the_same_texts_and_their_pieces(client, events, path, body):
    whole = client.post(f"/v1/{path}", json=body).json()
    found = events("POST", f"/v1/{path}", json={**body, "stream": True})
    assert results(found) == whole["texts"]
    assert found[-1] == ("over", {"type": "over", "notes": [], "usage": whole["usage"]})
    assert told(found) in ({}, {number: each["new"] for number, each in enumerate(whole["texts"])})


def test_verse_is_told_while_it_is_written(events):
    found = events("POST", "/v1/poems", json={"form": "五绝", "best_of": 1, "stream": True})
    assert len([each for _, each in found if each["type"] == "text"]) > 10


def test_texts_to_choose_from_are_counted(events):
    found = events("POST", "/v1/poems", json={"form": "五绝", "best_of": 3, "stream": True})
    assert [each["drawn"] for _, each in found if each["type"] == "drawing"] == [1, 2, 3]


@pytest.mark.parametrize("path, body", [WISHES[0], WISHES[1], WISHES[3], WISHES[7]])
def test_a_stream_goes_on_after_any_event(client, events, path, body):
    first = events("POST", f"/v1/{path}", json={**body, "stream": True})
    name = first[0][1]["id"]
    for cut in range(0, len(first) - 1, 7):
        rest = events("GET", f"/v1/streams/{name}", headers={"Last-Event-ID": first[cut][0]})
        both = first[: cut + 1] + rest
        assert (told(both), results(both)) == (told(first), results(first))
        assert [each["type"] for _, each in both].count("begun") == 1


def test_a_stream_is_told_anew_without_an_event(events):
    first = events("POST", "/v1/poems", json={"best_of": 1, "stream": True})
    again = events("GET", f"/v1/streams/{first[0][1]['id']}")
    assert (told(again), again[-1]) == (told(first), first[-1])


def test_a_stream_can_be_ended_and_is_gone(client, events):
    name = events("POST", "/v1/poems", json={"best_of": 1, "stream": True})[0][1]["id"]
    assert client.get(f"/v1/streams/{name}", headers={"Last-Event-ID": "over"}).status_code == 204
    for wrong in ("x", "9.9.9x9", "0.0.99999x1"):
        assert client.get(f"/v1/streams/{name}", headers={"Last-Event-ID": wrong}).status_code == 400
    assert [client.delete(f"/v1/streams/{name}").status_code for _ in range(2)] == [204, 404]
    assert client.get(f"/v1/streams/{name}").json()["error"]["code"] == "stream_not_found"


def test_a_model_that_writes_another_text_takes_no_stream_up(client, events, monkeypatch):
    name = events("POST", "/v1/poems", json={"best_of": 1, "stream": True})[0][1]["id"]
    lane = client.app.state.router.quick
    monkeypatch.setattr(lane, "models", tuple(replace(each, reproducible=False) for each in lane.models))
    answer = client.get(f"/v1/streams/{name}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_reproducible")


def test_a_refusal_before_the_first_event_has_its_own_status(client):
    answer = client.post("/v1/poems", json={"acrostic": "春夏秋冬", "forbid": "春", "stream": True})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "conflict")
