"""The connector of a Shopify store: what it reads from, and writes to, the Admin API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeVar

import httpx
import msgspec

from connectors.connecting import ShopFacts, Stretch, Subscription
from connectors.errors import MalformedPayload, PlatformUnavailable
from connectors.events import Event
from connectors.facts import Heard
from connectors.protocol import LookUp, Received, StoreConfig, Webhook
from connectors.records import Coupon, Membership, Recommendation
from connectors.shopify import pushes, queries, reading, shops, subscriptions, walks, webhooks
from connectors.shopify.admin import Admin
from connectors.shopify.codes import is_number
from connectors.shopify.faults import NotThere
from connectors.shopify.lines import whole_order
from connectors.shopify.nodes import CustomerNode, OrderNode, ProductNode, RefundNode
from connectors.shopify.queries import Operation
from connectors.shopify.tokens import Tokens

T = TypeVar("T")


def shopify_connector(store: StoreConfig, http: httpx.Client) -> ShopifyConnector:
    """A connector for one Shopify store, speaking through a client."""
    return ShopifyConnector(store, Admin(store, http, Tokens(store, http)))


@dataclass(frozen=True)
class ShopifyConnector:
    """Everything we do with a Shopify store; each ability is a module of its own."""

    store: StoreConfig
    admin: Admin
    shelf: pushes.Shelf = field(default_factory=pushes.Shelf)

    def read(self, webhook: Webhook) -> Received:
        """See :func:`connectors.shopify.webhooks.read`."""
        return webhooks.read(self.store, webhook)

    def look_up(self, wanted: LookUp) -> tuple[Event, ...]:
        """Read one thing by its id; empty if it is gone. Carts cannot be looked up."""
        found = _LOOK_UPS.get(wanted.kind)
        if found is None or not is_number(wanted.key):
            return ()
        problem = ""
        try:
            event = found(self.admin, wanted.key, Heard(self.store.id, datetime.now(UTC)))
        except MalformedPayload as error:
            problem = f"unreadable answer: {error}"
        if problem:
            raise PlatformUnavailable(problem, **self.admin.place())
        return () if event is None else (event,)

    def changes(self, since: datetime) -> Iterator[Event]:
        """Products, customers, orders and refunds changed since then."""
        for stretch in self.stretches(since):
            yield from stretch.events

    def stretches(self, since: datetime, resume: str = "") -> Iterator[Stretch]:
        """See :func:`connectors.shopify.walks.stretches`."""
        return walks.stretches(self.admin, since, resume)

    def count(self, since: datetime) -> dict[str, int]:
        """About how many things of each kind a walk will bring."""
        return walks.count(self.admin, since)

    def push_coupon(self, coupon: Coupon) -> None:
        """See :func:`connectors.shopify.pushes.push_coupon`."""
        pushes.push_coupon(self.admin, coupon)

    def unfit(self, coupon: Coupon) -> str:
        """Why the shop cannot keep a coupon's terms; empty if it can."""
        return pushes.unfit(self.store, coupon)

    def revoke_coupon(self, code: str, marker: str) -> None:
        """Deactivate the code if it carries our marker; a missing one is done."""
        pushes.revoke_coupon(self.admin, code, marker)

    def push_membership(self, membership: Membership) -> None:
        """Set or drop a tag of the customer."""
        pushes.push_membership(self.admin, membership)

    def push_recommendation(self, recommendation: Recommendation) -> None:
        """Replace the products in the customer's metafield."""
        pushes.push_recommendation(self.admin, self.shelf, recommendation)

    def shop_facts(self) -> ShopFacts:
        """Who the shop is and what it lets us do."""
        return shops.shop_facts(self.admin)

    def subscriptions(self) -> tuple[Subscription, ...]:
        """The webhooks the shop sends to this app."""
        return subscriptions.listed(self.admin)

    def wanted_subscriptions(self, address: str) -> tuple[Subscription, ...]:
        """Every topic that we read, in our version."""
        return subscriptions.wanted(address)

    def subscribe(self, address: str) -> tuple[Subscription, ...]:
        """Have every topic that we read sent to an address."""
        return subscriptions.subscribe(self.admin, address)

    def unsubscribe(self, address: str) -> int:
        """Take back the webhooks that go to an address."""
        return subscriptions.unsubscribe(self.admin, address)


class _One(msgspec.Struct, frozen=True):
    """The answers to queries for one thing; each has one of these."""

    product: ProductNode | None = None
    customer: CustomerNode | None = None
    order: OrderNode | None = None
    refund: RefundNode | None = None


def _read(admin: Admin, operation: Operation, kind: str, key: str) -> _One:
    try:
        return admin.run(operation, {"id": f"gid://shopify/{kind}/{key}"}, _One)
    except NotThere:
        return _One()


def _customer_node(admin: Admin, key: str) -> CustomerNode | None:
    return _read(admin, queries.CUSTOMER, "Customer", key).customer


def _product(admin: Admin, key: str, heard: Heard) -> Event | None:
    node = _read(admin, queries.PRODUCT, "Product", key).product
    return None if node is None else reading.product_event(node, heard)


def _customer(admin: Admin, key: str, heard: Heard) -> Event | None:
    node = _customer_node(admin, key)
    return None if node is None else reading.customer_event(node, heard, admin.store)


def _order(admin: Admin, key: str, heard: Heard) -> Event | None:
    node = _read(admin, queries.ORDER, "Order", key).order
    if node is None:
        return None
    return reading.order_event(whole_order(admin, node, 0.0), heard, admin.store)


def _refund(admin: Admin, key: str, heard: Heard) -> Event | None:
    node = _read(admin, queries.REFUND, "Refund", key).refund
    return None if node is None else reading.refund_event(node, heard)


_LOOK_UPS: Final[dict[str, Callable[[Admin, str, Heard], Event | None]]] = {
    "product": _product,
    "customer": _customer,
    "order": _order,
    "refund": _refund,
}
