"""Open lines to stores: one connector and one HTTP client a store and configuration.

A store's client calls its host alone, at an address that was looked at; what campaigns send to
other addresses goes through another client.
"""

from __future__ import annotations

import os
from functools import cache
from ssl import SSLContext
from typing import Final

import httpx

from connectors.addresses import Guard
from connectors.pinning import Ways, pinning
from connectors.protocol import StoreConfig
from connectors.registry import connect
from worker.pushes import Line
from worker.runtime import Kit
from worker.stores import Store, config_of

TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0)
_POOL: Final = httpx.Limits(max_connections=200, max_keepalive_connections=50)
_clients: Final[dict[int, httpx.Client]] = {}
_own: Final[dict[tuple[int, str, frozenset[str]], httpx.Client]] = {}
_known: Final[dict[tuple[int, int], tuple[Store, Line]]] = {}


def line_to(kit: Kit, store: Store) -> Line:
    """The line to a store; made anew when the store's row has changed.

    Raises
    ------
    ConnectorError
        If no connector can be made for its platform.
    CannotOpen
        If its secrets were sealed with a key that is not here.
    """
    # A forked child must not use its parent's connections. Two threads at once make one too many.
    place = (os.getpid(), store.number)
    known = _known.get(place)
    if known is None or known[0] != store or known[1].guard != _guard(kit):
        known = (store, trial_line(kit, config_of(store, kit.sealer)))
        _known[place] = known
    return known[1]


def trial_line(kit: Kit, config: StoreConfig) -> Line:
    """A line to a store that need not be added yet.

    Raises
    ------
    ConnectorError
        If no connector can be made for its platform.
    """
    guard = _guard(kit)
    return Line(config, connect(config, _own_client(config.url, guard)), _client(), guard)


def _guard(kit: Kit) -> Guard:
    return Guard(frozenset(kit.settings.private_hosts))


def _client() -> httpx.Client:
    pid = os.getpid()
    if pid not in _clients:
        _clients[pid] = httpx.Client(timeout=TIMEOUT, transport=Ways(_tls(), _POOL))
    return _clients[pid]


def _own_client(url: str, guard: Guard) -> httpx.Client:
    place = (os.getpid(), url, guard.allowed)
    if place not in _own:
        hooks = {"request": [pinning(guard)]}
        way = Ways(_tls(), _POOL)
        _own[place] = httpx.Client(timeout=TIMEOUT, transport=way, event_hooks=hooks)
    return _own[place]


@cache
def _tls() -> SSLContext:
    return httpx.create_ssl_context()
