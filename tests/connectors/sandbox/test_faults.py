"""Each trouble the real store can make has one stated outcome."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from connectors.errors import (
    AccessDenied,
    PlatformError,
    PlatformUnavailable,
    RateLimited,
    RequestRefused,
)
from connectors.records import Coupon
from connectors.sandbox.api import SandboxConnector, sandbox_connector

NOW = datetime(2026, 9, 1, 8, tzinfo=UTC)
_numbers = itertools.count(1)


@pytest.fixture
def connector(shop: Any) -> Iterator[SandboxConnector]:
    shop.post("/admin/import", {"customers": [{"id": "C1"}]})
    with httpx.Client(timeout=0.4) as http:
        yield sandbox_connector(shop.config(), http)


@pytest.fixture
def coupon() -> Coupon:
    until = NOW + timedelta(days=3)
    code = f"F-{next(_numbers)}"
    return Coupon(code, code, "C1", "EUR", NOW, until, amount_off=500)


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"kind": "status", "status": 500}, PlatformUnavailable),
        ({"kind": "status", "status": 502}, PlatformUnavailable),
        ({"kind": "status", "status": 408}, PlatformUnavailable),
        ({"kind": "status", "status": 429}, RateLimited),
        ({"kind": "status", "status": 401}, AccessDenied),
        ({"kind": "status", "status": 403}, AccessDenied),
        ({"kind": "status", "status": 400}, RequestRefused),
        ({"kind": "status", "status": 410}, RequestRefused),
        ({"kind": "status", "status": 301}, RequestRefused),
        ({"kind": "status", "status": 302}, PlatformUnavailable),
        ({"kind": "status", "status": 422}, RequestRefused),
        ({"kind": "timeout", "seconds": 0.6}, PlatformUnavailable),
        ({"kind": "half_body"}, PlatformUnavailable),
        ({"kind": "html"}, PlatformUnavailable),
        ({"kind": "lost_reply"}, PlatformUnavailable),
    ],
)
def test_a_fault_has_its_outcome_and_the_next_try_makes_one_coupon(
    shop: Any,
    connector: SandboxConnector,
    coupon: Coupon,
    fault: dict[str, Any],
    outcome: type[PlatformError],
) -> None:
    before = shop.read("/_ledger")["coupons"]
    shop.fault(path="/admin/coupons", method="POST", **fault)
    with pytest.raises(outcome) as caught:
        connector.push_coupon(coupon)
    assert type(caught.value) is outcome
    assert "shop: POST /admin/coupons: " in str(caught.value)
    connector.push_coupon(coupon)
    after = shop.read("/_ledger")
    assert (after["coupons"] - before, after["twice"]) == (1, 0)


@pytest.mark.parametrize(("said", "wait"), [("7", 7.0), ("0.25", 0.25), ("999999", 3600.0)])
def test_the_wait_is_read(
    shop: Any, connector: SandboxConnector, coupon: Coupon, said: str, wait: float
) -> None:
    shop.fault(path="/admin/coupons", kind="status", status=429, retry_after=said)
    with pytest.raises(RateLimited) as caught:
        connector.push_coupon(coupon)
    assert caught.value.retry_after == wait


def test_nobody_listens(connector: SandboxConnector, coupon: Coupon, shop: Any) -> None:
    away = sandbox_connector(shop.config(url="http://127.0.0.1:1"), connector.client.http)
    with pytest.raises(PlatformUnavailable):
        away.push_coupon(coupon)


def test_an_unknown_customer_is_refused_with_the_reason(
    connector: SandboxConnector, coupon: Coupon
) -> None:
    stranger = Coupon(
        "X-1", "m", "nobody", "EUR", coupon.valid_from, coupon.valid_until, amount_off=1
    )
    with pytest.raises(RequestRefused, match="no such customer"):
        connector.push_coupon(stranger)


def test_the_ledger_sees_a_second_coupon_of_one_marker(
    shop: Any, connector: SandboxConnector, coupon: Coupon
) -> None:
    before = shop.read("/_ledger")["twice"]
    again = Coupon(
        f"{coupon.code}-B",
        coupon.marker,
        "C1",
        "EUR",
        coupon.valid_from,
        coupon.valid_until,
        amount_off=500,
    )
    connector.push_coupon(coupon)
    connector.push_coupon(again)
    assert shop.read("/_ledger")["twice"] == before + 1
