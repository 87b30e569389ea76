"""Whether the server lives (`/healthz`), and whether it takes wishes (`/readyz`)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from ..closing import Closing
from ..routing import Router


def routes(router: Router, closing: Closing) -> APIRouter:
    """The endpoints."""
    found = APIRouter()

    @found.api_route("/healthz", methods=["GET", "HEAD"], include_in_schema=False)
    async def live() -> dict[str, str]:
        return {"status": "ok"}

    @found.api_route("/readyz", methods=["GET", "HEAD"], include_in_schema=False)
    async def ready() -> JSONResponse:
        told = readiness(router, closing)
        return JSONResponse(told, 200 if told["status"] == "ready" else 503, {"Cache-Control": "no-store"})

    return found


def readiness(router: Router, closing: Closing) -> dict[str, Any]:
    """`status` is ready, loading, failed or closing; `problems` say why in sentences."""
    lanes = router.lanes
    problems = list(dict.fromkeys(lane.problem for lane in lanes if lane.problem))
    if closing.has_begun:
        status = "closing"
    elif lanes[0].problem:
        status = "failed"
    else:  # without the patient lane, hard wishes wait, and all others are written
        status = "ready" if lanes[0].ready.is_set() else "loading"
    return {"status": status, "problems": problems, "models": [each.name for each in lanes[0].models]}
