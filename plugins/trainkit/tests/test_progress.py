import sys

from gen_trainkit import progress
from gen_trainkit.progress import watch_run


def test_elsewhere_than_on_a_terminal_the_last_step_is_a_line(capsys):
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


def test_on_a_terminal_there_is_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with watch_run(2, 1) as watch:
        watch(2, 10, "loss 1")
    assert "2/2" in capsys.readouterr().err
    assert progress.__doc__
