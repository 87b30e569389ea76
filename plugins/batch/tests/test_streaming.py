"""What comes from a pipe, or goes into one, is answered in one go."""

import os
import select
from itertools import islice
from threading import Thread

import fsspec
import pytest
from told_runs import answer, write_requests
from told_work import ToldWork, job

from gen_batch.files.rows import CSV_ROWS
from gen_batch.jobs import Done
from gen_batch.plan import Plan
from gen_batch.starting import _summary
from gen_batch.starting import answer as answered
from gen_engine.errors import GenError

SOME = [{"id": f"a{n}", "prompt": "白"} for n in range(7)]


@pytest.fixture
def pipe(tmp_path):
    """The name of a pipe that holds some requests."""
    content = write_requests(tmp_path / "in.jsonl", SOME).read_bytes()
    read, write = os.pipe()
    os.write(write, content)
    os.close(write)
    yield f"/dev/fd/{read}"
    os.close(read)


def test_a_pipe_gives_what_a_file_gives(tmp_path, pipe, capsys):
    answered(job(pipe, tmp_path / "out.csv"))
    answer(tmp_path / "in.jsonl", tmp_path / "same.csv")
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "same.csv").read_bytes()
    assert "cannot be continued" in capsys.readouterr().err
    assert not (tmp_path / "out.csv.manifest.json").exists()


def test_a_pipe_is_answered_line_by_line():
    (questions, ask), (hear, answers) = os.pipe(), os.pipe()
    asked = job(f"/dev/fd/{questions}", f"/dev/fd/{answers}", work=lambda plan: ToldWork(plan, 1))
    running = Thread(target=answered, args=[asked], daemon=True)
    running.start()
    for _ in range(2):  # whoever asks waits for each answer
        os.write(ask, b'{"prompt": "1"}\n')
        assert select.select([hear], [], [], 10.0)[0] == [hear]
        assert os.read(hear, 999).endswith(b"\n")
    os.close(ask)
    running.join()


def test_a_pipe_becomes_a_table_elsewhere(tmp_path, pipe):
    answered(job(pipe, "memory://piped.parquet"))
    answer(tmp_path / "in.jsonl", tmp_path / "same.parquet")
    assert fsspec.filesystem("memory").cat("/piped.parquet") == (tmp_path / "same.parquet").read_bytes()


def test_a_file_that_is_there_is_not_overwritten(tmp_path, pipe):
    (tmp_path / "out.jsonl").write_text("mine\n")
    with pytest.raises(GenError, match="is there already"):
        answered(job(pipe, tmp_path / "out.jsonl"))
    assert answered(job(pipe, tmp_path / "out.jsonl", is_fresh=True)).lines == len(SOME)


def test_no_retry_is_offered_where_none_can_be(tmp_path, pipe):
    done = Done(lines=7, errors=7, answered=7)
    source = write_requests(tmp_path / "in.jsonl", SOME)
    assert _summary(job(pipe, tmp_path / "out.jsonl"), done, 1).endswith("Errors: 7.")
    assert "--retry-errors" in _summary(job(source, tmp_path / "out.jsonl"), done, 1)


def test_the_threads_of_a_single_worker_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    answered(job(write_requests(tmp_path / "in.jsonl", SOME), tmp_path / "out.jsonl", plan=Plan(models=(), threads=3)))
    assert os.environ["OMP_NUM_THREADS"] == "3"


def test_a_table_from_a_pipe_is_refused(tmp_path, pipe):
    with pytest.raises(GenError, match="write JSONL instead"):
        answered(job(pipe, tmp_path / "out.parquet"))


def refusing(plan):
    raise GenError("There is no cluster.")


@pytest.mark.parametrize("work", [refusing, lambda plan: ToldWork(plan, died=frozenset(range(9)))])
@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
def test_nothing_is_said_or_written_before_a_refusal(tmp_path, pipe, capsys, name, work):
    with pytest.raises(GenError, match="no cluster|got no answer"):
        answered(job(pipe, tmp_path / name, work=work))
    assert capsys.readouterr() == ("", "")
    assert os.listdir(tmp_path) == ["in.jsonl"]


def test_a_table_without_requests_has_its_head(tmp_path):
    answered(job("/dev/null", tmp_path / "out.csv"))
    assert (tmp_path / "out.csv").read_bytes() == CSV_ROWS.head


def test_lines_are_kept_when_a_worker_fails(tmp_path, pipe):
    works = []

    def failing(plan):
        works.append(ToldWork(plan, 1, frozenset([3])))
        return works[0]

    with pytest.raises(GenError, match="Request 4 got no answer"):
        answered(job(pipe, tmp_path / "out.jsonl", work=failing))
    assert (tmp_path / "out.jsonl").read_bytes().count(b"\n") == 3
    assert works[0].is_closed


class Stopping(ToldWork):
    """Is stopped by Ctrl-C before the fourth answer."""

    def answers(self, lines):
        """Three answers."""
        yield from islice(super().answers(lines), 3)
        raise KeyboardInterrupt


def test_a_stopped_pipe_counts_its_answers(tmp_path, pipe):
    with pytest.raises(KeyboardInterrupt) as stopped:
        answered(job(pipe, tmp_path / "out.jsonl", work=lambda plan: Stopping(plan, 1)))
    assert "3 requests were answered" in stopped.value.__notes__
