"""How wishes run side by side, and what becomes of them if nobody waits for them any more."""

import asyncio

import pytest
from event_loops import run_alone

from gen_serve.api import events
from gen_serve.api.answering import side_by_side
from gen_serve.api.waiting import ClientLeft, while_connected
from gen_serve.messages import Begun, Failed, Over


class Source:
    """An endless wish, which knows whether it was given up."""

    def __init__(self, name, count=None):
        self.name, self.count, self.is_closed = name, count, False

    async def events(self):
        try:
            number = 0
            while number != self.count:
                yield f"{self.name}{number}"
                number += 1
                await asyncio.sleep(0)
        finally:
            self.is_closed = True


def test_wishes_run_side_by_side():
    async def run():
        found = side_by_side([Source("a", 2).events(), Source("b", 3).events()])
        return [each async for each in found]

    told = run_alone(run())
    assert sorted(told) == [(0, "a0"), (0, "a1"), (1, "b0"), (1, "b1"), (1, "b2")]
    assert told[:2] == [(0, "a0"), (1, "b0")]


def test_to_leave_early_gives_up_all_wishes():
    sources = [Source("a"), Source("b")]

    async def run():
        found = side_by_side([each.events() for each in sources])
        await anext(found)
        await found.aclose()
        for _ in range(9):
            await asyncio.sleep(0)
        return [each.is_closed for each in sources]  # when the loop ends, all tasks end

    assert run_alone(run()) == [True, True]


def test_what_a_wish_raises_is_raised():
    async def broken():
        yield "a"
        raise ZeroDivisionError

    async def run():
        return [each async for each in side_by_side([broken()])]

    with pytest.raises(ZeroDivisionError):
        run_alone(run())


class Request:
    """A client that leaves after so many steps."""

    def __init__(self, steps):
        self.steps = steps

    async def receive(self):
        for _ in range(self.steps):
            await asyncio.sleep(0)
        return {"type": "http.disconnect"}


async def work(steps, seen):
    try:
        for _ in range(steps):
            await asyncio.sleep(0)
        return "done"
    finally:
        seen.append("closed")


def test_work_is_done_while_its_client_stays():
    seen = []
    assert run_alone(while_connected(Request(50), work(3, seen))) == "done"
    assert seen == ["closed"]


def test_work_is_given_up_when_its_client_leaves():
    seen = []
    with pytest.raises(ClientLeft):
        run_alone(while_connected(Request(3), work(50, seen)))
    assert seen == ["closed"]


@pytest.mark.parametrize(
    "path, more, bounded, param",
    [
        ("completions", {"prompt": "a"}, "num", "n"),
        ("completions", {"prompt": "a", "best_of": 3}, "num", "best_of"),
        ("completions", {"prompt": "a", "stream": True}, "max_new", "max_tokens"),
        ("chat/completions", {"messages": [{"role": "user", "content": "a"}]}, "num", "n"),
    ],
)
def test_what_is_bounded_is_named_as_the_protocol_has_it(http, told, path, more, bounded, param):
    told.answers = [Failed(0, "bad_request", "Too many.", param=bounded)]
    answer = http.post(f"/v1/{path}", json={"model": "chat", **more})
    assert answer.json()["error"]["param"] == param


def test_a_silent_stream_is_kept_open(http, told, monkeypatch):
    monkeypatch.setattr(events, "SILENCE", 0.01)

    async def slowly(*_, **__):
        yield Begun(0)
        await asyncio.sleep(0.1)
        yield Over(0, {"prompt_tokens": 1, "completion_tokens": 0})

    monkeypatch.setattr(told, "events", slowly, raising=False)
    for path in ("completions", "texts"):
        answer = http.post(f"/v1/{path}", json={"model": "poem", "prompt": "a", "stream": True})
        assert (answer.headers["cache-control"], "\n\n: " in f"\n\n{answer.text}") == ("no-cache", True)
