"""What a command works with: this installation's kit, and a Valkey if it has none running."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import redis
from sqlalchemy import Connection, select

from connectors.events import microseconds
from worker import installation, models
from worker.database import (
    FILE,
    check_schema,
    database_url,
    open_engine,
    reading,
    transaction,
)
from worker.embedded import redis_url, valkey_command
from worker.errors import RedisDown, SettingError
from worker.runtime import Kit, close_kit, open_kit
from worker.secret_key import LOSS, ensure_secret_key
from worker.settings import Settings, make_home, settings_from
from worker.shop import Shop, load_shops
from worker.stores import load_store
from worker.stream import await_server, connect
from worker.upgrading import bring_up_to_date


@contextmanager
def opened() -> Iterator[Kit]:
    """The kit of this installation; its tables are made when it is an embedded one."""
    settings = settings_from(os.environ)
    if settings.is_embedded_database:
        make_home(settings)
        made = ensure_secret_key(settings)
        if made is not None:
            os.write(2, (LOSS.format(path=made) + "\n").encode())
        engine = open_engine(database_url(settings))
        bring_up_to_date(engine)
        with transaction(engine) as connection:
            installation.partitions(connection, settings.partitions)
        engine.dispose()
    kit = open_kit(settings)
    try:
        check_schema(kit.engine)
        yield kit
    finally:
        close_kit(kit)


def is_first() -> bool:
    """Whether nothing is here yet: opening it would make folder, key and tables."""
    settings = settings_from(os.environ)
    return settings.is_embedded_database and not (settings.home / FILE).exists()


@contextmanager
def with_redis(settings: Settings) -> Iterator[None]:
    """A Redis that answers: the running one, else the embedded one for as long as this takes."""
    client = connect(redis_url(settings))
    try:
        client.ping()
    except redis.RedisError as error:
        if not settings.is_embedded_redis:
            message = f"Redis at SHOAL_REDIS_URL does not answer ({type(error).__name__})"
            raise RedisDown(message) from None
    else:
        yield
        return
    process = subprocess.Popen(  # noqa: S603 - our own program
        valkey_command(settings), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        await_server(client)
        yield
    finally:
        process.terminate()
        process.wait()


def chosen_store(connection: Connection, store: str) -> str:
    """The store's id, or the only one there is."""
    if store:
        return load_store(connection, store).id
    ids = list(connection.execute(select(models.stores.c.id)).scalars())
    if len(ids) != 1:
        there = ", ".join(ids) or "none yet: `shoal store add`"
        message = f"--store: expected the id of one of the stores ({there})"
        raise SettingError(message)
    return str(ids[0])


@contextmanager
def reading_shop(store: str) -> Iterator[tuple[Kit, Connection, Shop]]:
    """The chosen store in a transaction that only reads."""
    with opened() as kit, reading(kit.engine) as connection:
        yield kit, connection, chosen_shop(connection, kit, store)


@contextmanager
def changing_shop(store: str) -> Iterator[tuple[Kit, Connection, Shop]]:
    """The chosen store in a transaction that is kept if the block ends well."""
    with opened() as kit, transaction(kit.engine) as connection:
        yield kit, connection, chosen_shop(connection, kit, store)


def chosen_shop(connection: Connection, kit: Kit, store: str) -> Shop:
    """The store with its model, campaigns and policies."""
    name = chosen_store(connection, store)
    return load_shops(connection, {name}, -1, microseconds(kit.clock()))[name]
