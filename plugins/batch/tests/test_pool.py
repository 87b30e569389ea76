"""Lines that are answered in several processes, some of which die."""

import os
import signal

import pytest
from batch_lines import DEADLY, PLAN, answered, barren_work, deadly_work, lines_of, mixed, of, short

from gen_batch.pool import Pool, shared
from gen_batch.working import Worker
from gen_engine.errors import GenError

LINES = mixed(42)


@pytest.fixture(scope="module")
def wanted():
    """The answers of `LINES` in this process."""
    return answered(Worker(PLAN), LINES)


def test_a_process_that_is_killed_loses_and_doubles_nothing(wanted):
    pool, found = Pool(PLAN, 2), []
    for answer in pool.answers(iter(LINES)):
        found.append(answer)
        if len(found) == 10:
            os.kill(pool.members[0].process.pid, signal.SIGKILL)
    assert len(found) == len(LINES)
    assert sorted(found, key=lambda each: each.index) == wanted
    assert pool.members == []


def test_a_deadly_line_is_answered_and_harms_no_other():
    lines = lines_of(short(), DEADLY, short(seed=1), short(prompt="春"))
    first, deadly, *rest = answered(Pool(PLAN, 1, deadly_work), lines)
    assert deadly.record["error"]["code"] == "failed"
    assert deadly.record["id"] == 2
    assert [first, *rest] == [answer for answer in answered(Worker(PLAN), lines) if answer.index != 1]


def test_processes_that_never_have_a_model_end_the_batch():
    pool = Pool(PLAN, 2, barren_work)
    with pytest.raises(GenError, match="before they had a model"):
        list(pool.answers(iter(lines_of(short(), short()))))
    assert pool.members == []


def test_a_batch_that_is_left_ends_its_processes():
    pool = Pool(PLAN, 1)
    answers = pool.answers(iter(LINES))
    next(answers)
    [member] = pool.members
    answers.close()
    assert not member.process.is_alive()


def test_a_model_that_no_process_can_load_ends_the_batch(tmp_path):
    pool = Pool(of(models=(str(tmp_path),)), 1)
    with pytest.raises(GenError, match="empty folder"):
        list(pool.answers(iter(lines_of(short(model=tmp_path.name)))))


def test_processes_share_the_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {*range(8)}, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "none")
    assert [shared(of(threads=None), workers).threads for workers in (1, 2, 3, 20)] == [8, 4, 2, 1]
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert shared(of(threads=None), 2).threads == 1
    assert shared(of(threads=5), 2).threads == 5
