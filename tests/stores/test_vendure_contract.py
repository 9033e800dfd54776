"""The connector keeps the contract before a real Vendure, with what our plugin really sends."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from connectors.protocol import StoreConfig, Webhook
from connectors.records import Coupon
from connectors.signatures import standard_headers
from connectors.testing import ConnectorContract, Stage
from connectors.vendure import connect
from tests.stores.shoal_stack import eventually
from tests.stores.vendure_store import Vendure, real_vendure
from worker.demo.vendure.packages import Packages
from worker.demo.vendure.store import SECRET
from worker.store_plugin import write_plugin

GREEN_TEA = "4"
ORDERS = 104  # more than a page
_numbers = itertools.count(1)


class Inbox(ThreadingHTTPServer):
    """Takes what the plugin sends; the first tries are turned down."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.taken: list[Webhook] = []
        self.turned_down: list[str] = []

    def newest(self, wanted: str, text: str) -> Webhook | None:
        """The last message of a type that holds a text."""
        for one in reversed(self.taken):
            if json.loads(one.body)["type"] == wanted and text.encode() in one.body:
                return one
        return None


class _Taking(BaseHTTPRequestHandler):
    server: Inbox

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): text for name, text in self.headers.items()}
        is_first = len(self.server.turned_down) < 3
        if is_first:
            self.server.turned_down.append(headers["webhook-id"])
        else:
            self.server.taken.append(Webhook(headers, body, datetime.now(UTC)))
        self.send_response(503 if is_first else 202)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        pass


@dataclass
class Full:
    """A store with more than a page of orders, and what its plugin sent."""

    store: Vendure
    inbox: Inbox
    config: StoreConfig
    codes: list[str] = field(default_factory=list)
    customer: str = ""

    def coupons(self, code: str) -> int:
        found = self.store.merchant()(
            "query($c: String!) { promotions(options: {filter: {couponCode: {eq: $c}}}) "
            "{ totalItems } }",
            c=code,
        )
        return int(found["promotions"]["totalItems"])


@pytest.fixture(scope="module")
def inbox() -> Iterator[Inbox]:
    made = Inbox()
    thread = Thread(target=made.serve_forever, args=(0.05,))
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.fixture(scope="module")
def full(vendure: Packages, folder: Path, inbox: Inbox) -> Iterator[Full]:
    write_plugin("vendure", folder / "shoal-plugin")
    address = f"http://127.0.0.1:{inbox.server_address[1]}/webhooks/shop"
    with real_vendure(vendure, folder, address, keeps=False) as store:
        secrets = {"api_key": store.api_key(), "webhook_secret": SECRET}
        options = {"recommendations": "shoalRecommendations"}
        config = StoreConfig("shop", "vendure", store.url, "USD", options=options, secrets=secrets)
        made = Full(store, inbox, config)
        shopper = store.shopper("ann")
        made.customer = shopper.id
        made.codes = [shopper.buy(GREEN_TEA)["code"] for _ in range(ORDERS)]
        store.shopper("bob").fill(GREEN_TEA)
        eventually(lambda: placed(made, made.codes[-1]), "the last order's message", 120)
        yield made


def placed(full: Full, code: str) -> Webhook | None:
    """The message of an order that is placed; carts are told alike."""
    found = full.inbox.newest("order.changed", f'"code":"{code}"')
    return found if found and b'"active":false' in found.body else None


@pytest.mark.stores
class TestRealVendure(ConnectorContract):
    @pytest.fixture
    def stage(self, full: Full) -> Iterator[Stage]:
        now = datetime.now(UTC)
        sent = placed(full, full.codes[6])
        product = full.inbox.newest("product.changed", '"id":"3"')
        assert sent
        assert product

        def signed(body: bytes) -> Webhook:
            return Webhook(standard_headers(SECRET, "msg_1", now, body), body, now)

        coupon = Coupon(
            code=f"SHL-REAL{next(_numbers)}",
            marker="our mark",
            customer_id=full.customer,
            currency="USD",
            valid_from=now,
            valid_until=now + timedelta(days=14),
            percent_off=12.5,
            minimum_spend=3000,
            maximum_discount=2050,
            campaign="win-back",
        )
        with httpx.Client(timeout=120) as http:
            yield Stage(
                factory=connect,
                store=full.config,
                http=http,
                signed=signed,
                order=sent.body,
                order_id=full.codes[6],
                orders=frozenset(full.codes),
                ids_only=signed(product.body),
                coupon=coupon,
                coupons_in_store=full.coupons,
            )


@pytest.mark.stores
def test_what_was_turned_down_came_again_under_its_id(full: Full) -> None:
    taken = {one.headers["webhook-id"] for one in full.inbox.taken}
    assert full.inbox.turned_down
    assert set(full.inbox.turned_down) <= taken


@pytest.mark.stores
def test_every_message_is_signed_and_read(full: Full) -> None:
    with httpx.Client() as http:
        connector = connect(full.config, http)
        for one in list(full.inbox.taken):
            received = connector.read(one)
            assert received.events or received.look_ups


@pytest.mark.stores
def test_permissions_are_seen(full: Full) -> None:
    with httpx.Client(timeout=120) as http:
        facts = connect(full.config, http).shop_facts()  # type: ignore[attr-defined] # it has them
        assert (facts.currency, facts.missing) == ("USD", {})
