"""The store itself: coupons are redeemed by their rules, webhooks arrive, limits hold."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.errors import RateLimited
from connectors.protocol import StoreConfig, Webhook
from connectors.sandbox.api import SandboxConnector, sandbox_connector
from connectors.sandbox.webhooks import read
from tests.connectors.conftest import start, stop

TERMS = {
    "customer_id": "R1",
    "type": "percentage",
    "value": "10",
    "starts_at": "2026-01-01T00:00:00Z",
    "ends_at": "2026-02-01T00:00:00Z",
    "minimum_spend": "20",
    "maximum_discount": "5",
}
_numbers = itertools.count(1)


def buy(shop: Any, code: str, **changes: Any) -> httpx.Response:
    order = {
        "customer": {"id": "R1"},
        "lines": [{"product_id": "T1", "quantity": 3, "price": "10.00"}],
        "coupons": [code],
        "created_at": "2026-01-15T00:00:00.000000Z",
    }
    answer: httpx.Response = shop.http.post("/storefront/checkout", json=order | changes)
    return answer


@pytest.fixture
def code(shop: Any) -> str:
    shop.post("/admin/import", {"customers": [{"id": "R1"}, {"id": "R2"}]})
    name = f"RED-{next(_numbers)}"
    shop.post("/admin/coupons", TERMS | {"code": name, "note": name})
    return name


def test_a_coupon_takes_its_percentage_once(shop: Any, code: str) -> None:
    order = buy(shop, code).json()
    assert (order["discount"], order["total"]) == ("3.00", "27.00")
    assert buy(shop, code).json() == {"error": "coupon: was used"}


def test_it_takes_no_more_than_its_maximum(shop: Any, code: str) -> None:
    lines = [{"product_id": "T1", "quantity": 1, "price": "200.00"}]
    assert buy(shop, code, lines=lines).json()["discount"] == "5.00"


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"customer": {"id": "R2"}}, "belongs to another customer"),
        ({"customer": None}, "belongs to another customer"),
        ({"created_at": "2025-12-31T23:59:59Z"}, "is not valid yet"),
        ({"created_at": "2026-02-01T00:00:00.000000Z"}, "has expired"),
        (
            {"lines": [{"product_id": "T1", "quantity": 1, "price": "19.99"}]},
            "needs a larger order",
        ),
    ],
)
def test_a_broken_rule_refuses_the_order(
    shop: Any, code: str, changes: dict[str, Any], rule: str
) -> None:
    answer = buy(shop, code, **changes)
    assert (answer.status_code, answer.json()) == (422, {"error": f"coupon: {rule}"})
    assert buy(shop, code).status_code == 201


def test_stock_goes_down_and_ends(shop: Any) -> None:
    shop.post("/admin/import", {"products": [{"id": "T2", "price": "1", "stock": 4}]})
    lines = [{"product_id": "T2", "quantity": 3, "price": "1"}]
    assert buy(shop, "", lines=lines, coupons=[]).status_code == 201
    assert shop.read("/admin/products/T2")["stock"] == 1
    assert buy(shop, "", lines=lines, coupons=[]).json() == {"error": "lines: out of stock"}


class _Inbox(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        inbox: list[tuple[str, dict[str, str], bytes]] = self.server.inbox  # type: ignore[attr-defined] # set below
        inbox.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(500 if len(inbox) == 1 else 202)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        pass


@pytest.fixture
def target() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), _Inbox)
    server.inbox = []  # type: ignore[attr-defined] # what arrived
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def arrived(target: HTTPServer, count: int) -> list[tuple[str, dict[str, str], bytes]]:
    inbox: list[tuple[str, dict[str, str], bytes]] = target.inbox  # type: ignore[attr-defined] # set above
    deadline = time.monotonic() + 5
    while len(inbox) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return inbox


@pytest.fixture
def own_shop(tmp_path: Path) -> Iterator[tuple[httpx.Client, Path]]:
    process, url = start(tmp_path, "--rate", "5", "--burst", "6")
    with httpx.Client(base_url=url, headers={"authorization": "Bearer sandbox-admin-key"}) as http:
        yield http, tmp_path
    stop(process)


def _waits(connector: SandboxConnector) -> list[float]:
    waits = []
    for _ in range(20):
        try:
            connector.revoke_coupon("NONE", "m")
        except RateLimited as limit:
            waits.append(limit.retry_after or 0.0)
    return waits


def test_webhooks_are_signed_and_tried_again_under_one_id(
    own_shop: tuple[httpx.Client, Path], target: HTTPServer
) -> None:
    http, _ = own_shop
    url = f"http://127.0.0.1:{target.server_address[1]}"
    http.post("/admin/webhooks", json={"url": f"{url}/webhooks/shop"})
    http.post("/admin/customers", json={"id": "W1", "email": "W@example.com"})
    first, second = arrived(target, 2)[:2]
    assert first[2] == second[2]
    assert first[1]["x-sandbox-event-id"] == second[1]["x-sandbox-event-id"]
    assert first[1]["x-sandbox-delivery-id"] != second[1]["x-sandbox-delivery-id"]
    secrets = {"webhook_secret": "sandbox-webhook-secret"}
    store = StoreConfig("shop", "sandbox", "http://x", "EUR", secrets=secrets)
    events = read(store, Webhook(second[1], second[2], datetime.now(UTC))).events
    assert events[0].identities == (("customer_id", "W1"), ("email", "w@example.com"))


def test_the_storefront_tells_what_is_looked_at(
    own_shop: tuple[httpx.Client, Path], target: HTTPServer
) -> None:
    http, _ = own_shop
    browsed = {"events": [{"event": "Product Viewed", "visitor": "v", "properties": {"a": 1}}]}
    assert http.post("/storefront/browse", json=browsed).status_code == 422
    url = f"http://127.0.0.1:{target.server_address[1]}"
    http.post("/_shoal", json={"url": url, "key": "public"})
    assert http.post("/storefront/browse", json=browsed).json() == {"sent": 1}
    path, headers, body = arrived(target, 2)[0]
    assert (path, headers["authorization"]) == ("/v1/batch", "Basic cHVibGljOg==")
    assert json.loads(body)["batch"][0]["anonymousId"] == "v"


def test_the_rate_limit_is_said_and_the_ledger_is_numbered(
    own_shop: tuple[httpx.Client, Path],
) -> None:
    http, home = own_shop
    assert http.post("/admin/import", json={}).headers["x-ratelimit-remaining"] == "5"
    url = str(http.base_url)
    config = StoreConfig("shop", "sandbox", url, "EUR", secrets={"api_key": "sandbox-admin-key"})
    connector = sandbox_connector(config, httpx.Client())
    waits = _waits(connector)
    assert waits
    assert all(0 < wait <= 1 for wait in waits)
    connector.client.http.close()
    lines = (home / "ledger.jsonl").read_text().splitlines()
    assert [json.loads(line)["n"] for line in lines] == list(range(1, len(lines) + 1))


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff"])
def test_the_store_answers_nonsense(shop: Any, body: bytes) -> None:
    assert shop.http.post("/admin/coupons", content=body).status_code == 400


def test_the_store_wants_its_key(shop: Any) -> None:
    for key in ("", "Bearer x", "Bearer ключ".encode()):
        answer = shop.http.get("/admin/orders", headers={b"authorization": key})
        assert answer.status_code == 401
