"""A stranger's connector registers by entry point and passes the shipped contract."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.protocol import StoreConfig, Webhook
from connectors.records import Coupon
from connectors.registry import connector_factory, platforms
from connectors.signatures import hex_signature
from connectors.testing import ConnectorContract, Stage

STRANGER = Path(__file__).parent / "stranger"
NOW = datetime(2026, 9, 1, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(STRANGER))


def _sale(number: int) -> dict[str, Any]:
    changed = int(NOW.timestamp()) + number
    return {"number": number, "buyer": "B1", "cents": 1250, "article": "tea", "changed": changed}


def _kiosk(codes: dict[str, Any]) -> httpx.MockTransport:
    """Kiosk itself, which is not ours: seven sales and a drawer of codes."""
    sales = [_sale(number) for number in range(1, 8)]

    def listed(request: httpx.Request) -> httpx.Response:
        since, page = (int(request.url.params[name]) for name in ("since", "page"))
        chosen = [sale for sale in sales if sale["changed"] >= since]
        return httpx.Response(200, json=chosen[(page - 1) * 3 : page * 3])

    def answer(request: httpx.Request) -> httpx.Response:
        _, kind, *rest = request.url.path.split("/")
        if kind == "sales" and not rest:
            return listed(request)
        if request.method == "POST":
            wanted = json.loads(request.content)
            is_taken = wanted["code"] in codes
            codes.setdefault(wanted["code"], wanted)
            return httpx.Response(409 if is_taken else 201, json={})
        if request.method == "DELETE":
            return httpx.Response(200, json=codes.pop(rest[0]))
        shelf = codes if kind == "codes" else {str(sale["number"]): sale for sale in sales}
        found = shelf.get(rest[0])
        return httpx.Response(200 if found else 404, json=found)

    return httpx.MockTransport(answer)


def _signed(body: bytes) -> Webhook:
    return Webhook({"x-kiosk-hmac": hex_signature("kiosk-signing", body)}, body, NOW)


class TestKiosk(ConnectorContract):
    @pytest.fixture
    def stage(self) -> Stage:
        codes: dict[str, Any] = {}
        secrets = {"token": "kiosk-token", "signing": "kiosk-signing"}
        store = StoreConfig("k", "kiosk", "https://kiosk.example", "EUR", secrets=secrets)
        until = NOW + timedelta(days=14)
        return Stage(
            factory=connector_factory("kiosk"),
            store=store,
            http=httpx.Client(transport=_kiosk(codes)),
            signed=_signed,
            order=json.dumps(_sale(3)).encode(),
            order_id="3",
            orders=frozenset(str(number) for number in range(1, 8)),
            coupon=Coupon("K-1", "mark", "B1", "EUR", NOW, until, percent_off=10.0),
            coupons_in_store=lambda code: int(code in codes),
        )


def test_it_stands_beside_ours() -> None:
    assert platforms()["kiosk"] == "shoal-kiosk"
    assert platforms()["sandbox"] == "shoal"
