import sys

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gen_engine.errors import GenError
from gen_trainkit.metrics import append_metrics, open_events, read_metrics, rewind_metrics


def test_a_torn_line_is_left_out(tmp_path):
    path = tmp_path / "metrics.jsonl"
    append_metrics(path, {"step": 1, "loss": 2.0})
    with path.open("a") as file:
        file.write('{"step": 2, "lo')
    assert read_metrics(path) == [{"step": 1, "loss": 2.0}]


def test_rewinding_drops_later_steps(tmp_path):
    path = tmp_path / "metrics.jsonl"
    for step in (1, 2, 3):
        append_metrics(path, {"step": step})
    rewind_metrics(path, 2)
    assert [row["step"] for row in read_metrics(path)] == [1, 2]


def test_rewinding_leaves_whole_lines_only(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step": 2, "lo')
    rewind_metrics(path, 5)
    assert path.read_text() == '{"step": 1}\n'


def test_tensorboard_shows_the_rows(tmp_path):
    write = open_events(tmp_path, 0)
    write({"step": 3, "loss": 2.0, "examples": 9, "time": 1.0})
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(3, 2.0)]
    assert set(events.Tags()["scalars"]) == {"loss", "examples"}


def test_tensorboard_forgets_what_a_resumed_run_measures_again(tmp_path):
    for start, loss in ((0, 2.0), (1, 1.0)):
        write = open_events(tmp_path, start)
        for step in (1, 2):
            if step > start:
                write({"step": step, "loss": loss})
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(1, 2.0), (2, 1.0)]


def test_without_tensorboard_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(GenError, match=r"Run `pip install 'gen-engine-trainkit\[tensorboard\]'`"):
        open_events(tmp_path, 0)
