"""A stranger's connector, for shops on "Kiosk": orders and coupons, no tags, no recommendations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import httpx
import msgspec

from connectors.client import PlatformClient
from connectors.decoding import decode
from connectors.errors import Conflict, PlatformUnavailable, RequestRefused
from connectors.events import Event
from connectors.facts import Heard, fact_event
from connectors.needs import Need
from connectors.pagination import by_number
from connectors.protocol import LookUp, Received, StoreConfig, Webhook
from connectors.records import Coupon, Line, Order
from connectors.signatures import require_hex

PAGE = 3
T = TypeVar("T")
NEEDS = (
    Need("url", "url", "the till's address", where="on its lid", is_needed=True),
    Need("secret", "token", "the till's key", where="Till → Keys", is_needed=True),
    Need(
        "secret",
        "signing",
        "what signs its messages",
        where="Till → Messages",
        is_needed=True,
        is_for_webhooks=True,
    ),
)


class Code(msgspec.Struct, frozen=True):
    """What we look at of a code."""

    marker: str


class Sale(msgspec.Struct, frozen=True):
    """An order as Kiosk writes it: cents, seconds since 1970."""

    number: int
    buyer: str
    cents: int
    article: str
    changed: int


def connect(store: StoreConfig, http: httpx.Client) -> Kiosk:
    """The factory that the entry point names."""
    headers = {"x-kiosk-token": store.secrets["token"]}
    return Kiosk(store, PlatformClient(store, http, headers))


class Kiosk(msgspec.Struct, frozen=True):
    """A store on Kiosk."""

    store: StoreConfig
    client: PlatformClient

    def read(self, webhook: Webhook) -> Received:
        """One sale a webhook, signed in hex."""
        claimed = webhook.headers.get("x-kiosk-hmac", "")
        # A till that is polled has no such secret, and nothing passes.
        require_hex([self.store.secrets.get("signing", "")], webhook.body, claimed)
        sale = decode(webhook.body, Sale, "sale")
        return Received(events=(self._event(sale, Heard(self.store.id, webhook.received_at)),))

    def look_up(self, wanted: LookUp) -> tuple[Event, ...]:
        """Kiosk knows sales only."""
        try:
            body = self.client.request("GET", f"/sales/{wanted.key}").body
        except RequestRefused as refusal:
            if refusal.status == httpx.codes.NOT_FOUND:
                return ()
            raise
        heard = Heard(self.store.id, wanted.updated_at)
        return (self._event(self._read(body, Sale), heard),)

    def changes(self, since: datetime) -> Iterator[Event]:
        """Sales by numbered pages."""
        for sale in by_number(partial(self._page, since), PAGE):
            yield self._event(sale, Heard(self.store.id, datetime.now(UTC), "poll"))

    def push_coupon(self, coupon: Coupon) -> None:
        """Kiosk keeps whatever terms it is given."""
        wanted = msgspec.to_builtins(coupon)
        if self.client.request("POST", "/codes", json=wanted).status != httpx.codes.CONFLICT:
            return
        if self.client.request("GET", f"/codes/{coupon.code}").body != wanted:
            problem = "the code exists with other terms"
            raise Conflict(problem, store=self.store.id, method="POST", path="/codes", status=409)

    def revoke_coupon(self, code: str, marker: str) -> None:
        """Delete the code if it is ours."""
        try:
            body = self.client.request("GET", f"/codes/{code}").body
        except RequestRefused:
            return
        if self._read(body, Code).marker != marker:
            problem = "not our code"
            raise Conflict(problem, store=self.store.id, method="DELETE", path="/codes")
        self.client.request("DELETE", f"/codes/{code}")

    def _page(self, since: datetime, number: int) -> tuple[Sale, ...]:
        params = {"page": str(number), "since": str(int(since.timestamp()))}
        body = self.client.request("GET", "/sales", params=params).body
        return self._read(body, tuple[Sale, ...])

    def _read(self, body: Any, kind: type[T]) -> T:
        """An answer as we expect it; one of another shape is worth another try."""
        try:
            return msgspec.convert(body, kind)
        except msgspec.ValidationError as error:
            problem = f"unreadable answer: {error}"
        raise PlatformUnavailable(problem, store=self.store.id)

    def _event(self, sale: Sale, heard: Heard) -> Event:
        at = datetime.fromtimestamp(sale.changed, UTC)
        body = Order(
            order_id=str(sale.number),
            status="paid",
            currency=self.store.currency,
            placed_at=at,
            updated_at=at,
            value=sale.cents,
            lines=(Line(sale.article, 1, sale.cents),),
        )
        return fact_event(heard, body, [("customer_id", sale.buyer), ("order", body.order_id)])
