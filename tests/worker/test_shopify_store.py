"""A Shopify shop from its first word to a coupon in it, through every process's own code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from connectors.protocol import Webhook
from connectors.shopify.webhooks import read
from connectors.signatures import base64_signature
from tests.connectors.shopify.published import schema
from tests.connectors.shopify.server import CLIENT_SECRET, Server, serving
from tests.connectors.shopify.shelves import Node, order_payload, stamp
from tests.worker.driving import coupon_campaign
from worker import bulk, delivery, models, pipeline, stream, walking
from worker.connecting import Connected, Wanted, connect_store
from worker.database import reading, transaction
from worker.receiving import accept, received_events
from worker.runtime import Kit
from worker.store_health import store_health
from worker.stores import NewStore, config_of, load_store


@pytest.fixture
def shop() -> Iterator[Server]:
    schema()
    with serving() as server:
        server.shop.shelves.add_product(1)
        yield server


@pytest.fixture
def mei(shop: Server) -> Node:
    return shop.shop.shelves.add_customer(7001)


def connected(kit: Kit, shop: Server) -> Connected:
    config = shop.config()
    new = NewStore(
        id="shop",
        platform="shopify",
        url=shop.url,
        currency="",
        time_zone="",
        options={**config.options, "maximum_discount": "ignore"},
        secrets=config.secrets,
    )
    return connect_store(kit, new, Wanted())


def drain(kit: Kit) -> None:
    for partition in range(2):
        while stream.unread(kit.redis, partition):
            pipeline.drain(kit, partition)


def tell(kit: Kit, topic: str, body: Any) -> None:
    """A webhook as the door takes it, and all that follows from it."""
    raw = json.dumps(body).encode()
    headers = {
        "x-shopify-topic": topic,
        "x-shopify-hmac-sha256": base64_signature(CLIENT_SECRET, raw),
        "x-shopify-shop-domain": "demo-shop.myshopify.com",
        "x-shopify-triggered-at": kit.clock().isoformat(),
    }
    with reading(kit.engine) as connection:
        store = load_store(connection, "shop")
    now = kit.clock()
    received = read(config_of(store, kit.sealer), Webhook(headers, raw, now))
    accept(kit, store.partition, received_events(kit.sealer, "shop", received, now))
    drain(kit)
    delivery.deliver(kit, store.number)
    drain(kit)


def rows(kit: Kit, table: Any, *names: str) -> list[Any]:
    with reading(kit.engine) as connection:
        query = select(*(table.c[name] for name in names))
        return [tuple(row) for row in connection.execute(query).all()]


def test_a_shop_introduces_itself_and_its_past_is_read(kit: Kit, shop: Server, mei: Node) -> None:
    for number in range(5001, 5006):
        shop.shop.shelves.add_order(number, mei)
    told = connected(kit, shop)
    assert told.facts is not None
    with reading(kit.engine) as connection:
        store = load_store(connection, "shop")
    assert (store.currency, store.time_zone) == ("EUR", "Europe/Berlin")
    walking.walk_to_end(kit, store.number)
    drain(kit)
    assert sorted(rows(kit, models.orders, "order_id", "value")) == [
        (str(number), 900) for number in range(5001, 5006)
    ]
    assert rows(kit, models.customers, "platform_id", "consents") == [("7001", '{"email":true}')]
    assert rows(kit, models.actions, "kind") == []
    said = " ".join(line.said for line in store_health(kit, "shop"))
    assert "no real shop" in said
    assert "2000 left" in said or "of 2000" in said


def test_a_withdrawn_consent_arrives_whatever_came_before(
    kit: Kit, shop: Server, mei: Node
) -> None:
    """The customer's own webhook of the same second overtakes the consent's."""
    connected(kit, shop)
    now = stamp(datetime.now(UTC))
    tell(kit, "customers/update", {"id": 7001, "updated_at": mei["updatedAt"]})
    consent = {"customer_id": 7001, "email_marketing_consent": {"state": "subscribed"}}
    tell(kit, "customers_email_marketing_consent/update", consent)
    assert rows(kit, models.customers, "consents") == [('{"email":true}',)]
    mei["updatedAt"] = now
    mei["defaultEmailAddress"] |= {"marketingState": "UNSUBSCRIBED", "marketingUpdatedAt": now}
    tell(kit, "customers/update", {"id": 7001, "updated_at": now})
    withdrawn = consent | {"email_marketing_consent": {"state": "unsubscribed"}}
    tell(kit, "customers_email_marketing_consent/update", withdrawn)
    assert rows(kit, models.customers, "consents") == [('{"email":false}',)]


def test_an_order_becomes_a_coupon_in_the_shop_and_its_use_comes_back(
    kit: Kit, shop: Server, mei: Node
) -> None:
    number = connected(kit, shop).added.number
    text = coupon_campaign("thanks", "{event: order_completed}")
    with transaction(kit.engine) as connection:
        bulk.upsert(
            connection,
            models.campaigns,
            ("store", "id", "version", "state", "body"),
            [(number, "thanks", 1, "live", text)],
        )
        kept = ("store", "id", "version", "body")
        bulk.upsert(connection, models.campaign_versions, kept, [(number, "thanks", 1, text)])
    at = datetime.now(UTC) - timedelta(seconds=5)
    order = shop.shop.shelves.add_order(5001, mei, processedAt=stamp(at), updatedAt=stamp(at))
    for topic in ("orders/create", "orders/paid", "orders/updated"):
        tell(kit, topic, order_payload(order))
    (made,) = shop.shop.shelves.codes.values()
    assert [each["id"] for each in made["codeDiscount"]["context"]["customers"]] == [mei["id"]]
    later = stamp(datetime.now(UTC))
    line = shop.shop.shelves.line(9, 1, "9.00", discountAllocations=[_taken(made["code"].lower())])
    second = shop.shop.shelves.add_order(
        5002, mei, processedAt=later, updatedAt=later, lineItems=[line]
    )
    tell(kit, "orders/create", order_payload(second))
    assert (made["code"], "5002") in rows(kit, models.codes, "code", "order_id")


def _taken(code: str) -> Node:
    return {
        "allocatedAmountSet": {"shopMoney": {"amount": "0.90"}},
        "discountApplication": {"__typename": "DiscountCodeApplication", "code": code},
    }


def test_a_removed_app_stops_the_pushes_and_asking_again_lets_them_go_on(
    kit: Kit, shop: Server, mei: Node
) -> None:
    del mei
    connected(kit, shop)
    tell(kit, "app/uninstalled", {"id": 1, "myshopify_domain": "demo-shop.myshopify.com"})
    with reading(kit.engine) as connection:
        assert "app/uninstalled" in load_store(connection, "shop").paused
    store_health(kit, "shop")
    with reading(kit.engine) as connection:
        assert load_store(connection, "shop").paused == ""


def test_a_redaction_takes_the_person_with_their_orders(kit: Kit, shop: Server, mei: Node) -> None:
    connected(kit, shop)
    order = shop.shop.shelves.add_order(5001, mei)
    tell(kit, "orders/create", order_payload(order))
    asked = {
        "shop_domain": "demo-shop.myshopify.com",
        "customer": {"id": 7001, "email": "mei7001@example.com"},
        "orders_to_redact": [5001],
    }
    tell(kit, "customers/redact", asked)
    assert rows(kit, models.customers, "platform_id") == []
    tell(kit, "orders/updated", order_payload(order))
    assert rows(kit, models.customers, "platform_id") == []
