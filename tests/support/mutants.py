"""Mutation testing: small mistakes are put into the chain, the guarantee, the state table and the decoders one by one,
and some test must notice each.

`python tests/support/mutants.py [--sample N] [--again LOG] [MODULE ...]`, or `make mutants`; with `--tests FILE`, any
other file: `--tests plugins/batch/tests/test_pool.py plugins/batch/gen_batch/pool.py`. The tests of a module are
collected once and run without a mistake, and it is noted which of them come by which line (by `coverage`). Then every
mutant has a forked process, where the mistaken code is put into the functions that are there already, and is shown only
to the tests that come by it, the quickest first. A mistake in what runs when the module is imported is tried in a
process that imports all anew. No file is written. A new module needs a line in `TESTS`, nothing else.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.abc
import importlib.util
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate, zip_longest
from pathlib import Path

import coverage
import pytest
from mistakes import ROOT, Mutant, mutants
from swapping import can_swap, differing, functions_of, swap

TESTS = {
    "chain.py": "chain decoding/viable properties decoding/sample proving/prover shapers/penalties shapers/truncation",
    "decoding/viable.py": "decoding/viable decoding/sample properties decoding/beam decoding/smc interop "
    "decoding/used_engines",
    "proving/states.py": "proving/states proving/distinct proving/prover properties",
    "proving/histories.py": "proving/histories decoding/rows properties",
    "proving/sufficient.py": "proving/sufficient decoding/rows proving/histories decoding/used_engines",
    "decoding/rows.py": "decoding/rows decoding/generation decoding/sample properties decoding/beam decoding/smc",
    "decoding/generation.py": "decoding/generation decoding/seeds decoding/sample properties decoding/beam "
    "decoding/smc decoding/any_num decoding/drafts decoding/choosing",
    "memory.py": "proving/states proving/lifting/token_classes",
    "decoding/drafts.py": "decoding/drafts",
    "decoding/sample.py": "decoding/sample decoding/drafts decoding/seeds properties "
    "decoding/scheduler shapers/truncation",
    "decoding/beam.py": "decoding/beam_search decoding/beam decoding/seeds decoding/sample decoding/scheduler "
    "shapers/truncation",
    "decoding/smc.py": "decoding/smc decoding/seeds decoding/sample decoding/scheduler shapers/truncation "
    "decoding/beam",
}
"""Tests that must notice mistakes in each module of `gen_engine`; `proving/states` is `proving/test_states.py`."""

BUDGET = 90.0
"""How many seconds of tests a mutant is shown, the quickest first. What only others would kill counts as alive."""

TICK = 0.05
"""How many seconds pass between two looks at a test run."""

REWRITTEN = "ignore::pytest.PytestAssertRewriteWarning"


class Swap(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Imports one module from a tree in memory."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant
        parts = mutant.path.relative_to(ROOT).with_suffix("").parts
        self.name = ".".join(parts[2:] if parts[0] == "plugins" else parts)

    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, self, origin=str(self.mutant.path)) if name == self.name else None

    def get_filename(self, name):
        return str(self.mutant.path)

    def get_data(self, path):
        return b""

    def get_code(self, name):
        return compile(self.mutant.tree, str(self.mutant.path), "exec")


@dataclass
class Watch:
    """A plugin of pytest that notes which tests come by which lines of a file, and how long each takes."""

    path: Path
    out: Path

    def __post_init__(self) -> None:
        self.coverage = coverage.Coverage(data_file=None, config_file=False, include=[str(self.path)], messages=False)
        self.seconds: dict[str, float] = {}
        self.coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        self.coverage.switch_context(item.nodeid)
        start = time.monotonic()
        result = yield
        self.seconds[item.nodeid] = time.monotonic() - start
        return result

    def write(self) -> None:
        """Write what was noted."""
        self.coverage.stop()
        by_line = self.coverage.get_data().contexts_by_lineno(str(self.path))
        self.out.write_text(json.dumps({"by_line": by_line, "seconds": self.seconds}), encoding="utf-8")


@dataclass(frozen=True)
class Seen:
    """What was noted: the tests that come by each line, and their time."""

    by_line: dict[int, list[str]]
    seconds: dict[str, float]

    @staticmethod
    def read(file: Path) -> Seen:
        """What a watch wrote."""
        noted = json.loads(file.read_text(encoding="utf-8"))
        return Seen({int(line): tests for line, tests in noted["by_line"].items()}, noted["seconds"])

    def tests_of(self, mutant: Mutant) -> list[str]:
        """The tests that come by a mutant, the quickest first."""
        found = {test for line in mutant.lines for test in self.by_line.get(line, ())} & self.seconds.keys()
        return quickest(found, self.seconds)


def quickest(tests: Iterable[str], seconds: dict[str, float]) -> list[str]:
    """Tests by how long they take, as many as there is time for, and one in any case."""
    found = sorted(tests, key=seconds.__getitem__)
    spent = accumulate(seconds[test] for test in found)
    return [
        test for number, (test, until) in enumerate(zip(found, spent, strict=True)) if not number or until <= BUDGET
    ]


@dataclass(frozen=True)
class Clock:
    """A plugin of pytest; `seconds` is what each test takes without a mistake.

    A test that takes much more processor time than that goes round in circles, and the process is ended.
    """

    seconds: dict[str, float]

    def pytest_runtest_logstart(self, nodeid):
        signal.setitimer(signal.ITIMER_PROF, 5 * self.seconds[nodeid] + 10)


@dataclass(frozen=True)
class Only:
    """A plugin of pytest that runs these tests alone, in this order."""

    tests: list[str]

    def pytest_collection_modifyitems(self, items):
        items[:] = in_order(items, self.tests)


def in_order(items, tests: list[str]) -> list:
    """The items of these tests, in their order."""
    place = {test: number for number, test in enumerate(tests)}
    return sorted((item for item in items if item.nodeid in place), key=lambda item: place[item.nodeid])


def forked(work: Callable[[], int], limit: float, sink: str | None = os.devnull) -> tuple[bool, float]:
    """Whether work in a forked process returns 0, and how long it takes; it is stopped after `limit` seconds.

    What it prints goes to the file `sink`, or where our own goes.
    """
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        _work(work, sink)
    for _ in range(round(limit / TICK)):  # no clock: while everything is paused, no time passes
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0, time.monotonic() - start
        time.sleep(TICK)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False, limit


def _work(work: Callable[[], int], sink: str | None) -> None:
    code = 70
    try:
        os.setsid()
        if sink is not None:
            out = os.open(sink, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(out, 1)
            os.dup2(out, 2)
        code = int(work())
    except BaseException:  # noqa: BLE001 - whatever a mistake leads to, it was noticed
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def pytest_run(tests: list[str], *plugins: object) -> int:
    """Run pytest here.

    Rewriting assertions would import the modules of our distribution by a hook of pytest's, without the mistake.
    """
    options = ["-x", "-q", "-s", "--assert=plain", "-p", "no:cacheprovider", "-W", REWRITTEN, "-m", "not slow"]
    return int(pytest.main([*options, "--rootdir", str(ROOT), "--hypothesis-profile=ci", *tests], plugins=plugins))


def run_items(session, plugin: object) -> int:
    """Run the tests of a session up to the first that fails: 0 if all pass."""
    session.config.pluginmanager.register(plugin)
    for item, following in zip_longest(session.items, session.items[1:]):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return 1
    return 0


@dataclass
class Bench:
    """A plugin of pytest that tries mutants of a file on the collected tests, in place of running them.

    `later` are the numbers of those that can only be tried when the module is imported anew.
    """

    path: Path
    mutants: list[Mutant]
    out: Path
    killed: int = 0
    later: list[int] = field(default_factory=list)

    def pytest_runtestloop(self, session):
        seen, seconds = self._look_on(session)
        functions = functions_of(str(self.path))
        sound = compile(ast.parse(self.path.read_text(encoding="utf-8")), str(self.path), "exec")
        for number, mutant in enumerate(self.mutants):
            pairs = differing(sound, compile(mutant.tree, str(self.path), "exec"))
            if not pairs or not can_swap(pairs, functions):
                self.later.append(number)
                continue
            tests = seen.tests_of(mutant)
            put = partial(swap, pairs, functions)
            self.killed += tell(mutant, len(tests), not tests or self._passes(session, tests, seen.seconds, put))
        self.out.write_text(json.dumps([self.killed, self.later, seen.seconds, seconds]), encoding="utf-8")
        return True

    def _look_on(self, session) -> tuple[Seen, float]:
        """Run the tests without a mutant: what they come by, and the seconds that they take."""

        def work() -> int:
            watch = Watch(self.path, noted)
            code = run_items(session, watch)
            watch.write()
            return code

        sink, noted = Path(tempfile.gettempdir()) / f"mutants-{self.path.stem}.txt", self.out.with_name("seen.json")
        passed, seconds = forked(work, 3600, str(sink))
        if not passed:
            pytest.exit(f"The tests of {self.path.name} fail without a mutant ({sink}); mend them first.", 1)
        return Seen.read(noted), seconds

    def _passes(self, session, tests: list[str], seconds: dict[str, float], put: Callable[[], None]) -> bool:
        def work() -> int:
            put()
            session.items[:] = in_order(session.items, tests)
            return run_items(session, Clock(seconds))

        return forked(work, limit_of(tests, seconds))[0]


def limit_of(tests: list[str], seconds: dict[str, float]) -> float:
    """After how many seconds these tests have gone astray."""
    return 3 * sum(seconds[test] for test in tests) + 60


def tell(mutant: Mutant, tests: int, survives: bool) -> bool:
    """Print what became of a mutant that so many tests come by. Returns whether it was killed."""
    print(f"{'survived' if survives else 'killed'}: {mutant} ({tests} tests come by)", flush=True)
    return not survives


def main() -> int:
    """Try every mutant, or a sample; tells the survivors and the share that was killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "modules", nargs="*", metavar="MODULE", help="such as chain.py or decoding/beam.py; default: all"
    )
    parser.add_argument(
        "--tests", action="append", metavar="FILE", help="tests of modules outside the table, which are named by path"
    )
    parser.add_argument("--sample", type=int, help="try only so many of each file, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", type=Path, metavar="LOG", help="only those that survived by what was printed before")
    parser.add_argument("--part", default="1/1", metavar="K/N", help="only every N-th mutant, from the K-th on")
    options = parser.parse_args()
    unknown = [name for name in options.modules if name not in TESTS and not options.tests]
    if unknown:
        parser.error(f"{', '.join(unknown)} is no module of the table; there are {', '.join(TESTS)}")
    for name in ("numpy", "torch", "transformers"):  # once for all mutants
        importlib.import_module(name)

    killed = total = 0
    for name in options.modules or TESTS:
        if options.tests or (ROOT / "gen_engine" / name).exists():
            won, tried = _try_module(name, options)
            killed, total = killed + won, total + tried
    print(f"together: {killed} of {total} mutants killed, {killed / max(1, total):.1%}")
    return int(killed < 0.9 * total)


