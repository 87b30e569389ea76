"""Bodies of requests as strict JSON: nothing in them is silently ignored."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from gen_engine.system.json_values import RepeatedKeyError, strict_json

from .errors import refusal


class StrictRequest(Request):
    """A request whose body may neither repeat a key nor have a number that JSON lacks."""

    async def json(self) -> Any:
        """The body. Raises JSONDecodeError for what is no JSON, and HTTPException for a repeated key."""
        try:
            return strict_json(await self.body())
        except RepeatedKeyError as problem:
            raise refusal(f"{problem}; give it once.", code="invalid", param=problem.key, status=422) from None
        except json.JSONDecodeError:
            raise
        except UnicodeDecodeError as problem:
            raise json.JSONDecodeError(f"it is no {problem.encoding}", "", problem.start) from None
        except ValueError as problem:  # NaN, infinity, or an integer of thousands of digits
            raise json.JSONDecodeError(str(problem), "", 0) from None


class StrictRoute(APIRoute):
    """A route whose endpoint is given strict requests."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return handle_strictly


def router_of(tag: str, **more: Any) -> APIRouter:
    """A router of endpoints under /v1 that read bodies."""
    return APIRouter(prefix="/v1", tags=[tag], route_class=StrictRoute, **more)
