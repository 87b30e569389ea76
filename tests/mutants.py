"""Mutation testing: small mistakes are put into the chain, the guarantee, the state table and the decoders one by one,
and some test must notice each.

`python tests/mutants.py [--sample N] [--seed S] [FILE ...]`, or `make mutants`. Every mutant runs in a process forked
from one that has imported torch and pytest already; the mistake is in memory only, no file is written.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import importlib.abc
import importlib.util
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = {
    "chain.py": ["test_chain.py", "test_properties.py", "test_decoders.py", "test_prover.py", "test_shapers.py",
                 "test_more_shapers.py"],
    "viable.py": ["test_decoders.py", "test_properties.py", "test_beam.py", "test_smc.py", "test_interop.py",
                  "test_used_engines.py"],
    "states.py": ["test_states.py", "test_fresh.py", "test_prover.py", "test_properties.py"],
    "histories.py": ["test_histories.py", "test_properties.py"],
    "sample.py": ["test_decoders.py", "test_properties.py", "test_scheduler.py", "test_more_shapers.py"],
    "beam.py": ["test_beam.py", "test_decoders.py", "test_scheduler.py", "test_more_shapers.py"],
    "smc.py": ["test_smc.py", "test_decoders.py", "test_scheduler.py", "test_more_shapers.py"],
}  # fmt: skip
"""The tests that must notice mistakes in each file, the likeliest first."""

REWRITTEN = "ignore::pytest.PytestAssertRewriteWarning"

COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
COMPUTED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Add, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr, ast.Pow: ast.Mult,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One mistake: where it is, what was written there, what is now, and the whole file with it."""

    path: Path
    line: int
    old: str
    new: str
    tree: ast.Module

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.old}  ->  {self.new}"


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """What might have been written by mistake in place of a node."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in COMPARED:
            yield ast.Compare(node.left, [COMPARED[type(op)]()], node.comparators)
        case ast.BinOp(op=op) if type(op) in COMPUTED:
            yield ast.BinOp(node.left, COMPUTED[type(op)](), node.right)
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            yield values[0]
        case ast.UnaryOp(op=ast.Not(), operand=operand) | ast.UnaryOp(op=ast.USub(), operand=operand):
            yield operand
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield body
            yield orelse
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield ast.Constant(value + 1)
        case ast.If(test=test) | ast.While(test=test) if not isinstance(test, ast.Compare | ast.UnaryOp):
            changed = copy.copy(node)
            changed.test = ast.UnaryOp(ast.Not(), test)
            yield changed
        case ast.Return(value=value) if value is not None and not isinstance(value, ast.Constant):
            yield ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Continue() | ast.Break():
            yield ast.Pass()


def mutants(path: Path) -> list[Mutant]:
    """Every mistake in a file, docstrings, annotations and messages aside."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    found = []
    for node, field, index in _places(tree):
        value = getattr(node, field)
        old = value if index is None else value[index]
        for new in changes(old):
            ast.copy_location(new, old)
            _put(node, field, index, new)
            found.append(
                Mutant(path, old.lineno, _short(old), _short(new), ast.fix_missing_locations(copy.deepcopy(tree)))
            )
            _put(node, field, index, old)
    return found


def _places(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    """Where expressions and statements stand: the node above, its field, and the place in a list."""
    for field, value in ast.iter_fields(tree):
        if field in ("annotation", "returns", "decorator_list", "type_comment"):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.JoinedStr | ast.Raise) or _is_setting(child):
                continue
            if hasattr(child, "lineno"):
                yield tree, field, index
            yield from _places(child)


def _is_setting(node: ast.AST) -> bool:
    """Whether a node is a limit such as `REMEMBERED = 4096`, which no text depends on, or is for type checkers only."""
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING"
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).isupper()


def _put(node: ast.AST, field: str, index: int | None, new: ast.AST) -> None:
    if index is None:
        setattr(node, field, new)
    else:
        getattr(node, field)[index] = new


def _short(node: ast.AST) -> str:
    text = ast.unparse(node).split("\n")
    return text[0][:90] + (" ..." if len(text) > 1 else "")


class Swap(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Imports one module from a tree in memory."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant
        self.name = ".".join(mutant.path.relative_to(ROOT).with_suffix("").parts)

    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, self, origin=str(self.mutant.path)) if name == self.name else None

    def get_filename(self, name):
        return str(self.mutant.path)

    def get_data(self, path):
        return b""

    def get_code(self, name):
        return compile(self.mutant.tree, str(self.mutant.path), "exec")


def run(tests: list[str], mutant: Mutant | None, limit: float, sink: str = os.devnull) -> tuple[bool, float]:
    """Whether the tests pass in a forked process, which is stopped after `limit` seconds, and how long they took."""
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        os.setsid()
        out = os.open(sink, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        code = _test(tests, mutant)
        sys.stdout.flush()
        os._exit(code)
    while time.monotonic() - start < limit:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0, time.monotonic() - start
        time.sleep(0.05)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False, limit


def _test(tests: list[str], mutant: Mutant | None) -> int:
    import pytest

    try:
        if mutant is not None:
            sys.meta_path.insert(0, Swap(mutant))
        # Rewriting assertions would import the modules of our distribution by a hook of pytest's, without the mistake.
        options = ["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-W", REWRITTEN, "-m", "not slow"]
        return int(pytest.main([*options, *tests]))
    except BaseException:  # noqa: BLE001 - whatever a mistake leads to, it was noticed
        traceback.print_exc()
        return 70


def main() -> int:
    """Try every mutant, or a sample; tells the survivors and the share that was killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="files of TESTS; default: all of them that are there")
    parser.add_argument("--sample", type=int, help="try only so many of each file, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", default="1/1", metavar="K/N", help="only every N-th mutant, from the K-th on")
    options = parser.parse_args()
    for name in ("numpy", "pytest", "torch", "transformers"):  # once for all mutants
        importlib.import_module(name)

    places = [ROOT / "gen_engine" / "chain.py", *sorted((ROOT / "gen_engine" / "decoders").glob("*.py"))]
    files = [path.resolve() for path in options.files] or [path for path in places if path.name in TESTS]
    killed = total = 0
    for path in files:
        won, tried = _try_file(path, options)
        killed, total = killed + won, total + tried
    print(f"together: {killed} of {total} mutants killed, {killed / max(1, total):.1%}")
    return int(killed < 0.9 * total)


def _try_file(path: Path, options: argparse.Namespace) -> tuple[int, int]:
    tests = [str(ROOT / "tests" / name) for name in TESTS[path.name] if (ROOT / "tests" / name).exists()]
    passed, seconds = run(tests, None, 3600, sink=tempfile.gettempdir() + "/mutants.txt")
    if not passed:
        sys.exit(
            f"The tests of {path.name} fail without a mutant ({tempfile.gettempdir()}/mutants.txt); mend them first."
        )
    found = mutants(path)
    if options.sample and options.sample < len(found):
        found = random.Random(options.seed).sample(found, options.sample)
    part, parts = map(int, options.part.split("/"))
    found = found[part - 1 :: parts]
    killed = 0
    for mutant in found:
        survives, _ = run(tests, mutant, 3 * seconds + 30)
        killed += not survives
        print(f"{'survived' if survives else 'killed'}: {mutant}", flush=True)
    print(f"{path.relative_to(ROOT)}: {killed} of {len(found)} killed; its tests take {seconds:.0f} s", flush=True)
    return killed, len(found)


if __name__ == "__main__":
    sys.exit(main())
