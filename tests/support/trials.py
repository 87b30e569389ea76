"""Random requests to the models of the zoo, and a check of every answer that shares no code with the constraints.

python tests/support/trials.py 3000 --seed 1 [--families llama,opt] [--only 1:17]

A trial is one to three requests to one model. Each is run alone, then all together; with --fast of the engine they are
run once. What is checked: the text obeys its rules; what is new is what the tokenizer's own `decode` shows (bar a
leading blank, and blanks between Chinese characters); the pieces of a stream make the whole; a batch gives what each
request alone gives, to the last bit; log-probabilities are those that transformers computes; a refusal is not refuted
by a text that obeys. Each failure is told with the line that repeats it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Any

import zoo
from trial_checks import Asked, Subject, WrongError, check, check_refusal, subject
from trial_rules import BUDGETS, SHAPERS, draw_rules, some
from zoo_tokenizers import LINES, VERSE

from gen_engine.errors import GenError, UndecidedError
from gen_engine.types import Completion, Request

DECODERS = ("sample",) * 6 + ("greedy", "beam,width=2", "beam,width=4,groups=1", "smc=3", "smc=6")
ODD = (
    "😀", "É", "東", "\n", "  ", "\t", "ﬁ", "İ", "\u200b", "e\u0301", "</s>", "<s>", "[SEP]", "▁", "##a",
    "مرحبا", "🇨🇳", "�",
)  # fmt: skip
PATIENCE = 1.0
"""Seconds of search for each request."""


@dataclass(frozen=True)
class Trial:
    """Requests to one model, drawn from a seed and a number."""

    seed: int
    number: int
    families: tuple[str, ...]

    @cached_property
    def subject(self) -> Subject:
        return subject(self.families[self.number % len(self.families)])

    @cached_property
    def is_fast(self) -> bool:
        return Random(f"fast {self.seed}:{self.number}").random() < 0.25

    @cached_property
    def asked(self) -> tuple[Asked, ...]:
        rng = Random(f"{self.seed}:{self.number}")
        return tuple(draw_request(rng, self.subject) for _ in range(rng.choice((1, 2, 2, 3))))


def draw_prompt(rng: Random, alphabet: str) -> str:
    """Nothing, a part of a line, any characters, odd ones, or more than short models can read at once."""
    line = rng.choice(LINES)
    first = rng.randrange(len(line))
    return rng.choice(
        (
            "",
            line[first : first + rng.randint(1, 9)],
            line[: rng.randint(1, 12)],
            some(rng, alphabet, 1, 6),
            some(rng, alphabet, 0, 3) + rng.choice(ODD) + some(rng, alphabet, 0, 2),
            line if rng.random() < 0.7 else " ".join(LINES)[first : first + 150],
        )
    )


def draw_request(rng: Random, model: Subject) -> Asked:
    rules = draw_rules(rng, model.alphabet, model.heads, model.poems)
    is_poem = any(rule.spec.startswith("form=") for rule in rules)
    prompt = rng.choice(("", rng.choice(VERSE)[: rng.randint(1, 3)])) if is_poem else draw_prompt(rng, model.alphabet)
    shapers = rng.sample(SHAPERS, rng.choice((0, 0, 1, 2)))
    if rng.random() < 0.3 and (end := model.engine.tokenizer.vocabulary.end) is not None:
        shapers.append(f"logit_bias='#{end}:{rng.choice((-4, 3, 6))}'")
    decoder = rng.choice(DECODERS)
    if decoder.startswith("smc"):
        shapers = [shaper for shaper in shapers if shaper.startswith("temperature")]
    request = Request(
        prompt,
        processors=(*(rule.spec for rule in rules), *shapers),
        num=rng.choice((1, 1, 2)),
        seed=rng.randrange(1000),
        max_new=rng.choice((40, 70)) if is_poem else rng.choice(BUDGETS),
        decoder=decoder,
        patience=PATIENCE,
        context=some(rng, model.alphabet, 1, 12) if rng.random() < 0.15 else "",
    )
    return Asked(request, rules)


# --------------------------------------------------------------------------------------------------- running


@dataclass
class Tally:
    """What came of the requests: counts, and the failures, each with the line that repeats it."""

    counts: Counter[str] = field(default_factory=Counter)
    families: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)

    def report(self) -> str:
        lines = [f"{name}: {count}" for name, count in sorted(self.counts.items())]
        lines += [f"failures of {name}: {count}" for name, count in self.families.most_common()]
        lines += [f"undecided: {line}" for line in self.undecided]
        return "\n".join([*lines, *(f"slow: {line}" for line in self.slow)])


def stream(engine: Any, requests: Sequence[Request]) -> list[list[Completion]]:
    """The completions of each request, from a stream whose pieces are compared with the whole."""
    shown: dict[tuple[int, int], str] = {}
    found: list[dict[int, Completion]] = [{} for _ in requests]
    for number, piece in engine.pieces(requests):
        key = number, piece.sample
        shown[key] = shown.get(key, "") + piece.text
        if piece.completion is not None:
            found[number][piece.sample] = piece.completion
    for number, some_of in enumerate(found):
        for sample, done in some_of.items():
            if shown[number, sample] != done.new:
                raise WrongError(f"the stream showed {shown[number, sample]!r}, the whole is {done.new!r}")
    return [[done for _, done in sorted(some_of.items())] for some_of in found]


def run(trial: Trial, tally: Tally) -> None:
    """Run all requests of a trial, and add to the tally what came of them."""
    model, answered = trial.subject, []
    for place, asked in enumerate(trial.asked):
        with noticing(tally, trial, asked.request):
            engine = model.fast if trial.is_fast else model.engine
            try:
                found = stream(engine, [asked.request])[0] if place % 2 else engine.generate_batch([asked.request])[0]
            except GenError as error:
                check_refusal(error, asked, model)
                tally.counts[f"refused: {type(error).__name__}"] += 1
                if isinstance(error, UndecidedError):
                    tally.undecided.append(f"{trial.subject.family}: {asked.request}")
                continue
            tally.counts["answered"] += 1
            if len(found) != asked.request.num and not asked.request.decoder.startswith("beam"):
                raise WrongError(f"{len(found)} texts for num={asked.request.num}")
            for done in found:
                check(done, asked, model, is_fast=trial.is_fast)
            answered.append((asked, found))
    if len(answered) > 1:
        run_together(trial, answered, tally)


def run_together(trial: Trial, answered: Sequence[tuple[Asked, list[Completion]]], tally: Tally) -> None:
    """The same requests in one batch must be answered as alone; with `fast` they must obey."""
    model = trial.subject
    with noticing(tally, trial, answered[0][0].request):
        requests = [asked.request for asked, _ in answered]
        engine = model.fast if trial.is_fast else model.engine
        together = engine.generate_batch(requests) if trial.number % 3 else stream(engine, requests)
        tally.counts["batches"] += 1
        for (asked, alone), batched in zip(answered, together, strict=True):
            if not trial.is_fast and alone != batched:
                raise WrongError(f"alone {alone} but in a batch {batched} for {asked.request}")
            for done in batched:
                check(done, asked, model, is_fast=trial.is_fast)


@contextlib.contextmanager
def noticing(tally: Tally, trial: Trial, request: Request) -> Iterator[None]:
    """Count what fails inside as a failure of the trial, also a warning, or a word on standard output."""
    started, shown = time.process_time(), io.StringIO()
    told = f"--only {trial.seed}:{trial.number}"
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(shown):
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="torch|transformers")
            yield
        if shown.getvalue():
            raise WrongError(f"standard output showed {shown.getvalue()[:80]!r}")
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the trial is for
        tally.families[trial.subject.family] += 1
        tally.failures.append(f"{told} {trial.subject.family}: {type(error).__name__}: {error}\n    {request}")
    if time.process_time() - started > 4 * PATIENCE:
        tally.slow.append(f"{told} {trial.subject.family}: {time.process_time() - started:.0f} s for {request}")


def main() -> int:
    """Run trials until so many requests are answered or refused; 1 if any failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--families", default=",".join(zoo.FAMILIES))
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="NUMBER")
    parser.add_argument("--only", metavar="SEED:NUMBER")
    given = parser.parse_args()
    families, tally = tuple(given.families.split(",")), Tally()
    if given.only:
        seed, number = map(int, given.only.split(":"))
        trials = iter([Trial(seed, number, families)])
    else:
        trials = (Trial(given.seed, number, families) for number in range(given.first, given.first + given.count))
    asked = told = 0
    for trial in trials:
        run(trial, tally)
        asked += len(trial.asked)
        for failure in tally.failures[told:]:
            print(failure, flush=True)
        told = len(tally.failures)
        if not trial.number % 100:
            print(f"{asked} requests, {time.process_time():.0f} s", flush=True)
        if asked >= given.count:
            break
    print(f"{asked} requests\n{tally.report()}")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
