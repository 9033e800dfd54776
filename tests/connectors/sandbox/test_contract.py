"""The sandbox keeps the contract, against its real server."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from connectors.generic.messages import Sender
from connectors.generic.track import read_call
from connectors.protocol import Webhook
from connectors.records import Coupon
from connectors.sandbox import connect
from connectors.sandbox.webhooks import signed_headers
from connectors.testing import ConnectorContract, Discounted, Stage
from tests.connectors.conftest import KEY, WEBHOOK_SECRET, Shop, start, stop

NOW = datetime(2026, 9, 1, 8, tzinfo=UTC)
_numbers = itertools.count(1)


def signed(body: bytes, topic: str = "order.created") -> Webhook:
    return Webhook(signed_headers(WEBHOOK_SECRET, topic, body, "happening"), body, NOW)


def tracked(order: dict[str, Any]) -> Any:
    message = {
        "type": "track",
        "event": "Order Completed",
        "userId": "C1",
        "timestamp": order["created_at"],
        "properties": {"order_id": order["id"], "products": order["lines"]},
    }
    sender = Sender("shop", "EUR", is_server=True)
    return read_call(json.dumps(message).encode(), "track", sender, NOW).events[0]


def discounted(order: dict[str, Any]) -> Discounted:
    told = {**order, "discount": "1.35", "total": "7.65", "coupons": ["VIP"]}
    return Discounted(json.dumps(told).encode(), value=900, discount=135)


@pytest.fixture(scope="module")
def full_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A store of its own: the contract counts its orders."""
    process, url = start(tmp_path_factory.mktemp("contract"))
    headers = {"authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=url, headers=headers, timeout=10) as http:
        yield Shop(url, http)
    stop(process)


@pytest.fixture(scope="module")
def orders(full_shop: Shop) -> list[dict[str, Any]]:
    """More than a page of them."""
    customers = [{"id": "C1", "email": "Mei@example.com"}]
    products = [{"id": "P1", "price": "4.50", "currency": "EUR"}]
    full_shop.post("/admin/import", {"customers": customers, "products": products})
    lines = [{"product_id": "P1", "quantity": 2, "price": "4.50"}]
    wanted = {"status": "paid", "customer": {"id": "C1"}, "lines": lines}
    return [full_shop.post("/admin/orders", {**wanted, "id": f"O{n}"}) for n in range(260)]


class TestSandbox(ConnectorContract):
    @pytest.fixture
    def stage(self, full_shop: Shop, orders: list[dict[str, Any]]) -> Iterator[Stage]:
        store = full_shop.config()
        touched = {"resource": "order", "id": "O7", "updated_at": orders[7]["updated_at"]}
        coupon = Coupon(
            code=f"VIP-{next(_numbers)}",
            marker="our mark",
            customer_id="C1",
            currency="EUR",
            valid_from=NOW,
            valid_until=NOW + timedelta(days=14),
            percent_off=15.0,
            minimum_spend=3000,
            maximum_discount=2050,
        )
        with httpx.Client(timeout=10) as http:
            yield Stage(
                factory=connect,
                store=store,
                http=http,
                signed=signed,
                order=json.dumps(orders[7]).encode(),
                order_id="O7",
                unpaid=json.dumps({**orders[7], "status": "pending"}).encode(),
                discounted=discounted(orders[7]),
                orders=frozenset(order["id"] for order in orders),
                tracked=tracked(orders[7]),
                ids_only=signed(json.dumps(touched).encode(), "resource.changed"),
                fixed_reply=(
                    msgspec.structs.replace(store, options={"fixed_reply": "success"}),
                    b"success",
                ),
                coupon=coupon,
                coupons_in_store=lambda code: sum(
                    each["code"] == code for each in full_shop.read("/admin/coupons")["items"]
                ),
            )
