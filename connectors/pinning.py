"""Calls go to the very address that was looked at, and TLS still asks for the name."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import httpx

from connectors.addresses import Guard

_REMEMBERED: Final = 30.0  # seconds, so that a name with several addresses keeps its connection


def pin(request: httpx.Request, guard: Guard) -> None:
    """Point a request to an address of its host that may be called.

    Raises
    ------
    NoSuchHost, PrivateHost
        As :meth:`connectors.addresses.Guard.address`.
    """
    _point(request, guard.address)


def pinning(guard: Guard) -> Callable[[httpx.Request], None]:
    """An event hook that pins each request of a client.

    A client pools its connections by address, so it shall be one host's alone: another name at the
    same address is another machine to TLS.
    """
    known: dict[tuple[str, int], tuple[str, float]] = {}

    def address(host: str, port: int) -> str:
        found, until = known.get((host, port), ("", 0.0))
        if time.monotonic() >= until:
            found = guard.address(host, port)
            known[host, port] = (found, time.monotonic() + _REMEMBERED)
        return found

    return lambda request: _point(request, address)


def _point(request: httpx.Request, address: Callable[[str, int], str]) -> None:
    host = request.url.raw_host.decode("ascii").strip("[]")
    port = request.url.port or (443 if request.url.scheme == "https" else 80)
    # Its header names the host already.
    pinned = request.url.copy_with(host=address(host, port))
    request.extensions = {**request.extensions, "sni_hostname": host}
    request.url = pinned
