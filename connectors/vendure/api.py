"""The connector of a Vendure store: coupons as promotions, segments as groups of customers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import httpx

from connectors.connecting import ShopFacts, Stretch
from connectors.errors import Conflict
from connectors.events import Event
from connectors.protocol import Connector, LookUp, Received, StoreConfig, Webhook
from connectors.records import Coupon, Membership, Recommendation
from connectors.vendure import webhooks
from connectors.vendure.admin import Admin
from connectors.vendure.documents import (
    ChannelDocument,
    GroupDocument,
    Items,
    MemberDocument,
    OperationDocument,
    PromotionDocument,
)
from connectors.vendure.lists import Lists
from connectors.vendure.mapping import precision
from connectors.vendure.permissions import PERMISSIONS, is_granted
from connectors.vendure.promotions import (
    Abilities,
    Terms,
    Unable,
    found_terms,
    is_same,
    promotion_input,
    wanted_terms,
)
from connectors.vendure.queries import (
    CREATE_GROUP,
    CREATE_PROMOTION,
    DELETE_PROMOTION,
    DISABLE_PROMOTION,
    JOIN,
    LEAVE,
    MEMBERSHIP,
    PROMOTIONS,
    SHOP,
    UPDATE_CUSTOMER,
)
from connectors.vendure.reading import Reader

GROUP: Final = "Shoal {campaign}"  # what a campaign's group is called in the store
_DEFAULT_CHANNEL: Final = "__default_channel__"
_NOTES: Final = (
    "Vendure knows no time zone: check the one that was given with --time-zone.",
    "Vendure has no webhooks of its own: `shoal store plugin vendure` writes them; else poll.",
)


def vendure_connector(store: StoreConfig, http: httpx.Client) -> Connector:
    """A connector for one Vendure store; it recommends where a custom field was named for it."""
    admin = Admin(store, http)
    field = store.options.get("recommendations", "")
    if field:
        return RecommendingVendureConnector(store, admin, field)
    return VendureConnector(store, admin)


@dataclass(frozen=True)
class VendureConnector:
    """What every Vendure store can do: coupons, and segments as groups of customers."""

    store: StoreConfig
    admin: Admin

    def read(self, webhook: Webhook) -> Received:
        """See :func:`connectors.vendure.webhooks.read`."""
        return webhooks.read(self.store, webhook)

    def look_up(self, wanted: LookUp) -> tuple[Event, ...]:
        """Read one thing by its id; empty if it is gone."""
        return Reader(Lists(self.admin)).look_up(wanted)

    def changes(self, since: datetime) -> Iterator[Event]:
        """Products, customers, orders, refunds and carts changed since then."""
        return Reader(Lists(self.admin)).changes(since)

    def stretches(self, since: datetime, resume: str = "") -> Iterator[Stretch]:
        """The same in parts that can be gone on with."""
        return Reader(Lists(self.admin)).stretches(since, resume)

    def count(self, since: datetime) -> dict[str, int]:
        """How many products, customers, orders and carts changed since then."""
        return Lists(self.admin).counts(since)

    def shop_facts(self) -> ShopFacts:
        """The channel's name and currency, and which of the permissions we need are missing."""
        data = self.admin.ask(SHOP)
        channel = self.admin.one(data, "activeChannel", ChannelDocument)
        host = httpx.URL(self.store.url).host
        has = {each: is_granted(self.admin, each) for each in PERMISSIONS}
        return ShopFacts(
            name=host if channel.code == _DEFAULT_CHANNEL else channel.code,
            currency=channel.default_currency_code,
            time_zone=self.store.time_zone,
            granted=tuple(each.name for each, is_there in has.items() if is_there),
            missing={each.name: each.without for each, is_there in has.items() if not is_there},
            notes=_NOTES,
        )

    def push_coupon(self, coupon: Coupon) -> None:
        """Put the customer into the campaign's group, then make the promotion if it is missing."""
        found, abilities = self._promotions(coupon.code)
        group = self._join(GROUP.format(campaign=coupon.campaign).strip(), coupon.customer_id)
        try:
            wanted = wanted_terms(coupon, group, abilities)
        except Unable as problem:
            raise self.admin.refusal(str(problem)) from None
        if not found:
            made = promotion_input(coupon, wanted, abilities.channel)
            self.admin.done(self.admin.ask(CREATE_PROMOTION, input=made), "createPromotion")
            # Vendure takes a code twice without a word, and both would discount: two tries may
            # have crossed when the first one's answer was lost.
            found, _ = self._promotions(coupon.code)
        self._require_one(coupon.code, wanted, found)

    def revoke_coupon(self, code: str, marker: str) -> None:
        """Disable the promotion if it carries our marker; a missing one is done."""
        found, _ = self._promotions(code)
        ours = [each for each in found if each.description == marker]
        if found and not ours:
            problem = f"coupon {code!r} does not carry our marker"
            raise Conflict(problem, **self.admin.place)
        for each in ours:
            if each.enabled:
                self.admin.done(self.admin.ask(DISABLE_PROMOTION, id=each.id), "updatePromotion")

    def push_membership(self, membership: Membership) -> None:
        """Put the customer into the group of that name, or take them out of it."""
        if membership.is_member:
            self._join(membership.name, membership.customer_id)
            return
        _, member = self._membership(membership.name, membership.customer_id)
        for group in member.groups if member else ():
            if group.name == membership.name:
                self.admin.ask(LEAVE, group=group.id, customer=membership.customer_id)

    def _join(self, name: str, customer: str) -> str:
        """The id of the group of a name, which holds the customer now."""
        groups, member = self._membership(name, customer)
        if member is None:
            # Vendure would add a customer who is not there without a word.
            problem = f"no customer {customer!r}"
            raise self.admin.refusal(problem)
        if not groups:
            self.admin.ask(CREATE_GROUP, name=name)
            # Two tries that cross make two of one name: the first is the one.
            groups, _ = self._membership(name, customer)
        chosen = groups[0].id
        if chosen not in {group.id for group in member.groups}:
            self.admin.ask(JOIN, group=chosen, customer=customer)
        return chosen

    def _membership(
        self, name: str, customer: str
    ) -> tuple[tuple[GroupDocument, ...], MemberDocument | None]:
        data = self.admin.ask(MEMBERSHIP, group=name, customer=customer)
        groups = self.admin.one(data, "customerGroups", Items[GroupDocument]).items
        if data.get("customer") is None:
            return groups, None
        return groups, self.admin.one(data, "customer", MemberDocument)

    def _promotions(self, code: str) -> tuple[tuple[PromotionDocument, ...], Abilities]:
        data = self.admin.ask(PROMOTIONS, code=code)
        known = [
            each.code
            for name in ("promotionConditions", "promotionActions")
            for each in self.admin.one(data, name, tuple[OperationDocument, ...])
        ]
        channel = self.admin.one(data, "activeChannel", ChannelDocument)
        found = self.admin.one(data, "promotions", Items[PromotionDocument]).items
        return found, Abilities(channel, frozenset(known), precision(self.store))

    def _require_one(self, code: str, wanted: Terms, found: tuple[PromotionDocument, ...]) -> None:
        same = [each for each in found if each.enabled and is_same(found_terms(each), wanted)]
        if not same or len(same) < len(found):
            problem = f"coupon {code!r} exists with other terms or without our marker"
            raise Conflict(problem, **self.admin.place)
        for twin in same[1:]:
            self.admin.ask(DELETE_PROMOTION, id=twin.id)


@dataclass(frozen=True)
class RecommendingVendureConnector(VendureConnector):
    """The same, where customers have a custom field for the products to show them."""

    field: str

    def push_recommendation(self, recommendation: Recommendation) -> None:
        """Replace the ids in the customer's custom field."""
        fields: dict[str, Any] = {self.field: list(recommendation.products)}
        wanted = {"id": recommendation.customer_id, "customFields": fields}
        self.admin.done(self.admin.ask(UPDATE_CUSTOMER, input=wanted), "updateCustomer")
