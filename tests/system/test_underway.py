import io
import re
import sys
import time
from threading import Event

import pytest

from gen_engine.system import underway
from gen_engine.system.underway import Activity, awaited, counted, cut, doing, duration, shown


class Screen(io.StringIO):
    """A terminal, or a log, that tells when something was written."""

    def __init__(self, wanted, terminal=True):
        super().__init__()
        self.wanted, self.terminal, self.seen = wanted, terminal, Event()

    def isatty(self):
        return self.terminal

    def write(self, text):
        count = super().write(text)
        if self.wanted in self.getvalue():
            self.seen.set()
        return count

    @property
    def left(self):
        """What stands on the screen in the end."""
        return re.sub(r"[^\r\n]*\r\x1b\[K|\r[^\r\n]*\x1b\[K(?=\r)", "", self.getvalue())


@pytest.fixture
def screen(monkeypatch):
    """Makes standard error, or both streams, a screen on which all is said at once."""

    def make(wanted, names=("stderr",), terminal=True):
        made = Screen(wanted, terminal)
        for name in names:
            monkeypatch.setattr(sys, name, made)
        monkeypatch.setenv("TERM", "xterm")
        for name, value in {"SOON": 0.0, "TICK": 0.001, "LOGGED": 0.01}.items():
            monkeypatch.setattr(underway, name, value)
        return made

    return make


@pytest.mark.parametrize("words", ["loading the model poem", "reading 诗.txt", "judging poems", "drawing the picture"])
def test_a_terminal_is_told_what_is_done_and_left_clean(screen, words):
    terminal = screen(words)
    with shown(), doing(words):
        assert terminal.seen.wait(5)
    assert terminal.getvalue().endswith("\r\x1b[K")
    assert terminal.left == ""


def test_what_has_no_name_is_working(screen):
    terminal = screen("working")
    with shown():
        assert terminal.seen.wait(5)
    assert terminal.left == ""


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_output_takes_the_place_of_what_is_said(screen, name):
    terminal = screen("loading", names=("stdout", "stderr"))
    with shown(), doing("loading"):
        assert terminal.seen.wait(5)
        print("a result", file=getattr(sys, name))
    assert terminal.left == "a result\n"


def test_nothing_is_said_behind_half_a_line_or_bar(screen):
    terminal = screen("working")
    line = underway._Line(terminal)
    watched = underway._Watched(terminal, line)
    for half in ("床前明月", "\r━━ 3/4\x1b[0m", "\x1b[?25h"):
        watched.write(half)
        with doing("working"):
            line.refresh()
    assert terminal.getvalue() == "床前明月\r━━ 3/4\x1b[0m\x1b[?25h"


@pytest.mark.parametrize("control", ["", "\x1b[?25h", "\x1b[0m"])
def test_after_a_whole_line_it_is_said_again(screen, control):
    terminal = screen("reading")
    line = underway._Line(terminal)
    underway._Watched(terminal, line).write(f"done\n{control}")
    with doing("reading"):
        line.refresh()
    assert terminal.seen.is_set()


def test_what_ends_within_a_moment_is_not_said(screen, monkeypatch):
    terminal = screen("reading")
    monkeypatch.setattr(underway, "SOON", 60.0)
    line = underway._Line(terminal)
    with doing("reading"):
        line.refresh()
    assert terminal.getvalue() == ""


def test_a_log_has_a_line_now_and_then(screen):
    log = screen("reading rows: 1 (", terminal=False)
    with shown(), doing("reading rows") as activity:
        activity.done = 1
        assert log.seen.wait(5)
    assert all(line.startswith("reading rows: 1 (") for line in log.getvalue().splitlines())
    assert "\r" not in log.getvalue()


@pytest.mark.parametrize("seconds", [4.0, 19.0, 3000.0])
def test_a_log_has_few_lines(screen, seconds, monkeypatch):
    log = screen("", terminal=False)
    activity = Activity("reading", next_line=5.0)
    monkeypatch.setattr(underway, "_underway", [activity])
    for second in range(int(seconds)):
        monkeypatch.setattr(underway.time, "monotonic", lambda second=second: activity.began + second)
        underway._log(log)
    assert len(log.getvalue().splitlines()) == {4.0: 0, 19.0: 1, 3000.0: 5}[seconds]


@pytest.mark.parametrize("terminal", [True, False])
def test_without_a_name_logs_and_people_typing_hear_nothing(screen, monkeypatch, terminal):
    made = screen("working", terminal=terminal)
    monkeypatch.setattr(sys, "argv", ["gen", "check", "-"])
    monkeypatch.setattr(sys, "stdin", Screen(""))
    with shown():
        assert not made.seen.wait(0.05)


@pytest.mark.parametrize(("name", "value"), [("RANK", "1"), ("TERM", "dumb")])
def test_other_processes_and_terminals_without_a_cursor_see_no_spinner(screen, monkeypatch, name, value):
    terminal = screen("working")
    monkeypatch.setenv(name, value)
    with shown():
        assert not terminal.seen.wait(0.05)


def test_the_streams_are_as_before_whatever_happens(screen):
    terminal = screen("", names=("stdout", "stderr"))
    with pytest.raises(KeyboardInterrupt), shown(), doing("reading"):
        assert sys.stdout is not terminal
        raise KeyboardInterrupt
    assert sys.stdout is sys.stderr is terminal
    assert underway._underway == []


def test_the_innermost_is_said_and_items_are_counted():
    with doing("outer"):
        items = counted("abc", "reading")
        assert [next(items), next(items)] == ["a", "b"]
        [outer, inner] = underway._underway[-2:]
        assert (outer.words, inner.words, inner.done, inner.total) == ("outer", "reading", 1, 3)
        items.close()
        assert underway._underway[-1] is outer


def test_what_is_awaited_is_said_only_until_it_is_there():
    for _ in awaited(["text"], "writing"):
        assert underway._underway == []


@pytest.mark.parametrize(("done", "total", "told"), [
    (0, None, "reading (40 s)"),
    (7, None, "reading: 7 (40 s)"),
    (1000, 4000, "reading: 1,000 of 4,000 (40 s, about 2 min left)"),
])  # fmt: skip
def test_an_activity_in_words(done, total, told):
    assert Activity("reading", total, done, began=time.monotonic()).told(Activity("").began + 40) == told


def test_times_and_cuts():
    assert [duration(each) for each in (3.4, 99, 120, 6060)] == ["3 s", "99 s", "2 min", "1 h 41 min"]
    assert [cut("白日ab", 5), cut("白日", 3), cut("a\x1b[31m", 9)] == ["白日a", "白", "a?[31m"]
