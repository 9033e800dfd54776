"""`shoal doctor`: is everything as it should be, and what to do where it is not."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import redis
from sqlalchemy import Engine, func, select

from connectors.errors import ConnectorError
from connectors.registry import connector_factory
from segmentation.catalogues import counted
from worker import cursors, models, secret_key, stream
from worker.campaign_reports import waiting_in_vain
from worker.database import check_schema, database_url, open_engine, reading
from worker.embedded import redis_url
from worker.errors import (
    CannotOpen,
    RedisDown,
    SecretKeyMissing,
    ServiceUnreachable,
    SettingError,
    ShoalError,
)
from worker.findings import Finding
from worker.own_features import own_names
from worker.sealing import sealer_from
from worker.second_day import second_day
from worker.settings import Settings
from worker.shop import load_shops
from worker.stores import Store, config_of, list_stores

PACKAGES: Final = ("worker", "connectors", "segmentation", "campaigns")
_ENOUGH_DISK: Final = 1 << 30


def examine(settings: Settings) -> list[Finding]:
    """Every check, in an order in which an earlier one explains a later one."""
    found = [_packages(), _disk(settings)]
    if settings.is_embedded_database and not Path(str(database_url(settings).database)).exists():
        said = f"nothing is in {settings.home} yet: `shoal up` makes it"
        return [*found, Finding("home", is_ok=False, said=said)]
    found.append(_asked("secret key", lambda: _key(settings)))
    engine = open_engine(database_url(settings))
    found.append(_asked("database", lambda: _schema(engine)))
    if not found[-1].is_ok:
        return found
    client = stream.connect(redis_url(settings))
    found.append(_asked("redis", lambda: _redis(client)))
    if found[-1].is_ok:
        found.append(_asked("streams", lambda: _streams(engine, client)))
    found += second_day(engine, client, settings)
    found += _stores(engine, settings)
    engine.dispose()
    return found


def _asked(check: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(check, is_ok=True, said=look())
    except (ShoalError, redis.RedisError) as error:
        is_away = isinstance(error, ServiceUnreachable | redis.RedisError)
        return Finding(check, is_ok=False, said=str(error), is_away=is_away)


def _packages() -> Finding:
    """A foreign package of one of our generic names would be imported in our place."""
    home = Path(__file__).resolve().parents[1]
    foreign = []
    for name in PACKAGES:
        path = importlib.import_module(name).__file__
        if path is None or Path(path).resolve().parents[1] != home:
            foreign.append(f"{name} ({path})")
    if foreign:
        said = f"{', '.join(foreign)} is not Shoal's: start from another folder"
        return Finding("packages", is_ok=False, said=said)
    return Finding("packages", is_ok=True, said=str(home))


def _disk(settings: Settings) -> Finding:
    folder = settings.home if settings.home.exists() else Path.home()
    free = shutil.disk_usage(folder).free
    said = f"{free >> 20} MiB free in {folder}"
    return Finding("disk", is_ok=free > _ENOUGH_DISK, said=said)


def _key(settings: Settings) -> str:
    return f"key {sealer_from(secret_key.secret_keys(settings)).key_id} seals"


def _schema(engine: Engine) -> str:
    check_schema(engine)
    return engine.url.render_as_string(hide_password=True)


def _redis(client: redis.Redis) -> str:
    try:
        stream.check_server(client)
    except RedisDown as error:
        message = f"{error}: start `shoal up`, or set SHOAL_REDIS_URL"
        raise RedisDown(message) from None
    return "answers, never evicts"


def _streams(engine: Engine, client: redis.Redis) -> str:
    behind = cursors.outdated(engine, client)
    if behind:
        message = (
            f"partitions {sorted(behind)}: Redis is another one than before, new events would "
            "stand behind the cursor; `shoal up` sets the cursors back at its start"
        )
        raise RedisDown(message)
    return "no stream is behind its cursor"


def _stores(engine: Engine, settings: Settings) -> Iterator[Finding]:
    letters = models.dead_letters.c
    with reading(engine) as connection:
        stores = list_stores(connection)
        counted = connection.execute(
            select(letters.store, func.count().label("letters"))
            .where(letters.state == "open")
            .group_by(letters.store)
        ).all()
        shops = load_shops(connection, {store.id for store in stores}, -1, 0)
        own = {store.id: own_names(connection, store.number) for store in stores}
    dead = {str(row.store): int(row.letters) for row in counted}
    for store in stores:
        vain = waiting_in_vain(shops[store.id], own[store.id])
        yield _store(store, settings, dead.get(store.id, 0), vain)


def _store(store: Store, settings: Settings, dead: int, lost: list[str]) -> Finding:
    check = f"store {store.id}"
    try:
        connector_factory(store.platform)
        config_of(store, sealer_from(secret_key.secret_keys(settings)))
    except (ConnectorError, CannotOpen, SettingError, SecretKeyMissing) as error:
        return Finding(check, is_ok=False, said=str(error))
    if store.paused:
        return Finding(check, is_ok=False, said=f"pushes are stopped: {store.paused}")
    if dead:
        letters = counted(dead, "dead letter", "dead letters")
        said = f"{letters}: `shoal dead-letters list --store {store.id}`"
        return Finding(check, is_ok=False, said=said)
    if lost:
        return Finding(check, is_ok=False, said="; ".join(lost))
    return Finding(check, is_ok=True, said="nothing set aside")
