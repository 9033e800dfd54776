"""The status listener, on this machine alone: page, JSON, readiness and metrics. Only reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Final
from urllib.parse import parse_qs

import msgspec
from fastapi import FastAPI, Request
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp

from connectors.events import microseconds
from worker.database import reading
from worker.errors import ShoalError
from worker.runtime import Kit
from worker.stream import reachable
from worker.web.answer_page import answer_page, problem_page
from worker.web.bodies import body_of
from worker.web.counters import Counters
from worker.web.metrics import metrics_text
from worker.web.refusals import Refusal, json_answer, refused
from worker.web.status_page import status_page
from worker.web.status_queries import Status, status, why

_FRESH: Final = 2.0  # seconds; several tabs and a scraper read the same status
_LARGEST_QUESTION: Final = 4_096
_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
}


@dataclass
class _Lately:
    """The status, read again when it is older than ``_FRESH``."""

    kit: Kit
    _read: tuple[float, Status] | None = None
    _lock: Lock = field(default_factory=Lock)

    def status(self) -> Status:
        with self._lock:
            if self._read is None or monotonic() - self._read[0] > _FRESH:
                self._read = (monotonic(), status(self.kit))
            return self._read[1]


def status_app(kit: Kit, counters: Counters) -> ASGIApp:
    """The ASGI app of the status listener."""
    lately = _Lately(kit)
    app = FastAPI(openapi_url=None, redirect_slashes=False)

    @app.get("/", response_model=None)
    def show_page(request: Request) -> Response:
        is_live = "live" in request.query_params
        return _page(lambda: status_page(lately.status(), is_live=is_live))

    @app.post("/why", response_model=None)
    async def show_reasons(request: Request) -> Response:
        question = await body_of(request, _LARGEST_QUESTION)
        return await run_in_threadpool(_page, lambda: _answer(kit, question))

    @app.get("/status.json", response_model=None)
    def show_json() -> Response:
        return _or_unavailable(lambda: json_answer(msgspec.to_builtins(lately.status()), 200))

    @app.get("/healthz", response_model=None)
    def say_alive() -> Response:
        return json_answer({"alive": True}, 200)

    @app.get("/readyz", response_model=None)
    def say_ready() -> Response:
        found = readiness(kit)
        is_ready = all(said == "ok" for said in found.values())
        return json_answer({"ready": is_ready, **found}, 200 if is_ready else 503)

    @app.get("/metrics", response_model=None)
    def show_metrics() -> Response:
        try:
            seen = lately.status()
        except (ShoalError, SQLAlchemyError):
            seen = None
        return Response(metrics_text(counters, seen), media_type=CONTENT_TYPE_LATEST)

    @app.exception_handler(Refusal)
    async def refuse(_: Request, refusal: Refusal) -> Response:
        return refused(refusal)

    # Another site's page that points its own name at this address shall read nothing here.
    return TrustedHostMiddleware(app, allowed_hosts=["127.0.0.1", "localhost"])


def readiness(kit: Kit) -> dict[str, str]:
    """``ok`` for Redis and the database each, or the kind of error."""
    found = {"redis": "ok", "database": "ok"}
    try:
        with reachable():
            kit.redis.ping()
    except ShoalError as error:
        found["redis"] = type(error).__name__
    try:
        with reading(kit.engine) as connection:
            connection.execute(text("SELECT 1"))
    except (ShoalError, SQLAlchemyError) as error:
        found["database"] = type(error).__name__
    return found


def _answer(kit: Kit, question: bytes) -> str:
    told = {
        name: values[0] for name, values in parse_qs(question.decode("utf-8", "replace")).items()
    }
    asked = (told.get("store", ""), told.get("customer", "").strip(), told.get("campaign", ""))
    wall = microseconds(kit.clock())
    with reading(kit.engine) as connection:
        return answer_page(why(connection, kit.sealer, asked, wall))


def _page(write: Callable[[], str]) -> Response:
    try:
        return HTMLResponse(write(), headers=_HEADERS)
    except ShoalError as error:
        return HTMLResponse(problem_page(str(error)), 404, headers=_HEADERS)
    except SQLAlchemyError as error:
        said = f"The database cannot be read now ({type(error).__name__})."
        return HTMLResponse(problem_page(said), 503, headers=_HEADERS)


def _or_unavailable(answer: Callable[[], Response]) -> Response:
    try:
        return answer()
    except (ShoalError, SQLAlchemyError) as error:
        what = f"the database cannot be read now ({type(error).__name__})"
        told = {"what": what, "where": "database", "expected": "the same request later"}
        return json_answer({"error": told}, 503)
