"""Writes what a session asks for, under all that the command asked for, and explains a place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gen_engine.cli.options import Choice
from gen_engine.errors import ConflictError, GenError
from gen_engine.system.underway import doing
from gen_engine.text import is_han
from gen_engine.types import Named

from ..rules.templates import Template
from ..verse.traditional import to_simplified
from ..writing.scoring import repeats
from ..writing.write import Wanted
from .differing import Differs
from .grid import BLANK, pattern_of, place_of
from .session import Ask, Draft, is_open

if TYPE_CHECKING:
    from gen_engine.inspecting.explain import Place

KEPT, OTHER = "the characters that stay", "another text than before"
TOP = 8
"""How many of the model's preferences are told."""


@dataclass(frozen=True)
class Writer:
    """Writes texts as `wanted` and `chosen`."""

    wanted: Wanted
    chosen: Choice

    def write(self, ask: Ask) -> tuple[str, str]:
        """The text as the model writes it, and as it is shown. GenError if there is none, ConflictError names the fixed
        characters that clash.
        """
        known = {position: self._known(char) for position, char in ask.fixed.items()}
        pattern = pattern_of(ask.pattern, (), known)
        rules = [Named(KEPT, Template(pattern, KEPT))] if pattern else []
        rules += [Named(OTHER, Differs(ask.unlike))] if ask.unlike else []
        try:
            written = self._written(ask, rules, pattern)
        except ConflictError:
            if ask.unlike or not known or self._keeps_more(pattern, known):
                raise
            self._written(ask, _one_by_one(pattern, ask.fixed, known), pattern)  # names those that clash
            raise
        return written, self._shown(written, ask.fixed)

    def _keeps_more(self, pattern: str, fixed: Mapping[int, str]) -> bool:
        """Whether a pattern has characters that are neither fixed nor given by the prompt."""
        begun = len(self.wanted.start)
        given = (at for at, char in enumerate(pattern) if at >= begun and is_han(char))
        return any(at not in fixed for at in given)

    def _written(self, ask: Ask, rules: list[Named], pattern: str) -> str:
        wanted, chosen = self.wanted, self.chosen
        choosing = wanted.choosing(max(wanted.demanded, repeats(pattern)))
        of = choosing.of if is_open(ask) else 1
        settings: dict[str, Any] = {"decoder": chosen.decoder, "patience": chosen.patience, "draft": chosen.draft}
        with doing("writing"):
            drawn = wanted.engine.completions(
                wanted.start,
                processors=(*rules, *wanted.processors),
                num=of,
                seed=ask.seed,
                max_new=wanted.max_new,
                context=wanted.context.told(wanted.engine),
                draws=of,
                **settings,
            )
            best = next(drawn) if of == 1 else next(choosing.choose(drawn))[0]
        return best.text

    def _shown(self, written: str, fixed: Mapping[int, str]) -> str:
        """The text as shown, with fixed characters as they were typed unless a script was asked for."""
        shown = list(self.wanted.show.text(written))
        for position, char in fixed.items():
            if self.wanted.script is None:
                shown[position] = char
        return "".join(shown)

    def _known(self, char: str) -> str:
        """A character as the model knows it."""
        carriers = self.wanted.engine.tokenizer.vocabulary.carriers
        simple = to_simplified(char)
        if self.wanted.script == "trad" and simple in carriers:
            return simple
        found = next((each for each in (char, simple) if each in carriers), "")
        if not found:
            raise GenError(f"The model does not know {char} and cannot write it; fix another character.")
        return found

    def explain(self, draft: Draft, position: int) -> tuple[Place, tuple[str, ...]] | None:
        """What the model preferred at a position and what the rules removed, and all labels of rules; None where the
        prompt gives the character.
        """
        from gen_engine.inspecting.explain import explain_text

        wanted = self.wanted
        if position < len(wanted.start):
            return None
        known = {each: self._known(char) for each, char in draft.fixed.items()}
        others = {each: char for each, char in draft.fixed.items() if each != position}
        rules = _one_by_one(draft.written, others, known)
        with doing("explaining"):
            told = explain_text(
                wanted.engine,
                draft.written[: position + 1],
                prompt=wanted.start,
                processors=(*rules, *wanted.processors),
                max_new=wanted.max_new,
                top=TOP,
                context=wanted.context.told(wanted.engine),
            )
        at = len(wanted.start)
        for place in told.places:
            if at <= position < at + len(place.text):
                return place, (*told.constraints, *told.shapers)
            at += len(place.text)
        return None


def _blanked(text: str, fixed: Mapping[int, str]) -> str:
    """The text with blanks everywhere but at fixed characters and marks."""
    return pattern_of(text, (at for at, char in enumerate(text) if is_han(char)), fixed)


def _one_by_one(pattern: str, typed: Mapping[int, str], known: Mapping[int, str]) -> list[Named]:
    """A rule for each fixed character, so that a conflict names those that clash."""

    def named(position: int) -> Named:
        label = f"{typed[position]} fixed at {place_of(_lined(pattern), position)}"
        return Named(label, Template(_blanked(pattern, {position: known[position]}), label))

    return [named(position) for position in sorted(typed)]


def _lined(pattern: str) -> str:
    """A pattern with a character at each blank, so that its places can be counted."""
    return pattern.replace(BLANK, "汉")
