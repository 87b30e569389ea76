"""A run that is killed anywhere, and run again, leaves what an undisturbed one does."""

import json
import os
from dataclasses import replace
from unittest.mock import Mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from told_runs import ENDINGS, answer, undisturbed, write_requests
from told_work import ToldWork

from gen_batch import keeping, manifest
from gen_batch.files import reading
from gen_batch.files.beside import beside, locked
from gen_batch.files.journal import Journal
from gen_batch.plan import Plan
from gen_engine.errors import GenError

REQUESTS = st.lists(
    st.fixed_dictionaries(
        {"prompt": st.text(st.sampled_from('白日,"\n\r\0é😀'), max_size=6)},
        optional={"fail": st.sampled_from(["no", 'bad "\n']), "id": st.sampled_from(["a", "a", 'q"\n', 7, None])},
    ),
    max_size=12,
)
SOME = [{"id": f"a{n}", "prompt": "白" * n, **({"fail": "no"} if n % 3 == 0 else {})} for n in range(10)]


@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=20, deadline=None)
@given(asked=REQUESTS, cut=st.floats(0, 1), checkpoint=st.integers(0, 9), ahead=st.integers(1, 7))
def test_a_run_killed_at_any_byte_ends_undisturbed(ending, asked, cut, checkpoint, ahead):
    with undisturbed(asked, ending) as run:
        run.killed(round(cut * len(run.journal_bytes)), checkpoint)
        done = answer(run.source, run.out, work=lambda plan: ToldWork(plan, ahead))
        assert run.out.read_bytes() == run.whole
        assert done.lines == len(asked)
        assert done.errors == sum("fail" in each for each in asked)


