"""The loop of an engine process, on a tiny model, without a process."""

from dataclasses import replace
from functools import partial
from threading import Timer

import pytest
from tiny import chars, engine_of

from gen_engine.cli.tasks import Choosing
from gen_engine.errors import GenError
from gen_engine.patience import Patience
from gen_serve.engine_process import loop as loops
from gen_serve.engine_process.jobs import failure
from gen_serve.engine_process.loading import Loading
from gen_serve.engine_process.loop import Loop, Served
from gen_serve.engine_process.warming import WARMING, warming
from gen_serve.messages import Begun, Cancel, Failed, Over, Submit, TextDone, TextWish


class Kept:
    """What was sent, in place of a connection."""

    def __init__(self):
        self.sent = []

    def send(self, told):
        self.sent += told

    def of(self, number):
        return [each for each in self.sent if getattr(each, "number", None) == number]


@pytest.fixture
def loop():
    engine = engine_of(chars("abc"))
    served = {"tiny": Served("tiny", engine, engine.scheduler(rows=8, queue=8))}
    return Loop(Kept(), served, Loading((("tiny", "tiny"),), texts=4, length=20), {"gone": "It could not be loaded."})


def ask(loop, number, model="tiny", **fields):
    wish = TextWish(**{"max_new": 5, "processors": ("length=5",), **fields})
    loop.inbox.put(Submit(number, model, wish, seed=1, patience=8.0))


def run(loop, turns=12):
    for _ in range(turns):
        loop.inbox.put(Cancel(10**6))  # so that an idle loop does not wait
        loop.turn()


def test_wishes_of_one_turn_are_written_together(loop):
    for number in range(3):
        ask(loop, number)
    run(loop)
    for number in range(3):
        assert [type(each) for each in loop.connection.of(number)] == [Begun, TextDone, Over]
    assert loop.jobs == {}


def test_a_wish_that_is_given_up_sends_nothing_more(loop):
    ask(loop, 1, max_new=20, processors=("length=20",))
    run(loop, 3)
    loop.inbox.put(Cancel(1))
    run(loop)
    assert [type(each) for each in loop.connection.of(1)] == [Begun]
    assert loop.served["tiny"].scheduler.load.rows == 0


def test_a_wish_given_up_while_it_waits_never_begins(loop):
    ask(loop, 1)
    loop.inbox.put(Cancel(1))
    loop.cancelled.add(1)  # as the listening thread does
    run(loop)
    assert loop.connection.of(1) == []
    assert loop.cancelled == set()


@pytest.mark.parametrize("fields, words", [({"num": 5}, "5 texts"), ({"max_new": 21}, "21 new tokens")])
def test_what_asks_for_too_much_is_refused(loop, fields, words):
    ask(loop, 1, **fields)
    run(loop)
    [refused] = loop.connection.of(1)
    assert (refused.code, refused.param, words in refused.message) == ("bad_request", *fields, True)


def test_chores_wait_until_there_is_nothing_else_to_do(loop, monkeypatch):
    monkeypatch.setattr(loops, "LULL", 0.01)
    seen = []
    loop.chores = [lambda: (seen.append(loop.connection.of(1)[:]), loop.inbox.put(Cancel(10**6)))]
    ask(loop, 1)
    run(loop, 3)
    assert seen == []
    while not seen:
        loop.turn()
    assert isinstance(seen[0][-1], Over)
    assert loop.chores == []


def test_a_wish_that_comes_soon_does_not_wait_for_chores(loop):
    loop.chores = [lambda: pytest.fail("a chore was done first")]
    Timer(0.2, partial(ask, loop, 1)).start()
    loop.turn()
    run(loop)
    assert isinstance(loop.connection.of(1)[-1], Over)
    assert len(loop.chores) == 1


def search(loop, asked, seen):
    """Looks twice whether the patience is over; between the looks the wish is given up."""
    patience = Patience()
    for _ in range(2):
        seen.append(patience.is_over)
        loop.cancelled.add(asked.number)


def test_a_search_ends_when_the_wish_is_given_up(loop, monkeypatch):
    seen = []
    monkeypatch.setattr(Loop, "_submit", lambda self, asked: search(self, asked, seen))
    ask(loop, 1)
    run(loop, 1)
    assert seen == [False, True]


def test_a_wish_that_fails_harms_no_other(loop, monkeypatch):
    ask(loop, 1)
    ask(loop, 2, processors=("no_such_thing",))
    ask(loop, 3, model="gone")
    ask(loop, 4, num="many")
    run(loop)
    assert isinstance(loop.connection.of(1)[-1], Over)
    assert [loop.connection.of(number)[-1].code for number in (2, 3, 4)][:2] == ["bad_request", "bad_request"]
    assert isinstance(loop.connection.of(4)[-1], Failed)


def test_messages_beyond_the_moment_wait_for_the_next_turn(loop, monkeypatch):
    monkeypatch.setattr(loops, "READING", 0.0)
    ask(loop, 1)
    ask(loop, 2)
    loop.turn()
    assert (len(loop.connection.of(1)), loop.connection.of(2)) == (1, [])


def test_what_warms_up_ends_when_a_wish_comes(loop):
    ask(loop, WARMING, max_new=20, processors=("length=20",))
    run(loop, 3)
    assert [job.number for job in loop.jobs.values()] == [WARMING]
    ask(loop, 1)
    loop.turn()
    assert [job.number for job in loop.jobs.values()] == [1]


def test_models_are_warmed_up_by_the_command_of_their_name():
    found = warming({"poem": "poem", "mine": "/somewhere/mine", "novel": "novel"})
    assert [(each.model, each.wish.command) for each in found] == [("poem", "poem"), ("novel", "novel")]


def test_a_record_holds_no_number_that_json_lacks(loop):
    ask(loop, 1)
    loop.turn()
    [job] = loop.jobs.values()
    score = {"score": {"total": float("nan")}}
    job.task = replace(job.task, choosing=Choosing(1, lambda drawn: ((done, score) for done in drawn)))
    run(loop)
    [done] = [each for each in loop.connection.of(1) if isinstance(each, TextDone)]
    assert done.record["score"] == {"total": None}


def test_a_failure_inside_is_told_in_one_sentence():
    assert failure(1, ZeroDivisionError("no")).code == "failed"
    assert failure(1, GenError("It is so.")).message == "It is so."


def test_what_there_is_room_for_does_not_fill_the_queue(loop):
    engine = loop.served["tiny"].engine
    loop.served = {"tiny": Served("tiny", engine, engine.scheduler(rows=2, queue=1))}
    loop.loading = replace(loop.loading, rows=2, queue=1)
    for number in range(6):
        ask(loop, number, max_new=20, processors=("length=20",))
    run(loop, 40)
    kinds = [type(loop.connection.of(number)[-1]) for number in range(6)]
    assert kinds == [Over, Over, Over, Failed, Failed, Failed]
