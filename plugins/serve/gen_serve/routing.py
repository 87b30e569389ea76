"""Sends each wish to the quick lane, and on to the patient one if it takes long to decide."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from hashlib import sha256

from gen_engine.memory import Memory, remembered

from .lanes import Lane
from .messages import (
    Begun,
    CommandWish,
    Drawing,
    Event,
    ExplainWish,
    Failed,
    PossibleWish,
    Text,
    Wish,
)
from .settings import Settings

QUICK = 0.15
"""Seconds of search that a wish may take in the quick lane, where others wait for it meanwhile."""

REMEMBERED = 1024
"""How many contradictions are remembered, so that the same wish is refused at once."""

LONGEST = 10_000
"""The most characters of the members of a contradiction that is remembered."""

READ = 4_000
"""The most characters or tokens of a wish that the quick lane reads. 100,000 of a prompt take a second, and the rules
of a large schema several.
"""

Watch = Callable[[Event], None]
"""Is shown each event of a wish."""


def unwatched() -> Watch:
    """Watches nothing."""
    return lambda _: None


@dataclass(eq=False)
class Router:
    """A quick lane that most wishes take, and a patient one (None: there is one lane for all).

    The same wish gives the same text in both, so that one which turns out to be hard half-way begins anew in the
    patient lane, and goes on where it stood for whoever reads it. `seconds` of search, and `limit` seconds in all, are
    allowed to each. `watching` makes what is shown the events of a wish. `moved` counts wishes that changed lanes.
    """

    quick: Lane
    patient: Lane | None
    seconds: float = Settings.patience
    limit: float = Settings.limit
    watching: Callable[[], Watch] = unwatched
    moved: int = 0
    _conflicts: Memory[bytes, Failed] = remembered(REMEMBERED)

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Both lanes, or the one."""
        return (self.quick,) if self.patient is None else (self.quick, self.patient)

    def close(self) -> None:
        """End both lanes, and what waits for them."""
        for lane in self.lanes:
            lane.close()

    async def events(
        self, model: str, wish: Wish, *, seed: int, is_streamed: bool = False
    ) -> AsyncGenerator[Event, None]:
        """Run a wish; see `Lane.events`."""
        watch = self.watching()
        async with aclosing(self._events(model, wish, seed, is_streamed)) as events:
            async for event in events:
                watch(event)
                yield event

    async def _events(self, model: str, wish: Wish, seed: int, is_streamed: bool) -> AsyncGenerator[Event, None]:
        known = self._conflicts.get(_key(model, wish))
        if known is not None:
            yield known
            return
        until = asyncio.get_running_loop().time() + self.limit
        told = Told()
        if self.patient is not None and not _takes_long(wish):
            is_hard = False
            async with aclosing(self._lane_events(self.quick, model, wish, seed, is_streamed, until)) as events:
                async for event in events:
                    is_hard = _is_hard(event)
                    if not is_hard and (new := told.new(event)) is not None:
                        self._remember(model, wish, event)
                        yield new
            if not is_hard:
                return
            self.moved += 1
            told.begin_anew()
        lane = self.patient or self.quick
        async with aclosing(self._lane_events(lane, model, wish, seed, is_streamed, until)) as events:
            async for event in events:
                self._remember(model, wish, event)
                if (new := told.new(event)) is not None:
                    yield new

    def _lane_events(
        self, lane: Lane, model: str, wish: Wish, seed: int, is_streamed: bool, until: float
    ) -> AsyncGenerator[Event, None]:
        patience = self.seconds if lane is not self.quick or self.patient is None else min(QUICK, self.seconds)
        left = max(0.0, until - asyncio.get_running_loop().time())
        return lane.events(model, wish, seed=seed, patience=patience, is_streamed=is_streamed, seconds=left)

    def _remember(self, model: str, wish: Wish, event: Event) -> None:
        """Keep a contradiction whose proof is whole. It holds for every seed, since none was drawn from before."""
        if not isinstance(event, Failed) or event.code != "conflict" or event.is_cut:
            return
        if sum(map(len, event.members)) <= LONGEST:
            self._conflicts.put(_key(model, wish), event)


def _takes_long(wish: Wish) -> bool:
    """Whether a wish is long to read, which is done in one piece: its own text, or one that is scored as a whole."""
    if isinstance(wish, ExplainWish):
        return True
    if isinstance(wish, PossibleWish):
        return _takes_long(wish.command)
    if isinstance(wish, CommandWish):
        return sum(map(len, wish.arguments)) > READ
    texts = (wish.prompt, *(text for _, text in wish.chat), *wish.processors)
    return (wish.echo and wish.logprobs is not None) or sum(map(len, texts)) > READ


def _key(model: str, wish: Wish) -> bytes:
    """What tells wishes apart; a wish itself may hold a million characters."""
    return sha256(pickle.dumps((model, wish))).digest()


def _is_hard(event: Event) -> bool:
    """Whether a longer search may tell more."""
    return isinstance(event, Failed) and (event.code == "undecided" or (event.code == "conflict" and event.is_cut))


@dataclass(eq=False)
class Told:
    """What was told of a wish, so that nothing is told twice if it begins anew."""

    has_begun: bool = False
    drawn: int = 0
    # How many characters of each sample were told, and of those how many a new beginning has yet to repeat.
    _sent: dict[int, int] = field(default_factory=dict)  # at most one for each sample of a wish
    _repeats: dict[int, int] = field(default_factory=dict)  # at most one for each sample of a wish

    def begin_anew(self) -> None:
        """From here on the wish is told from its beginning."""
        self._repeats = dict(self._sent)

    def new(self, event: Event) -> Event | None:
        """The part of an event that was not told before; None if there is none."""
        if isinstance(event, Begun):
            was, self.has_begun = self.has_begun, True
            return None if was else event
        if isinstance(event, Drawing):
            was_drawn, self.drawn = self.drawn, max(self.drawn, event.drawn)
            return event if event.drawn > was_drawn else None
        if not isinstance(event, Text):
            return event
        skipped = min(self._repeats.get(event.sample, 0), len(event.text))
        if skipped:
            self._repeats[event.sample] -= skipped
        self._sent[event.sample] = self._sent.get(event.sample, 0) + len(event.text) - skipped
        return replace(event, text=event.text[skipped:]) if skipped < len(event.text) else None
