"""Figures for Prometheus, at `/metrics`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from ..messages import Event, Failed, Over, Text

if TYPE_CHECKING:
    from ..lanes import Lane
    from ..routing import Router

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
TOKEN_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)

LOADS = ("waiting", "running", "rows", "tokens")


@dataclass(eq=False)
class Metrics:
    """Counts requests and wishes, in a registry of its own, so that two servers in one process do not mix."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        own: dict[str, Any] = {"registry": self.registry}
        self.requests = Counter("gen_requests", "Answered requests.", ("endpoint", "status"), **own)
        self.seconds = Histogram("gen_request_seconds", "Seconds from a request to the end of its answer.",
                                 ("endpoint",), buckets=SECONDS, **own)  # fmt: skip
        self.open = Gauge("gen_requests_open", "Requests that are being answered.", **own)
        self.refusals = Counter("gen_refusals", "Wishes that failed, requests that were refused.", ("cause",), **own)
        self.tokens = Counter("gen_tokens", "Tokens of finished wishes.", ("kind",), **own)
        self.first = Histogram("gen_first_token_seconds", "Seconds from a streamed wish to the first of its text.",
                               buckets=SECONDS, **own)  # fmt: skip
        self.each = Histogram("gen_token_seconds", "Seconds a token after the first of a streamed wish.",
                              buckets=TOKEN_SECONDS, **own)  # fmt: skip

    def answered(self, endpoint: str, status: int, seconds: float) -> None:
        """A request is over."""
        self.requests.labels(endpoint, str(status)).inc()
        self.seconds.labels(endpoint).observe(seconds)

    def watch(self) -> Callable[[Event], None]:
        """Is shown the events of one wish."""
        return Watched(self).take

    def show(self, router: Router) -> None:
        """Tell of lanes, too."""
        lanes = dict(zip(("quick", "patient"), router.lanes, strict=False))
        for name in LOADS:
            gauge = Gauge(f"gen_lane_{name}", f"How many {WORDS[name]} an engine process has.", ("lane",),
                          registry=self.registry)  # fmt: skip
            for lane, each in lanes.items():
                gauge.labels(lane).set_function(_reading(each, name))
        ready = Gauge("gen_lane_ready", "Whether an engine process takes wishes.", ("lane",), registry=self.registry)
        starts = Gauge("gen_lane_starts", "How often an engine process was started.", ("lane",), registry=self.registry)
        for lane, each in lanes.items():
            ready.labels(lane).set_function(_is_ready(each))
            starts.labels(lane).set_function(partial(getattr, each, "starts"))
        moved = Gauge("gen_wishes_moved", "Wishes that went on to the patient lane.", registry=self.registry)
        moved.set_function(lambda: router.moved)


def _reading(lane: Lane, name: str) -> Callable[[], float]:
    return lambda: float(getattr(lane.busyness, name))


def _is_ready(lane: Lane) -> Callable[[], float]:
    return lambda: float(lane.ready.is_set())


WORDS = {
    "waiting": "requests that wait",
    "running": "texts under way",
    "rows": "rows in a pass",
    "tokens": "tokens kept at most for its rows",
}
"""What the numbers of `Busyness` count."""


@dataclass(eq=False)
class Watched:
    """A wish, seen by its events."""

    metrics: Metrics
    since: float = field(default_factory=perf_counter)
    first: float | None = None

    def take(self, event: Event) -> None:
        """One of its events."""
        if isinstance(event, Text) and self.first is None:
            self.first = perf_counter()
            self.metrics.first.observe(self.first - self.since)
        elif isinstance(event, Over):
            for kind, count in event.usage.items():
                self.metrics.tokens.labels(kind.removesuffix("_tokens")).inc(count)
            written = event.usage.get("completion_tokens", 0)
            if self.first is not None and written > 1:
                self.metrics.each.observe((perf_counter() - self.first) / (written - 1))
        elif isinstance(event, Failed):
            self.metrics.refusals.labels(event.code).inc()


def routes(metrics: Metrics) -> APIRouter:
    """The endpoint."""
    router = APIRouter()

    @router.api_route("/metrics", methods=["GET", "HEAD"], include_in_schema=False)
    async def show() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router
