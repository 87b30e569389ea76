"""One request under way: its texts so far, what may follow them, and when they are finished."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from typing import Any

from .chain import Plan
from .histories import History
from .product import Joint
from .tokensets import Ids, TokenSet
from .types import Completion, Draw, Extend, Piece
from .viable import Choice, Viable

RUN = 16
"""How many forced tokens are fed to the model in one call."""


def uniform(seed: int, sample: int, position: int, attempt: int, name: str) -> float:
    """A number in [0, 1), the same for the same arguments on every machine (a hash as a counter-based generator).

    Method: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", with BLAKE2b for the bijection.
    """
    key = struct.pack("<QQQQ", seed % 2**64, sample, position, attempt) + name.encode()
    return int.from_bytes(blake2b(key, digest_size=8).digest(), "little") / 2**64 * (1 - 2**-53)


def shared_beginning(texts: Sequence[bytes]) -> bytes:
    """What all of them begin with."""
    low, high = min(texts), max(texts)
    place = next((i for i, (one, other) in enumerate(zip(low, high, strict=False)) if one != other), len(low))
    return low[:place]


def slides(pinned: int, length: int, positions: int | None) -> bool:
    """Whether a row that begins with a context is longer than the model reads at once, which then has to be told."""
    return pinned > 0 and positions is not None and length > positions


@dataclass
class Text:
    """One text being written. `tokens` are the new ones, those of an unfinished stop string included; the last
    `fresh` of them have not been read by the model, and of these the last `forced` had no alternative. `unsent` are
    the bytes that nobody was shown yet, `allowed` is what may follow, the end included; `memory` is what the
    shapers remember; `lane` tells apart texts of one sample that are under way at once; `rest` are the tokens of a
    legal rest, as far as it is written out, `history` the characters for rules that look at those of many rows."""

    sample: int
    joint: Joint
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    exact: bool = True
    undone: dict[str, None] = field(default_factory=dict)
    unsent: bytes = b""
    fresh: int = 0
    forced: int = 0
    allowed: TokenSet | None = None
    memory: tuple[Any, ...] = ()
    lane: int = 0
    rest: Ids = ()
    history: History | None = None

    def branch(self) -> Text:
        """Another text that goes on from here."""
        history = None if self.history is None else self.history.branch()
        return replace(
            self, tokens=self.tokens[:], logprobs=self.logprobs[:], undone=dict(self.undone), history=history
        )


Going = tuple[int, Text, str | None]
"""The row of the last ask that a text continues (-1: none yet), the text, and why it is finished, if it is."""


@dataclass(frozen=True, eq=False)
class Course:
    """Samples of a request under way, and what their decoder may ask.

    What is written goes to `send`: as soon as it is final, or (not `in_pieces`) whole texts only.
    """

    plan: Plan
    seed: int
    samples: range
    model: Any
    send: Callable[[Piece], None]
    in_pieces: bool = True

    @cached_property
    def viable(self) -> Viable:
        """Tells the tokens that have a witness behind them."""
        return Viable(self.plan)

    @cached_property
    def _codes(self) -> list[int]:
        """The code point that each token prints, -1 where it prints none."""
        found: list[int] = self.plan.chain.vocabulary.codes.tolist()
        return found

    def texts(self) -> list[Text]:
        """One empty text for each sample that is wanted."""
        memory = self.plan.chain.first_memory
        begun = self.plan.prover.histories.begin(self.plan.prompt)
        start = Text(-1, self.plan.start, memory=memory, rest=self.plan.rest, history=begun)
        return [replace(start.branch(), sample=sample) for sample in self.samples]

    def left(self, text: Text) -> int:
        """How many more tokens the budget allows."""
        return self.plan.budget - len(text.tokens)

    def draw(self, row: int, text: Text, place: float | None) -> Draw:
        """The ask for the next token of `text` from the logits of `row`, at `place` or the likeliest."""
        assert text.allowed is not None
        history = (*self.plan.prompt.tokens, *text.tokens)
        return Draw(row, text.allowed, history, text.sample, place, text.memory, text.lane)

    def ask(self, going: Sequence[Going], draw: Callable[[int, Text], Draw]) -> Extend:
        """The ask for what these texts wrote since the last one, and for a `draw(row, text)` for each that goes on.

        Before the first ask all texts are one row: the prompt, and what it leaves no alternative to.
        """
        shared = going[0][0] < 0
        prompt = self.plan.prompt.read
        rows = going[:1] if shared else going
        tokens = []
        for parent, text, why in rows:
            unread = text.tokens[len(text.tokens) - text.fresh :]
            unread = unread if why is None else unread[:-1]
            tokens.append((*prompt, *unread) if parent < 0 else tuple(unread))
        return Extend(
            parents=tuple(parent for parent, _, _ in rows),
            keep=tuple(0 if parent < 0 else len(prompt) + len(text.tokens) - text.fresh for parent, text, _ in rows),
            tokens=tuple(tokens),
            forced=tuple(tuple(text.tokens[len(text.tokens) - text.forced :]) for _, text, _ in rows),
            draws=tuple(draw(0 if shared else row, text) for row, (_, text, why) in enumerate(going) if why is None),
            pinned=self.plan.prompt.pinned,
        )

    def begin(self, text: Text) -> str | None:
        """Write what the prompt leaves no alternative to; why the text is finished then, None if it goes on."""
        why = self.run_on(text)
        self.stream(text)
        return why

    def run_on(self, text: Text) -> str | None:
        """Write the tokens that have no alternative; why the text is finished then, None if it goes on."""
        while True:
            why, only = self.look(text)
            if why is not None or only is None:
                return why
            self.force(text, only)

    def look(self, text: Text) -> tuple[str | None, int | None]:
        """Why the text is finished, and the one token that may follow if there is no alternative; None if not so.

        What may follow is put into `text.allowed`.
        """
        plan, left = self.plan, self.left(text)
        if plan.product.cut(text.joint):
            return "stop", None
        if left <= 0:
            return "budget", None
        allowed, accepts = plan.tokens(text.joint, left, text.history), plan.product.accepts(text.joint)
        if accepts and allowed.is_empty():
            return "full", None
        text.allowed = plan.with_end(allowed) if accepts else allowed
        return None, allowed.only() if not accepts and text.forced < self._longest_run else None

    @cached_property
    def _longest_run(self) -> int:
        half = (self.model.positions or 4 * RUN) // 2  # a model that slides its window keeps that many tokens
        return min(RUN, half - 1)

    def force(self, text: Text, token: int) -> None:
        """Add a token that has no alternative."""
        rest = text.rest[1:] if text.rest[:1] == (token,) else ()
        self.write(text, Choice(token, self.plan.product.next(text.joint, token), rest))
        text.forced += 1

    def write(self, text: Text, choice: Choice, choice_logprob: float = 0.0) -> None:
        """Add one token, which was chosen with this log-probability (0: there was no choice)."""
        assert choice.token is not None
        assert choice.joint is not None
        text.tokens.append(choice.token)
        text.joint, text.rest = choice.joint, choice.rest
        text.exact = text.exact and choice.exact
        text.fresh += 1
        text.unsent += self.plan.chain.vocabulary.surfaces[choice.token]
        if text.history is not None and (code := self._codes[choice.token]) >= 0:
            text.history.append(code)
        if text.memory:
            text.memory = self.plan.chain.remember(text.memory, choice.token, choice_logprob)

    def stream(self, text: Text) -> None:
        """Send the characters that no later token can change."""
        if not self.in_pieces:
            return
        final = self.final(text).decode("utf-8", errors="ignore")
        if final:
            self.send(Piece(text.sample, final))
            text.unsent = text.unsent[len(final.encode()) :]

    def final(self, text: Text, why: str | None = None) -> bytes:
        """What of the unsent bytes no later token can change, if the text is finished as `why` says, or goes on."""
        held = self._held(text) if why in (None, "stop") else 0
        return text.unsent[: max(0, len(text.unsent) - held)]

    def kept(self, text: Text) -> tuple[int, ...]:
        """The tokens that are part of the text: all but those of a complete stop string."""
        return tuple(text.tokens[: len(text.tokens) - self.plan.product.cut(text.joint)])

    def _held(self, text: Text) -> int:
        """How many trailing bytes are, or could become, a stop string, and are therefore no part of the text."""
        surfaces = self.plan.chain.vocabulary.surfaces
        cut = self.plan.product.cut(text.joint)
        if cut:
            return sum(len(surfaces[token]) for token in text.tokens[-cut:])
        return self.plan.product.held(text.joint)

    def stream_agreed(self, texts: Sequence[tuple[Text, str | None]], sent: bytes) -> bytes:
        """Send what all these texts, of which one will be the first sample's, agree on; what is sent by now.

        Each comes with why it is finished, if it is; none of them has been streamed by itself.
        """
        if not self.in_pieces:
            return sent
        agreed = shared_beginning([self.final(text, why) for text, why in texts])
        final = agreed[len(sent) :].decode("utf-8", errors="ignore")
        if final:
            self.send(Piece(self.samples[0], final))
        return sent + final.encode()

    def finish(self, text: Text, why: str, *, log_evidence: float | None = None, truncated: bool = False) -> None:
        """Send the rest of the text and its completion; `truncated` says that shapers made an estimate inexact."""
        rest = self.final(text, why)
        surfaces = self.plan.chain.vocabulary.surfaces
        kept = self.kept(text)
        new = b"".join(surfaces[token] for token in kept).decode("utf-8", errors="replace")
        done = Completion(
            text=self.plan.prompt.text + new,
            new=new,
            tokens=kept,
            logprob=sum(text.logprobs),
            logprobs=tuple(text.logprobs),
            finish=why,
            seed=self.seed,
            sample=text.sample,
            model=self.model.name,
            dtype=self.model.dtype,
            exact=text.exact and not truncated,
            reproducible=self.model.reproducible,
            undone=tuple(text.undone),
            log_evidence=log_evidence,
        )
        self.send(Piece(text.sample, rest.decode("utf-8", errors="replace") if self.in_pieces else new, done))