def test_files(name: str) -> list[str]:
    """The files of tests that must notice mistakes in a module."""
    places = [ROOT / "tests" / test for test in TESTS[name].split()]
    return [str(place.with_name(f"test_{place.name}.py")) for place in places]


def _try_module(name: str, options: argparse.Namespace) -> tuple[int, int]:
    path = ROOT / name if options.tests else ROOT / "gen_engine" / name
    files = options.tests or test_files(name)
    found = mutants(path)
    if options.again:
        known = {line.partition(": ")[2].rpartition(" (")[0] for line in _survived(options.again)}
        found = [mutant for mutant in found if str(mutant) in known]
    if options.sample and options.sample < len(found):
        found = random.Random(options.seed).sample(found, options.sample)
    part, parts = map(int, options.part.split("/"))
    found = found[part - 1 :: parts]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "tried.json"
        if not forked(lambda: pytest_run(files, Bench(path, found, out)), 24 * 3600, sink=None)[0]:
            sys.exit(f"The mutants of {name} could not be tried.")
        killed, later, by_test, seconds = json.loads(out.read_text(encoding="utf-8"))
    tests = quickest(by_test, by_test)
    for mutant in (found[number] for number in later):
        killed += tell(mutant, len(tests), _passes_anew(files, mutant, tests, by_test))
    print(f"{path.relative_to(ROOT)}: {killed} of {len(found)} killed; its tests take {seconds:.0f} s", flush=True)
    return killed, len(found)


def _survived(log: Path) -> list[str]:
    return [line for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("survived: ")]


def _passes_anew(files: list[str], mutant: Mutant, tests: list[str], seconds: dict[str, float]) -> bool:
    """Whether these tests of a module, which stand in `files`, pass where it is imported with a mistake."""

    def work() -> int:
        sys.meta_path.insert(0, Swap(mutant))
        return pytest_run(files, Only(tests), Clock(seconds))

    return forked(work, limit_of(tests, seconds))[0]


if __name__ == "__main__":
    sys.exit(main())
