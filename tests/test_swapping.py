"""Mistaken code in running functions does what it does in a module that is imported anew."""

import ast
import importlib.util

import mistakes
import pytest
from swapping import can_swap, differing, functions_of, swap

SOURCE = """
from functools import cached_property, lru_cache

LIMIT = 3


@lru_cache
def halve(number):
    return number // 2 if number > LIMIT else number


def counter(step):
    def count(number):
        return number + step * 2
    return count


class Range:
    width = 5 + 1

    def __init__(self, first, last=7):
        self.first, self.last = first, last

    @cached_property
    def size(self):
        return self.last - self.first + 1


before = counter(4)


def results():
    spans = [Range(first) for first in range(9)]
    return [halve(n) for n in range(9)], [(each.size, each.width) for each in spans], counter(2)(1)
"""


def imported(path, tree=None):
    """A module of this file, or of this tree in its place, which is no longer in the file."""
    spec = importlib.util.spec_from_file_location("swapped", path)
    module = importlib.util.module_from_spec(spec)
    exec(compile(tree or path.read_text(encoding="utf-8"), str(path), "exec"), module.__dict__)
    return module


@pytest.fixture
def path(tmp_path):
    found = tmp_path / "swapped.py"
    found.write_text(SOURCE, encoding="utf-8")
    return found


def results_of(module):
    """What its functions give, or what they raise."""
    try:
        return module.results()
    except TypeError as problem:
        return repr(problem)


def swapped(path, mutant):
    """The module with a mistake put into its functions; None where that cannot be done."""
    module = imported(path)
    sound = compile(ast.parse(SOURCE), str(path), "exec")
    pairs = differing(sound, compile(mutant.tree, str(path), "exec"))
    own = {place: [each for each in those if each.__globals__ is module.__dict__] for place, those in found(path)}
    if not pairs or not can_swap(pairs, own):
        return None
    swap(pairs, own)
    return module


def found(path):
    return functions_of(str(path)).items()


def test_swapped_code_does_what_imported_code_does(path):
    tried = [(swapped(path, each), imported(path, each.tree)) for each in mistakes.mutants(path)]
    pairs = [(results_of(left), results_of(right)) for left, right in tried if left is not None]
    assert len(pairs) > 15
    assert all(left == right for left, right in pairs)
    assert any(left != imported(path).results() for left, _ in pairs)


def test_what_runs_on_import_is_not_swapped(path):
    left = {each.old for each in mistakes.mutants(path) if swapped(path, each) is None}
    assert {"5 + 1", "7"} <= left


def test_a_closure_that_was_made_before_changes_too(path):
    [mutant] = [each for each in mistakes.mutants(path) if each.new == "step + 2"]
    assert swapped(path, mutant).before(1) == 7


def test_a_function_that_sees_other_variables_is_not_swapped(path):
    before, same = imported(path).before, imported(path).before
    other = counting(path, SOURCE.replace("number + step * 2", "number"))
    functions = {(other.co_qualname, other.co_firstlineno): [before]}
    assert can_swap([(before.__code__, same.__code__)], functions)
    assert not can_swap([(before.__code__, other)], functions)


def counting(path, source):
    """The code of the inner function of `counter`."""
    return next(each for each in code_of(source, path, "counter").co_consts if hasattr(each, "co_code"))


def code_of(source, path, name):
    whole = compile(source, str(path), "exec")
    return next(each for each in whole.co_consts if getattr(each, "co_name", "") == name)
