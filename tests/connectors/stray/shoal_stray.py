"""A stranger's connector that raises what none may, in the verbs that the option `fails` lists."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import httpx
import msgspec

from connectors.connecting import ShopFacts, Subscription
from connectors.events import Event
from connectors.facts import Heard, fact_event
from connectors.needs import Need
from connectors.protocol import LookUp, Received, StoreConfig, Webhook
from connectors.records import Coupon, Order

NEEDS = (Need("option", "fails", "verbs that fail, separated by blanks"),)
HIDDEN: Final = "what a stranger's exception may quote"
_AT: Final = datetime(2026, 9, 1, 8, tzinfo=UTC)


def connect(store: StoreConfig, _: httpx.Client) -> Stray:
    """The factory that the entry point names."""
    made = Stray(store)
    made.meet("connect")
    return made


class Stray(msgspec.Struct, frozen=True):
    """A store on Stray: two orders, and nobody to call."""

    store: StoreConfig

    def meet(self, verb: str) -> None:
        """Fail, if this verb is to."""
        if verb in self.store.options.get("fails", "").split():
            raise KeyError(HIDDEN)

    def read(self, webhook: Webhook) -> Received:
        """One order, whatever is sent."""
        self.meet("read")
        return Received(events=(self._order("1", webhook.received_at),))

    def look_up(self, _: LookUp) -> tuple[Event, ...]:
        """Nothing is there."""
        self.meet("look_up")
        return ()

    def changes(self, _: datetime) -> Iterator[Event]:
        """Two orders, and a mistake between them."""
        yield self._order("1", _AT)
        self.meet("changes")
        yield self._order("2", _AT)

    def push_coupon(self, _: Coupon) -> None:
        """Done."""
        self.meet("push_coupon")

    def revoke_coupon(self, _code: str, _marker: str) -> None:
        """Done."""
        self.meet("revoke_coupon")

    def shop_facts(self) -> ShopFacts:
        """A shop without scopes."""
        self.meet("shop_facts")
        return ShopFacts("Stray", "EUR", "UTC")

    def subscriptions(self) -> tuple[Subscription, ...]:
        """None."""
        self.meet("subscriptions")
        return ()

    def wanted_subscriptions(self, _: str) -> tuple[Subscription, ...]:
        """None."""
        return ()

    def subscribe(self, _: str) -> tuple[Subscription, ...]:
        """None."""
        self.meet("subscribe")
        return ()

    def unsubscribe(self, _: str) -> int:
        """None."""
        self.meet("unsubscribe")
        return 0

    def _order(self, number: str, received_at: datetime) -> Event:
        body = Order(
            order_id=number,
            status="paid",
            currency=self.store.currency,
            placed_at=_AT,
            updated_at=_AT,
            value=100,
        )
        heard = Heard(self.store.id, received_at)
        return fact_event(heard, body, [("customer_id", "c1"), ("order", number)])
