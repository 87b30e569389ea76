"""Texts as server-sent events. A stream that broke off can be taken up again where its reader stands.

The server keeps no text for that, only the request with its seed: the same request gives the same text, so it is
written again, and what the reader has is skipped. The id of each event says how much that is.
"""

from __future__ import annotations

import asyncio
import pickle
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any

from ..messages import Begun, Drawing, Event, Failed, Over, Text, TextDone, Wish
from .errors import body_of, error
from .events import KEEP_OPEN, as_event, pumped

KEPT = 600.0
"""For how many seconds a stream can be taken up again."""

MOST = 1024
"""How many streams can be taken up again; of more, those used last."""

BYTES = 16_000_000
"""How many bytes their requests may have in all."""

POSITION = re.compile(r"(\d{1,9})\.(\d{1,9})\.((?:\d{1,9}x\d{1,9}(?:-\d{1,9}x\d{1,9}){0,999})?)")
OVER = "over"


def new_id() -> str:
    """An id that nobody can guess."""
    return f"texts-{secrets.token_urlsafe(15)}"


@dataclass
class Position:
    """How much of a stream was told: texts drawn, texts done, and the characters of each sample.

    As text: `drawn.done.CHARSxSAMPLES-CHARSxSAMPLES...`, since texts written together are about equally far.
    """

    drawn: int = 0
    done: int = 0
    chars: dict[int, int] = field(default_factory=dict)

    def __str__(self) -> str:
        each = [self.chars.get(sample, 0) for sample in range(max(self.chars, default=-1) + 1)]
        runs = "-".join(f"{chars}x{len([*same])}" for chars, same in groupby(each))
        return f"{self.drawn}.{self.done}.{runs}"

    def reach(self, other: Position) -> None:
        """Go on to wherever `other` is further."""
        self.drawn, self.done = max(self.drawn, other.drawn), max(self.done, other.done)
        for sample, chars in other.chars.items():
            self.chars[sample] = max(self.chars.get(sample, 0), chars)

    def is_within(self, other: Position) -> bool:
        """Whether it is nowhere further than `other`."""
        within = self.drawn <= other.drawn and self.done <= other.done
        return within and all(count <= other.chars.get(sample, 0) for sample, count in self.chars.items())

    @staticmethod
    def read(text: str) -> Position:
        """The position of an event's id. Raises ValueError for what is none."""
        found = POSITION.fullmatch(text)
        runs = [tuple(map(int, each.split("x"))) for each in found[3].split("-")] if found and found[3] else []
        if found is None or sum(count for _, count in runs) > MOST:
            raise ValueError(text)
        each = [chars for chars, count in runs for _ in range(count)]
        return Position(int(found[1]), int(found[2]), dict(enumerate(each)))


@dataclass(eq=False)
class Kept:
    """A stream that can be taken up again: its wish and its seed. `words` puts what the command says into fields.

    `reached` is how much of it was told to anybody; from further on, a reader would lose what was never told.
    """

    model: str
    wish: Wish
    seed: int
    words: Callable[[Failed], Failed]
    note: Callable[[str], str]
    until: float = 0.0
    reached: Position = field(default_factory=Position)
    running: asyncio.Task[None] | None = None

    @cached_property
    def size(self) -> int:
        """How many bytes it takes, about."""
        return len(pickle.dumps(self.wish))

    def position(self, name: str) -> Position:
        """The position of an event that was told. Raises ValueError for any other."""
        found = Position.read(name)
        if not found.is_within(self.reached):
            raise ValueError(name)
        return found

    def begin(self, running: asyncio.Task[None]) -> None:
        """This writes for it from now on: of two readers of one stream, the second has it."""
        self.stop()
        self.running = running

    def stop(self) -> None:
        """End whatever writes for it."""
        if self.running is not None:
            self.running.cancel()


