import re
import sys

import pytest

from gen_engine.system.screen import cells
from gen_trainkit import progress
from gen_trainkit.progress import watch_run

NOTE = "loss 2.3456  best valid_accuracy 0.8765"


def test_without_a_terminal_the_last_step_is_a_line(capsys):
    with watch_run(2, 0) as watch:
        watch(1, 10, "loss 2")
        watch(2, 10, "loss 1")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("step 2/2 ")
    assert "tokens/s  0.0 min left  loss 1" in err


def test_the_last_line_has_the_newest_figures(capsys):
    with watch_run(2, 0) as watch:
        watch(2, 10, "loss 1  validating")
        watch(2, 0, "loss 1  best valid_loss 0.5")
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith("loss 1  best valid_loss 0.5")


@pytest.fixture
def bar(capsys, monkeypatch):
    """The last line of the bar of a run, as a terminal of so many columns shows it."""
    monkeypatch.setenv("TERM", "xterm")

    def last(columns, total=12_345, note=NOTE):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", str(columns))
        with watch_run(total, total - 2) as watch:
            watch(total - 1, 10, note)
        told = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)
        return re.split(r"[\r\n]+", told.strip())[-1]

    return last


@pytest.mark.parametrize("columns", [60, 72, 80, 100, 120, 200])
def test_a_bar_fits_and_keeps_its_count_and_its_times(bar, columns):
    line = bar(columns)
    assert cells(line) <= columns
    assert re.search(r"[━╸╺] +12344/12345 0:00:\d\d < (0:00:\d\d|-:--:--) ", line)
    assert line.rstrip().endswith("…") or line.rstrip().endswith(NOTE)


@pytest.mark.parametrize("total", [9, 1_000, 10_000_000])
@pytest.mark.parametrize("note", ["loss 1", "验证集上的损失 2.3456  最好的准确率 0.8765", "x" * 200])
def test_a_bar_of_any_run_fits_into_80_columns(bar, total, note):
    line = bar(80, total, note)
    assert cells(line) <= 80
    assert f"{total - 1}/{total} 0:00:0" in line
    assert note[:6] in line


def test_the_rate_gives_way_before_the_figures_do(bar):
    assert ("tokens/s" in bar(200), "tokens/s" in bar(80)) == (True, False)
    assert "loss 2.3456" in bar(80)


def test_a_dumb_terminal_gets_lines(bar, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert re.match("step 12344/12345 .*loss 2.3456", bar(80))
    assert progress.__doc__
