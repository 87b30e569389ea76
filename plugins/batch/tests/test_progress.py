"""News of a batch in words: lines, errors, rate, and the time that is left."""

import io
import sys
from types import SimpleNamespace

import pytest

from gen_batch import progress
from gen_batch.progress import shown, words_of
from gen_batch.running import Told

WORDS = {
    "of a file": (
        Told(1, 1, 0, 0.0),
        Told(101, 101, 2, 0.25),
        "101 lines, 2 of them errors, 10.0 a second, about 30 s left",
    ),
    "of a pipe": (Told(1, 1, 0, None), Told(11, 11, 0, None), "11 lines, 1.0 a second"),
    "continued": (Told(901, 1, 0, 0.9), Told(951, 51, 0, 0.92), "951 lines, 5.0 a second, about 40 s left"),
}  # fmt: skip


@pytest.mark.parametrize(("first", "now", "words"), WORDS.values(), ids=WORDS)
def test_words_tell_rate_and_time_left(first, now, words):
    assert words_of(first, now, 10.0) == words


def test_a_log_gets_a_line_now_and_then(monkeypatch, capsys):
    monkeypatch.setattr(progress, "SELDOM", 0.0)
    with shown() as tell:
        tell(Told(5, 5, 0, 0.5))
    assert capsys.readouterr().err.startswith("batch: 50%: 5 lines")


def test_news_that_come_fast_are_left_out(monkeypatch, capsys):
    clock = iter([0, 10, 31, 40, 61.5])
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    with shown() as tell:
        for number in range(4):
            tell(Told(number, number, 0, None))
    assert [line.split()[1] for line in capsys.readouterr().err.splitlines()] == ["1", "3"]


def test_a_terminal_gets_a_bar_that_is_wiped(monkeypatch):
    screen = io.StringIO()
    screen.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "OFTEN", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with shown() as tell:
        tell(Told(5, 5, 0, 0.5))
    assert "5 lines" in screen.getvalue()
    assert " 50%" in screen.getvalue()
    assert screen.getvalue().endswith("\x1b[2K")


def test_a_dumb_terminal_gets_lines(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(progress, "SELDOM", 0.0)
    monkeypatch.setenv("TERM", "dumb")
    with shown() as tell:
        tell(Told(5, 5, 0, 0.5))
    assert capsys.readouterr().err.startswith("batch: 50%: 5 lines")
