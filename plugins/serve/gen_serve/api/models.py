"""`/v1/models`: which models are served."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request

from ..messages import ModelFacts
from .errors import ERRORS, refusal

OWNER = "gen-engine"


def facts_of(request: Request, name: str) -> ModelFacts:
    """What is known of a served model. Raises HTTPException if it is not served (404), or not loaded yet (503)."""
    known = known_models(request)
    found = next((each for each in known if each.name == name), None)
    if found is None:
        names = ", ".join(each.name for each in known)
        raise refusal(f"There is no model {name!r} here; name one of {names}.", code="model_not_found", param="model",
                      status=404)  # fmt: skip
    return found


def known_models(request: Request) -> tuple[ModelFacts, ...]:
    """The models that are served. Raises HTTPException while they are being loaded."""
    found: tuple[ModelFacts, ...] = request.app.state.router.quick.models
    if not found and (problem := request.app.state.router.quick.problem):
        raise refusal(problem, code="failed", status=503)
    if not found:
        raise refusal("The models are being loaded; ask again in a moment.", code="loading", status=503)
    return found


def routes() -> APIRouter:
    """The endpoints."""
    router = APIRouter(prefix="/v1", tags=["models"], responses=ERRORS)
    began = int(time.time())

    def told(facts: ModelFacts) -> dict[str, Any]:
        return {
            "id": facts.name,
            "object": "model",
            "created": began,
            "owned_by": OWNER,
            "summary": facts.summary,
            "hash": facts.hash,
            "dtype": facts.dtype,
            "device": facts.device,
            "reproducible": facts.reproducible,
            "positions": facts.positions,
            "has_chat": facts.has_chat,
        }

    @router.head("/models", include_in_schema=False)
    @router.get("/models")
    async def list_models(request: Request) -> dict[str, Any]:
        """All models that are served."""
        return {"object": "list", "data": [told(each) for each in known_models(request)]}

    @router.head("/models/{name:path}", include_in_schema=False)
    @router.get("/models/{name:path}")
    async def retrieve_model(request: Request, name: str) -> dict[str, Any]:
        """One of them."""
        return told(facts_of(request, name))

    return router
