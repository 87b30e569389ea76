"""`gen replay`: writes the texts of JSON results again, and says what differs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from ...errors import GenError, brief, quoted, words_of
from ...memory import Memory, remembered
from ...sources import weights_folders
from ...system.bounds import TEXTS, bounded
from ...system.help_pages import examples
from ...system.screen import note, results, say
from ...system.underway import counted
from ...types import DTYPES
from ..options import debug_option, read_lines
from ..output import load_engine
from ..provenance import Origin, installed_version, read_origin, results_in

if TYPE_CHECKING:
    from ...engine import Engine
    from ...types import Completion

ENGINES = 2
"""How many models are kept loaded."""

Change = tuple[str, str, str]
"""What is another now, what it was, and what it is."""


@dataclass(frozen=True)
class Verdict:
    """What came of replaying a text. `position` is the first character that differs, counted from 1; None: none does.

    `then` and `now` are the texts from there on. `changes` are what else is different. `problem` says why nothing could
    be compared.
    """

    where: str
    changes: tuple[Change, ...] = ()
    position: int | None = None
    then: str = ""
    now: str = ""
    reproducible: bool = True
    problem: str = ""

    @property
    def words(self) -> str:
        """The verdict as a line for people."""
        told = [f"{what} is {now or 'not installed'}, was {then}" for what, then, now in self.changes]
        if self.position is None:
            return "; ".join([*told, "same"])
        texts = f"{quoted(self.then, 12)} then, {quoted(self.now, 12)} now"
        excuse = "" if self.reproducible else ", as it may: it was not reproducible"
        return "; ".join([*told, f"differs at character {self.position} ({texts}){excuse}"])

    @property
    def record(self) -> dict[str, Any]:
        """The verdict as JSON."""
        if self.problem:
            return {"where": self.where, "problem": self.problem}
        told = {"where": self.where, "same": self.position is None, "reproducible": self.reproducible}
        differs = {"position": self.position, "then": self.then, "now": self.now}
        changes = [{"what": what, "then": then, "now": now or None} for what, then, now in self.changes]
        return {**told, **(differs if self.position is not None else {}), "changes": changes}


@dataclass
class Writer:
    """Writes texts again. `model` and `device` stand in for the recorded ones."""

    model: str | None = None
    device: str | None = None
    _engines: Memory[Any, Engine] = remembered(ENGINES)
    _asked: Origin | None = None
    _texts: Iterator[Completion] = field(default_factory=lambda: iter(()))
    _next: int = 0

    def engine(self, made: Origin) -> Engine:
        """The engine that a text is written with again: of the recorded dtype, on the recorded device if it is here."""
        name = self.model or made.model
        key = (name, made.dtype, made.device, made.fast, made.attention)
        known = self._engines.get(key)
        return known or self._engines.put(key, self._load(name, made))

    def _load(self, name: str, made: Origin) -> Engine:
        dtype = made.dtype if made.dtype in DTYPES else "auto"
        devices = [self.device] if self.device else [made.device, "auto"]  # one that was asked for is no wish
        tries = dict.fromkeys([*((dtype, device) for device in devices), ("auto", devices[-1])])
        for dtype, device in tries:
            try:
                return load_engine(name, dtype=dtype, fast=made.fast, device=device, attention=made.attention)
            except GenError as problem:
                told = problem  # perhaps it is computed otherwise here, which is told as a change
        raise told

    def text(self, made: Origin) -> Completion:
        """The text of that sample. Texts of one request that come in order are written by one."""
        if self._asked != made.same_request or made.sample < self._next:
            engine = self.engine(made)
            asked = made.request(engine)
            settings: dict[str, Any] = {name: getattr(asked, name) for name in vars(asked) if name != "prompt"}
            self._texts, self._asked, self._next = engine.completions(asked.prompt, **settings), made.same_request, 0
        for done in self._texts:
            self._next = done.sample + 1
            if done.sample == made.sample:
                return done
        self._asked = None
        raise GenError(f"Its request has no text number {made.sample}; take the result as it was written.")


@click.command(epilog=examples("gen replay poems.jsonl", "gen replay poems.jsonl --device cpu --json"))
@click.argument("file")
@click.option("--model", metavar="MODEL", help="The model that wrote them, if it is found elsewhere now.")
@click.option("--device", metavar="DEVICE", help="Where to compute.  [default: where it was, if that is here]")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each text.")
@debug_option()
def replay(file: str, model: str | None, device: str | None, as_json: bool) -> int:
    """Write the texts of JSON results again, and tell what differs.

    FILE (- for standard input) has what the writing commands print with --json, or answers of a server's typed
    endpoints. For each text, this prints `same`, or the first character that differs. What else is different is named
    before: the weights of the model, versions of plugins and of gen-engine, dtype and device. Of the best of several
    texts, the one that was chosen is written again.

    The exit code is 0 if all are the same, 1 if some differ, and 2 if some could not be read or written again.
    """
    writer = Writer(model, device)
    counts = {"same": 0, "different": 0, "not replayed": 0}
    for where, result in counted(read_results(file), "replaying"):
        verdict = _verdict(writer, where, result)
        if as_json:
            print(json.dumps(verdict.record, ensure_ascii=False), file=results(), flush=True)
        elif not verdict.problem:
            say(f"{where}: {verdict.words}")
        if verdict.problem:
            note(f"{where} cannot be replayed: {verdict.problem}", "gen:", "error")
        counts["not replayed" if verdict.problem else "same" if verdict.position is None else "different"] += 1
    if not any(counts.values()):
        raise GenError(f"{file} has no results; name a file that a writing command filled with --json --out FILE.")
    if sum(counts.values()) > 1:
        note(", ".join(f"{count:,} {what}" for what, count in counts.items() if count), "")
    return 2 if counts["not replayed"] else int(counts["different"] > 0)


def _verdict(writer: Writer, where: str, result: Mapping[str, Any] | GenError) -> Verdict:
    try:
        if isinstance(result, GenError):
            raise result
        made = read_origin(result)
        _check_model(writer.model or made.model)
        engine = writer.engine(made)
        changes = tuple(changes_since(made, engine, writer.model or made.model))
        now, then = writer.text(made).text, made.drawn if made.drawn is not None else result["text"]
    except GenError as problem:
        return Verdict(where, problem=str(problem))
    if now == then:
        return Verdict(where, changes)
    first = next((i for i, (a, b) in enumerate(zip(then, now, strict=False)) if a != b), min(len(then), len(now)))
    return Verdict(where, changes, first + 1, then[first:], now[first:], result.get("reproducible") is not False)


def _check_model(name: str) -> None:
    try:
        weights_folders(name)
    except GenError as problem:
        raise GenError(
            f"The model {brief(name)} is not here ({str(problem).rstrip('.')}); get it, or name another with --model."
        ) from None


def changes_since(made: Origin, engine: Engine, name: str) -> Iterator[Change]:
    """What is different now from how a text was made, and may be why it differs."""
    from ...models.hashes import weights_hash

    weights = weights_hash(*weights_folders(name))
    if made.hash and weights != made.hash:
        yield f"the hash of the model {brief(name)}", made.hash, weights
    for distribution, then in made.versions.items():
        now = installed_version(distribution)
        if now != then:
            yield brief(distribution), then, now or ""
    dtype, device = engine.model.dtype, str(getattr(engine.model, "device", "cpu"))
    for what, then, now in (("the dtype", made.dtype, dtype), ("the device", made.device, device)):
        if now != then:
            yield what, then, now


def read_results(file: str) -> Iterator[tuple[str, Mapping[str, Any] | GenError]]:
    """The results in a file of JSON lines, or in one of a single JSON value, each with where it stands.

    A line that is damaged or has no result is an error in its place.
    """
    lines = enumerate(read_lines(file), 1)
    first = next(((number, line) for number, line in lines if line.strip()), None)
    if first is None:
        return
    begun = [first]
    if not _is_json(first[1]):  # perhaps a value over several lines
        begun += _up_to(TEXTS - len(first[1]), lines)
        is_long = sum(len(line) for _, line in begun) > TEXTS
        if not is_long or not any(line.startswith("{") and _is_json(line) for _, line in begun):
            whole = "".join(bounded((line for _, line in begun), TEXTS, file, "write a result a line"))
            if _is_json(whole):
                yield from _results_of(whole, "The file")
                return
    for number, line in chain(begun, lines):
        if line.strip():
            yield from _results_of(line, f"Line {number}")


def _up_to(most: int, lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Numbered lines that are not blank, up to the one with which they have more than `most` characters together."""
    for number, line in lines:
        if line.strip():
            yield number, line
        most -= len(line)
        if most < 0:
            return


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _results_of(text: str, where: str) -> Iterator[tuple[str, Mapping[str, Any] | GenError]]:
    try:
        found = list(results_in(json.loads(text)))
    except (ValueError, RecursionError) as problem:
        yield where, GenError(f"It is damaged JSON ({words_of(problem)}); take the result as it was written.")
        return
    if not found:
        yield where, GenError("It is JSON without a text; give what a writing command prints with --json.")
    for number, each in enumerate(found, 1):
        yield (f"{where}, text {number}" if len(found) > 1 else where), each
