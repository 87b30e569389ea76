"""Streams are told one event a write, stop when nobody reads, and go on exactly where their reader stands."""

import asyncio
import json

import pytest
from event_loops import run_alone
from hypothesis import given
from hypothesis import strategies as st

from gen_serve.api import streams as streams_module
from gen_serve.api.events import pumped
from gen_serve.api.streams import KEPT, MOST, Kept, Position, Streams, written
from gen_serve.messages import Begun, CommandWish, Drawing, Failed, Over, Text, TextDone

CHARS = "春眠不觉晓处处闻啼鸟"
wish = CommandWish("poem", ())


def kept():
    return Kept("poem", wish, 1, lambda failed: failed, str)


async def coming(events, then=()):
    for event in events:
        yield event
    for wait in then:
        await wait


@st.composite
def tellings(draw):
    """The same texts told twice, in pieces of other sizes and in another order."""
    count = draw(st.integers(1, 4))
    texts = [CHARS[: draw(st.integers(1, 10))] for _ in range(count)]

    def told():
        left = dict(enumerate(texts))
        yield Begun(0, ("note",))
        while left:
            number = draw(st.sampled_from(sorted(left)))
            size = draw(st.integers(1, len(left[number])))
            yield Text(0, number, left[number][:size])
            left[number] = left[number][size:]
            left = {each: rest for each, rest in left.items() if rest}
        yield Drawing(0, 1, 2)
        yield from (TextDone(0, number, {"text": text}) for number, text in enumerate(texts))
        yield Over(0, {}, ())

    return texts, [*told()], [*told()]


def read(events, had=None, held=None):
    async def run():
        parts = [each async for each in written(Streams(), "x", held or kept(), events[0], coming(events[1:]), had)]
        return [part.decode().removesuffix("\n\n").split("\n") for part in parts]

    found = run_alone(run())
    return [(name.removeprefix("id: "), json.loads(data.removeprefix("data: "))) for name, data in found]


@given(tellings(), st.data())
def test_a_stream_taken_up_anywhere_tells_nothing_twice(telling, data):
    texts, one, other = telling
    first = read(one)
    cut = data.draw(st.integers(1, len(first) - 1))
    whole = first[:cut] + read(other, Position.read(first[cut - 1][0]))
    for number, text in enumerate(texts):
        assert "".join(each["text"] for _, each in whole if each.get("sample") == number and "text" in each) == text
    kinds = [each["type"] for _, each in whole]
    assert {kind: kinds.count(kind) for kind in kinds if kind != "text"} == {
        "begun": 1, "drawing": 1, "text_done": len(texts), "over": 1,
    }  # fmt: skip


@given(st.integers(0, 9), st.integers(0, 9), st.lists(st.integers(0, 9), max_size=9))
def test_a_position_is_read_as_it_was_written(drawn, done, chars):
    told = Position(drawn, done, dict(enumerate(chars)))
    assert Position.read(str(told)) == told


@pytest.mark.parametrize("wrong", ["", "1", "1.2", "1.2.3", "1.2.3x", "1.2.1x999999999", "-1.2.", "1.2.1x1-"])
def test_what_is_no_position_is_refused(wrong):
    with pytest.raises(ValueError):
        Position.read(wrong)


@pytest.mark.parametrize("ahead", ["9.0.2x1", "0.9.2x1", "0.0.9x1", "0.0.2x2", "9.9.9x9", "0.0.99999x1"])
def test_no_position_beyond_what_was_told_is_taken(ahead):
    held, told = kept(), [Begun(0), Text(0, 0, "春眠")]
    for had in (None, Position.read("0.0.1x1")):
        read(told, had, held)
        assert str(held.position("0.0.2x1")) == "0.0.2x1"
        with pytest.raises(ValueError, match=ahead):
            held.position(ahead)


def test_a_failure_within_a_stream_is_told_and_ends_it():
    told = read([Begun(0), Failed(0, "gone", "Ask again.")])
    assert [each["type"] for _, each in told] == ["begun", "error"]
    assert told[1][1]["error"]["code"] == "gone"


def test_a_stream_that_is_stopped_says_so():
    async def run():
        held = kept()
        parts = []
        async for part in written(Streams(), "x", held, Begun(0), coming([], [asyncio.Event().wait()])):
            parts.append(part.decode())
            held.stop()
        return parts

    assert '"code": "cancelled"' in run_alone(run())[-1]


async def endless(ended):
    """An event, and then nothing; says when it is given up."""
    try:
        yield Begun(0)
        await asyncio.Event().wait()
    finally:
        ended.set()


def test_what_makes_the_events_ends_with_their_reader():
    async def run():
        ended = asyncio.Event()
        events = pumped(endless(ended))
        await anext(events)
        await events.aclose()
        await asyncio.wait_for(ended.wait(), 5)

    run_alone(run())


def test_streams_are_bounded_by_their_bytes(monkeypatch):
    monkeypatch.setattr(streams_module, "BYTES", 2 * kept().size)
    streams = Streams()
    for name in "abc":
        streams.keep(name, kept())
    assert [streams.find(name) is not None for name in "abc"] == [False, True, True]


def test_of_many_streams_those_used_last_are_kept():
    streams = Streams()
    streams.keep("first", kept())
    streams.keep("second", kept())
    streams.find("first")
    for number in range(MOST - 1):
        streams.keep(str(number), kept())
    assert (streams.find("first") is not None, streams.find("second")) == (True, None)


def test_a_stream_is_forgotten_some_time_after_its_last_use():
    now = [0.0]
    streams = Streams(lambda: now[0])
    streams.keep("x", kept())
    now[0] = KEPT - 1
    assert streams.find("x") is not None
    now[0] = 2 * KEPT - 2
    assert streams.find("x") is not None
    now[0] = 4 * KEPT
    assert streams.find("x") is None
