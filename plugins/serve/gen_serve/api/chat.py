"""`/v1/chat/completions`: answers of models that have a chat template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ..messages import Scored, TextDone
from .answering import Asked, answer, wished
from .bodies import router_of
from .completions import ANSWER, finite, spelt
from .errors import ERRORS
from .models import facts_of
from .protocol import ChatRequest
from .reading import chat_wished


@dataclass(frozen=True)
class ChatWriter:
    """Writes choices with a message, or with what is new in it; see `answering.Writer`."""

    has_logprobs: bool

    def choice(self, index: int, done: TextDone) -> dict[str, Any]:
        message = {"role": "assistant", "content": self.whole(done), "refusal": None}
        return {"message": message, "logprobs": self._logprobs(done)}

    def opening(self, index: int) -> list[dict[str, Any]]:
        return [{"delta": {"role": "assistant", "content": "", "refusal": None}, "logprobs": None}]

    def piece(self, index: int, text: str) -> dict[str, Any]:
        return {"delta": {"content": text} if text else {}, "logprobs": None}

    def rest(self, index: int, done: TextDone, text: str) -> list[dict[str, Any]]:
        return [{"delta": {"content": text}, "logprobs": self._logprobs(done)}] if text or self.has_logprobs else []

    def whole(self, done: TextDone) -> str:
        return str(done.record["new"])

    def _logprobs(self, done: TextDone) -> dict[str, Any] | None:
        return {"content": entries(done.details["new"]), "refusal": None} if self.has_logprobs else None


def entries(scored: Sequence[Scored]) -> list[dict[str, Any]]:
    """Log-probabilities as the protocol has them for chats: an entry for each token."""
    return [
        {
            **_entry(each.name, each.printed, each.logprob or 0.0),
            "top_logprobs": [
                # The chosen token has one number, not two that differ in the last bits.
                _entry(name, printed, (each.logprob or 0.0) if name == each.name else value)
                for name, printed, value in each.top
            ],
        }
        for each in scored
    ]


def _entry(name: str, printed: bytes, logprob: float) -> dict[str, Any]:
    return {"token": spelt(name, printed), "logprob": finite(logprob), "bytes": list(printed)}


def routes() -> APIRouter:
    """The endpoint."""
    router = router_of("chat", responses=ERRORS)

    @router.post("/chat/completions", response_class=Response, responses={200: ANSWER})
    async def chat(asked: ChatRequest, request: Request) -> Response:
        """Answer a chat. Streams with logprobs send each text when it is whole."""
        facts = facts_of(request, asked.model)
        longest = request.app.state.router.seconds
        wishes = await wished(lambda: chat_wished(asked, facts, longest=longest), asked)
        told = Asked(request, asked, facts, wishes, "chat.completion", "chat.completion.chunk", "chatcmpl")
        return await answer(told, ChatWriter(bool(asked.logprobs)))

    return router
