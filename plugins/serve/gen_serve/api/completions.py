"""`/v1/completions`: texts that continue a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ..messages import Scored, TextDone
from .answering import Asked, answer, wished
from .bodies import router_of
from .errors import ERRORS
from .models import facts_of
from .protocol import CompletionRequest
from .reading import texts_wished

NEVER = -9999.0
"""The log-probability of what the model never writes; JSON has no infinity."""


@dataclass(frozen=True)
class TextWriter:
    """Writes choices with `text`; see `answering.Writer`. With `echo` they begin with the prompt."""

    echo: bool
    has_logprobs: bool

    def choice(self, index: int, done: TextDone) -> dict[str, Any]:
        return {"text": self.whole(done), "logprobs": self._logprobs(done)}

    def opening(self, index: int) -> list[dict[str, Any]]:
        return []

    def piece(self, index: int, text: str) -> dict[str, Any]:
        return {"text": text, "logprobs": None}

    def rest(self, index: int, done: TextDone, text: str) -> list[dict[str, Any]]:
        return [{"text": text, "logprobs": self._logprobs(done)}] if text or self.has_logprobs else []

    def whole(self, done: TextDone) -> str:
        return str(done.record["text" if self.echo else "new"])

    def _logprobs(self, done: TextDone) -> dict[str, Any] | None:
        if not self.has_logprobs:
            return None
        before = len(done.record["text"]) - len(done.record["new"]) if self.echo else 0
        new = [replace(each, offset=each.offset + before) for each in done.details["new"]]
        return arrays([*done.details["prompt"], *new])


def arrays(scored: Sequence[Scored]) -> dict[str, Any]:
    """Log-probabilities as the protocol has them for texts: four arrays. Offsets count characters of `text`."""
    tops = [{spelt(name, printed): finite(value) for name, printed, value in each.top} for each in scored]
    return {
        "tokens": [spelt(each.name, each.printed) for each in scored],
        "token_logprobs": [None if each.logprob is None else finite(each.logprob) for each in scored],
        "top_logprobs": [
            None if each.logprob is None else {**top, spelt(each.name, each.printed): finite(each.logprob)}
            for each, top in zip(scored, tops, strict=True)
        ],
        "text_offset": [each.offset for each in scored],
    }


def spelt(name: str, printed: bytes) -> str:
    r"""A token as text: what it prints, `bytes:\xe6` if that is no whole characters, its name if it is nothing."""
    try:
        return printed.decode() or name
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in printed)


def finite(logprob: float) -> float:
    """A log-probability for JSON."""
    return max(logprob, NEVER)


def routes() -> APIRouter:
    """The endpoint."""
    router = router_of("completions", responses=ERRORS)

    @router.post("/completions", response_class=Response, responses={200: ANSWER})
    async def complete(asked: CompletionRequest, request: Request) -> Response:
        """Continue prompts. Streams with logprobs send each text when it is whole."""
        facts = facts_of(request, asked.model)
        longest, most = request.app.state.router.seconds, request.app.state.most
        wishes = await wished(lambda: texts_wished(asked, longest=longest, most=most), asked)
        told = Asked(request, asked, facts, wishes, "text_completion", "text_completion", "cmpl")
        return await answer(told, TextWriter(bool(asked.echo), asked.logprobs is not None))

    return router


ANSWER: dict[str, Any] = {
    "description": "Texts, or a stream of chunks",
    "content": {
        "application/json": {"schema": {"type": "object"}},
        "text/event-stream": {"schema": {"type": "string"}},
    },
}