@given(cut=st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_finished_lines_are_not_answered_again(cut):
    with undisturbed(SOME) as run:
        run.killed(cut % len(run.whole), -1)
        there = run.out.read_bytes().count(b"\n")
        works = []
        answer(run.source, run.out, work=lambda plan: works.append(ToldWork(plan)) or works[0])
        assert sorted(works[0].asked) == list(range(there, len(SOME)))
        assert works[0].is_closed


@settings(max_examples=10, deadline=None)
@given(cut=st.floats(0, 1), retried=st.floats(0, 1))
@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_a_killed_retry_ends_undisturbed(ending, cut, retried):
    with undisturbed(SOME, ending) as run:
        answer(run.source, run.out, work=lambda plan: ToldWork(Plan(seed=2)), retries=True)  # what must stay, stays
        assert run.out.read_bytes() == run.whole
        run.killed(round(cut * len(run.whole)), -1)
        run.out.with_name(f"{run.out.name}.retrying").write_bytes(run.out.read_bytes()[: round(retried * cut * 300)])
        assert answer(run.source, run.out, retries=True).errors == 4
        assert run.out.read_bytes() == run.whole
        assert sorted(os.listdir(run.folder)) == sorted(["in.jsonl", run.out.name, run.manifest.name])


def test_errors_are_retried_and_nothing_else():
    with undisturbed(SOME) as run:
        works = []
        done = answer(run.source, run.out, work=lambda plan: works.append(ToldWork(plan)) or works[0], retries=True)
        assert sorted(works[0].asked) == [0, 3, 6, 9]
        assert (done.lines, done.errors, done.answered) == (10, 4, 4)


@pytest.mark.parametrize("ending", ENDINGS)
def test_requests_added_at_the_end_are_answered(ending):
    with undisturbed(SOME[:4], ending) as run, undisturbed(SOME, ending) as longer:
        write_requests(run.source, SOME)
        assert answer(run.source, run.out).answered == 6
        assert run.out.read_bytes() == longer.whole


def killed_before_the_table(monkeypatch, *asked, **more):
    """Answer, but die where the journal is whole and the table is to be made of it."""
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(keeping, "_write_table", Mock(side_effect=KeyboardInterrupt))
        answer(*asked, **more)


@pytest.mark.parametrize("retries", [False, True])
def test_a_table_gets_all_that_a_killed_run_answered(monkeypatch, retries):
    with undisturbed(SOME[:4], "parquet") as run, undisturbed(SOME, "parquet") as longer:
        write_requests(run.source, SOME)
        killed_before_the_table(monkeypatch, run.source, run.out, retries=retries)
        assert answer(run.source, run.out).answered == 0
        assert run.out.read_bytes() == longer.whole
        assert not run.journal.exists()


CHANGES = {
    "the seed": ({"seed": 2}, "--seed was 1 and is 2"),
    "an option": ({"plan": Plan(models=(), fast=True)}, "--fast was False and is True"),
    "a model": ({"plan": Plan(models=("novel",))}, "the models were  and are novel"),
}


@pytest.mark.parametrize(("more", "told"), CHANGES.values(), ids=CHANGES)
def test_what_has_changed_is_named_and_nothing_is_lost(more, told):
    with undisturbed(SOME) as run:
        with pytest.raises(GenError, match="--fresh") as refused:
            answer(run.source, run.out, **more)
        assert told in str(refused.value)
        assert run.out.read_bytes() == run.whole
        assert answer(run.source, run.out, is_fresh=True, **more).answered == len(SOME)


def device_of(run):
    return json.loads(run.manifest.read_text())["options"]["device"]


def came_to(monkeypatch, device):
    """On this machine, auto is now that device."""
    monkeypatch.setattr("gen_engine.models.device.choose_device", lambda name: device if name == "auto" else name)


def test_another_device_behind_auto_is_noticed(monkeypatch):
    came_to(monkeypatch, "cpu")
    with undisturbed(SOME) as run:
        assert device_of(run) == "cpu"
        came_to(monkeypatch, "cuda:0")
        with pytest.raises(GenError, match="--device was cpu and is cuda:0"):
            answer(run.source, run.out)
        assert answer(run.source, run.out, plan=Plan(models=(), device="cpu")).lines == len(SOME)


@pytest.mark.parametrize("old", ["auto", "cuda"])
def test_a_device_as_it_was_typed_can_be_continued(monkeypatch, old):
    came_to(monkeypatch, "cuda:0")
    with undisturbed(SOME) as run:
        found = manifest.read(run.manifest)
        manifest.write(replace(found, options={**found.options, "device": old}), run.manifest)
        assert answer(run.source, run.out).answered == 0
        assert device_of(run) == "cuda:0"


def test_a_cluster_keeps_the_device_that_was_known(monkeypatch):
    came_to(monkeypatch, "cpu")
    with undisturbed(SOME, is_here=False) as elsewhere, undisturbed(SOME) as run:
        answer(run.source, run.out, is_here=False)
        assert (device_of(elsewhere), device_of(run)) == ("auto", "cpu")


def test_a_device_that_is_not_there_is_refused_first(tmp_path):
    with pytest.raises(GenError, match="There is no"):
        answer(write_requests(tmp_path / "in.jsonl", SOME), tmp_path / "out.jsonl", plan=Plan((), device="cuda:999"))
    assert os.listdir(tmp_path) == ["in.jsonl"]


@pytest.mark.parametrize("changed", [SOME[1:], SOME[:-1], [*SOME[:5], {"prompt": "other"}, *SOME[6:]]])
def test_a_changed_input_is_noticed(changed):
    with undisturbed(SOME) as run:
        write_requests(run.source, changed)
        with pytest.raises(GenError, match=r"in\.jsonl (has changed|had at least).*--fresh"):
            answer(run.source, run.out)
        assert run.out.read_bytes() == run.whole


def test_blank_lines_and_line_ends_are_no_change():
    with undisturbed(SOME) as run:
        run.source.write_bytes(b"\xef\xbb\xbf\r\n" + run.source.read_bytes().replace(b"\n", b"\r\n\r\n").rstrip())
        assert answer(run.source, run.out).answered == 0


def test_a_random_seed_is_kept(tmp_path):
    source = write_requests(tmp_path / "in.jsonl", SOME)
    answer(source, tmp_path / "out.jsonl", seed=None)
    whole = (tmp_path / "out.jsonl").read_bytes()
    (tmp_path / "out.jsonl").write_bytes(whole[: len(whole) // 2])
    answer(source, tmp_path / "out.jsonl", seed=None)
    assert (tmp_path / "out.jsonl").read_bytes() == whole


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_of_others_is_not_touched(tmp_path, ending):
    out = tmp_path / f"out.{ending}"
    out.write_text("mine\n")
    with pytest.raises(GenError, match="no manifest"):
        answer(write_requests(tmp_path / "in.jsonl", SOME), out)
    assert out.read_text() == "mine\n"


def test_what_a_fresh_run_replaces_outlives_a_refusal():
    def refusing(plan):
        raise GenError("no cluster")

    with undisturbed(SOME) as run:
        kept = {each: each.read_bytes() for each in run.folder.iterdir()}
        with pytest.raises(GenError, match="no cluster"):
            answer(run.source, run.out, work=refusing, is_fresh=True)
        assert {each: each.read_bytes() for each in run.folder.iterdir()} == kept


def test_a_fresh_run_leaves_nothing_of_the_old():
    with undisturbed(SOME, seed=2) as run:
        old = run.out.with_name("out.jsonl.retrying")
        old.write_bytes(run.whole)
        answer(run.source, run.out, is_fresh=True)
        with undisturbed(SOME) as other:
            assert run.out.read_bytes() == other.whole
        assert not old.exists()


def test_a_linked_output_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    source, out = write_requests(tmp_path / "in.jsonl", SOME), tmp_path / "out.jsonl"
    out.symlink_to(tmp_path / "there" / "real.jsonl")
    for retries in (False, True):
        answer(source, out, retries=retries)
    assert out.is_symlink()
    assert sorted(os.listdir(tmp_path / "there")) == ["real.jsonl", "real.jsonl.manifest.json"]


def test_a_refused_run_leaves_nothing(tmp_path):
    source = write_requests(tmp_path / "in.jsonl", SOME)
    with pytest.raises(GenError, match="no model"):
        answer(source, tmp_path / "out.jsonl", plan=Plan(models=("./no model",)))
    assert os.listdir(tmp_path) == ["in.jsonl"]


class Healed(ToldWork):
    """Fails no line."""

    def answers(self, lines):
        """The answers of the lines without what fails them."""
        return super().answers(replace(line, asked={**line.asked, "fail": ""}) for line in lines)


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_a_retry_mends_is_no_error_any_more(ending):
    good = [{name: value for name, value in each.items() if name != "fail"} for each in SOME]
    with undisturbed(SOME, ending) as run, undisturbed(good, ending) as wanted:
        done = answer(run.source, run.out, work=Healed, retries=True)
        assert (done.lines, done.errors, done.answered) == (10, 0, 4)
        assert run.out.read_bytes() == wanted.whole


def test_a_retry_of_no_errors_says_so(capsys):
    with undisturbed(SOME[1:3]) as run:
        assert answer(run.source, run.out, retries=True).answered == 0
    assert "out.jsonl held no errors to retry" in capsys.readouterr().err


@pytest.mark.parametrize("damage", [b"", b"{}", b"[" * 9**5, b"\xff", b'{"format": 9}'])
def test_a_damaged_manifest_is_told(damage):
    with undisturbed(SOME) as run:
        run.manifest.write_bytes(damage)
        with pytest.raises(GenError, match="damaged.*--fresh"):
            answer(run.source, run.out)


def test_a_changed_manifest_is_told():
    with undisturbed(SOME) as run:
        run.manifest.write_text(run.manifest.read_text().replace('"seed": 1', '"seed": 2'))
        with pytest.raises(GenError, match="damaged"):
            answer(run.source, run.out, seed=2)


def test_two_runs_do_not_write_one_output():
    with undisturbed(SOME) as run:
        with locked(beside(run.out, is_table=False)), pytest.raises(GenError, match="Another run"):
            answer(run.source, run.out)
        assert answer(run.source, run.out).lines == len(SOME)


def test_a_manifest_covers_every_line_that_is_written(tmp_path, monkeypatch):
    covered, put, out = [], Journal.put, tmp_path / "out.jsonl"

    def watched(journal, row):
        covered.append(json.loads((tmp_path / "out.jsonl.manifest.json").read_text())["input"]["count"])
        put(journal, row)

    monkeypatch.setattr(Journal, "put", watched)
    monkeypatch.setattr(reading, "BLOCK", 2)
    answer(write_requests(tmp_path / "in.jsonl", SOME), out, work=lambda plan: ToldWork(plan, 1))
    assert [count > line for line, count in enumerate(covered)] == [True] * len(SOME)


@pytest.mark.parametrize("out", ["out.jsonl", "out.csv", "out.parquet"])
@pytest.mark.parametrize("is_fresh", [True, False])
def test_an_input_that_is_refused_leaves_nothing(tmp_path, out, is_fresh):
    (tmp_path / "in.csv").write_text("id;prompt\n1;x\n")
    with pytest.raises(GenError, match="semicolons"):
        answer(tmp_path / "in.csv", tmp_path / out, is_fresh=is_fresh)
    assert os.listdir(tmp_path) == ["in.csv"]


@pytest.mark.parametrize("name", ["folder.jsonl", "missing/out.jsonl"])
def test_an_impossible_output_is_refused_at_once(tmp_path, name):
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(GenError, match="choose another"):
        answer(write_requests(tmp_path / "in.jsonl", SOME), tmp_path / name)


@pytest.mark.parametrize("ending", [".journal.jsonl", ".retrying", ".manifest.json"])
def test_a_file_beside_the_output_is_no_input(tmp_path, ending):
    write_requests(tmp_path / "out.jsonl", SOME).rename(tmp_path / f"out.parquet{ending}")
    (tmp_path / "in.jsonl").symlink_to(tmp_path / f"out.parquet{ending}")
    with pytest.raises(GenError, match="written beside"):
        answer(tmp_path / "in.jsonl", tmp_path / "out.parquet")


MOVED = {
    "a line was deleted": lambda lines: [lines[0], *lines[2:]],
    "two were swapped": lambda lines: [lines[1], lines[0], *lines[2:]],
    "one was added": lambda lines: [lines[0], *lines],
}


@pytest.mark.parametrize("moved", MOVED.values(), ids=MOVED)
@pytest.mark.parametrize("named", [True, False])
def test_moved_answers_are_never_taken_for_others(moved, named):
    with undisturbed([each if named else {"prompt": each["prompt"]} for each in SOME]) as run:
        there = b"".join(moved(run.whole.splitlines(keepends=True)))
        run.out.write_bytes(there)
        with pytest.raises(GenError, match=r"Record [12] of .* answers another request .* --fresh"):
            answer(run.source, run.out)
        assert run.out.read_bytes() == there


def test_a_damaged_answer_is_told_by_its_number():
    with undisturbed(SOME) as run:
        run.out.write_bytes(run.whole.replace(b'{"id": "a4"', b"hello", 1))
        with pytest.raises(GenError, match="Record 5 of .*out.jsonl is none of ours; restore the file"):
            answer(run.source, run.out)


def test_a_stale_retry_of_more_lines_is_begun_anew():
    with undisturbed(SOME) as run:
        run.out.with_name("out.jsonl.retrying").write_bytes(2 * run.whole)
        assert answer(run.source, run.out, retries=True).answered == 4
        assert run.out.read_bytes() == run.whole


def test_a_finished_table_leaves_no_journal():
    with undisturbed(SOME, "parquet") as run:
        assert sorted(os.listdir(run.folder)) == ["in.jsonl", "out.parquet", "out.parquet.manifest.json"]
