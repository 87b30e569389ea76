"""The tool that puts mistakes into modules: which it makes, and whom it shows them to."""

from pathlib import Path

import mistakes
import mutants
import pytest

SOURCE = """
def halve(number):
    if number > 3 and number:
        return (number +
                1)
    return number
"""


@pytest.fixture
def made(tmp_path):
    path = tmp_path / "halve.py"
    path.write_text(SOURCE, encoding="utf-8")
    return mistakes.mutants(path)


def test_every_mistake_is_made_once_and_nothing_else_is_changed(made):
    told = [(each.old, each.new) for each in made]
    assert ("number > 3", "number >= 3") in told
    assert ("return number", "return None") in told
    assert len(set(told)) == len(told) == 9


def test_a_mistake_stands_on_its_statements_own_lines(made):
    lines = {(each.old, each.new): [*each.lines] for each in made}
    assert lines["number + 1", "number - 1"] == [4, 5]
    assert lines["number > 3", "number >= 3"] == [3]


def test_a_mistake_is_shown_to_the_quickest_tests_first(made):
    [mutant] = [each for each in made if each.old == "number + 1"]
    seconds = {"slow": 2.0, "quick": 1.0, "another": 3.0}
    assert mutants.Seen({4: ["slow"], 5: ["slow", "quick"], 6: ["another"]}, seconds).tests_of(mutant) == [
        "quick",
        "slow",
    ]
    assert mutants.Seen({4: ["slow", ""]}, seconds).tests_of(mutant) == ["slow"]
    assert mutants.Seen({6: ["slow"]}, seconds).tests_of(mutant) == []


def test_as_many_tests_are_shown_as_fit():
    seconds = {"long": mutants.BUDGET - 1, "short": 1.0, "other": 2.0}
    assert mutants.quickest(seconds, seconds) == ["short", "other"]
    assert mutants.quickest(["long"], {"long": 2 * mutants.BUDGET}) == ["long"]


def test_every_module_of_the_table_is_there_with_its_tests():
    assert [name for name in mutants.TESTS if not (mistakes.ROOT / "gen_engine" / name).exists()] == []
    assert [test for name in mutants.TESTS for test in mutants.test_files(name) if not Path(test).exists()] == []


def test_only_a_doubt_about_lengths_is_left_out(tmp_path):
    path = tmp_path / "pairs.py"
    path.write_text("zip(a, b, strict=True)\nzip(a, b, strict=False)\nload(strict=True)\n", encoding="utf-8")
    told = [(each.line, each.new) for each in mistakes.mutants(path)]
    assert told == [(1, "pass"), (2, "pass"), (2, "True"), (3, "pass"), (3, "False")]
