"""One line for an author: each law is tried on the given object, and the broken ones are named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .constraint_laws import PURE
from .decoder_laws import DECODER_LAWS, decoder_subject
from .engine_laws import ENGINE
from .laws import Law, Verdict, assert_all, verdicts
from .model_laws import MODEL_LAWS, model_subject
from .promise_laws import PROMISES
from .shaper_laws import SHAPER_LAWS
from .subjects import Over, subject_of

CONSTRAINT_LAWS: tuple[Law, ...] = (*PURE, *PROMISES, *ENGINE)
EXAMPLES = 40
"""How many examples each law is tried on by default."""

FEW = 8
"""The same for models, where every example costs several forward passes."""

LAWS: dict[str, tuple[Sequence[Law], Callable[[Any], Any]]] = {
    "constraint": (CONSTRAINT_LAWS, subject_of),
    "shaper": (SHAPER_LAWS, subject_of),
    "decoder": (DECODER_LAWS, decoder_subject),
    "model": (MODEL_LAWS, model_subject),
}
"""For each kind of offer its laws, and the function that puts one on trial."""


def judge_all(kind: str, given: Any, examples: int = EXAMPLES) -> list[Verdict]:
    """A verdict on each law of a "constraint", "shaper", "decoder" or "model". Nothing is raised."""
    laws, put_on_trial = LAWS[kind]
    return verdicts(put_on_trial(given), laws, examples)


def check_constraint(given: Any, *, alphabet: str = "", over: Over = "auto", examples: int = EXAMPLES) -> None:
    """Try every law of constraints. AssertionError names the broken ones, with their smallest examples.

    `given` is a spec ("no_repeat=3"), a constraint, a character machine, or a function that makes one. The function may
    have a parameter `vocabulary`. `alphabet` are characters that matter to it. Those of a spec are known. `over` says
    whether a constraint over tokens judges "characters". If so, merged tokens must change nothing.
    """
    _check("constraint", subject_of(given, alphabet, over), examples)


def check_shaper(given: Any, *, examples: int = EXAMPLES) -> None:
    """Try every law of shapers. `given` is a spec ("top_k=50"), a shaper, or a function that makes one."""
    _check("shaper", given, examples)


def check_decoder(given: Any, *, examples: int = EXAMPLES) -> None:
    """Try every law of decoders. `given` is a spec ("beam,width=8") or a decoder."""
    _check("decoder", given, examples)


def check_model(given: Any, *, examples: int = FEW) -> None:
    """Try every law of models. `given` is a language model, or what `gen_engine.load` takes: a name or a folder."""
    _check("model", given, examples)


def _check(kind: str, given: Any, examples: int) -> None:
    laws, put_on_trial = LAWS[kind]
    subject = put_on_trial(given)
    assert_all(subject.label, verdicts(subject, laws, examples), laws)
