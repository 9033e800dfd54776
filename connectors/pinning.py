"""Calls go to the very address that was looked at, and TLS still asks for the name.

Behind a proxy of the environment (``HTTPS_PROXY`` and the like) the address is looked at all the
same, but the proxy is told the name: it finds the machine itself, and TLS through it can ask for
nothing else than what the proxy was told. Where names are the proxy's alone, a host that is allowed
by name is not looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from ssl import SSLContext
from typing import Final
from urllib.request import getproxies, proxy_bypass

import httpx

from connectors.addresses import Guard

_REMEMBERED: Final = 30.0  # seconds, so that a name with several addresses keeps its connection
_PROXY: Final = "shoal_proxy"


def pin(request: httpx.Request, guard: Guard) -> None:
    """Point a request to an address of its host that may be called.

    Raises
    ------
    NoSuchHost, PrivateHost
        As :meth:`connectors.addresses.Guard.address`.
    """
    _point(request, guard, guard.address)


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

    return lambda request: _point(request, guard, address)


class Ways(httpx.BaseTransport):
    """Straight on, or by the proxy that was found as a request was pinned."""

    def __init__(self, tls: SSLContext, limits: httpx.Limits) -> None:
        self._tls, self._limits = tls, limits
        self._ways = {"": httpx.HTTPTransport(verify=tls, limits=limits)}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it on its way."""
        proxy = str(request.extensions.get(_PROXY, ""))
        if proxy not in self._ways:
            self._ways[proxy] = httpx.HTTPTransport(
                verify=self._tls, limits=self._limits, proxy=proxy
            )
        return self._ways[proxy].handle_request(request)

    def close(self) -> None:
        """Close every way."""
        for way in self._ways.values():
            way.close()


def proxy_for(scheme: str, host: str) -> str:
    """The proxy that the environment names for a host; empty if there is none."""
    found = getproxies()
    proxy = found.get(scheme) or found.get("all") or ""
    return "" if not proxy or proxy_bypass(host) else proxy


def _point(request: httpx.Request, guard: Guard, address: Callable[[str, int], str]) -> None:
    host = request.url.raw_host.decode("ascii").strip("[]")
    port = request.url.port or (443 if request.url.scheme == "https" else 80)
    proxy = proxy_for(request.url.scheme, host)
    if proxy:
        if not guard.allows(host):
            address(host, port)
        request.extensions = {**request.extensions, _PROXY: proxy}
        return
    # Its header names the host already.
    pinned = request.url.copy_with(host=address(host, port))
    request.extensions = {**request.extensions, "sni_hostname": host}
    request.url = pinned
