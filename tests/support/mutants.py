"""Mutation testing: small mistakes are put into the chain, the guarantee, the state table and the decoders one by one,
and some test must notice each.

`python tests/support/mutants.py [--sample N] [--seed S] [MODULE ...]`, or `make mutants`. Every mutant runs in a
process forked from one that has imported torch and pytest already; the mistake is in memory only, no file is written.
The tests of a module run without a mistake first, and it is noted which of them come by which line (by `coverage`): a
mutant is shown only to those that come by it, the quickest first. A new module needs a line in `TESTS`, nothing else.
"""

from __future__ import annotations

import argparse
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
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import coverage
import pytest
from mistakes import ROOT, Mutant, mutants

TESTS = {
    "chain.py": "chain decoding/viable properties decoding/sample proving/prover shapers/penalties shapers/truncation",
    "decoding/viable.py": "decoding/viable decoding/sample properties decoding/beam decoding/smc interop "
    "decoding/used_engines",
    "proving/states.py": "proving/states proving/distinct proving/prover properties",
    "proving/histories.py": "proving/histories decoding/rows properties",
    "proving/sufficient.py": "proving/sufficient decoding/rows proving/histories decoding/used_engines",
    "decoding/rows.py": "decoding/rows decoding/generation decoding/sample properties decoding/beam decoding/smc",
    "decoding/generation.py": "decoding/generation decoding/seeds decoding/sample properties decoding/beam "
    "decoding/smc decoding/any_num",
    "memory.py": "proving/states proving/lifting/token_classes",
    "decoding/drafts.py": "decoding/drafts",
    "decoding/sample.py": "decoding/sample decoding/drafts decoding/seeds properties "
    "decoding/scheduler shapers/truncation",
    "decoding/beam.py": "decoding/beam decoding/seeds decoding/sample decoding/scheduler shapers/truncation",
    "decoding/smc.py": "decoding/smc decoding/seeds decoding/sample decoding/scheduler shapers/truncation",
}
"""Tests that must notice mistakes in each module of `gen_engine`; `proving/states` is `proving/test_states.py`."""

TICK = 0.05
"""How many seconds pass between two looks at a test run."""

REWRITTEN = "ignore::pytest.PytestAssertRewriteWarning"


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
        self.coverage.switch_context("")
        return result

    def pytest_sessionfinish(self):
        self.coverage.stop()
        by_line = self.coverage.get_data().contexts_by_lineno(str(self.path))
        self.out.write_text(json.dumps({"by_line": by_line, "seconds": self.seconds}), encoding="utf-8")


@dataclass(frozen=True)
class Seen:
    """What was noted: the tests that come by each line ("" where it is when the module is imported), and their time."""

    by_line: dict[int, list[str]]
    seconds: dict[str, float]

    @staticmethod
    def read(file: Path) -> Seen:
        """What a watch wrote."""
        noted = json.loads(file.read_text(encoding="utf-8"))
        return Seen({int(line): tests for line, tests in noted["by_line"].items()}, noted["seconds"])

    def tests_of(self, mutant: Mutant) -> list[str]:
        """The tests that come by a mutant, the quickest first; all if it is met when the module is imported."""
        found = {test for line in mutant.lines for test in self.by_line.get(line, ())}
        return sorted(self.seconds if "" in found else found, key=self.seconds.__getitem__)


@dataclass(frozen=True)
class Chosen:
    """A plugin of pytest that runs these tests only, in this order; `seconds` is what each takes without a mistake.

    A test that takes much more processor time than that goes round in circles, and the process is ended.
    """

    tests: list[str]
    seconds: dict[str, float]

    def pytest_collection_modifyitems(self, items):
        place = {test: number for number, test in enumerate(self.tests)}
        items[:] = sorted((item for item in items if item.nodeid in place), key=lambda item: place[item.nodeid])

    def pytest_runtest_logstart(self, nodeid):
        signal.setitimer(signal.ITIMER_PROF, 5 * self.seconds[nodeid] + 10)


