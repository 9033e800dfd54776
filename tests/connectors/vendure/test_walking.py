"""Lists that change while they are read lose nobody, and a walk goes on where it broke off."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import RequestRefused
from connectors.protocol import LookUp
from connectors.records import Cart, Order, Refund
from connectors.vendure.api import RecommendingVendureConnector
from connectors.vendure.walking import PAGE, in_order, key_of, walked
from tests.connectors.vendure.documents import FIXTURES, NOW, order, product, text
from tests.connectors.vendure.fake import Shop

SINCE = datetime(2000, 1, 1, tzinfo=UTC)


class Entry(msgspec.Struct, frozen=True):
    id: str
    updated_at: datetime


def at(second: int) -> datetime:
    return NOW + timedelta(seconds=second)


class List:
    """A list whose entries may change between two pages; equal ones stand in any order."""

    def __init__(self, entries: list[Entry], changes: list[int]) -> None:
        self.entries = {each.id: each for each in entries}
        self.changes = changes
        self.clock = 10_000
        self.luck = Random(1)  # noqa: S311 - an example, not a secret

    def fetch(
        self, after: datetime, until: datetime | None = None, skip: int = 0
    ) -> tuple[Entry, ...]:
        found = [each for each in self.entries.values() if each.updated_at > after]
        self.luck.shuffle(found)
        if until is None:
            found.sort(key=lambda each: each.updated_at)
        else:
            found = [each for each in found if each.updated_at <= until]
            found.sort(key=lambda each: int(each.id))
        if self.changes:
            self.clock += 1
            chosen = str(self.changes.pop() % len(self.entries))
            self.entries[chosen] = Entry(chosen, at(self.clock))
        return tuple(found[skip : skip + PAGE])


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=700),
    st.lists(st.integers(0, 10_000), max_size=8),
)
def test_everybody_is_met_however_they_move(seconds: list[int], changes: list[int]) -> None:
    entries = [Entry(str(number), at(second)) for number, second in enumerate(seconds)]
    listed = List(entries, list(changes))
    met = list(walked(listed.fetch, SINCE))
    assert {each.id for each in met} == {each.id for each in entries}
    assert len(met) == len(set(met))
    times = [each.updated_at for each in met]
    assert times == sorted(times)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=60))
def test_versions_come_in_order_and_each_place_goes_on(pairs: list[tuple[int, int]]) -> None:
    versions = {str(n): at(first + later) for n, (first, later) in enumerate(pairs)}
    entries = [Entry(str(n), at(first)) for n, (first, _) in enumerate(pairs)]
    entries.sort(key=lambda each: (each.updated_at, int(each.id)))

    def version(entry: Entry) -> datetime:
        return versions[entry.id]

    whole = list(in_order(((each.updated_at, each) for each in entries), version))
    keys = [key_of(each, version(each)) for each, _ in whole]
    assert keys == sorted(keys)
    assert len(whole) == len(entries)
    for number, (_, place) in enumerate(whole):
        again = sorted(
            (each for each in entries if each.updated_at >= place.floor),
            key=lambda each: (each.updated_at, -int(each.id)),
        )
        rest = in_order(((each.updated_at, each) for each in again), version)
        left = [each for each, there in rest if there.last > place.last]
        assert left == [each for each, _ in whole[number + 1 :]]


def test_a_placed_order_is_found_though_its_entry_stood_still(
    shop: Shop, connector: RecommendingVendureConnector
) -> None:
    """Put into the cart before the last look, paid after it."""
    since = NOW + timedelta(hours=1)
    shop.orders.append(order(1, orderPlacedAt=text(since + timedelta(minutes=1))))
    shop.orders.append(order(2))
    found = [e.body.order_id for e in connector.changes(since) if isinstance(e.body, Order)]
    assert found == ["O1"]


def test_a_fresh_sale_brings_its_products_stock(
    shop: Shop, connector: RecommendingVendureConnector
) -> None:
    now = datetime.now(UTC)
    shop.orders.append(order(1, orderPlacedAt=text(now)))
    shop.products.append(product(3))
    kinds = [event.type for event in connector.changes(now - timedelta(minutes=1))]
    assert kinds == ["product_updated", "order_updated"]


def test_a_variants_change_brings_its_product(
    shop: Shop, connector: RecommendingVendureConnector
) -> None:
    later = NOW + timedelta(days=1)
    shop.products[0]["variants"][0]["updatedAt"] = text(later)
    (event,) = connector.changes(later - timedelta(hours=1))
    assert event.at == later


def test_sellers_parts_are_left_to_the_whole(
    shop: Shop, connector: RecommendingVendureConnector
) -> None:
    shop.orders += [order(1, type="Aggregate"), order(2, type="Seller")]
    found = [e.body.order_id for e in connector.changes(SINCE) if isinstance(e.body, Order)]
    assert found == ["O1"]
    assert connector.count(SINCE) == {"product": 1, "customer": 2, "order": 1, "cart": 0}


def test_one_thing_by_its_id(shop: Shop, connector: RecommendingVendureConnector) -> None:
    refund = {"id": "R1", "state": "Settled", "total": 1, "createdAt": text(NOW)}
    payment = {"state": "Settled", "amount": 11300, "updatedAt": text(NOW)}
    payment["refunds"] = [refund | {"updatedAt": text(NOW)}]
    cart = order(2, active=True, state="ArrangingPayment", orderPlacedAt=None)
    shop.orders += [order(1, payments=[payment]), cart]

    def kinds(kind: str, key: str) -> list[type]:
        wanted = LookUp(kind, key, NOW)  # type: ignore[arg-type] # one of the kinds
        return [type(event.body) for event in connector.look_up(wanted)]

    assert kinds("order", "O1") == [Order, Refund]
    assert kinds("cart", "O2") == [Cart]
    assert connector.look_up(LookUp("cart", "O2", NOW))[0].type == "checkout_started"
    assert len(kinds("customer", "1")) == len(kinds("product", "2")) == 1
    assert kinds("product", "99") == kinds("customer", "99") == []
    with pytest.raises(RequestRefused, match="with its order only"):
        kinds("refund", "R1")


def test_the_stand_in_answers_as_the_real_store_did(shop: Shop) -> None:
    """In what it answers with, for every call that was recorded."""
    recorded = json.loads((FIXTURES / "conversation.json").read_text())
    shop.orders.append(order(1))
    assert {call["operation"] for call in recorded} > {"Orders", "Products", "CreatePromotion"}
    for call in recorded:
        answered = shop.answer(call["operation"], call["variables"], is_known=True)
        assert answered.keys() == call["reply"]["data"].keys(), call["operation"]
