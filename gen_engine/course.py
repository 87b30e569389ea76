"""One request under way: its texts so far, what may follow them, and when they are finished."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from .chain import Plan
from .product import Joint
from .types import Completion, Draw, Piece, Request

ATTEMPTS = 256
"""How many tokens are struck and redrawn at one place before the witness decides."""

RUN = 16
"""How many forced tokens are fed to the model in one call."""


def uniform(seed: int, sample: int, position: int, attempt: int, name: str) -> float:
    """A number in [0, 1), the same for the same arguments on every machine (a hash as a counter-based generator).

    Method: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", with BLAKE2b for the bijection.
    """
    key = struct.pack("<QQQQ", seed % 2**64, sample, position, attempt) + name.encode()
    return int.from_bytes(blake2b(key, digest_size=8).digest(), "little") / 2**64 * (1 - 2**-53)


@dataclass
class Text:
    """One text being written. `tokens` are the new ones, those of an unfinished stop string included; the last
    `fresh` of them have not been read by the model, and of these the last `forced` had no alternative."""

    sample: int
    joint: Joint
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    exact: bool = True
    undone: dict[str, None] = field(default_factory=dict)
    sent: int = 0
    fresh: int = 0
    forced: int = 0


@dataclass(frozen=True, eq=False)
class Course:
    """A request, the plan it is decoded by, and what its decoder may ask of both."""

    request: Request
    plan: Plan
    seed: int
    model: Any
    send: Callable[[Piece], None]

    def texts(self) -> list[Text]:
        """One empty text for each sample that is wanted."""
        return [Text(sample, self.plan.start) for sample in range(self.request.num)]

    def left(self, text: Text) -> int:
        """How many more tokens the budget allows."""
        return self.plan.budget - len(text.tokens)

    def draw(self, row: int, text: Text, *, at_random: bool) -> Draw:
        """The ask for the next token of `text` from the logits of `row`."""
        history = (*self.plan.prompt.tokens, *text.tokens)
        number = uniform(self.seed, text.sample, len(text.tokens), 0, "draw") if at_random else None
        return Draw(row, text.joint, self.left(text), history, text.sample, number)

    def ending(self, text: Text) -> str | None:
        """Why the text is finished as it stands, None if it goes on."""
        product = self.plan.product
        if product.cut(text.joint):
            return "stop"
        if self.left(text) <= 0:
            return "budget"
        if product.accepts(text.joint) and self.plan.tokens(text.joint, self.left(text)).is_empty():
            return "full"
        return None

    def begin(self, text: Text) -> str | None:
        """Write what the prompt leaves no alternative to; why the text is finished then, None if it goes on."""
        why = self.run_on(text)
        self.stream(text)
        return why

    def run_on(self, text: Text) -> str | None:
        """Write the tokens that have no alternative; why the text is finished then, None if it goes on."""
        half = (self.model.positions or 4 * RUN) // 2  # a model that slides its window keeps that many tokens
        while True:
            why = self.ending(text)
            if why is not None or self.plan.product.accepts(text.joint) or text.forced >= min(RUN, half - 1):
                return why
            only = self.plan.tokens(text.joint, self.left(text)).only()
            if only is None:
                return None
            self.write(text, only, self.plan.product.next(text.joint, only))
            text.forced += 1

    @staticmethod
    def write(text: Text, token: int, joint: Joint) -> None:
        """Add one token, which leads to `joint`."""
        text.tokens.append(token)
        text.joint = joint
        text.fresh += 1

    def stream(self, text: Text) -> None:
        """Send the characters that no later token can change."""
        data = self._new_bytes(self._kept(text))
        rules = zip(self.plan.product.rules, text.joint.states, strict=True)
        held = max((r.constraint.held(s) for r, s in rules if hasattr(r.constraint, "held")), default=0)
        final = data[: len(data) - held].decode("utf-8", errors="ignore")
        if len(final) > text.sent:
            self.send(Piece(text.sample, final[text.sent :]))
            text.sent = len(final)

    def finish(self, text: Text, why: str) -> None:
        """Send the rest of the text and its completion."""
        kept = self._kept(text)
        new = self._new_bytes(kept).decode("utf-8", errors="replace")
        done = Completion(
            text=self.plan.prompt.text + new,
            new=new,
            tokens=tuple(kept),
            logprob=sum(text.logprobs),
            logprobs=tuple(text.logprobs),
            finish=why,
            seed=self.seed,
            sample=text.sample,
            model=self.model.name,
            dtype=self.model.dtype,
            exact=text.exact,
            reproducible=self.model.reproducible,
            undone=tuple(text.undone),
        )
        self.send(Piece(text.sample, new[text.sent :], done))

    def _kept(self, text: Text) -> list[int]:
        """The new tokens without those of a complete stop string."""
        return text.tokens[: len(text.tokens) - self.plan.product.cut(text.joint)]

    def _new_bytes(self, tokens: list[int]) -> bytes:
        surfaces = self.plan.chain.vocabulary.surfaces
        return b"".join(surfaces[token] for token in tokens)
