"""Bodies of requests as strict JSON: nothing in them is silently ignored."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from gen_engine.system.json_values import RepeatedKeyError, UnreadableNumberError, strict_json

from .errors import refusal


class StrictRequest(Request):
    """A request whose body may neither repeat a key nor have a number that JSON lacks."""

    async def json(self) -> Any:
        """The body. Raises HTTPException for what is no JSON, and for a repeated key."""
        try:
            return strict_json(await self.body())
        except RepeatedKeyError as problem:
            raise refusal(f"{problem}; give it once.", code="invalid", param=problem.key, status=422) from None
        except json.JSONDecodeError as problem:
            raise _no_json(f"{problem.msg.removesuffix(' at')}, at character {problem.pos}") from None
        except UnicodeDecodeError as problem:
            raise _no_json(f"it is no {problem.encoding}, at byte {problem.start}") from None
        except UnreadableNumberError as problem:
            raise _no_json(str(problem)) from None


def _no_json(what: str) -> HTTPException:
    return refusal(f"The body is not valid JSON ({what}); send an object.", code="invalid", status=422)


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
