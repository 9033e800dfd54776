"""Stores: a row each, its secrets sealed, its two keys.

The *browser* key is public and stands in pages; the *server* key is secret, shown once and kept
as a hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, func, insert, select, update

from connectors.protocol import StoreConfig
from connectors.registry import connector_factory
from worker import models
from worker.errors import StoreRefused, UnknownStore
from worker.new_stores import NewStore, problems_of, problems_of_origins, split_origins
from worker.returning import bring_back, obstacles
from worker.sealing import Sealer
from worker.store_keys import key_hash, new_browser_key, new_server_key

__all__ = [
    "AddedStore",
    "NewStore",
    "Store",
    "add_store",
    "change_origins",
    "check_new",
    "config_of",
    "key_hash",
    "list_stores",
    "load_store",
    "note_addresses",
    "partition_of",
    "pause_store",
    "renew_browser_key",
    "renew_server_key",
]
_stores: Final = models.stores.c


@dataclass(frozen=True)
class AddedStore:
    """A store that was added, with its keys in clear for the only time.

    Attributes
    ----------
    is_back
        Whether it is one that had been removed, whose figures go on.
    """

    number: int
    partition: int
    browser_key: str
    server_key: str = field(repr=False)
    is_back: bool = False


@dataclass(frozen=True)
class Store:
    """A store's row, its secrets still sealed."""

    number: int
    id: str
    name: str
    platform: str
    url: str
    currency: str
    time_zone: str
    partition: int
    clock: str
    origins: tuple[str, ...]
    browser_key: str
    server_key_hash: str
    paused: str
    poison: int
    webhook_addresses: tuple[str, ...]
    options: str = field(repr=False)
    sealed: bytes = field(repr=False)

    @property
    def is_removed(self) -> bool:
        """Whether only its figures are kept: it has no keys and no secrets any more."""
        return not self.browser_key


def add_store(connection: Connection, sealer: Sealer, new: NewStore, now: int) -> AddedStore:
    """Insert a store with its number, partition and two new keys; a removed one comes back.

    Parameters
    ----------
    now
        Operating time, int microseconds.

    Raises
    ------
    StoreRefused
        Naming everything that cannot be used, and an id that is taken.
    """
    check_new(connection, new)
    before = _row(connection, new.id)
    number = before.number if before else _last_number(connection) + 1
    partition = before.partition if before else partition_of(new.id, _partitions(connection))
    added = AddedStore(number, partition, new_browser_key(), new_server_key(), before is not None)
    values = {
        "platform": new.platform,
        "url": new.url,
        "name": new.name or new.id,
        "currency": new.currency,
        "time_zone": new.time_zone,
        "options": msgspec.json.encode(dict(new.options)).decode(),
        "secrets": sealer.seal(new.id, new.secrets),
        "clock": new.clock,
        "browser_key": added.browser_key,
        "server_key_hash": key_hash(added.server_key),
        "origins": " ".join(split_origins(new.origins)),
    }
    if before:
        bring_back(connection, number, values)
    else:
        lasting = {"number": number, "id": new.id, "partition": partition, "created_at": now}
        connection.execute(insert(models.stores).values(**values, **lasting))
    return added


def list_stores(connection: Connection) -> list[Store]:
    """Every store, in order of number."""
    return [
        _store(row) for row in connection.execute(select(models.stores).order_by(_stores.number))
    ]


def load_store(connection: Connection, store: str | int) -> Store:
    """One store by id or number.

    Raises
    ------
    UnknownStore
        Naming the nearest id there is.
    """
    column = _stores.number if isinstance(store, int) else _stores.id
    row = connection.execute(select(models.stores).where(column == store)).first()
    if row is None:
        known = [str(one) for one in connection.execute(select(_stores.id)).scalars()]
        raise UnknownStore(str(store), known)
    return _store(row)


