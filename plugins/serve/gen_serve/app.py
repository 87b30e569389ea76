"""The application: lanes are started with it, and each endpoint reaches them by its `Router`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from .api import asking, chat, completions, health, lookups, metrics, models, page, texts, unknown
from .api.errors import error, on_invalid, on_refused
from .api.queries import check_query
from .api.waiting import ClientLeft, on_left
from .closing import Closing
from .guards import (
    HEADERS,
    METHODS,
    Guard,
    Preflight,
    closing_check,
    encoding_check,
    host_check,
    key_check,
    origin_check,
)
from .journal import Journal
from .lanes import Lane, lanes_of
from .routing import Router
from .settings import Settings


def make_app(settings: Settings, lanes: Sequence[Lane] | None = None) -> FastAPI:
    """The application that serves `settings.models` by these lanes."""
    quick, *patient = lanes_of(settings) if lanes is None else lanes
    figures = metrics.Metrics()
    router = Router(quick, patient[0] if patient else None, settings.patience, settings.limit, figures.watch)
    closing = Closing(settings.grace, router.close)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for lane in router.lanes:
            lane.start()
        yield
        router.close()
        for lane in router.lanes:
            lane.kill()

    figures.show(router)
    app = FastAPI(title="gen-engine", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.router, app.state.closing, app.state.most = router, closing, settings.texts
    for kind, answer in (
        (RequestValidationError, on_invalid),
        (HTTPException, _on_refused),
        (ClientLeft, on_left),
        (Exception, _on_broken),
    ):
        app.add_exception_handler(kind, answer)
    served = (
        *(each.routes() for each in (models, completions, chat, lookups)),
        *(each.routes(settings.names) for each in (texts, asking)),
        health.routes(router, closing),
        metrics.routes(figures),
    )
    for endpoints in served:
        app.include_router(endpoints, dependencies=[Depends(check_query)])
    page.mount(app)
    app.state.paths = unknown.paths_of(app.routes, *(each.routes for each in served))
    _guard(app, settings, figures, closing)
    return app


def _guard(app: FastAPI, settings: Settings, figures: metrics.Metrics, closing: Closing) -> None:
    """What is added last is passed first."""
    checks = [host_check(settings.host, settings.hosts), origin_check(settings.origins), closing_check(closing)]
    checks += [*([key_check(settings.keys)] if settings.keys else []), encoding_check]
    app.add_middleware(
        Guard, checks=tuple(checks), metrics=figures, most=settings.body, keeps_body=settings.logs_prompts
    )
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=METHODS,
            allow_headers=HEADERS,
            expose_headers=["X-Request-Id", "Retry-After"],
        )
    app.add_middleware(Preflight, origins=settings.origins, metrics=figures)
    app.add_middleware(Journal, metrics=figures, closing=closing)


async def _on_refused(request: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, HTTPException)
    return unknown.answer(request, problem) or await on_refused(request, problem)


async def _on_broken(_: Request, __: Exception) -> JSONResponse:
    """A fault of this program; the log has its trace."""
    told = error("Something went wrong inside the server; its log says what.", code="failed", status=500)
    return JSONResponse(told, 500)
