"""The door: what the world may send us. Routes only; each waits off the event loop."""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import Any

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from worker import probing
from worker.store_keys import SERVER_PREFIX
from worker.tracking import VERBS, Verb
from worker.web import calls
from worker.web.bodies import BATCH, WEBHOOK, body_of
from worker.web.counters import Counters
from worker.web.credentials import cors_headers, key_in_headers, preflight_headers
from worker.web.desk import Desk
from worker.web.refusals import Refusal, refused
from worker.web.webhooks import known_store, take_probe, take_webhook

_PROBE = 1_024  # bytes
_REASONS = {404: "unknown_path", 405: "wrong_method"}


def door_app(desk: Desk) -> ASGIApp:
    """The ASGI app of the door. The desk's directory must have been started."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.add_api_route(
        "/webhooks/{store}", _webhook_route(desk), methods=["POST"], response_model=None
    )
    app.add_api_route(probing.PATH, _probe_route(desk), methods=["POST"], response_model=None)
    for verb in VERBS:
        path = f"/v1/{verb}"
        app.add_api_route(path, _call_route(desk, verb), methods=["POST"], response_model=None)
        app.add_api_route(path, _preflight_route(desk), methods=["OPTIONS"], response_model=None)
    app.add_exception_handler(Refusal, partial(_refuse, desk))
    app.add_exception_handler(HTTPException, partial(_refuse_route, desk))
    app.add_exception_handler(Exception, partial(_fail, desk))
    return _Timed(app, desk.counters)


def _webhook_route(desk: Desk) -> Any:
    async def receive_webhook(store: str, request: Request) -> Response:
        found = desk.directory.snapshot.stores.get(store)
        if found is None:
            found = await run_in_threadpool(known_store, desk, store)
        body = await body_of(request, WEBHOOK)
        # Platforms and proxies may repeat a header; the last one counts, as it always has.
        return await run_in_threadpool(take_webhook, desk, found, dict(request.headers), body)

    return receive_webhook


def _probe_route(desk: Desk) -> Any:
    async def answer_probe(request: Request) -> Response:
        calls.within_address_limit(desk, _address(request))
        return take_probe(desk, await body_of(request, _PROBE))

    return answer_probe


def _call_route(desk: Desk, verb: Verb) -> Any:
    async def receive_call(request: Request) -> Response:
        key, address = key_in_headers(request.headers), _address(request)
        if not key.startswith(SERVER_PREFIX):
            calls.within_address_limit(desk, address)
        call = calls.Request(
            verb=verb,
            key=key,
            origin=request.headers.get("origin", ""),
            address=address,
            encoding=request.headers.get("content-encoding", ""),
            body=await body_of(request, BATCH),
        )
        return await run_in_threadpool(calls.take_call, desk, call)

    return receive_call


def _preflight_route(desk: Desk) -> Any:
    async def allow_sending(request: Request) -> Response:
        # A preflight carries no key; which store's page it is, the call itself will tell.
        origin = request.headers.get("origin", "")
        headers = preflight_headers(origin, desk.directory.snapshot.origins)
        if not headers:
            raise Refusal(
                reason="foreign_origin",
                what="no store has this origin",
                where="header origin",
                expected="an origin that a store lists (`shoal store list`)",
            )
        return Response(status_code=204, headers=headers)

    return allow_sending


async def _refuse(desk: Desk, request: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, Refusal):
        raise refusal
    desk.counters.rejected.labels(refusal.reason).inc()
    headers = {}
    if request.url.path.startswith("/v1/") and refusal.reason != "foreign_origin":
        # So that a page's own developer can read why.
        origin = request.headers.get("origin", "")
        headers = cors_headers(origin, desk.directory.snapshot.origins)
    return refused(refusal, headers)


async def _refuse_route(desk: Desk, request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    expected = "POST" if status == 405 else f"/webhooks/STORE, or /v1/ and {', '.join(VERBS)}"  # noqa: PLR2004 - the number is the name
    return await _refuse(
        desk,
        request,
        Refusal(
            reason=_REASONS.get(status, "unknown_path"),
            what="nothing is received here",
            where=f"{request.method} path",
            expected=expected,
        ),
    )


async def _fail(desk: Desk, request: Request, _: Exception) -> Response:
    # The server logs the error itself; the sender shall keep what it has and try again.
    return await _refuse(
        desk,
        request,
        Refusal(reason="failed", what="our mistake", where="server", expected="the same later"),
    )


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


class _Timed:
    """Measures each request from its first byte to the end of its answer."""

    def __init__(self, app: ASGIApp, counters: Counters) -> None:
        self._app = app
        self._seconds = counters.receive_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter()
        try:
            await self._app(scope, receive, send)
        finally:
            if scope["type"] == "http":
                self._seconds.observe(perf_counter() - began)
