"""Stores: a row each, its secrets sealed, its two keys.

The *browser* key is public and stands in pages; the *server* key is secret, shown once and kept
as a hash. Both are long random numbers, so a plain SHA-256 of one cannot be guessed back.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import msgspec
from sqlalchemy import Connection, Row, func, insert, select, update

from connectors.attributes import declared_attributes
from connectors.protocol import StoreConfig
from connectors.registry import connector_factory
from worker import models
from worker.errors import StoreRefused, UnknownStore
from worker.sealing import Sealer

BROWSER_PREFIX: Final = "pk_"
SERVER_PREFIX: Final = "sk_"
_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_ORIGIN: Final = re.compile(r"https?://[^/\s]+")
_stores: Final = models.stores.c


@dataclass(frozen=True, kw_only=True)
class NewStore:
    """What somebody wants to add.

    Attributes
    ----------
    clock
        ``wall``, or ``log`` for a store that replays a log in the log's own time.
    origins
        Origins of the storefront's pages, separated by blanks or commas; ``*`` is any.
    """

    id: str
    platform: str
    url: str
    currency: str
    name: str = ""
    time_zone: str = "UTC"
    options: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    clock: str = "wall"
    origins: str = "*"


@dataclass(frozen=True)
class AddedStore:
    """A store that was added, with its keys in clear for the only time."""

    number: int
    partition: int
    browser_key: str
    server_key: str = field(repr=False)


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
    options: str = field(repr=False)
    sealed: bytes = field(repr=False)


def add_store(connection: Connection, sealer: Sealer, new: NewStore, now: int) -> AddedStore:
    """Insert a store with its number, partition and two new keys.

    Parameters
    ----------
    now
        Operating time, int microseconds.

    Raises
    ------
    StoreRefused
        Naming everything that cannot be used, and an id that is taken.
    """
    new = _checked(connection, new)
    number = int(
        connection.execute(select(func.coalesce(func.max(_stores.number), 0))).scalar_one()
    )
    added = AddedStore(
        number + 1,
        partition_of(new.id, _partitions(connection)),
        BROWSER_PREFIX + secrets.token_hex(16),
        SERVER_PREFIX + secrets.token_hex(32),
    )
    connection.execute(
        insert(models.stores).values(
            number=added.number,
            id=new.id,
            platform=new.platform,
            url=new.url,
            name=new.name or new.id,
            currency=new.currency,
            time_zone=new.time_zone,
            options=msgspec.json.encode(dict(new.options)).decode(),
            secrets=sealer.seal(new.id, new.secrets),
            partition=added.partition,
            clock=new.clock,
            browser_key=added.browser_key,
            server_key_hash=key_hash(added.server_key),
            origins=" ".join(_split(new.origins)),
            created_at=now,
        )
    )
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
    number = load_store(connection, store).number
    made = SERVER_PREFIX + secrets.token_hex(32)
    connection.execute(
        update(models.stores).where(_stores.number == number).values(server_key_hash=key_hash(made))
    )
    return made


def key_hash(key: str) -> str:
    """What is kept of a server key."""
    return hashlib.sha256(key.encode()).hexdigest()


def partition_of(store: str, partitions: int) -> int:
    """A store's partition, the same on every machine and for ever."""
    digest = hashlib.blake2b(store.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % partitions


def _partitions(connection: Connection) -> int:
    meta = models.meta.c
    found = connection.execute(select(meta.value).where(meta.name == "partitions")).scalar()
    if found is None:
        problem = "the number of partitions is not set yet: start `shoal up` once before"
        raise StoreRefused([problem])
    return int(str(found))


def _checked(connection: Connection, new: NewStore) -> NewStore:
    problems = [
        *_problems_of_names(new),
        *_problems_of_places(new),
    ]
    taken = connection.execute(select(_stores.id).where(_stores.id == new.id)).first()
    if taken is not None:
        problems.append(f"id {new.id!r} is taken: expected one that no store has yet")
    connector_factory(new.platform)
    try:
        declared_attributes(new.options)
    except ValueError as wrong:
        problems.append(str(wrong))
    if problems:
        raise StoreRefused(problems)
    return new


def _problems_of_names(new: NewStore) -> list[str]:
    problems = []
    if not _ID.fullmatch(new.id):
        problems.append(f"id {new.id!r}: expected a-z, 0-9, - and _, at most 63 characters")
    if not _CURRENCY.fullmatch(new.currency):
        problems.append(f"currency {new.currency!r}: expected an ISO 4217 code such as EUR")
    if new.clock not in {"wall", "log"}:
        problems.append(f"clock {new.clock!r}: expected wall or log")
    return problems


def _problems_of_places(new: NewStore) -> list[str]:
    problems = []
    if new.url and (
        urlsplit(new.url).scheme not in {"http", "https"} or not urlsplit(new.url).netloc
    ):
        problems.append(f"url {new.url!r}: expected http:// or https:// and a host")
    zones = available_timezones()
    if new.time_zone not in zones:
        near = get_close_matches(new.time_zone, zones, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        problems.append(f"time zone {new.time_zone!r}: expected a name such as Europe/Berlin{hint}")
    problems += [
        f"origin {origin!r}: expected a form like https://shop.example, or *"
        for origin in _split(new.origins)
        if origin != "*" and not _ORIGIN.fullmatch(origin)
    ]
    return problems


def _split(origins: str) -> list[str]:
    return origins.replace(",", " ").split()


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
        origins=tuple(_split(row.origins)),
        browser_key=row.browser_key,
        server_key_hash=row.server_key_hash,
        paused=row.paused,
        poison=row.poison,
        options=row.options,
        sealed=bytes(row.secrets or b""),
    )
