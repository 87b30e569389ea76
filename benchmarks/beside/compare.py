"""Runs the works: every contestant opens the model, warms up, and then all take turns."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from math import inf
from pathlib import Path
from statistics import median
from typing import Any

from ..measure import Figure
from . import floor, lengths, memory
from .turns import LEAST, LeftOutError, Process, rounds_for, take_turns, times_a_turn
from .works import LARGE, SMALL, Work

MEMORY_WORK = Work(LARGE, "free", 16, 300)
FLOOR_TIMES, PLATEAU_TIMES, LINE_TIMES, MEMORY_TIMES = 1.5, 1.3, 1.1, 1.3
"""The bounds: a step at one row beside its floor, a step beyond the window beside one before it, a step at the window's
end beside a straight line (a tenth is noise), peak memory beside what must be kept."""

LENGTH_ROUNDS = 5
Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """A work, and what each contestant took in each round: milliseconds for a new token of every row."""

    work: Work
    times: Mapping[str, Sequence[float]]

    def median(self, name: str) -> float:
        """Milliseconds a step."""
        return median(self.times[name])

    def ratio(self, ours: str, peer: str) -> float:
        """How many times faster ours is: the median of the rounds' own ratios, since a round shares its weather."""
        pairs = zip(self.times[peer], self.times[ours], strict=True)
        return median(theirs / mine for theirs, mine in pairs)


