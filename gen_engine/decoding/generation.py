"""One request under way: its texts so far, what may follow them, and when they are finished."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import chain
from numbers import Integral
from types import NoneType
from typing import Any, NamedTuple, Protocol

from ..chain import Plan
from ..errors import GenError, quoted
from ..text.chats import Chat
from ..types import Completion, Draw, Piece, Prompt, Request, StepRequest
from .rows import Continuation, Rows
from .viable import Choice, Viable

RUN = 16
"""How many forced tokens are fed to the model in one call."""


FIELDS: dict[str, tuple[Any, str]] = {
    "prompt": ((str, Prompt), "text"),
    "processors": (Iterable, "a list of processors"),
    "num": (Integral, "a whole number from 1"),
    "seed": ((Integral, NoneType), "a whole number, or None"),
    "max_new": (Integral, "a whole number from 0"),
    "context": ((str, Prompt, Chat), "text, or a Chat"),
    "draws": (Integral, "a whole number from 1"),
}
"""What the fields of a request must be."""


def check_request(request: Request) -> None:
    """GenError for the first field of a request that is not what it should be."""
    if not isinstance(request, Request):
        raise GenError(f"{quoted(request)} is no request; submit a gen_engine.Request.")
    for name, (kind, wanted) in FIELDS.items():
        value = getattr(request, name)
        if not isinstance(value, kind) or (name == "processors" and isinstance(value, str)):
            raise GenError(f"{name}={quoted(value)} is not as it should be; give {wanted}.")
    for name in ("num", "draws"):
        if getattr(request, name) < 1:
            raise GenError(f"{name}={getattr(request, name)} asks for no text; give a number from 1.")


def uniform(seed: int, sample: int, position: int, attempt: int, name: str) -> float:
    """A number in [0, 1) that is the same for the same arguments on every machine (a hash as a counter-based
    generator).

    Method: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", with BLAKE2b for the bijection.
    """
    key = struct.pack("<QQQQ", seed % 2**64, sample, position, attempt) + name.encode()
    return int.from_bytes(blake2b(key, digest_size=8).digest(), "little") / 2**64 * (1 - 2**-53)


def shared_beginning(texts: Sequence[bytes]) -> bytes:
    """The longest common prefix."""
    low, high = min(texts), max(texts)
    place = next((i for i, (one, other) in enumerate(zip(low, high, strict=False)) if one != other), len(low))
    return low[:place]


def is_on_device(model: Any) -> bool:
    """Whether a model's logits stay on an accelerator; tests say so of models on the CPU (`on_device`)."""
    return str(getattr(model, "device", "cpu")) != "cpu" or bool(getattr(model, "on_device", False))


def slides(pinned: int, length: int, positions: int | None) -> bool:
    """Whether a row with a context is longer than the model reads at once. The model has to know then."""
    return pinned > 0 and positions is not None and length > positions


Going = tuple[int, Continuation, str | None]
"""The row of the last ask that a text continues (-1: none yet), the text, and why it is finished (None: it is not)."""


class Proposal(NamedTuple):
    """What is asked of a text: its `draws`, the first from its last token, the others from behind each segment.

    A segment is a token that a draft proposes, and those that are forced behind it.
    """

    segments: tuple[tuple[int, ...], ...] = ()
    draws: tuple[Draw, ...] = ()

    @property
    def tokens(self) -> tuple[int, ...]:
        """All proposed and forced tokens, in order."""
        return tuple(chain.from_iterable(self.segments))


Guess = Callable[[Sequence[Draw], int], Sequence[int | None]]
"""`(draws, level) -> tokens`: a guess at what each draw will give, None for none.

`level` counts the tokens proposed since the last ask. At level 0 every text that goes on has a draw; those that are
absent later have no more proposals in this ask.
"""


class Draft(Protocol):
    """Guesses at most `tokens` tokens ahead. Guesses change no text, so anything may be guessed."""

    @property
    def tokens(self) -> int: ...

    def begin(self, generation: Generation) -> Guess: ...


