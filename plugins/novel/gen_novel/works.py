"""`--like`: the context by which a model is asked to write in the manner of a work that it has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from gen_engine.errors import GenError, brief, quoted
from gen_engine.system.screen import note as say
from gen_engine.text import is_han
from gen_engine.text.spellings import converted

PART = "work"
"""The part of a model's note that names a work."""

NAMED, ALIKE = 5, 0.4
"""How many works are offered for one that a model has not seen, and the least similarity of their names to it."""

Unseen = Literal["ignore", "refuse"]


@dataclass(frozen=True)
class Told:
    """What a model is told: the `context` before its text, and the chosen work, as it was typed."""

    context: str = ""
    like: str = ""

    @property
    def record(self) -> dict[str, Any]:
        """The entries in JSON results."""
        return {"wishes": {"like": self.like} if self.like else {}, "context": self.context}


def tell(like: str | None, model: str, *, unseen: Unseen = "ignore") -> Told:
    """What the model of that name is told, so that it writes in the manner of the work `like`; None tells it nothing.

    A work that the model has not seen causes a warning on standard error, or GenError with `unseen="refuse"`. So do a
    name without Chinese characters and a model that cannot be told of works.
    """
    if like is None:
        return Told()
    from gen_engine.sources import note_of, told_of

    name = converted("t2s", "".join(filter(is_han, like)))
    if not name:
        raise GenError(f"--like {quoted(like)} names no work; write one, such as --like 红楼梦.")
    note = note_of(model)
    if note is None or PART not in note.parts:
        take = "".join(f"take --model {name}, or " for name in told_of(PART)[:1])
        raise GenError(f"The model {brief(model)} cannot be told of works; {take}leave out --like.")
    known = note.known.get(PART)
    if known is None or name in known:
        return Told(note.write({PART: name}), like)
    what, near = f"he model {brief(model)} has seen no work {quoted(like)}", ", ".join(nearest(name, known))
    if unseen == "refuse":
        raise GenError(f"T{what}; name one that it has seen, such as {near}, or leave out --unseen refuse.")
    say(f"t{what} and is not told of it; it has seen {near}.")
    return Told("", like)


def nearest(name: str, known: Sequence[str]) -> list[str]:
    """The known names most like a name, among equals the earlier first; if none is like it, the first ones."""
    ratios = {work: SequenceMatcher(None, work, name, autojunk=False).ratio() for work in known}
    alike = sorted((work for work in known if ratios[work] >= ALIKE), key=lambda work: -ratios[work])
    return (alike or list(known))[:NAMED]
