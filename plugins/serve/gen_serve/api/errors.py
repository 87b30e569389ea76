"""Errors as the completions protocol has them: `{"error": {message, type, param, code}}` under a status that says whose
turn it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from gen_engine.errors import brief, escaped, quoted

from ..messages import Code, Failed

STATUS: dict[Code, int] = {
    "bad_request": 400,
    "conflict": 422,
    "undecided": 424,  # clients repeat 408, 409, 429 and 5xx by themselves, and this would only take as long again
    "busy": 429,
    "plugin": 500,
    "failed": 500,
    "gone": 503,
    "timeout": 424,  # likewise
}
"""The status of each way in which a wish fails."""

MEANINGS = {
    400: "The request cannot be fulfilled", 404: "No such model", 422: "A field is wrong, or no text obeys the rules",
    424: "Whether a text obeys was not decided in time", 429: "Too many wait", 500: "A plugin or the server failed",
    503: "The models are being loaded",
}  # fmt: skip
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": meaning,
        "content": {"application/json": {"schema": {
            "type": "object", "required": ["error"], "properties": {"error": {
                "type": "object", "required": ["message", "type", "param", "code"], "properties": {
                    "message": {"type": "string"}, "type": {"type": "string"},
                    "param": {"type": ["string", "null"]}, "code": {"type": "string"},
                    "members": {"type": "array", "items": {"type": "string"}},
                },
            }},
        }}},
    }
    for status, meaning in MEANINGS.items()
}  # fmt: skip
"""The errors of an endpoint, as its documentation has them."""

RETRY_AFTER = 1
"""Seconds after which a client that found the queue full may ask again."""


def error(
    message: str, *, code: str, param: str | None = None, status: int = 400, **more: Any
) -> dict[str, dict[str, Any]]:
    """The body of an error."""
    kind = "server_error" if status >= 500 else "rate_limit_error" if status == 429 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code, **more}}


def body_of(failed: Failed) -> dict[str, dict[str, Any]]:
    """A failed wish as the body of an error; a conflict names its members."""
    more = {"members": list(failed.members)} if failed.code == "conflict" else {}
    return error(failed.message, code=failed.code, param=failed.param, status=STATUS[failed.code], **more)


def response_of(failed: Failed) -> JSONResponse:
    """A failed wish as a response."""
    headers = {"Retry-After": str(RETRY_AFTER)} if failed.code == "busy" else None
    return JSONResponse(body_of(failed), STATUS[failed.code], headers)


def refusal(message: str, *, code: str, param: str | None = None, status: int = 400) -> HTTPException:
    """What an endpoint raises to refuse a request; `on_refused` answers with this error."""
    headers = {"Retry-After": str(RETRY_AFTER)} if status in (429, 503) else None
    return HTTPException(status, error(message, code=code, param=param, status=status), headers)  # type: ignore[arg-type]


LOOKED_AT = 50
"""Among how many errors of a body the one to tell is looked for; a hostile body has a million."""


async def on_invalid(request: Request, problem: Exception) -> JSONResponse:
    """A body with unknown or ill-typed fields: the first of them is named. A body that is none is told so."""
    assert isinstance(problem, RequestValidationError)
    kind = request.headers.get("content-type", "")
    return JSONResponse(invalid(problem.errors(), problem.body, kind=kind), 422)


def invalid(problems: Iterable[Mapping[str, Any]], body: Any, *, kind: str = "") -> dict[str, dict[str, Any]]:
    """The error of a body, sent as `kind`, in which pydantic found these problems; one of them is told.

    Their places begin with one part that is not of the body.
    """
    first = max(islice(problems, LOOKED_AT), key=lambda each: _tells_most(each, body))
    if first["loc"][0] in ELSEWHERE:
        name = escaped(str(first["loc"][-1]))
        return error(f"{name}: {_of_parameter(first)}.", code="invalid", param=name, status=422)
    whole = _about_body(first, body, kind)
    param = None if whole else _field(first, body)
    told = whole or (f"{param}: {_what(first)}." if param else f"{_what(first)}.")
    return error(told, code="invalid", param=param, status=422)


def _about_body(told: Mapping[str, Any], body: Any, kind: str) -> str | None:
    """What is wrong with a body as a whole; None if it is about a field."""
    if told["loc"][0] != "body" or isinstance(body, Mapping):
        return None
    if body is None:
        return "The body is empty; send an object in JSON."
    if isinstance(body, bytes):
        sent = f"as {brief(kind)}" if kind else "without a type"
        return f"The body is sent {sent}; send JSON with `Content-Type: application/json`."
    return "The body is JSON, but no object; send one with the fields of this endpoint."


ELSEWHERE = ("query", "header", "path")
"""Where else than in bodies something may be given."""

WORDS = {
    "missing": "it is missing; give it",
    "int_parsing": "{input} is no whole number; give one",
    "greater_than_equal": "{input} is too small; give {ge} or more",
    "less_than_equal": "{input} is too large; give {le} or less",
    "string_too_short": "it is empty; write something",
    "string_too_long": "it has {length:,} characters; give {max_length:,} at most",
}
"""What is wrong with a parameter of a path, and what helps."""


def _of_parameter(told: Mapping[str, Any]) -> str:
    words = WORDS.get(told["type"])
    if words is None:
        return str(told["msg"]).rstrip(".")
    given = told["input"]
    length = len(given) if isinstance(given, str) else 0
    return words.format(input=quoted(str(given), 20), length=length, **told.get("ctx", {}))


def _what(told: Mapping[str, Any]) -> str:
    """What is wrong with a field."""
    if told["type"] == "extra_forbidden":
        return "there is no such field; leave it out"
    if told["type"] in NO_MEMBER:
        tags = told["ctx"].get("expected_tags", "")
        return f"it says what this is; give {tags}" if tags else "it says what this is, and is missing; give it"
    return str(told["msg"]).rstrip(".")


NO_MEMBER = ("union_tag_invalid", "union_tag_not_found")
"""The errors of a field that tells which of several types an object has."""


def _tells_most(each: Mapping[str, Any], body: Any) -> tuple[bool, int, bool]:
    """How much an error says: an unknown field most, then what is deepest, then what is not only of another type."""
    depth = (_field(each, body) or "").count(".")
    return each["type"] == "extra_forbidden", depth, not str(each["type"]).endswith("_type")


def _field(told: Mapping[str, Any], body: Any) -> str | None:
    """The field that an error is about, without the members of unions that pydantic tried there."""
    found = [str(part) for part in _path(told["loc"][1:], body, is_missing=told["type"] == "missing")]
    found += [str(told["ctx"]["param"])] if "param" in told.get("ctx", {}) else []
    found += [str(told["ctx"]["discriminator"]).strip("'")] if told["type"] in NO_MEMBER else []
    return escaped(".".join(found)) or None


def _path(location: Sequence[Any], body: Any, *, is_missing: bool) -> tuple[Any, ...]:
    """The parts of a location that lead into `body`: to its last part if possible, else as deep as possible."""
    if not location:
        return ()
    (first, *rest), last = location, location[-1]
    if is_missing and not rest:
        return (first,)
    without = _path(rest, body, is_missing=is_missing)
    is_item = isinstance(body, list) and isinstance(first, int) and first < len(body)
    if not is_item and not (isinstance(body, Mapping) and first in body):
        return without
    found = (first, *_path(rest, body[first], is_missing=is_missing))
    return max(found, without, key=lambda path: (path[-1:] == (last,), len(path)))


async def on_refused(_: Request, problem: Exception) -> JSONResponse:
    """What an endpoint refuses, or the framework by itself."""
    assert isinstance(problem, HTTPException)
    if isinstance(problem.detail, Mapping):
        return JSONResponse(problem.detail, problem.status_code, problem.headers)
    if isinstance(problem.__cause__, RecursionError):  # of whoever parses JSON
        told = error("The body is nested deeper than any field; send a flatter one.", code="invalid", status=422)
        return JSONResponse(told, 422)
    told = error(str(problem.detail), code="http", status=problem.status_code)
    return JSONResponse(told, problem.status_code, problem.headers)
