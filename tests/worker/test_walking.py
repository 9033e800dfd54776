"""Reading a real store's lists: once for the past, again and again where no webhook comes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from connectors.events import microseconds
from connectors.protocol import Webhook
from connectors.sandbox.webhooks import read, signed_headers
from segmentation import running
from tests.connectors.conftest import KEY, WEBHOOK_SECRET, Shop, start, stop
from tests.worker.driving import coupon_campaign
from worker import bulk, models, pipeline, stream, walking, walks
from worker.celery import WALK
from worker.database import reading, transaction
from worker.receiving import accept, received_events
from worker.runtime import Kit
from worker.stores import NewStore, add_store, config_of, load_store
from worker.sweeper import sweep

Sent = list[tuple[str, int]]
BUYERS = 12
ORDERS = 260  # more than a page, more than a stretch


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Shop]:
    process, url = start(tmp_path / "sandbox")
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {KEY}"}) as http:
        yield Shop(url, http)
    stop(process)


def added(kit: Kit, sandbox: Shop, name: str) -> int:
    """A store of ours that reads from the sandbox, with a coupon for each completed order."""
    secrets = {"api_key": KEY, "webhook_secret": WEBHOOK_SECRET}
    new = NewStore(id=name, platform="sandbox", url=sandbox.url, currency="EUR", secrets=secrets)
    with transaction(kit.engine) as connection:
        number = add_store(connection, kit.sealer, new, 0).number
        text = coupon_campaign("thanks", "{event: order_completed}")
        bulk.upsert(
            connection,
            models.campaigns,
            ("store", "id", "version", "state", "body"),
            [(number, "thanks", 1, "live", text)],
        )
        bulk.upsert(
            connection,
            models.campaign_versions,
            ("store", "id", "version", "body", "made_at", "made_by"),
            [(number, "thanks", 1, text, 0, "test")],
        )
    return number


def sell(sandbox: Shop, count: int, first: int = 0) -> None:
    """Orders of a dozen people, paid; some cancelled again; the past by a document's own times."""
    for number in range(first, first + count):
        at = (datetime.now(UTC) - timedelta(days=number % 50)).isoformat()
        order = {
            "id": f"o{number}",
            "currency": "EUR",
            "created_at": at,
            "updated_at": datetime.now(UTC).isoformat(),
            "lines": [
                {"product_id": f"p{number % 5}", "quantity": 1 + number % 3, "price": "9.90"}
            ],
            "customer": {"id": f"c{number % BUYERS}"},
            "status": "cancelled" if number % 9 == 8 else "paid",
        }
        sandbox.post("/admin/orders", order)


def sell_now(sandbox: Shop, name: str) -> None:
    """One paid order of this moment."""
    order = {
        "id": name,
        "currency": "EUR",
        "lines": [{"product_id": "p1", "quantity": 1, "price": "9.90"}],
        "customer": {"id": "c1"},
        "status": "paid",
    }
    sandbox.post("/admin/orders", order)


def drain(kit: Kit) -> None:
    for partition in range(2):
        while stream.unread(kit.redis, partition):
            pipeline.drain(kit, partition)


def state(kit: Kit, store: int) -> dict[str, Any]:
    """Each person's features and stage, and which actions are due, whatever ids they have."""
    people, actions = models.customers.c, models.actions.c
    now = microseconds(datetime(2030, 1, 1, tzinfo=UTC))
    with reading(kit.engine) as connection:
        rows = connection.execute(
            select(people.platform_id, people.record, people.segment).where(people.store == store)
        ).all()
        due = connection.execute(select(actions.kind).where(actions.store == store)).scalars()
        kinds = sorted(due)
    columns = running.derive(running.unpack([bytes(row.record) for row in rows]), now)
    found = {
        row.platform_id: (
            row.segment,
            *(float(columns[name][at]) for name in ("orders", "monetary_value", "recency_days")),
        )
        for at, row in enumerate(rows)
    }
    return {"people": found, "actions": kinds}


def poll(kit: Kit, store: int) -> None:
    with transaction(kit.engine) as connection:
        walks.hurry(connection, store, microseconds(kit.clock()))
    walking.walk(kit, store)
    drain(kit)


def walk_row(kit: Kit, store: int, kind: walks.Kind) -> walks.Walk:
    with reading(kit.engine) as connection:
        found = walks.walk_of(connection, store, kind)
    assert found is not None
    return found


def begin(kit: Kit, store: int, since: timedelta = timedelta(days=400)) -> None:
    now = kit.clock()
    with transaction(kit.engine) as connection:
        walks.begin_backfill(connection, store, microseconds(now - since), microseconds(now))


def test_a_backfill_brings_the_past_and_triggers_nothing(kit: Kit, sandbox: Shop) -> None:
    store = added(kit, sandbox, "shop")
    sell(sandbox, ORDERS)
    begin(kit, store)
    walking.walk_to_end(kit, store)
    drain(kit)
    found = state(kit, store)
    kept = [number for number in range(ORDERS) if number % 9 != 8]
    assert {name: row[1] for name, row in found["people"].items()} == {
        f"c{who}": float(sum(number % BUYERS == who for number in kept)) for who in range(BUYERS)
    }
    assert found["actions"] == []
    changes = models.segment_changes.c
    with reading(kit.engine) as connection:
        causes = set(connection.execute(select(changes.cause)).scalars())
    assert causes == {"import"}
    done = walk_row(kit, store, "backfill")
    assert (done.next_at, done.problem, done.brought >= ORDERS) == (0, "", True)
    assert done.done_at > 0


