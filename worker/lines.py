"""Open lines to stores: one HTTP client a process, one connector a store and configuration."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

import httpx
from sqlalchemy import Connection, select

from connectors.registry import connect
from worker import models
from worker.pushes import Line
from worker.runtime import Kit
from worker.stores import Store, config_of, load_store

TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0)
_POOL: Final = httpx.Limits(max_connections=200, max_keepalive_connections=50)


@dataclass(frozen=True, slots=True)
class Door:
    """A store as delivery sees it.

    Attributes
    ----------
    store
        Its row.
    now
        Its business time, int microseconds.
    """

    store: Store
    now: int

    @property
    def is_on_log_time(self) -> bool:
        """Whether its business time is a log's."""
        return self.store.clock == "log"


def door_of(connection: Connection, store: int, wall: int) -> Door | None:
    """A store by number; None if it is gone.

    Parameters
    ----------
    wall
        Operating time, int microseconds.
    """
    numbers = models.stores.c
    now = connection.execute(select(numbers.now).where(numbers.number == store)).scalar()
    if now is None:
        return None
    found = load_store(connection, store)
    return Door(found, int(now) if found.clock == "log" else wall)


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
        known = (store, Line(config, connect(config, http), http))
        _known[place] = known
    return known[1]


def _client() -> httpx.Client:
    pid = os.getpid()
    if pid not in _clients:
        _clients[pid] = httpx.Client(timeout=TIMEOUT, limits=_POOL)
    return _clients[pid]
