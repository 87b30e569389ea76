"""Lines that are read ahead, and how far."""

import threading
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_batch.feeding import Feed, Pace
from gen_batch.messages import Line


def lines(count):
    return [Line(number, {}) for number in range(count)]


@given(st.lists(st.integers(1, 7)), st.integers(0, 40))
def test_lines_come_once_and_in_order(sizes, count):
    feed, found = Feed(lines(count)), []
    for size in (*sizes, *[5] * 10):
        found += feed.take(size, waits=True)
    assert found == lines(count)
    assert feed.is_over


def test_nobody_waits_for_a_slow_input_who_need_not():
    goes_on = threading.Event()
    feed = Feed(number for number in lines(2) if not number.index or goes_on.wait())
    assert feed.take(9, waits=True) == lines(1)
    assert feed.take(9, waits=False) == []
    assert not feed.is_over
    goes_on.set()
    assert feed.take(1, waits=True) == lines(2)[1:]


@pytest.mark.parametrize("problem", [ValueError, SystemExit])
def test_an_error_of_the_input_comes_after_its_lines(problem):
    def torn():
        yield Line(0, {})
        raise problem("torn")

    feed = Feed(torn())
    assert feed.take(1, waits=True) == lines(1)
    with pytest.raises(problem, match="torn"):
        feed.take(1, waits=True)
    assert feed.is_over


def test_a_closed_feed_reads_no_further():
    before = {*threading.enumerate()}
    feed = Feed(Line(number, {}) for number in count())
    while not feed._queue.full():
        pass  # from here on the thread waits for room
    feed.close()
    [thread] = {*threading.enumerate()} - before
    thread.join(5)
    assert (thread.is_alive(), thread.daemon) == (False, True)


@settings(deadline=None)
@given(st.integers(1, 9), st.data())
def test_nothing_runs_too_far_ahead_of_the_first_unfinished_line(most, data):
    pace, running, left = Pace(most), [], lines(40)
    while left or running:
        some, left = left[: pace.room], left[pace.room :]
        pace.take(some)
        running += [line.index for line in some]
        assert len(running) > 0
        assert max(running) - min(running) < most
        done = data.draw(st.sampled_from(running))
        running.remove(done)
        pace.end(done)
