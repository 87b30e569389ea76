"""What can be asked about a wish for texts: whether its rules admit any, and what each choice of a text cost."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag, create_model

from ..messages import Event, ExplainWish, Failed, PossibleWish, TextDone
from .bodies import router_of
from .errors import ERRORS, response_of
from .processors import FAILED
from .texts import Writing, writings
from .waiting import run_to_end

EXPLAINED = 1_000
"""The most characters of a text that is explained: each is judged by every rule again."""

TOP, TOPS = 10, 20
"""How many of the likeliest tokens are told at each place, and how many at most."""

WRAPPED = "request"

Possible = create_model("Possible", possible=(bool, Field(..., description="Always true; a contradiction is a 422.")))
Explained = create_model(
    "Explained", explanation=(dict[str, Any], Field(..., description="As `--explain --json` prints it."))
)


def routes(models: tuple[str, ...]) -> APIRouter:
    """The endpoints."""
    router = router_of("texts")
    known = writings(models)
    if known:
        _mount_possible(router, known)
        _mount_explain(router, known)
    return router


def _any_of(known: dict[str, Writing]) -> Any:
    """The type of a body that names any of the commands."""
    return Annotated[reduce(or_, (each.asked for each in known.values())), Field(discriminator="command")]


def _mount_possible(router: APIRouter, known: dict[str, Writing]) -> None:
    config = ConfigDict(extra="forbid", strict=True)
    wrapped: Any = create_model("Wrapped", __config__=config, request=(_any_of(known), ...))
    plain = (Annotated[each.asked, Tag(name)] for name, each in known.items())
    either: Any = reduce(or_, plain, Annotated[wrapped, Tag(WRAPPED)])
    kinds = ", ".join(known)
    told = Discriminator(
        _kind,
        custom_error_type=FAILED,
        custom_error_message="it says what is asked about; give one of {kinds}",
        custom_error_context={"kinds": kinds, "param": "command"},
    )
    body_type: Any = Annotated[either, told, Body()]

    async def possible(request: Request, body: Any) -> Response:
        """Tell whether the rules of a command admit any text, without writing one. The fields are those of its
        endpoint and `command`, by themselves or under `request`.
        """
        asked = getattr(body, WRAPPED, body)
        found = await _asked(request, known[asked.command], asked)
        return found if isinstance(found, Response) else JSONResponse({"possible": True})

    possible.__annotations__ = {"request": Request, "body": body_type, "return": Response}
    answers = {200: {"model": Possible}, **ERRORS}
    router.post("/possible", operation_id="possible", response_model=None, responses=answers)(possible)


def _kind(body: Any) -> Any:
    """Which of the types of bodies one has."""
    if isinstance(body, dict):
        return WRAPPED if WRAPPED in body else body.get("command")
    return getattr(body, "command", WRAPPED)


def _mount_explain(router: APIRouter, known: dict[str, Writing]) -> None:
    text = Annotated[str, StringConstraints(min_length=1, max_length=EXPLAINED)]
    body_type = create_model(
        "Explain", __config__=ConfigDict(extra="forbid", strict=True),
        request=(_any_of(known), Field(..., description="The fields of an endpoint, and `command`: poem, ci ...")),
        text=(text, Field(..., description="The finished text, as it was told.")),
        top=(int, Field(TOP, ge=1, le=TOPS, description="How many of the likeliest tokens are told at each place.")),
    )  # fmt: skip

    async def explain(request: Request, body: Any) -> Response:
        """Tell what each choice of a text cost, which tokens the model preferred, and which rule removed them."""
        found = await _asked(request, known[body.request.command], body.request, text=body.text, top=body.top)
        if isinstance(found, Response):
            return found
        record = next(dict(event.record) for event in found if isinstance(event, TextDone))
        return JSONResponse(record)

    explain.__annotations__ = {"request": Request, "body": body_type, "return": Response}
    answers = {200: {"model": Explained}, **ERRORS}
    router.post("/explain", operation_id="explain", response_model=None, responses=answers)(explain)


async def _asked(
    request: Request, writing: Writing, body: BaseModel, *, text: str | None = None, top: int = TOP
) -> list[Event] | Response:
    """All events of the wish, or what is wrong with it."""
    writing.check(body)
    model, command, seed = writing.wish(body)
    wish = PossibleWish(command) if text is None else ExplainWish(command, text, top)
    found = await run_to_end(request, request.app.state.router.events(model, wish, seed=seed))
    failed = next((event for event in found if isinstance(event, Failed)), None)
    return found if failed is None else response_of(writing.told(body, failed))
