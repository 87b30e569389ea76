"""What a user has batched: from where to where, and how."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice

from gen_engine.errors import GenError

from .files.entries import Entry, Understood
from .files.kinds import Form, Kind
from .files.places import Place
from .files.reading import Source, opened
from .messages import LINES, Work
from .plan import FREE_SEEDS, Plan
from .shapes import Shape, check_shape


@dataclass(frozen=True)
class Job:
    """The files, their kinds, the shape that lines must have, and the plan by which `work` answers them.

    A `seed` of None takes a random base. `is_fresh` replaces what is there, `retries` writes its errors anew.
    `is_here` says that this machine answers, and no cluster. `window` is the most lines under way at once.
    """

    source: Place
    kind: Kind
    out: Place
    form: Form
    shape: Shape
    plan: Plan
    work: Callable[[Plan], Work]
    seed: int | None = None
    is_fresh: bool = False
    retries: bool = False
    is_here: bool = True
    window: int = LINES

    def seeded(self, kept: object = None) -> Plan:
        """The plan with the seed that was asked for, the `kept` one, or a new one."""
        new = kept if isinstance(kept, int) else secrets.randbelow(FREE_SEEDS)
        return replace(self.plan, seed=new if self.seed is None else self.seed)

    @contextmanager
    def requests(self) -> Iterator[Source]:
        """The requests from the beginning, of the shape that they must have."""
        with opened(self.source, self.kind) as source:

            def understand(entry: Entry) -> Understood:
                return check_shape(self.shape, source.understand(entry), entry.where)

            yield replace(source, understand=understand)


@dataclass(frozen=True)
class Done:
    """What an output holds in the end: lines, and errors among them; and how many were answered just now."""

    lines: int
    errors: int
    answered: int


def skip(entries: Iterator[Entry], count: int, name: str) -> None:
    """Read the first `count` requests, whose answers are there. Raises GenError if there are fewer."""
    found = sum(1 for _ in islice(entries, count))
    if found < count:
        raise GenError(
            f"{name} has {found:,} requests, fewer than the {count:,} that are answered; restore it, or give --fresh "
            "to begin anew."
        )
