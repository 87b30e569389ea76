"""The loop puts every answer in the order of the lines, whatever the order in which they come, in bounded memory."""

from itertools import count, islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from told_work import ToldWork

from gen_batch.files.entries import Entry
from gen_batch.files.json_lines import understand_json
from gen_batch.files.rows import JSON_LINES
from gen_batch.messages import Answer
from gen_batch.plan import Plan
from gen_batch.running import Feed, Window, run
from gen_engine.errors import GenError
from gen_engine.system import interrupts


def feed(number, *, window=4, kept=()):
    """Lines with a prompt each, and a window of so many lines."""
    entries = (Entry(b'{"id": %d}' % each, f"Line {each}") for each in range(number))
    return Feed(entries, understand_json, Window(0, window), 0, JSON_LINES, iter(kept))


def ids(rows):
    """The ids of rows."""
    return [JSON_LINES.decode(row)["id"] for row in rows]


@settings(deadline=None)
@given(number=st.integers(0, 40), window=st.integers(1, 9), ahead=st.integers(1, 9))
def test_answers_are_put_in_order(number, window, ahead):
    put = []
    counts = run(ToldWork(Plan(), ahead), feed(number, window=window), put.append)
    assert ids(put) == list(range(number))
    assert counts.answered == counts.tokens == number


class Straggling:
    """Answers the first line of a round last, and counts how many lines it was given at once."""

    most = 0

    def answers(self, lines):
        """All but the first, then the first."""
        first, taken = next(lines), 1
        for line in lines:
            taken += 1
            self.most = max(self.most, taken)
            yield Answer(line.index, {"id": line.index})
        yield Answer(first.index, {"id": first.index})


def test_no_more_is_read_than_the_window_holds():
    work, put = Straggling(), []
    run(work, feed(50, window=7), put.append)
    assert (work.most, ids(put)) == (7, list(range(50)))


def test_reading_stops_where_waiting_answers_are_large(monkeypatch):
    monkeypatch.setattr("gen_batch.running.BYTES", 30)  # two answers
    work = Straggling()
    run(work, feed(20, window=100), lambda row: None)
    assert work.most <= 4


class Doubling:
    """Answers each line twice, as work that was done again."""

    def answers(self, lines):
        """The second answer says so."""
        for line in lines:
            yield Answer(line.index, {"id": line.index}, tokens=1)
            yield Answer(line.index, {"id": "again"}, tokens=1)


def test_a_line_that_is_answered_twice_counts_once():
    put = []
    assert run(Doubling(), feed(9), put.append).answered == 9
    assert ids(put) == list(range(9))


def test_a_line_without_an_answer_is_told():
    put = []
    with pytest.raises(GenError, match="Request 3 got no answer"):
        run(ToldWork(Plan(), died=frozenset([2])), feed(9), put.append)
    assert ids(put) == [0, 1]


def test_rows_that_are_there_are_kept_and_only_errors_asked():
    kept = [JSON_LINES.encode({"id": each, **({"error": {}} if each == 4 else {})}) for each in range(6)]
    kept[4] = JSON_LINES.encode({"id": 4, "error": {"message": "no"}})
    work, put = ToldWork(Plan()), []
    run(work, feed(9, window=2, kept=kept), put.append)
    assert (work.asked, ids(put)) == ([4, 6, 7, 8], list(range(9)))


def test_what_is_told_counts_lines_errors_and_the_share():
    told = []
    entries = (Entry(b'{"fail": "no"}', "", progress=each / 4) for each in islice(count(1), 4))
    run(ToldWork(Plan()), Feed(entries, understand_json, Window(0), 0, JSON_LINES), lambda row: None, told.append)
    assert [(each.lines, each.share) for each in told] == [(1, 0.25), (2, 0.5), (3, 0.75), (4, 1.0)]
    assert told[-1].errors == 4


def test_lines_know_where_they_stand_in_the_file():
    entries = iter([Entry(b"{}", "Line 7", line=7), Entry(b"[]", "Line 8", line=8)])
    fine, wrong = Feed(entries, understand_json, Window(0), 0, JSON_LINES).round()
    assert (fine.index, fine.number, fine.problem) == (0, 7, "")
    assert (wrong.index, wrong.number, wrong.problem.partition(",")[0]) == (1, 8, "Line 8 holds []")


def test_no_signal_comes_between_a_record_and_its_end():
    shields = []
    run(ToldWork(Plan()), feed(3), lambda row: shields.append(interrupts._process.shields))
    assert shields == [1, 1, 1]