def config_of(store: Store, sealer: Sealer) -> StoreConfig:
    """What a connector needs, secrets opened.

    Raises
    ------
    CannotOpen
        If the secrets were sealed by a key that is not here.
    """
    return StoreConfig(
        id=store.id,
        platform=store.platform,
        url=store.url,
        currency=store.currency,
        time_zone=store.time_zone,
        options=msgspec.json.decode(store.options, type=dict[str, str]),
        secrets=sealer.open(store.id, store.sealed),
    )


def renew_server_key(connection: Connection, store: str) -> str:
    """A new server key; the old one is refused from the next refresh of the door (5 s)."""
    made = new_server_key()
    _change(connection, store, server_key_hash=key_hash(made))
    return made


def renew_browser_key(connection: Connection, store: str) -> str:
    """A new browser key; pages that still carry the old one are refused within 5 s."""
    made = new_browser_key()
    _change(connection, store, browser_key=made)
    return made


def change_origins(connection: Connection, store: str, origins: str) -> None:
    """Name the pages that may use the browser key.

    Raises
    ------
    StoreRefused
        Naming each origin that is none.
    """
    problems = problems_of_origins(origins)
    if problems:
        raise StoreRefused(problems)
    _change(connection, store, origins=" ".join(split_origins(origins)))


def note_addresses(connection: Connection, store: str, addresses: Iterable[str]) -> None:
    """Remember to which addresses a store sends its webhooks."""
    _change(connection, store, webhook_addresses=" ".join(dict.fromkeys(addresses)))


def _change(connection: Connection, store: str, **values: object) -> None:
    number = load_store(connection, store).number
    connection.execute(update(models.stores).where(_stores.number == number).values(**values))


def pause_store(
    connection: Connection, store: int, why: str, *, sealed: bytes | None = None
) -> None:
    """Stop pushes to a store until somebody has looked; its actions stay due. Empty: go on.

    Parameters
    ----------
    sealed
        The secrets that it refused: nothing is stopped if it has others by now.
    """
    mine = _stores.number == store
    if sealed is not None:
        mine &= _stores.secrets == sealed
    connection.execute(update(models.stores).where(mine).values(paused=why))


def partition_of(store: str, partitions: int) -> int:
    """A store's partition, the same on every machine and for ever."""
    digest = hashlib.blake2b(store.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % partitions


def _row(connection: Connection, store: str) -> Row[Any] | None:
    return connection.execute(select(models.stores).where(_stores.id == store)).first()


def _last_number(connection: Connection) -> int:
    last = connection.execute(select(func.coalesce(func.max(_stores.number), 0)))
    return int(last.scalar_one())


def _partitions(connection: Connection) -> int:
    meta = models.meta.c
    found = connection.execute(select(meta.value).where(meta.name == "partitions")).scalar()
    if found is None:
        problem = "the number of partitions is not set yet: start `shoal up` once before"
        raise StoreRefused([problem])
    return int(str(found))


def check_new(connection: Connection, new: NewStore) -> None:
    """Pass if a store can be added as described.

    Raises
    ------
    StoreRefused
        Naming everything that cannot be used, and an id that is taken.
    UnknownPlatform
        If no connector is of that name.
    """
    problems = problems_of(new)
    taken = _row(connection, new.id)
    if taken is not None and not taken.browser_key:
        problems += obstacles(taken, new)
    elif taken is not None:
        problems.append(
            f"id {new.id!r} is taken: expected one that no store has yet; other secrets for that "
            f"store: `shoal store secrets {new.id}`"
        )
    connector_factory(new.platform)
    if problems:
        raise StoreRefused(problems)


def _store(row: Row[Any]) -> Store:
    return Store(
        number=row.number,
        id=row.id,
        name=row.name,
        platform=row.platform,
        url=row.url,
        currency=row.currency,
        time_zone=row.time_zone,
        partition=row.partition,
        clock=row.clock,
        origins=tuple(split_origins(row.origins)),
        browser_key=row.browser_key,
        server_key_hash=row.server_key_hash,
        paused=row.paused,
        poison=row.poison,
        webhook_addresses=tuple(row.webhook_addresses.split()),
        options=row.options,
        sealed=bytes(row.secrets or b""),
    )