@dataclass(eq=False)
class Streams:
    """The streams that can be taken up again, those used last at the end."""

    now: Callable[[], float] = time.monotonic
    _kept: OrderedDict[str, Kept] = field(default_factory=OrderedDict)  # at most MOST

    def keep(self, name: str, kept: Kept) -> None:
        """Keep a stream of that id."""
        self._kept[name] = kept
        self.touch(name)
        while len(self._kept) > 1 and (self._is_full() or next(iter(self._kept.values())).until < self.now()):
            self._kept.popitem(last=False)

    def _is_full(self) -> bool:
        return len(self._kept) > MOST or sum(kept.size for kept in self._kept.values()) > BYTES

    def find(self, name: str) -> Kept | None:
        """The stream of that id, if it can still be taken up."""
        kept = self._kept.get(name)
        if kept is None or kept.until < self.now():
            return None
        self.touch(name)
        return kept

    def end(self, name: str) -> bool:
        """Stop a stream for good. Returns whether there was one."""
        kept = self._kept.pop(name, None)
        if kept is not None:
            kept.stop()
        return kept is not None

    def touch(self, name: str) -> None:
        """Keep a stream, if it is known, for a while from now on."""
        if name in self._kept:
            self._kept[name].until = self.now() + KEPT
            self._kept.move_to_end(name)


# ------------------------------------------------------------------------------------------------------- events


async def written(
    streams: Streams, name: str, kept: Kept, first: Event, rest: AsyncIterator[Event], had: Position | None = None
) -> AsyncIterator[bytes]:
    """The events of a stream after what its reader `had` (None: nothing), each in one write."""
    teller = Teller(name, kept, had or Position(), has_begun=had is not None)
    async with aclosing(pumped(rest, begun=kept.begin)) as coming:
        for told in teller.tell(first):
            yield told
        async for event in coming:
            streams.touch(name)
            for told in [KEEP_OPEN] if event is None else teller.tell(event):
                yield told
    if not teller.is_over:
        stopped = error("The stream was cancelled, or is read by somebody else now.", code="cancelled")
        yield as_event({"type": "error", **stopped}, name=str(teller.told))


@dataclass
class Teller:
    """Turns events into what is written. `told` is what the reader has, `now` where this writing of the texts is."""

    name: str
    kept: Kept
    told: Position
    now: Position = field(default_factory=Position)
    has_begun: bool = False
    is_over: bool = False

    def tell(self, event: Event) -> Iterator[bytes]:
        """What is written for an event: nothing for what the reader has."""
        known, now = self.told, self.now
        if isinstance(event, Begun) and not self.has_begun:
            self.has_begun = True
            yield self._one({"type": "begun", "id": self.name, "notes": self._notes(event.notes)})
        elif isinstance(event, Text):
            begin, had = now.chars.get(event.sample, 0), known.chars.get(event.sample, 0)
            now.chars[event.sample] = begin + len(event.text)
            if new := event.text[max(0, had - begin) :]:
                known.chars[event.sample] = now.chars[event.sample]
                yield self._one({"type": "text", "sample": event.sample, "text": new})
        elif isinstance(event, Drawing) and event.drawn > known.drawn:
            known.drawn = event.drawn
            yield self._one({"type": "drawing", "drawn": event.drawn, "of": event.of})
        elif isinstance(event, TextDone):
            now.done += 1
            if now.done > known.done:
                known.done = now.done
                yield self._one({"type": "text_done", "sample": event.sample, "result": dict(event.record)})
        elif isinstance(event, Over):
            self.is_over = True
            yield as_event({"type": "over", "notes": self._notes(event.notes), "usage": dict(event.usage)}, name=OVER)
        elif isinstance(event, Failed):
            self.is_over = True
            yield self._one({"type": "error", **body_of(self.kept.words(event))})

    def _notes(self, notes: tuple[str, ...]) -> list[str]:
        return list(map(self.kept.note, notes))

    def _one(self, data: Mapping[str, Any]) -> bytes:
        self.kept.reached.reach(self.told)
        return as_event(data, name=str(self.told))
