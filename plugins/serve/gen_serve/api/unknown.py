"""What is said of a path or a method that there is none of: which there are."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from http import HTTPStatus

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route

from gen_engine.errors import brief

from .errors import error


def paths_of(*routes: Iterable[BaseRoute]) -> tuple[Route, ...]:
    """Those of the routes that lead to an endpoint. An application does not tell those of its routers by itself."""
    return tuple(each for some in routes for each in some if isinstance(each, Route))


def answer(request: Request, problem: HTTPException) -> JSONResponse | None:
    """The answer to a request that has no endpoint; None if it has one, which refuses it in words of its own."""
    if problem.detail != HTTPStatus(problem.status_code).phrase:
        return None
    path, known = request.url.path, request.app.state.paths
    if problem.status_code == HTTPStatus.NOT_FOUND:
        close = get_close_matches(path, {each.path for each in known if "{" not in each.path} - {"/"}, n=1)
        meant = f"did you mean {close[0]}? " if close else ""
        told = f"There is no {brief(path)} here; {meant}/openapi.json lists what there is."
        return JSONResponse(error(told, code="http", status=404), 404)
    if problem.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
        return None
    methods = sorted({method for each in known if each.path_regex.match(path) for method in each.methods or ()})
    others = " or ".join(each for each in methods if each != "HEAD" or methods == ["HEAD"])
    told = f"{brief(path)} has no {brief(request.method)}; use {others or 'GET'}."
    return JSONResponse(error(told, code="http", status=405), 405, {"Allow": ", ".join(methods)})
