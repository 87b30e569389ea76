"""Lines that are answered in this process, with the shipped model."""

import json
from dataclasses import replace

import pytest
from batch_lines import REFUSED, answer_of, answered, enveloped, lines_of, mixed, of, short
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_batch.messages import Line
from gen_batch.working import Worker
from gen_engine.cli.main import make_cli
from gen_engine.errors import GenError
from gen_engine.hooks.registry import registry

LINES = mixed(21)


@pytest.fixture(scope="module")
def worker():
    return Worker(of())


@pytest.fixture(scope="module")
def wanted(worker):
    """The answers of `LINES`."""
    return answered(worker, LINES)


def test_a_line_gets_what_its_command_prints(worker):
    found = answer_of(worker, {"command": "poem", "prompt": "春眠", "seed": 3, "num": 2, "id": "春"})
    command = ["poem", "--prompt", "春眠", "--seed", "3", "--num", "2", "--json"]
    printed = CliRunner().invoke(make_cli(), command).stdout
    assert found["texts"] == [json.loads(line) for line in printed.splitlines()]
    assert (found["id"], found["command"], found["model"], found["seed"]) == ("春", "poem", "poem", 3)


def test_an_envelope_gets_what_the_engine_writes(worker):
    found = answer_of(worker, enveloped(prompt=["春", "白日"], n=2, max_tokens=5, temperature=0.8, seed=4))
    engine = worker.serve("poem").engine
    texts = [
        done.new
        for prompt in ("春", "白日")
        for done in engine.generate(prompt, processors=("temperature=0.8",), num=2, seed=4, max_new=5)
    ]
    body = found["response"]["body"]
    assert [choice["text"] for choice in body["choices"]] == texts
    assert body["usage"]["completion_tokens"] == 20


def test_ids_and_times_are_the_same_in_every_run(worker):
    first, again, other = (answer_of(worker, enveloped(seed=1), index) for index in (0, 0, 1))
    assert first == again
    assert {first["id"], first["response"]["request_id"], first["response"]["body"]["id"]}.isdisjoint(
        {other["id"], other["response"]["request_id"], other["response"]["body"]["id"]}
    )
    assert first["response"]["body"]["created"] == 0


@settings(max_examples=6, deadline=None)
@given(st.integers(1, 12), st.randoms(use_true_random=False))
def test_answers_do_not_depend_on_order_and_neighbours(worker, wanted, rows, random):
    other = Worker(of(rows=rows), served={name: with_rows(each, rows) for name, each in worker.served.items()})
    some = random.sample(LINES, 12)
    assert answered(other, some) == [wanted[line.index] for line in sorted(some, key=lambda line: line.index)]


def with_rows(served, rows):
    """The same model with a scheduler of its own."""
    return replace(served, scheduler=served.engine.scheduler(rows=rows, queue=None, in_pieces=False))


def test_a_contradiction_is_named_and_harms_no_other(worker, wanted):
    first = next(answer for answer, line in zip(wanted, LINES, strict=True) if line.asked == REFUSED)
    assert first.record["error"]["code"] == "conflict"
    assert first.record["error"]["members"] == ["form=4x5", "only=白"]
    assert sum(answer.is_error for answer in wanted) == 6


def test_the_first_of_several_failing_prompts_is_told(worker):
    broken = enveloped(prompt=[[1], [10**9], [10**9 + 1]], max_tokens=3)
    found = answer_of(worker, broken)["response"]
    assert found["status_code"] == 400
    assert str(10**9) in found["body"]["error"]["message"]
    assert not worker.unfinished


def test_a_processor_that_crashes_fails_its_line_alone(worker, monkeypatch):
    monkeypatch.setitem(registry().processors, "top_k", _Broken(registry().processors["top_k"]))
    bad, good = answered(worker, lines_of(short(**{"with": ["top_k=3"]}), short()))
    assert bad.record["error"]["code"] in ("plugin", "failed")
    assert not good.is_error


class _Broken:
    def __init__(self, offer):
        self.name, self.dist, self.value = "top_k", getattr(offer, "dist", ""), None

    @property
    def function(self):
        raise RuntimeError("broken")


def test_a_line_asks_for_no_more_than_the_plan_allows():
    worker = Worker(of(texts=2, length=30))
    many, long = answered(worker, lines_of(short(num=3), short(max_new=31)))
    assert many.record["error"]["message"].startswith("It asks for 3 texts, and 2 are written for a line")
    assert long.record["error"]["message"].startswith("It asks for 31 new tokens")


def test_a_model_that_cannot_be_loaded_ends_the_batch(tmp_path):
    with pytest.raises(GenError, match="empty folder"):
        answered(Worker(of(models=(str(tmp_path),))), [Line(0, short(model=tmp_path.name))])


def test_lines_that_fail_to_be_read_end_the_batch(worker):
    def lines():
        yield Line(0, short())
        raise GenError("The file is torn; mend it.")

    with pytest.raises(GenError, match="torn"):
        list(worker.answers(lines()))
    assert not worker.unfinished


def test_only_so_many_lines_are_read_ahead(worker):
    read = []

    def lines():
        for number in range(10**9):
            read.append(number)
            yield Line(number, {"command": "no"})

    answers = worker.answers(lines())
    assert {next(answers).index for _ in range(20)} == {*range(20)}
    answers.close()
    assert len(read) < 2000