@dataclass(eq=False)
class Run:
    """One run: who takes part with which models, and what was found.

    `ours` are dtypes of the engine: the goals are those of the first. `dtypes` are what each chose for each model.
    """

    folders: Mapping[str, Path]
    ours: Sequence[str]
    peers: Sequence[str]
    rounds: int
    amx: bool
    say: Say
    outcomes: list[Outcome] = field(default_factory=list)
    dtypes: dict[str, dict[str, str]] = field(default_factory=dict)
    rates: dict[str, tuple[float, str]] = field(default_factory=dict)
    series: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    # ------------------------------------------------------------------------------------------- beside all peers

    def compare(self, works: Sequence[Work], until: float = inf) -> Iterator[Figure]:
        """Figures of the works in their order, then of the floor. What would not be done by `until` (on the clock
        `time.monotonic`) is left out; the first work is not, but has fewer rounds then."""
        self.say("how fast memory is read")
        self.measure_rates()
        self.say("models are loaded")
        with self._processes([*self.ours, *self.peers]) as processes:
            opened: dict[str, str] = {}
            for work in works:
                yield from self._work(work, processes, opened, until)
        if until == inf:
            self.measure_rates()
        yield from self._floor()

    def _work(
        self, work: Work, processes: dict[str, Process], opened: dict[str, str], until: float
    ) -> Iterator[Figure]:
        once: dict[str, float] = {}
        for name in [name for name in processes if name in self.ours or name in work.peers()]:
            if self.outcomes and time.monotonic() + sum(once.values()) > until:
                break
            try:
                self._open(name, work.model, processes[name], opened)
                if not self._is_first_again(name, work.model):
                    once[name] = self._warm_up(processes[name], work)
            except LeftOutError as problem:
                self._leave_out(name, str(problem), processes)
        rounds = rounds_for(once.values(), self.rounds)
        if self.outcomes and time.monotonic() + rounds * sum(max(LEAST, taken) for taken in once.values()) > until:
            self.say(f"{work.name}: left out, since the time does not suffice.")
            return
        self.say(f"{work.name}: {rounds} rounds")
        turns = {name: partial(self._turn, processes[name], work, times_a_turn(taken)) for name, taken in once.items()}
        times, left_out = take_turns(turns, rounds, until=until)
        for name, why in left_out.items():
            self._leave_out(name, why, processes)
        outcome = Outcome(work, times)
        if any(len(taken) < rounds for taken in times.values()):
            self.say(f"{work.name}: only {len(min(times.values(), key=len))} rounds, since the time is up.")
        self.outcomes.append(outcome)
        yield from self.figures(outcome)

    def _open(self, name: str, model: str, process: Process, opened: dict[str, str]) -> None:
        if opened.get(name) != model:
            told = process.ask("open", folder=str(self.folders[model]))
            self.dtypes.setdefault(name, {})[model] = told["dtype"]
            opened[name] = model

    def _is_first_again(self, name: str, model: str) -> bool:
        """Whether a dtype of ours is what the first (`auto`) has chosen anyway."""
        first = self.dtypes.get(self.ours[0], {}).get(model)
        return name in self.ours[1:] and self.dtypes[name][model] == first

    @staticmethod
    def _warm_up(process: Process, work: Work) -> float:
        first: float = process.ask("prepare", work=asdict(work))["seconds"]
        again: float = process.ask("write", times=1)["seconds"] if first < 1 else first
        return again

    @staticmethod
    def _turn(process: Process, work: Work, times: int) -> float:
        return 1000 * float(process.ask("write", times=times)["seconds"]) / work.new

    def figures(self, outcome: Outcome) -> Iterator[Figure]:
        """Each of ours beside each peer; goals are those of the first."""
        for ours in [name for name in self.ours if name in outcome.times]:
            for peer in [name for name in outcome.times if name not in self.ours]:
                goal = outcome.work.goal(peer, amx=self.amx) if ours == self.ours[0] else None
                yield Figure(
                    f"{outcome.work.name}: {ours} beside {peer}", "ms", outcome.median(ours), outcome.median(peer),
                    times_faster=goal, paired=outcome.ratio(ours, peer),
                )  # fmt: skip

    # --------------------------------------------------------------------------------------------------- the floor

    def measure_rates(self) -> None:
        """How fast a plain read goes: over a buffer beyond the caches, and over as many bytes as the weights have."""
        sizes = {"memory": floor.beyond_caches(floor.last_cache())}
        sizes |= {model: floor.linear_weights(config) for model, config in self._configs().items()}
        for name, size in sizes.items():
            self.rates[name] = max(self.rates.get(name, (0.0, "")), floor.best_rate(size))

    def floor_of(self, model: str) -> float:
        """Milliseconds of the least time of a step at one row."""
        weights = floor.linear_weights(self._configs()[model])
        return 1000 * floor.floor_seconds(weights, self.rates["memory"][0], self.rates[model][0])

    def _floor(self) -> Iterator[Figure]:
        """The large model's step at one row, by the first of ours."""
        ours = self.ours[0]
        for outcome in self.outcomes:
            work = outcome.work
            if (work.model, work.kind, work.rows) == (LARGE, "verse", 1) and ours in outcome.times:
                name = f"{work.name}: {ours} beside its floor"
                yield Figure(name, "ms", outcome.median(ours), self.floor_of(LARGE), times_peer=FLOOR_TIMES)

    @property
    def positions(self) -> int:
        """How many tokens the window of the large model holds."""
        return int(self._configs()[LARGE]["n_positions"])

    def _configs(self) -> dict[str, dict[str, Any]]:
        return {
            model: json.loads((folder / "config.json").read_text(encoding="utf-8"))
            for model, folder in self.folders.items()
        }

    # ------------------------------------------------------------------------------------------- lengths and memory

    def measure_lengths(self) -> Iterator[Figure]:
        """What a step of one row costs up to the window of the large model and beyond, by the first of ours."""
        positions, ours = self.positions, self.ours[0]
        with self._processes([ours]) as processes:
            processes[ours].ask("open", folder=str(self.folders[LARGE]))
            taken = []
            for turn in range(1, LENGTH_ROUNDS + 1):
                self.say(f"{LARGE}, lengths, round {turn} of {LENGTH_ROUNDS}")
                taken.append(processes[ours].ask("lengths", positions=positions)["seconds"])
        steps = [1000 * median(column) for column in zip(*taken, strict=True)]
        self.series[f"{LARGE}, {ours}"] = lengths.points(steps)
        end, line = lengths.beside_straight_line(steps, positions)
        yield Figure(
            f"{LARGE}, {ours}, a step at {positions} tokens beside a line", "ms", end, line, times_peer=LINE_TIMES
        )
        beyond, before = lengths.plateau(steps, positions)
        yield Figure(
            f"{LARGE}, {ours}, a step beyond the window beside one before", "ms", beyond, before,
            times_peer=PLATEAU_TIMES,
        )  # fmt: skip

    def measure_memory(self) -> Iterator[Figure]:
        """By how much a fresh process grows, beside the weights and the keys and values of 16 texts of 300 tokens."""
        seen: set[str] = set()
        for ours in self.ours:
            with self._processes([ours]) as processes:
                self.say(f"{LARGE}, memory, {ours}")
                first, folder = str(self.folders[SMALL]), str(self.folders[LARGE])
                grown = processes[ours].ask("memory", first=first, folder=folder, work=asdict(MEMORY_WORK))
            if "loading" not in grown:
                self.say("Peak memory is not measured here: only Linux tells it.")
                return
            if grown["dtype"] in seen:
                continue
            seen.add(grown["dtype"])
            length = MEMORY_WORK.new + 2  # a special token and the prompt
            kept = memory.must_keep(self._configs()[LARGE], grown["dtype"], MEMORY_WORK.rows, length) / 1e6
            for phase in ("loading", "writing"):
                bound = MEMORY_TIMES if ours == self.ours[0] else None
                title = f"{LARGE}, {ours}, peak memory while {phase} beside weights and cache"
                yield Figure(title, "MB", grown[phase] / 1e6, kept, times_peer=bound)

    # ------------------------------------------------------------------------------------------------- contestants

    @contextmanager
    def _processes(self, names: Sequence[str]) -> Iterator[dict[str, Process]]:
        with ExitStack() as stack:
            processes = {name: Process(name) for name in names}
            for process in processes.values():
                stack.callback(process.close)
            yield processes

    def _leave_out(self, name: str, why: str, processes: dict[str, Process]) -> None:
        self.say(f"{name} is left out: {why}")
        self.left_out[name] = why
        del processes[name]