def run(
    tests: list[str], mutant: Mutant | None, limit: float, plugin: Callable[[], object], sink: str = os.devnull
) -> tuple[bool, float]:
    """Whether the tests pass in a forked process, which is stopped after `limit` seconds, and how long they took."""
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        os.setsid()
        out = os.open(sink, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        code = _test(tests, mutant, plugin)
        sys.stdout.flush()
        os._exit(code)
    for _ in range(round(limit / TICK)):  # no clock: while everything is paused, no time passes
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0, time.monotonic() - start
        time.sleep(TICK)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False, limit


def _test(tests: list[str], mutant: Mutant | None, plugin: Callable[[], object]) -> int:
    try:
        if mutant is not None:
            sys.meta_path.insert(0, Swap(mutant))
        # Rewriting assertions would import the modules of our distribution by a hook of pytest's, without the mistake.
        options = ["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-W", REWRITTEN, "-m", "not slow"]
        return int(
            pytest.main([*options, "--rootdir", str(ROOT), "--hypothesis-profile=ci", *tests], plugins=[plugin()])
        )
    except BaseException:  # noqa: BLE001 - whatever a mistake leads to, it was noticed
        traceback.print_exc()
        return 70


def main() -> int:
    """Try every mutant, or a sample; tells the survivors and the share that was killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "modules", nargs="*", metavar="MODULE", help="such as chain.py or decoding/beam.py; default: all"
    )
    parser.add_argument("--sample", type=int, help="try only so many of each file, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", default="1/1", metavar="K/N", help="only every N-th mutant, from the K-th on")
    options = parser.parse_args()
    unknown = [name for name in options.modules if name not in TESTS]
    if unknown:
        parser.error(f"{', '.join(unknown)} is no module of the table; there are {', '.join(TESTS)}")
    for name in ("numpy", "torch", "transformers"):  # once for all mutants
        importlib.import_module(name)

    killed = total = 0
    for name in options.modules or TESTS:
        if (ROOT / "gen_engine" / name).exists():
            won, tried = _try_module(name, options)
            killed, total = killed + won, total + tried
    print(f"together: {killed} of {total} mutants killed, {killed / max(1, total):.1%}")
    return int(killed < 0.9 * total)


def test_files(name: str) -> list[str]:
    """The files of tests that must notice mistakes in a module."""
    places = [ROOT / "tests" / test for test in TESTS[name].split()]
    return [str(place.with_name(f"test_{place.name}.py")) for place in places]


def _look_on(path: Path, tests: list[str]) -> tuple[Seen, float]:
    """Run the tests of a file without a mutant: what they come by, and the seconds that they take."""
    with tempfile.TemporaryDirectory() as folder:
        sink, out = Path(tempfile.gettempdir()) / "mutants.txt", Path(folder) / "seen.json"
        passed, seconds = run(tests, None, 3600, lambda: Watch(path, out), sink=str(sink))
        if not passed:
            sys.exit(f"The tests of {path.name} fail without a mutant ({sink}); mend them first.")
        return Seen.read(out), seconds


def _try_module(name: str, options: argparse.Namespace) -> tuple[int, int]:
    path = ROOT / "gen_engine" / name
    tests = test_files(name)
    seen, seconds = _look_on(path, tests)
    found = mutants(path)
    if options.sample and options.sample < len(found):
        found = random.Random(options.seed).sample(found, options.sample)
    part, parts = map(int, options.part.split("/"))
    found = found[part - 1 :: parts]
    killed = 0
    for mutant in found:
        those = seen.tests_of(mutant)
        survives = not those or _passes(those, mutant, seen.seconds)
        killed += not survives
        how = "survived" if survives else "killed"
        print(f"{how}: {mutant} ({len(those)} tests come by)", flush=True)
    print(f"{path.relative_to(ROOT)}: {killed} of {len(found)} killed; its tests take {seconds:.0f} s", flush=True)
    return killed, len(found)


def _passes(tests: list[str], mutant: Mutant, seconds: dict[str, float]) -> bool:
    files = dict.fromkeys(str(ROOT / test.partition("::")[0]) for test in tests)
    limit = 3 * sum(seconds[test] for test in tests) + 60
    return run(list(files), mutant, limit, lambda: Chosen(tests, seconds))[0]


if __name__ == "__main__":
    sys.exit(main())