def webhook_of(document: dict[str, Any], now: datetime) -> Webhook:
    body = json.dumps(document).encode()
    headers = signed_headers(WEBHOOK_SECRET, "order.updated", body, document["id"])
    return Webhook({name.lower(): value for name, value in headers.items()}, body, now)


def test_what_was_there_when_polling_began_triggers_nothing(kit: Kit, sandbox: Shop) -> None:
    store = added(kit, sandbox, "shop")
    sell_now(sandbox, "before")
    begin(kit, store)
    with transaction(kit.engine) as connection:
        walks.begin_polling(connection, store, microseconds(kit.clock()))
    walking.walk_to_end(kit, store)
    drain(kit)
    assert state(kit, store)["people"]["c1"][1] == 1
    assert state(kit, store)["actions"] == []
    sell_now(sandbox, "after")
    poll(kit, store)
    assert state(kit, store)["people"]["c1"][1] == 2
    assert state(kit, store)["actions"] == ["coupon"]


def test_polling_alone_ends_where_webhooks_end(kit: Kit, sandbox: Shop) -> None:
    heard, asked = added(kit, sandbox, "heard"), added(kit, sandbox, "asked")
    with transaction(kit.engine) as connection:
        walks.begin_polling(connection, asked, microseconds(kit.clock()))
        config = config_of(load_store(connection, heard), kit.sealer)
        partition = load_store(connection, heard).partition
    told: dict[str, str] = {}
    for first in (0, 20, 40):
        sell(sandbox, 20, first)
        if first == 20:
            sandbox.post("/admin/orders/o3/cancel", {})
        for document in sandbox.read("/admin/orders?limit=250")["items"]:
            if told.get(document["id"]) == document["updated_at"]:
                continue
            told[document["id"]] = document["updated_at"]
            hook = webhook_of(document, kit.clock())
            events = received_events(kit.sealer, "heard", read(config, hook), kit.clock())
            accept(kit, partition, events)
        drain(kit)
        poll(kit, asked)
    assert state(kit, asked)["people"]
    assert state(kit, asked) == state(kit, heard)


def test_what_was_read_twice_is_applied_once(
    kit: Kit, sandbox: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = added(kit, sandbox, "shop")
    sell(sandbox, 30)
    begin(kit, store)

    def cut(*_told: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        # As a kill between the stream and the row.
        patch.setattr(walks, "keep", cut)
        with pytest.raises(KeyboardInterrupt):
            walking.walk(kit, store)
    drain(kit)
    before = state(kit, store)
    walking.walk_to_end(kit, store)
    drain(kit)
    assert state(kit, store) == before
    with reading(kit.engine) as connection:
        assert len(connection.execute(select(models.orders.c.order_id)).all()) == 30


def test_a_store_that_is_away_is_asked_again_later(kit: Kit, sandbox: Shop) -> None:
    store = added(kit, sandbox, "shop")
    begin(kit, store)
    sandbox.fault(path="/admin/", kind="status", status=503, times=1)
    walking.walk(kit, store)
    row = walk_row(kit, store, "backfill")
    assert (row.failures, "503" in row.problem) == (1, True)
    now = microseconds(kit.clock())
    assert now < row.next_at <= now + int(walking.FIRST_WAIT * 1e6)
    poll(kit, store)
    assert walk_row(kit, store, "backfill").problem == ""


def test_credentials_that_no_longer_suffice_pause_the_store(kit: Kit, sandbox: Shop) -> None:
    store = added(kit, sandbox, "shop")
    sealed = kit.sealer.seal("shop", {"api_key": "wrong"})
    with transaction(kit.engine) as connection:
        connection.execute(update(models.stores).values(secrets=sealed))
    begin(kit, store)
    walking.walk(kit, store)
    with reading(kit.engine) as connection:
        assert "401" in load_store(connection, store).paused
    assert "401" in walk_row(kit, store, "backfill").problem


def test_the_sweep_sends_somebody_when_a_round_is_due(kit: Kit, sandbox: Shop, sent: Sent) -> None:
    store = added(kit, sandbox, "shop")
    with transaction(kit.engine) as connection:
        walks.begin_polling(connection, store, microseconds(kit.clock()))
    sweep(kit)
    assert (WALK, store) in sent
    walking.walk(kit, store)
    del sent[:]
    sweep(kit)
    assert (WALK, store) not in sent
    later = kit.clock() + timedelta(seconds=61)
    sweep(replace(kit, clock=lambda: later))
    assert (WALK, store) in sent


def test_a_round_begins_where_the_last_one_began(kit: Kit) -> None:
    with transaction(kit.engine) as connection:
        walks.begin_polling(connection, 1, 1_000_000_000, every=60)
        (first,) = walks.due(connection, 1_000_000_000)
        second = walks.finished(walks.advanced(first, "x", 5, 1_000_000_010), 1_000_000_020)
    assert second.since == first.began_at - walks.OVERLAP
    assert (second.next_at, second.resume, second.brought) == (1_000_000_060, "", 0)
