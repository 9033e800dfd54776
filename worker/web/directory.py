"""Stores and keys in memory: the door's only use of the database, beside its path.

Read every five seconds and at an unknown id. While the database is away the last reading stands.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from time import monotonic
from typing import Final

import httpx
from sqlalchemy.exc import SQLAlchemyError

from connectors.errors import ConnectorError
from connectors.generic.messages import Sender
from connectors.protocol import Connector
from connectors.registry import connect
from worker.database import reading
from worker.errors import ShoalError
from worker.runtime import Kit
from worker.stores import Store, config_of, key_hash, list_stores
from worker.tracking import sender_of

REFRESH: Final = 5.0  # seconds
# An unknown id may be guessed a thousand times a second; the database shall not notice.
LEAST_PAUSE: Final = 0.5
_log: Final = logging.getLogger("shoal.door")


@dataclass(frozen=True)
class OpenStore:
    """A store ready to be read from. ``connector`` is None while its platform's cannot be made."""

    store: Store
    connector: Connector | None
    browser: Sender
    server: Sender


@dataclass(frozen=True)
class Snapshot:
    """What one reading of the table said."""

    stores: Mapping[str, OpenStore] = field(default_factory=dict)
    browser_keys: Mapping[str, OpenStore] = field(default_factory=dict)
    server_hashes: Mapping[str, OpenStore] = field(default_factory=dict)
    origins: frozenset[str] = frozenset()


class _Nowhere(httpx.BaseTransport):
    """Reading a webhook calls nobody, so no authority's certificate needs to be loaded."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        message = "the door calls nobody"
        raise httpx.UnsupportedProtocol(message, request=request)


class Directory:
    """The snapshot in force, and a thread that keeps it fresh."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._http = httpx.Client(transport=_Nowhere(), trust_env=False)
        self._lock = Lock()
        self._stopped = Event()
        self._read_at = float("-inf")
        self.least_pause = LEAST_PAUSE
        self.snapshot = Snapshot()
        self._thread = Thread(target=self._keep_fresh, name="directory", daemon=True)

    def start(self) -> None:
        """Read once, then every ``REFRESH`` seconds."""
        self._try_to_read()
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        self._http.close()

    def store(self, name: str) -> OpenStore | None:
        """The store of an id; reads again if it is not known yet."""
        found = self.snapshot.stores.get(name)
        if found is None and self._read_again():
            found = self.snapshot.stores.get(name)
        return found

    def by_browser_key(self, key: str) -> OpenStore | None:
        """The store whose public key this is."""
        found = self.snapshot.browser_keys.get(key)
        if found is None and self._read_again():
            found = self.snapshot.browser_keys.get(key)
        return found

    def by_server_key(self, key: str) -> OpenStore | None:
        """The store whose secret key this is, found by hash: comparing tells nothing of the key."""
        hashed = key_hash(key)
        found = self.snapshot.server_hashes.get(hashed)
        if found is None and self._read_again():
            found = self.snapshot.server_hashes.get(hashed)
        return found

    def read(self) -> None:
        """Read all stores; connectors of unchanged rows are kept."""
        with self._lock:
            self._read_at = monotonic()
            with reading(self._kit.engine) as connection:
                # A removed store has no keys; an empty one must not find it.
                rows = [row for row in list_stores(connection) if row.browser_key]
            known = self.snapshot.stores
            opened = [
                known[row.id]
                if row.id in known and known[row.id].store == row and known[row.id].connector
                else self._opened(row)
                for row in rows
            ]
            self.snapshot = _snapshot([one for one in opened if one is not None])

    def _opened(self, row: Store) -> OpenStore | None:
        try:
            config = config_of(row, self._kit.sealer)
            senders = [sender_of(config, is_server=is_server) for is_server in (False, True)]
        except (ShoalError, ValueError) as error:
            _log.error("store_unusable", extra={"store": row.id, "error": type(error).__name__})
            return None
        try:
            connector = connect(config, self._http)
        except ConnectorError as error:
            _log.error("store_unconnected", extra={"store": row.id, "error": type(error).__name__})
            connector = None
        return OpenStore(row, connector, *senders)

    def _keep_fresh(self) -> None:
        while not self._stopped.wait(REFRESH):
            self._try_to_read()

    def _read_again(self) -> bool:
        if monotonic() - self._read_at < self.least_pause:
            return False
        return self._try_to_read()

    def _try_to_read(self) -> bool:
        try:
            self.read()
        except (ShoalError, SQLAlchemyError) as error:
            _log.warning("stores_not_read", extra={"error": type(error).__name__})
            return False
        return True


def _snapshot(opened: list[OpenStore]) -> Snapshot:
    return Snapshot(
        {one.store.id: one for one in opened},
        {one.store.browser_key: one for one in opened if one.store.browser_key},
        {one.store.server_key_hash: one for one in opened if one.store.server_key_hash},
        frozenset(origin for one in opened for origin in one.store.origins),
    )
