"""Open lines to stores: one HTTP client a process, one connector a store and configuration."""

from __future__ import annotations

import os
from typing import Final

import httpx

from connectors.addresses import Guard
from connectors.protocol import StoreConfig
from connectors.registry import connect
from worker.pushes import Line
from worker.runtime import Kit
from worker.stores import Store, config_of

TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0)
_POOL: Final = httpx.Limits(max_connections=200, max_keepalive_connections=50)
_clients: Final[dict[int, httpx.Client]] = {}
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
    if known is None or known[0] != store:
        config, http = config_of(store, kit.sealer), _client()
        known = (store, Line(config, connect(config, http), http, _guard(kit)))
        _known[place] = known
    return known[1]


def trial_line(config: StoreConfig) -> Line:
    """A line to a store that is not added yet.

    Raises
    ------
    ConnectorError
        If no connector can be made for its platform.
    """
    http = _client()
    return Line(config, connect(config, http), http)


def _guard(kit: Kit) -> Guard:
    return Guard(frozenset(kit.settings.private_hosts))


def _client() -> httpx.Client:
    pid = os.getpid()
    if pid not in _clients:
        _clients[pid] = httpx.Client(timeout=TIMEOUT, limits=_POOL)
    return _clients[pid]
