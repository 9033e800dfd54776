"""A store that was removed and is added again: figures go on, people are read anew, once each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Table, select

from tests.connectors.conftest import KEY, WEBHOOK_SECRET, Shop, start, stop
from tests.worker.test_connecting import new
from worker import models, pipeline, stream, walking
from worker.connecting import Connected, Wanted, connect_store
from worker.database import reading, transaction
from worker.errors import StoreRefused
from worker.forgetting import erase_now
from worker.leaving import forget_store
from worker.runtime import Kit
from worker.shop import load_shops
from worker.store_secrets import Change, change_secrets
from worker.stores import load_store
from worker.web.directory import Directory


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Shop]:
    process, url = start(tmp_path / "sandbox")
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {KEY}"}) as http:
        people = [
            {"id": "c1", "email": "mei@example.org", "first_name": "Mei"},
            {"id": "c2", "email": "lost@example.org"},
        ]
        made = Shop(url, http)
        made.post("/admin/import", {"customers": people, "orders": [order(1), order(2)]})
        yield made
    stop(process)


def order(number: int) -> dict[str, Any]:
    return {
        "id": f"o{number}",
        "status": "paid",
        "currency": "EUR",
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "lines": [{"product_id": "p", "quantity": 1, "price": "10.00"}],
        "total": "10.00",
        "customer": {"id": "c1"},
    }


def connected(kit: Kit, sandbox: Shop, **more: Any) -> Connected:
    """Connect the store and read its past to the end."""
    made = connect_store(kit, new(sandbox, **more), Wanted())
    walking.walk_to_end(kit, made.added.number)
    while stream.unread(kit.redis, made.added.partition):
        pipeline.drain(kit, made.added.partition)
    return made


def rows(kit: Kit, table: Table, *names: str) -> list[Any]:
    with reading(kit.engine) as connection:
        query = select(*(table.c[name] for name in names)).order_by(*names)
        return [tuple(row) for row in connection.execute(query).all()]


def test_figures_go_on_and_people_are_read_anew(kit: Kit, sandbox: Shop) -> None:
    first = connected(kit, sandbox)
    known = rows(kit, models.customers, "id", "platform_id", "orders", "revenue")
    assert [one[1:] for one in known] == [("c1", 2, 2_000), ("c2", 0, 0)]
    addresses = rows(kit, models.identities, "kind", "key", "customer")
    forget_store(kit, "shop", erases=False)
    assert rows(kit, models.profiles, "customer") == []
    second = connected(kit, sandbox)
    assert (first.added.is_back, second.added.is_back) == (False, True)
    assert (second.added.number, second.added.partition) == (1, first.added.partition)
    assert second.added.browser_key != first.added.browser_key
    assert rows(kit, models.customers, "id", "platform_id", "orders", "revenue") == known
    assert rows(kit, models.identities, "kind", "key", "customer") == addresses
    assert len(rows(kit, models.profiles, "customer")) == 2
    with reading(kit.engine) as connection:
        store = load_store(connection, "shop")
        (shop,) = load_shops(connection, {"shop"}, -1, 0).values()
    assert (store.paused, store.is_removed, shop.campaigns) == ("", False, ())
    directory = Directory(kit)
    directory.read()
    assert set(directory.snapshot.stores) == {"shop"}
    assert change_secrets(kit, "shop", Change({"api_key": KEY})).facts


def test_who_was_erased_does_not_come_back(kit: Kit, sandbox: Shop) -> None:
    connected(kit, sandbox)
    (lost,) = [
        one for one, name in rows(kit, models.customers, "id", "platform_id") if name == "c2"
    ]
    with transaction(kit.engine) as connection:
        (shop,) = load_shops(connection, {"shop"}, -1, 0).values()
    erase_now(kit, shop, lost)
    assert len(rows(kit, models.profiles, "customer")) == 1
    forget_store(kit, "shop", erases=False)
    connected(kit, sandbox)
    assert len(rows(kit, models.profiles, "customer")) == 1
    assert [name for _, name in rows(kit, models.customers, "id", "platform_id")] == ["c1"]


def test_another_shop_does_not_go_on_with_its_figures(kit: Kit, sandbox: Shop) -> None:
    connected(kit, sandbox)
    forget_store(kit, "shop", erases=False)
    secrets = {"api_key": KEY, "webhook_secret": WEBHOOK_SECRET}
    other = new(sandbox, url="http://127.0.0.1:9", currency="SEK", secrets=secrets)
    with pytest.raises(StoreRefused) as refused:
        connect_store(kit, other, Wanted())
    said = str(refused.value)
    assert f"url 'http://127.0.0.1:9': expected '{sandbox.url}' as it was" in said
    assert "currency 'SEK': expected 'EUR' as it was" in said
    assert "`shoal store remove shop --erase` lets them go" in said
    forget_store(kit, "shop", erases=True)
    assert not connect_store(kit, other, Wanted(is_offline=True)).added.is_back
