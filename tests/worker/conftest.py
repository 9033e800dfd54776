"""A kit on real servers, and a store in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from sqlalchemy.engine import URL

from tests.worker.driving import Driver, Houses, copied, driver_on, sqlite_template
from worker import installation
from worker.database import transaction
from worker.runtime import Kit, close_kit, open_kit
from worker.settings import Settings
from worker.stores import AddedStore, NewStore, add_store

Sent = list[tuple[str, int]]


@pytest.fixture
def sent() -> Sent:
    """The doorbells that a test's kit has sent: (task, number)."""
    return []


@pytest.fixture
def kit(
    settings: Settings, valkey_url: str, valkey: redis.Redis, database_url: URL, sent: Sent
) -> Iterator[Kit]:
    """A kit on an empty Valkey and a fresh database of each kind, whose doorbells are kept."""
    assert valkey.ping()
    here = replace(
        settings,
        redis_url=valkey_url,
        database_url=database_url.render_as_string(hide_password=False),
    )
    made = replace(open_kit(here), send=lambda task, number: sent.append((task, number)))
    with transaction(made.engine) as connection:
        installation.partitions(connection, 2)
    yield made
    close_kit(made)


@pytest.fixture
def shop(kit: Kit) -> AddedStore:
    """A store on the wall's clock, of no real place."""
    new = NewStore(
        id="shop",
        platform="sandbox",
        url="http://127.0.0.1:9",
        currency="EUR",
        secrets={"api_key": "k", "hook": "whsec_aGVsbG8="},
    )
    with transaction(kit.engine) as connection:
        return add_store(connection, kit.sealer, new, 0)


@pytest.fixture
def driver(
    settings: Settings, valkey: redis.Redis, valkey_url: str, database_url: URL
) -> Iterator[Driver]:
    """One store's drain on each of both databases in turn."""
    with driver_on(settings, valkey, valkey_url, database_url) as made:
        yield made


@pytest.fixture
def houses(settings: Settings, valkey: redis.Redis, valkey_url: str, tmp_path: Path) -> Houses:
    """Drivers on fresh SQLite files, one after the other."""
    template = sqlite_template(tmp_path)
    return lambda: driver_on(settings, valkey, valkey_url, copied(template, tmp_path))


@pytest.fixture
def postgres_houses(
    settings: Settings,
    valkey: redis.Redis,
    valkey_url: str,
    postgres_databases: Callable[[], AbstractContextManager[URL]],
) -> Houses:
    """Drivers on fresh PostgreSQL databases, one after the other."""

    @contextmanager
    def house() -> Iterator[Driver]:
        with (
            postgres_databases() as url,
            driver_on(settings, valkey, valkey_url, url) as made,
        ):
            yield made

    return house
