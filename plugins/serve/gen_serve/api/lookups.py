"""The commands that compute without a model: `gen check`, `gen forms` and `gen nearest`, in threads of this process."""

from __future__ import annotations

import json
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import click
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from pydantic import Field, StringConstraints, create_model

from gen_engine.cli.options import Settings
from gen_engine.errors import GenError
from gen_engine.system.screen import notes_kept, results_kept

from ..engine_process.jobs import failure
from ..messages import Failed
from .bodies import router_of
from .errors import ERRORS, refusal, response_of
from .fields import body_of, cli, fields_of, installed
from .texts import told_of

JUDGED, NAMED, LINE = 20_000, 100, 200
"""The most characters of a text to judge, of the name of a form, and of a line to look up."""

POEMS = 100
"""The most poems that are judged for a request: each takes some milliseconds, which others then wait for."""

FOUND, MOST = 3, 20
"""How many lines are found, and how many at most."""

THREADS = 2
"""How many of these commands run at once."""

Checked = create_model(
    "Checked",
    object=(str, "check"),
    poems=(list[dict[str, Any]], Field(..., description="As `gen check --json` prints.")),
)
Nearest = create_model(
    "Nearest", object=(str, "nearest"),
    lines=(list[dict[str, Any]], Field(..., description="Real lines, the nearest first; `to` is the line asked for.")),
)  # fmt: skip

REFUSED: dict[int | str, dict[str, Any]] = {status: ERRORS[status] for status in (400, 422, 500)}


def printed(*arguments: str) -> list[str]:
    """The lines that a command prints. Raises what the command raises."""
    with results_kept() as out, notes_kept():
        cli().main([*arguments], prog_name="gen", obj=Settings(), standalone_mode=False)
    return out.getvalue().splitlines()


def routes() -> APIRouter:
    """The endpoints of those commands that are installed."""
    router = router_of("verse")
    limit: list[CapacityLimiter] = []

    async def run(command: partial[Any]) -> Any:
        if not limit:  # made within the loop that it is for
            limit.append(CapacityLimiter(THREADS))
        return await to_thread.run_sync(_outcome, command, limiter=limit[0])

    if installed("check") is not None:
        _mount_check(router, run)
    if installed("forms") is not None:
        _mount_forms(router, run)
    if installed("nearest") is not None:
        _mount_nearest(router, run)
    return router


def _outcome(command: partial[Any]) -> Any:
    try:
        return command()
    except (GenError, click.ClickException) as problem:
        return failure(0, problem)


# -------------------------------------------------------------------------------------------------------- check


def _mount_check(router: APIRouter, run: Any) -> None:
    command = installed("check")
    assert command is not None
    fields = fields_of(command, "check")
    text = Annotated[str, StringConstraints(min_length=1, max_length=JUDGED)]
    told = "The poems, with an empty line between two; or the JSON lines that the writing commands print."
    body_type = body_of(fields, "Check", {"text": (text, Field(..., description=told))})

    async def check(body: Any) -> Response:
        if (count := 1 if body.one else _count(body.text)) > POEMS:
            raise refusal(f"text: it has {count:,} poems, and {POEMS} are judged at once here; send fewer.",
                          code="invalid", param="text", status=422)  # fmt: skip
        found = await run(partial(_check, fields.arguments(body), body.text))
        if isinstance(found, Failed):
            return response_of(told_of(fields, body, found))
        return JSONResponse({"object": "check", "poems": found})

    check.__doc__ = fields.words((command.help or "").replace("in FILE (- for standard input) ", ""))
    check.__annotations__ = {"body": body_type, "return": Response}
    answers = {200: {"model": Checked}, **REFUSED}
    router.post("/check", operation_id="check", response_model=None, responses=answers)(check)


def _count(text: str) -> int:
    """How many poems it has: an empty line separates two, and of lines of JSON each has one."""
    lines = [line.strip() for line in text.strip().splitlines()]
    if text.lstrip().startswith("{"):
        return sum(map(bool, lines))
    return 1 + sum(bool(line) and not after for line, after in pairwise(lines))


def _check(options: tuple[str, ...], text: str) -> list[dict[str, Any]]:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "text"
        file.write_text(text, encoding="utf-8")
        try:
            return list(map(json.loads, printed("check", *options, "--json", "--", str(file))))
        except GenError as problem:
            told = str(problem).replace(str(file), "the text").replace("give a file with one", "give one")
            raise GenError(told) from None


# -------------------------------------------------------------------------------------------------------- forms


def _mount_forms(router: APIRouter, run: Any) -> None:
    @router.head("/forms", include_in_schema=False)
    @router.get("/forms", operation_id="forms", response_model=None, responses={200: {"content": JSON}, **REFUSED})
    async def forms(name: Annotated[str | None, Query(min_length=1, max_length=NAMED)] = None) -> Response:
        """List the forms of verse and the tunes of ci; of a `name`, or a part of one, the patterns in full."""
        found = await run(partial(_forms, name))
        if isinstance(found, Failed):
            return response_of(found)
        return Response(found, media_type="application/json")


JSON: dict[str, Any] = {"application/json": {"schema": {}}}

REMEMBERED = 32
"""How many answers about forms are remembered; one has a megabyte at most."""


@lru_cache(REMEMBERED)
def _forms(name: str | None) -> str:
    return "\n".join(printed("forms", "--json", "--", *([] if name is None else [name])))


# ------------------------------------------------------------------------------------------------------ nearest


def _mount_nearest(router: APIRouter, run: Any) -> None:
    answers = {200: {"model": Nearest}, **REFUSED}

    @router.head("/nearest", include_in_schema=False)
    @router.get("/nearest", operation_id="nearest", response_model=None, responses=answers)
    async def nearest(
        line: Annotated[str, Query(min_length=1, max_length=LINE)], n: Annotated[int, Query(ge=1, le=MOST)] = FOUND
    ) -> Response:
        """Show the lines of real poems that are nearest to a line, so that one sees what it borrows."""
        found = await run(partial(_nearest, line, n))
        if isinstance(found, Failed):
            return response_of(found)
        return JSONResponse({"object": "nearest", "lines": found})


def _nearest(line: str, n: int) -> list[dict[str, Any]]:
    if line == "-":  # which would read standard input
        raise GenError("There is no Chinese character in the line; give one of verse, such as 白日依山尽.")
    told = map(json.loads, printed("nearest", f"--num={n}", "--json", "--", line))
    return [{"to": each["line"], **near} for each in told for near in each["nearest"]]
