"""One line for an author: each law is tried on what was given, and the broken ones are named."""

from __future__ import annotations

from typing import Any

from .constraint_laws import PURE
from .engine_laws import ENGINE
from .laws import Law, Verdict, assert_all, verdicts
from .promise_laws import PROMISES
from .subjects import Over, subject_of

CONSTRAINT_LAWS: tuple[Law, ...] = (*PURE, *PROMISES, *ENGINE)
EXAMPLES = 40
"""How many examples each law is tried on, if nothing else is said."""


def judge_constraint(given: Any, *, alphabet: str = "", over: Over = "auto", examples: int = EXAMPLES) -> list[Verdict]:
    """A verdict on each law of constraints; see `check_constraint`."""
    return verdicts(subject_of(given, alphabet, over), CONSTRAINT_LAWS, examples)


def check_constraint(given: Any, *, alphabet: str = "", over: Over = "auto", examples: int = EXAMPLES) -> None:
    """Try every law of constraints; AssertionError names those that are broken, with their smallest examples.

    `given` is a spec ("no_repeat=3"), a constraint or character machine, or a function that makes one (with a
    parameter `vocabulary`, if it needs one). `alphabet` are characters that matter to it; those of a spec are known.
    `over` says of a constraint over tokens whether it judges "characters", so that merged tokens must change nothing.
    """
    subject = subject_of(given, alphabet, over)
    assert_all(subject.label, verdicts(subject, CONSTRAINT_LAWS, examples), CONSTRAINT_LAWS)
