"""The status page, on this machine alone."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.types import ASGIApp

from worker.runtime import Kit
from worker.web.counters import Counters


def status_app(kit: Kit, counters: Counters) -> ASGIApp:
    """The ASGI app of the status page."""
    app = FastAPI(openapi_url=None)
    return app
