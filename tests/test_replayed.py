"""Whatever writes texts writes them again: random results of all commands, replayed."""

import json
from random import Random

import pytest
from random_commands import random_command

from gen_engine.cli import output
from gen_engine.cli.main import main
from gen_engine.memory import Memory


@pytest.fixture
def results(tmp_path, monkeypatch, capsys):
    """A file of results of random commands, at least as many as asked for. What a command refuses is left out."""
    load, loaded = output.load_engine, Memory(8)
    monkeypatch.setattr(output, "load_engine", lambda name, **how: loaded.get(str((name, how)))
                        or loaded.put(str((name, how)), load(name, **how)))  # fmt: skip

    def make(count, seed):
        random, out, lines = Random(seed), tmp_path / "out", []
        while len(lines) < count:
            if main([*random_command(random), "--out", str(out)]) == 0:
                lines += out.read_text("utf-8").splitlines()
        (tmp_path / "results.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        capsys.readouterr()
        return tmp_path / "results.jsonl", len(lines)

    return make


def check(results, capsys, count, seed):
    """Results that were made on this machine are all written again, to the same text."""
    file, made = results(count, seed)
    code = main(["replay", str(file), "--json"])
    told = [*map(json.loads, capsys.readouterr().out.splitlines())]
    assert [each for each in told if not each.get("same")] == []
    assert (code, len(told)) == (0, made)


def test_a_few_results_of_any_commands_replay(results, capsys):
    check(results, capsys, 8, seed=3)


@pytest.mark.slow
def test_two_hundred_results_of_all_commands_replay(results, capsys):
    check(results, capsys, 200, seed=1)