@dataclass(frozen=True, eq=False)
class Generation:
    """The samples of a request under way, and what their decoder may ask.

    Text goes to `send` as soon as it is final, or in whole texts only (not `in_pieces`). `draft` guesses tokens ahead.
    """

    plan: Plan
    seed: int
    samples: range
    model: Any
    send: Callable[[Piece], None]
    in_pieces: bool
    draft: Draft | None = None

    @cached_property
    def viable(self) -> Viable:
        """Finds the tokens that have a witness behind them."""
        return Viable(self.plan)

    @cached_property
    def rows(self) -> Rows:
        """What is asked about all texts at each step."""
        return Rows(self.plan)

    def texts(self) -> list[Continuation]:
        """One empty text for each sample."""
        return self.rows.begin(self.samples, self.plan.chain.first_memory)

    def left(self, text: Continuation) -> int:
        """How many more tokens the budget allows."""
        return self.plan.budget - len(text.tokens)

    @property
    def _draws_alike(self) -> bool:
        """Whether all machines draw alike: no shaper is called, and no device adds in an order of its own."""
        return self.plan.chain.fused is not None and not is_on_device(self.model)

    def draw(self, row: int, text: Continuation, u: float | None) -> Draw:
        """The draw of the next token of `text` from the logits of `row`: random at `place`, or the likeliest token."""
        assert text.allowed is not None
        history = (*self.plan.prompt.tokens, *text.tokens)
        return Draw(row, text.allowed, history, text.sample, u, text.memory, text.branch)

    def ask(
        self,
        going: Sequence[Going],
        draw: Callable[[int, Continuation], Draw],
        proposals: Sequence[Proposal] = (),
    ) -> StepRequest:
        """The ask for the tokens written since the last ask, and for a `draw(row, text)` of each text that goes on.

        Before the first ask all texts share one row: the prompt and the tokens forced after it. If there are
        `proposals`, one for each text, they hold the draws.
        """
        shared = going[0][0] < 0
        prompt = self.plan.prompt.read
        rows: list[tuple[int, int, tuple[int, ...], tuple[int, ...]]] = []
        if proposals:
            draws = [each for proposal in proposals for each in proposal.draws]
        else:
            draws = [draw(0 if shared else row, text) for row, (_, text, why) in enumerate(going) if why is None]
        for number, (parent, text, why) in enumerate(going[:1] if shared else going):
            ahead = proposals[number].tokens if proposals else ()
            before = len(text.tokens) - text.unread
            unread = (*(text.tokens[before:] if why is None else text.tokens[before:-1]), *ahead)
            forced = (*(text.tokens[-text.forced :] if text.forced else ()), *ahead)
            if parent < 0:
                rows.append((parent, 0, (*prompt, *unread), forced))
            else:
                rows.append((parent, len(prompt) + before, unread, forced))
        parents, keep, tokens, without_choice = zip(*rows, strict=True)
        return StepRequest(
            parents=parents,
            keep=keep,
            tokens=tokens,
            forced=without_choice,
            draws=tuple(draws),
            pinned=self.plan.prompt.pinned,
        )

    def run_on(self, texts: Sequence[Continuation]) -> list[str | None]:
        """Write forced tokens. Returns why each text is finished then, None if it goes on."""
        why: list[str | None] = [None] * len(texts)
        going = list(range(len(texts)))
        while going:
            forced = []
            for number in going:
                why[number], only = self.look(texts[number])
                if why[number] is None and only is not None:
                    self.force(texts[number], only)
                    forced.append(number)
            going = forced
        return why

    def look(self, text: Continuation) -> tuple[str | None, int | None]:
        """Why the text is finished, and the only token that may follow; each is None otherwise.

        The allowed tokens go into `text.allowed`.
        """
        plan, left = self.plan, self.left(text)
        if self.rows.is_plain:
            if left <= 0:
                return "budget", None
            allowed, accepts = self.rows.allowed(text, left), plan.prover.sufficient.accepts(text.node, text.asked)
        else:
            if plan.product.cut(text.joint):
                return "stop", None
            if left <= 0:
                return "budget", None
            allowed, accepts = plan.tokens(text.joint, left, text.history), plan.product.accepts(text.joint)
        if not accepts:
            text.allowed = allowed
            return None, allowed.only() if text.forced < self._longest_run else None
        if allowed.is_empty():
            return "full", None
        text.allowed = plan.with_end(allowed)
        return None, None

    @cached_property
    def _longest_run(self) -> int:
        positions: int | None = self.model.positions
        return RUN if positions is None else min(RUN, positions // 2 - 1)  # a window that slides keeps half of them

    def force(self, text: Continuation, token: int) -> None:
        """Add a token that has no alternative."""
        self.rows.force(text, token)
        self._append(text, token, 0.0)
        text.forced += 1

    def go_on(self, text: Continuation, token: int, choice_logprob: Callable[[int], float]) -> bool:
        """Write a permitted token if a quick check finds a rest behind it. Returns whether it did.

        `choice_logprob` gives the log-probability with which it was chosen. It is called only where shapers remember
        it.
        """
        if not self.rows.is_plain or not self.rows.go_on(text, token, self.plan.budget - len(text.tokens)):
            return False
        self._append(text, token, choice_logprob(token) if text.memory else 0.0)
        return True

    def write(self, text: Continuation, choice: Choice, choice_logprob: float = 0.0) -> None:
        """Add one token and the log-probability of its choice (0: there was no choice)."""
        assert choice.token is not None
        assert choice.joint is not None
        self.rows.stand(text, choice.joint, choice.rest)
        text.exact = text.exact and choice.exact
        self._append(text, choice.token, choice_logprob)

    def _append(self, text: Continuation, token: int, choice_logprob: float) -> None:
        text.tokens.append(token)
        text.unread += 1
        text.unsent += self._surfaces[token]
        if text.history is not None and (code := self.plan.prover.histories.code_of[token]) >= 0:
            text.history.append(code)
        if text.memory:
            text.memory = self.plan.chain.remember(text.memory, token, choice_logprob)

    @cached_property
    def _surfaces(self) -> Sequence[bytes]:
        return self.plan.chain.vocabulary.surfaces

    def stream(self, text: Continuation) -> None:
        """Send the characters that no later token can change."""
        if not self.in_pieces:
            return
        final = self.final(text).decode("utf-8", errors="ignore")
        if final:
            self.send(Piece(text.sample, final))
            text.unsent = text.unsent[len(final.encode()) :]

    def final(self, text: Continuation, why: str | None = None) -> bytes:
        """The part of the unsent bytes that no later token can change. `why` says why the text is finished, None if it
        goes on.
        """
        held = self._held(text) if why in (None, "stop") else 0
        return text.unsent[: max(0, len(text.unsent) - held)]

    def kept(self, text: Continuation) -> tuple[int, ...]:
        """The tokens that are part of the text: all but those of a complete stop string."""
        cut = self.plan.product.cut(text.joint) if self.plan.product.stops else 0
        return tuple(text.tokens[: len(text.tokens) - cut])

    def _held(self, text: Continuation) -> int:
        """How many trailing bytes are, or could become, a stop string. They are no part of the text."""
        if not self.plan.product.stops:
            return 0
        cut = self.plan.product.cut(text.joint)
        if cut:
            return sum(len(self._surfaces[token]) for token in text.tokens[-cut:])
        return self.plan.product.held(text.joint)

    def stream_agreed(self, texts: Sequence[tuple[Continuation, str | None]], sent: bytes) -> bytes:
        """Stream what all these texts agree on; one of them will be the first sample's. Returns everything streamed so
        far.

        Each comes with why it is finished, or None. None of them has been streamed by itself.
        """
        if not self.in_pieces:
            return sent
        agreed = shared_beginning([self.final(text, why) for text, why in texts])
        final = agreed[len(sent) :].decode("utf-8", errors="ignore")
        if final:
            self.send(Piece(self.samples[0], final))
        return sent + final.encode()

    def finish(
        self, text: Continuation, why: str, *, log_evidence: float | None = None, truncated: bool = False
    ) -> None:
        """Send the rest of the text and its completion. `truncated` says that shapers made an estimate inexact."""
        rest = self.final(text, why)
        kept = self.kept(text)
        new = b"".join(self._surfaces[token] for token in kept).decode("utf-8", errors="replace")
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
            device=str(getattr(self.model, "device", "cpu")).partition(":")[0],
            portable=self.model.reproducible and getattr(self.model, "portable", False) and self._draws_alike,
            undone=tuple(text.undone),
            log_evidence=log_evidence,
            drafted=(text.proposed, text.accepted),
        )
        self.send(Piece(text.sample, rest.decode("utf-8", errors="replace"), done))
