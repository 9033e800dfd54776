"""Vendure's connector keeps the contract; `make test-stores` shows it on the real store."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from connectors.generic.messages import Sender
from connectors.generic.track import read_call
from connectors.records import Coupon
from connectors.testing import ConnectorContract, Discounted, Stage
from connectors.vendure import connect
from tests.connectors.vendure.documents import (
    NOW,
    STORE,
    customer,
    line,
    message,
    order,
    product,
    signed,
    text,
)
from tests.connectors.vendure.fake import Shop, serving

_numbers = itertools.count(1)


def _late(number: int) -> dict[str, Any]:
    """An order that was placed and refunded after its entry changed: nothing moves updatedAt."""
    at = text(NOW + timedelta(hours=number))
    refund = {"id": f"R{number}", "state": "Settled", "total": 1500, "shipping": 500}
    refund |= {"createdAt": at, "updatedAt": at}
    payment = {"state": "Settled", "amount": 11300, "updatedAt": at, "refunds": [refund]}
    return order(number, orderPlacedAt=at, payments=[payment])


def _unpaid(number: int) -> dict[str, Any]:
    return order(number, state="ArrangingPayment", orderPlacedAt=None, payments=[])


def _discounted(number: int) -> Discounted:
    """Two pieces at 54.00, a tenth off."""
    off = [{"amountWithTax": -1080, "adjustmentSource": "PROMOTION:1"}]
    told = order(number, lines=[line(prorated=4860)], discounts=off, totalWithTax=9720)
    return Discounted(message("order.changed", told), value=10_800, discount=1_080)


@pytest.fixture(scope="module")
def full_shop() -> Shop:
    """Three pages of orders, most of them of one second."""
    orders = [_late(number) if number % 90 == 0 else order(number) for number in range(1, 261)]
    cart = order(500, active=True, state="AddingItems", orderPlacedAt=None, payments=[])
    return Shop(
        orders=[*orders, cart],
        customers=[customer(number) for number in range(1, 120)],
        products=[product(2), product(3)],
    )


@pytest.fixture(scope="module")
def url(full_shop: Shop) -> Iterator[str]:
    with serving(full_shop) as server:
        yield server.url


@pytest.fixture(scope="module")
def patient() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=10) as http:
        yield http


def tracked() -> Any:
    told = {
        "type": "track",
        "event": "Order Completed",
        "userId": "1",
        "timestamp": text(NOW),
        "properties": {
            "order_id": "O7",
            "products": [{"product_id": "2", "quantity": 2, "price": "54.00"}],
        },
    }
    sender = Sender("shop", "USD", is_server=True)
    return read_call(json.dumps(told).encode(), "track", sender, NOW).events[0]


class TestVendure(ConnectorContract):
    @pytest.fixture
    def stage(self, full_shop: Shop, url: str, patient: httpx.Client) -> Stage:
        coupon = Coupon(
            code=f"SHL-{next(_numbers)}",
            marker="our mark",
            customer_id="1",
            currency="USD",
            valid_from=NOW + timedelta(microseconds=1),
            valid_until=NOW + timedelta(days=14),
            percent_off=15.0,
            minimum_spend=3000,
            maximum_discount=2050,
            campaign="win-back",
        )
        held = [each for each in full_shop.orders if not each["active"]]
        return Stage(
            factory=connect,
            store=msgspec.structs.replace(STORE, url=url),
            http=patient,
            signed=signed,
            order=message("order.changed", order(7)),
            order_id="O7",
            unpaid=message("order.changed", _unpaid(8)),
            discounted=_discounted(9),
            orders=frozenset(each["code"] for each in held),
            tracked=tracked(),
            ids_only=signed(message("product.changed", {"id": "2"})),
            coupon=coupon,
            coupons_in_store=lambda code: sum(
                each["couponCode"] == code for each in full_shop.promotions
            ),
        )
