"""Everything that an installed plugin offers, put on trial: with which values, and the results."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args, get_origin

from ..chain import is_constraint
from ..errors import GenError
from ..hooks.registry import NOUNS, Offer, PluginInfo, Registry, registry
from ..hooks.specs import build_decoder, parameters
from ..types import Pieces, Spec
from .conformance import EXAMPLES, FEW, LAWS
from .decoder_laws import decoder_subject
from .laws import Law, Verdict, assert_all, judge, verdicts
from .model_laws import model_subject
from .subjects import subject_of

SIMPLE: dict[Any, Pieces] = {int: ("2",), float: ("0.5",), bool: ("yes",)}
"""The value for a parameter of this type if its author gives no example."""


@dataclass(frozen=True)
class Exhibit:
    """One thing on trial: its kind ("constraint", "shaper", "decoder" or "model"), its name, and how it is written.

    `problem` says why it cannot be tried, if so.
    """

    kind: str
    name: str
    written: str
    subject: Callable[[], Any]
    problem: str = ""

    def judge(self, examples: int | None = None) -> list[Verdict]:
        """A verdict on each of its laws."""
        return verdicts(self.subject(), LAWS[self.kind][0], examples or usual(self.kind))


def usual(kind: str) -> int:
    """The default number of examples per law."""
    return FEW if kind == "model" else EXAMPLES


@dataclass(frozen=True)
class Trial:
    """One law and one exhibit, as a test. `check()` raises AssertionError if the law is broken."""

    exhibit: Exhibit
    law: Law
    examples: int | None = None

    def __str__(self) -> str:
        return f"{self.exhibit.written}: {self.law.name}"

    def check(self) -> None:
        """Raises AssertionError that names the law, with the smallest example."""
        verdict = judge(self.law, self.exhibit.subject(), self.examples or usual(self.exhibit.kind))
        assert_all(self.exhibit.written, [verdict], [self.law])


def trials(plugin: str, examples: int | None = None) -> list[Trial]:
    """Each law that applies to each thing that an installed plugin offers."""
    found = exhibits(plugin)
    for each in found:
        if each.problem:
            raise GenError(each.problem)
    return [Trial(each, law, examples) for each in found for law in LAWS[each.kind][0]]


def exhibits(plugin: str, everything: Registry | None = None) -> list[Exhibit]:
    """All that a plugin offers. Raises GenError if there is no such plugin, or if it failed to load."""
    everything = everything or registry()
    info = find_plugin(plugin, everything)
    found = [each for noun, hook in NOUNS.items() for each in _offered(info, noun, getattr(everything, hook))]
    if info.error:
        raise GenError(f"The plugin {info.name} does not work ({info.error}); mend it first.")
    return found


def find_plugin(name: str, everything: Registry) -> PluginInfo:
    """An installed plugin by its name or its distribution's."""
    found = [each for each in everything.plugins if name in (each.name, each.distribution)]
    if not found:
        names = ", ".join(each.name for each in everything.plugins)
        raise GenError(f"There is no plugin {name!r}; `gen plugins` lists those that are installed: {names}.")
    return found[0]


UNTRIED = ("loader", "recipe")
"""What has no laws of its own. The models that it loads test a loader; its author tests a recipe."""


def _offered(info: PluginInfo, noun: str, offers: dict[str, Offer]) -> Iterator[Exhibit]:
    for offer in offers.values():
        if offer.plugin is not info or noun in UNTRIED:
            continue
        try:
            yield from _exhibited(noun, offer)
        except GenError as problem:
            yield Exhibit(noun, offer.name, offer.name, lambda: None, str(problem))


def _exhibited(noun: str, offer: Offer) -> Iterator[Exhibit]:
    if noun == "model":
        yield Exhibit(noun, offer.name, offer.name, partial(model_subject, offer.full_name))
        return
    alphabet = str(_beside(offer.value, "ALPHABET") or "")
    problems: list[GenError] = []
    written = examples_of(noun, offer.name, offer.value)
    for each in written:
        spec = offer.full_name + each[len(offer.name) :]
        try:
            if noun == "decoder":
                build_decoder(spec, registry())
                yield Exhibit(noun, offer.name, each, partial(decoder_subject, spec))
            else:
                subject = subject_of(spec, alphabet)
                kind = "constraint" if is_constraint(subject.sample) else "shaper"
                yield Exhibit(kind, offer.name, each, partial(subject_of, subject))
        except GenError as problem:  # an example may be for another model
            problems.append(problem)
    if len(problems) == len(written):
        raise problems[0]


def examples_of(noun: str, name: str, factory: Any) -> tuple[str, ...]:
    """How a processor or decoder is written for the trial.

    The first of three sources: `EXAMPLES = {name: (spec, ...)}` in its module, `name=...` between backquotes in its
    docstring, and values made up from the types of its parameters.
    """
    told = (_beside(factory, "EXAMPLES") or {}).get(name)
    if told:
        return (told,) if isinstance(told, str) else tuple(told)
    if noun == "decoder" and "generation" in inspect.signature(factory).parameters:
        return (name,)
    spelled = re.findall(rf"`({re.escape(name)}=[^`\n]+)`", inspect.getdoc(factory) or "")
    return tuple(dict.fromkeys(spelled)) or (_made_up(name, factory),)


def _beside(factory: Any, name: str) -> Any:
    return getattr(sys.modules.get(getattr(factory, "__module__", "")), name, None)


def _made_up(name: str, factory: Any) -> str:
    """A spec with a value for each required parameter."""
    value: Pieces | None = None
    options: dict[str, Pieces] = {}
    for number, each in enumerate(parameters(factory)):
        if each.default is not each.empty:
            continue
        given = _value(each.annotation)
        if given is None:
            raise GenError(
                f"{name} takes a {each.name} that nobody can guess; write an example into its docstring, as in "
                f"`{name}=...` between backquotes, or EXAMPLES = {{{name!r}: ('{name}=...',)}} into its module."
            )
        if number == 0:
            value = given
        else:
            options[each.name] = given
    return str(Spec(name, value, options))


def _value(annotation: Any) -> Pieces | None:
    if get_origin(annotation) is Literal:
        return (str(get_args(annotation)[0]),)
    if get_origin(annotation) is tuple and get_args(annotation)[0] is str:
        return ("春", "a")
    return SIMPLE.get(annotation)


__all__ = ["Exhibit", "Trial", "examples_of", "exhibits", "find_plugin", "trials"]
