"""Shopify's connector keeps the contract, against the stand-in over real HTTP."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from connectors.generic.messages import Sender
from connectors.generic.track import read_call
from connectors.protocol import Webhook
from connectors.records import Coupon
from connectors.registry import connector_factory
from connectors.signatures import base64_signature
from connectors.testing import ConnectorContract, Discounted, Stage
from tests.connectors.shopify.server import CLIENT_SECRET, Server, Till, serving
from tests.connectors.shopify.shelves import find_number, money, order_payload

NOW = datetime(2026, 9, 1, 8, tzinfo=UTC)
_numbers = itertools.count(1)


def signed(body: bytes, topic: str = "orders/updated") -> Webhook:
    headers = {
        "x-shopify-topic": topic,
        "x-shopify-shop-domain": "demo-shop.myshopify.com",
        "x-shopify-api-version": "2026-10",
        "x-shopify-triggered-at": "2026-09-01T07:59:58.123456789Z",
        "x-shopify-hmac-sha256": base64_signature(CLIENT_SECRET, body),
    }
    return Webhook(headers, body, NOW)


def tracked(payload: dict[str, Any]) -> Any:
    lines = [
        {"product_id": str(each["product_id"]), "quantity": 2, "price": float(each["price"])}
        for each in payload["line_items"]
    ]
    message = {
        "type": "track",
        "event": "Order Completed",
        "userId": "7001",
        "timestamp": payload["processed_at"],
        "properties": {"order_id": str(payload["id"]), "products": lines},
    }
    sender = Sender("shop", "EUR", is_server=True)
    return read_call(json.dumps(message).encode(), "track", sender, NOW).events[0]


@pytest.fixture(scope="module")
def full_shop() -> Iterator[Server]:
    """More than a page of orders, some with everything an order can have."""
    server = Server(till=Till(maximum=1e6, left=1e6, rate=1e5))
    shelves = server.shop.shelves
    for number in (1, 2, 9001):
        shelves.add_product(number)
    mei = shelves.add_customer(7001)
    for number in range(5001, 5261):
        shelves.add_order(number, mei)
    rich = shelves.orders["gid://shopify/Order/5007"]
    code = {"__typename": "DiscountCodeApplication", "code": "shl-VIP"}
    taken = [{"allocatedAmountSet": money("0.90"), "discountApplication": code}]
    lines = [shelves.line(n, 2, "4.50", discountAllocations=taken) for n in (1, 2)]
    rich |= {"lineItems": lines, "totalDiscountsSet": money("1.80")}
    with serving(server):
        yield server


class TestShopify(ConnectorContract):
    @pytest.fixture
    def stage(self, full_shop: Server) -> Iterator[Stage]:
        order = order_payload(full_shop.shop.shelves.orders["gid://shopify/Order/5007"])
        touched = {"id": 9001, "updated_at": "2026-09-01T09:00:00+02:00"}
        coupon = Coupon(
            code=f"SHL-{next(_numbers)}",
            marker="shoal:0123456789abcdef",
            customer_id="7001",
            currency="EUR",
            valid_from=NOW,
            valid_until=NOW + timedelta(days=14),
            percent_off=15.0,
            minimum_spend=3000,
            title="Come back",
        )
        with httpx.Client(timeout=10) as http:
            yield Stage(
                factory=connector_factory("shopify"),
                store=full_shop.config(),
                http=http,
                signed=signed,
                order=json.dumps(order).encode(),
                order_id="5007",
                unpaid=json.dumps({**order, "financial_status": "pending"}).encode(),
                discounted=Discounted(json.dumps(order).encode(), value=1_800, discount=180),
                orders=frozenset(str(number) for number in range(5001, 5261)),
                tracked=tracked(order),
                ids_only=signed(json.dumps(touched).encode(), "products/update"),
                coupon=coupon,
                coupons_in_store=lambda code: find_number(full_shop.shop.shelves, code),
            )
