"""The commands that write texts as typed endpoints: `/v1/poems` takes and tells what `gen poem` does."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import click
from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field, create_model
from starlette.exceptions import HTTPException

from ..messages import Begun, CommandWish, Failed, ModelFacts, Over, TextDone
from .blaming import blamed, without_option
from .bodies import router_of
from .bounds import SEED
from .errors import ERRORS, refusal, response_of
from .events import stream_of
from .fields import Fields, body_of, fields_of, installed, writing_commands
from .streams import OVER, Kept, Position, Streams, new_id, written
from .waiting import begun, run_to_end

PATHS = {"poem": "poems", "couplet": "couplets", "novel": "novels", "text": "texts"}
"""The endpoints of commands that are not called as the command is."""

NARROW = "or allow more tokens."
"""How the engine advises on a rule that takes more tokens than there are."""

FREE_SEEDS = 2**32
"""How many seeds the server chooses from."""

Texts = create_model(
    "Texts",
    id=(str, ...), object=(str, "texts"), model=(str, ...),
    texts=(list[dict[str, Any]], Field(..., description="Each as the command prints it with --json.")),
    notes=(list[str], Field(..., description="What the command says on standard error.")),
    usage=(dict[str, int], ...),
)  # fmt: skip


@dataclass(frozen=True)
class Writing:
    """A command that writes texts: its fields, the served models, and two types of bodies: that of its endpoint
    (`body`), and one that names the command (`asked`).
    """

    command: str
    fields: Fields
    models: tuple[str, ...]
    default: str
    body: type[BaseModel]
    asked: type[BaseModel]

    def wish(self, body: BaseModel) -> tuple[str, CommandWish, int]:
        """The model, the wish and the seed of a body."""
        seed, model = getattr(body, "seed", None), getattr(body, "model", None)
        seed = secrets.randbelow(FREE_SEEDS) if seed is None else seed
        return model or self.default, CommandWish(self.command, self.fields.arguments(body)), seed

    def check(self, body: BaseModel) -> None:
        """Raise a refusal for what is wrong with a body beyond its types."""
        name = getattr(body, "model", None)
        if name is not None and name not in self.models:
            told = f"The model {name!r} is not served; take one of {', '.join(self.models)}."
            raise refusal(told, code="model_not_found", param="model", status=404)

    def told(self, body: BaseModel, failed: Failed) -> Failed:
        """A failure of the command in words about fields."""
        return told_of(self.fields, body, failed)


def told_of(fields: Fields, body: BaseModel, failed: Failed) -> Failed:
    """A failure of a command in words about its fields; it names one if it can."""
    given = {name: value for name in body.model_fields_set if (value := getattr(body, name)) is not None}
    param, members = fields.named(failed.param, failed.message, given), failed.members
    if param is None and failed.code == "bad_request":
        param = blamed(failed.message, given)
    if failed.code == "conflict" and len(members) == 1 and NARROW in failed.message:
        members = (*(each for each in fields.sizes(given) if each not in members), *members)
    message = fields.words(without_option(failed.message))
    return replace(failed, message=message, param=param, members=members)


def writings(models: tuple[str, ...]) -> dict[str, Writing]:
    """The installed commands that write texts, by their names."""
    return {name: _writing(name, command, models) for name, command in writing_commands().items()}


def _writing(name: str, command: click.Command, models: tuple[str, ...]) -> Writing:
    fields = fields_of(command, name)
    own = next((each.default for each in command.params if each.name == "model"), None)
    default = str(own) if own in models else models[0]
    told = "One of the served models."
    served = Field(default, max_length=200, description=told, json_schema_extra={"enum": [*models]})
    told = "The same seed gives the same text; the server draws one if none is given."
    seed = Field(None, ge=0, le=SEED, description=told)
    more: dict[str, Any] = {"model": (str | None, served), "seed": (int | None, seed)}
    told = "Tell the texts as server-sent events while they are written."
    title = "".join(part.capitalize() for part in re.split("[-_]", name))
    body = body_of(fields, title, {**more, "stream": (bool | None, Field(False, description=told))})
    asked = body_of(fields, f"{title}Command", {"command": (Literal[name], ...), **more})
    return Writing(name, fields, models, default, body, asked)


def routes(models: tuple[str, ...]) -> APIRouter:
    """The endpoints."""
    router = router_of("texts")
    streams = Streams()
    for name, writing in writings(models).items():
        _mount(router, PATHS.get(name, name), writing, streams)
    _mount_streams(router, streams)
    return router


def _mount(router: APIRouter, path: str, writing: Writing, streams: Streams) -> None:
    async def write(request: Request, body: Any) -> Response:
        writing.check(body)
        return await (_streamed(request, writing, body, streams) if body.stream else _whole(request, writing, body))

    write.__annotations__ = {"request": Request, "body": writing.body, "return": Response}
    write.__doc__ = _about(writing)
    answers: dict[int | str, dict[str, Any]] = {
        200: {"model": Texts, "description": "The texts.", "content": {"text/event-stream": {}}},
        **ERRORS,
    }
    router.post(f"/{path}", name=path, operation_id=f"write_{path}", response_model=None, responses=answers)(write)


def _about(writing: Writing) -> str:
    command = installed(writing.command)
    return writing.fields.words(command.help or "") if command is not None else ""


async def _whole(request: Request, writing: Writing, body: BaseModel) -> Response:
    model, wish, seed = writing.wish(body)
    events = request.app.state.router.events(model, wish, seed=seed)
    texts: list[dict[str, Any]] = []
    notes: list[str] = []
    usage: dict[str, int] = {}
    for event in await run_to_end(request, events):
        if isinstance(event, Failed):
            return response_of(writing.told(body, event))
        if isinstance(event, TextDone):
            texts.append(dict(event.record))
        if isinstance(event, Begun | Over):
            notes += [each for told in event.notes if (each := writing.fields.words(told)) not in notes]
        if isinstance(event, Over):
            usage = dict(event.usage)
    return JSONResponse(
        {"id": new_id(), "object": "texts", "model": model, "texts": texts, "notes": notes, "usage": usage}
    )


async def _streamed(request: Request, writing: Writing, body: BaseModel, streams: Streams) -> Response:
    model, wish, seed = writing.wish(body)
    kept = Kept(model, wish, seed, lambda failed: writing.told(body, failed), writing.fields.words)
    name = new_id()
    answer = await _run(request, streams, name, kept)
    if isinstance(answer, StreamingResponse):
        streams.keep(name, kept)
    return answer


async def _run(request: Request, streams: Streams, name: str, kept: Kept, had: Position | None = None) -> Response:
    """The events of a stream; a refusal before the first of them has a status of its own."""
    events = request.app.state.router.events(kept.model, kept.wish, seed=kept.seed, is_streamed=True)
    first, rest = await begun(request, events)
    if isinstance(first, Failed):
        return response_of(kept.words(first))
    return stream_of(written(streams, name, kept, first, rest, had))


# ------------------------------------------------------------------------------------------------------- streams

LastEventId = Annotated[str | None, Header(max_length=20_000, description="The id of the last event that was read.")]


def _mount_streams(router: APIRouter, streams: Streams) -> None:
    answers: dict[int | str, dict[str, Any]] = {
        200: {"description": "The events.", "content": {"text/event-stream": {}}},
        204: {"description": "All events were read."},
        409: {**ERRORS[400], "description": "The model does not write the same text again"},
        **ERRORS,
    }

    @router.get("/streams/{name}", operation_id="take_up_stream", response_model=None, responses=answers)
    async def take_up(request: Request, name: str, last_event_id: LastEventId = None) -> Response:
        """Take a stream up again after the event of that id, within ten minutes."""
        kept = streams.find(name)
        if kept is None:
            raise _unknown(name)
        if last_event_id == OVER:
            return Response(status_code=204)
        if not _is_reproducible(request, kept.model):
            told = f"The model {kept.model} does not write the same text again; ask for a new one."
            raise refusal(told, code="not_reproducible", status=409)
        try:
            had = None if last_event_id is None else kept.position(last_event_id)
        except ValueError:
            told = "Last-Event-ID is not the id of an event of this stream; leave it out to begin anew."
            raise refusal(told, code="bad_request", param="last-event-id") from None
        return await _run(request, streams, name, kept, had)

    no_stream: dict[int | str, dict[str, Any]] = {404: {**ERRORS[404], "description": "No such stream"}}

    @router.delete(
        "/streams/{name}", operation_id="end_stream", status_code=204, response_model=None, responses=no_stream
    )
    async def end(name: str) -> Response:
        """Stop a stream for good: its texts are written no further."""
        if not streams.end(name):
            raise _unknown(name)
        return Response(status_code=204)


def _unknown(name: str) -> HTTPException:
    told = f"There is no stream {name[:60]!r}; streams can be taken up for ten minutes after their last event."
    return refusal(told, code="stream_not_found", status=404)


def _is_reproducible(request: Request, model: str) -> bool:
    known: tuple[ModelFacts, ...] = request.app.state.router.quick.models
    return all(each.reproducible for each in known if each.name == model)
