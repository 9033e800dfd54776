"""A home is lost and restored; the store, which moved on meanwhile, is read again from itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.engine import URL

from connectors.events import microseconds
from tests.connectors.conftest import Shop
from tests.worker.test_walking import added, drain, sandbox, sell, state
from worker import models, restored, walking, walks
from worker.backup import back_up
from worker.database import reading, transaction
from worker.delivery import deliver
from worker.restoring import restore
from worker.runtime import Kit, close_kit, open_kit
from worker.settings import Settings

__all__ = ["sandbox"]


@pytest.fixture
def place(
    kit: Kit,
    settings: Settings,
    tmp_path: Path,
    postgres_databases: Callable[[], AbstractContextManager[URL]],
) -> Iterator[Settings]:
    """An empty home of the same kind of database."""
    here = replace(settings, home=tmp_path / "new home", redis_url=kit.settings.redis_url)
    if kit.engine.dialect.name == "sqlite":
        yield here
        return
    with postgres_databases() as url:
        yield replace(here, database_url=url.render_as_string(hide_password=False))


def read_now(kit: Kit) -> None:
    with transaction(kit.engine) as connection:
        walks.hurry(connection, 1, microseconds(kit.clock()))
    walking.walk_to_end(kit, 1)
    drain(kit)


def numbers(kit: Kit) -> dict[str, int]:
    with reading(kit.engine) as connection:
        count = {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (models.actions, models.decisions, models.codes, models.orders)
        }
        used = models.codes.c.redeemed_at.is_not(None)
        query = select(func.count()).select_from(models.codes).where(used)
        return {**count, "redeemed": connection.execute(query).scalar_one()}


def order(sandbox: Shop, number: int, coupon: str = "", customer: str = "") -> None:
    now = datetime.now(UTC).isoformat()
    lines = [{"product_id": "p1", "quantity": 1, "price": "9.90"}]
    told: dict[str, Any] = {
        "id": f"n{number}",
        "currency": "EUR",
        "created_at": now,
        "updated_at": now,
    }
    told |= {"lines": lines, "customer": {"id": customer or f"c{number % 4}"}, "status": "paid"}
    sandbox.post("/admin/orders", {**told, **({"coupons": [coupon]} if coupon else {})})


def stock(sandbox: Shop) -> None:
    products = [{"id": f"x{n}", "price": "1.00", "currency": "EUR"} for n in range(900)]
    sandbox.post("/admin/import", {"products": products})


def test_what_the_store_did_meanwhile_is_brought_and_nothing_fires_twice(
    kit: Kit, sandbox: Shop, place: Settings, tmp_path: Path
) -> None:
    added(kit, sandbox, "shop")
    sandbox.post("/admin/import", {"customers": [{"id": f"c{number}"} for number in range(12)]})
    sell(sandbox, 120)
    with transaction(kit.engine) as connection:
        walks.begin_backfill(connection, 1, 0, microseconds(kit.clock()))
    read_now(kit)
    with transaction(kit.engine) as connection:
        walks.begin_polling(connection, 1, microseconds(kit.clock()))
    for number in range(4):
        order(sandbox, number)
    read_now(kit)
    deliver(kit, 1)
    coupons = sandbox.read("/admin/coupons")["items"]
    assert len(coupons) == 4
    stock(sandbox)  # what is drained while the backup is made
    load = Thread(target=read_now, args=(kit,))
    load.start()
    back_up(kit.settings, tmp_path / "one.backup")
    load.join()
    before = numbers(kit)

    kit.redis.flushall()
    order(sandbox, 4, coupons[0]["code"], coupons[0]["customer_id"])
    order(sandbox, 5)
    restore(place, tmp_path / "one.backup")
    again = replace(open_kit(place), send=lambda *_: None)
    read_now(again)
    with transaction(again.engine) as connection:
        assert restored.release(connection) == ["shop"]
    read_now(again)
    deliver(again, 1)
    after = numbers(again)
    assert after == {**before, models.orders.name: before[models.orders.name] + 2, "redeemed": 1}
    assert len(sandbox.read("/admin/coupons")["items"]) == len(coupons)
    found = state(again, 1)["people"]
    close_kit(again)
    assert found == whole(kit, sandbox)


def whole(kit: Kit, sandbox: Shop) -> object:
    """The same store read from nothing, by another name."""
    number = added(kit, sandbox, "plain")
    with transaction(kit.engine) as connection:
        walks.begin_backfill(connection, number, 0, microseconds(kit.clock()))
    walking.walk_to_end(kit, number)
    drain(kit)
    return state(kit, number)["people"]
