"""The proof: what the store's own admin says, held against our tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from segmentation import running
from worker import models
from worker.database import reading
from worker.demo.figures import became, due_coupons, pace, people, twice_mark
from worker.demo.theatre import Theatre
from worker.demo.vendure.shopping import Api
from worker.demo.vendure.store import listed
from worker.demo.venue import Mark, Played, Proof

_ORDER: Final = """code state customer { id } lines { linePriceWithTax orderPlacedQuantity
  unitPriceWithTax } discounts { adjustmentSource amountWithTax } promotions { id couponCode }
  payments { refunds { total shipping state } }"""
_MOST_SHOWN: Final = 20
# What is compared of an order: value, discount, given back (pence), whether it was cancelled.
Facts = tuple[int, int, int, bool]


@dataclass(frozen=True)
class Books:
    """What one side holds.

    Attributes
    ----------
    orders
        By code.
    used
        Coupon's code → code of the order that it took something off.
    customers
        Id → orders and what they came to in pence, cancelled ones apart.
    """

    orders: dict[str, Facts]
    used: dict[str, str]
    customers: dict[str, tuple[int, int]]


def store_books(merchant: Api) -> Books:
    """What the store holds, by its admin."""
    orders: dict[str, Facts] = {}
    used: dict[str, str] = {}
    people = {one["id"]: (0, 0) for one in listed(merchant, "customers", "id")}
    for one in listed(merchant, "orders", _ORDER, "{active: {eq: false}}"):
        facts = _facts(one)
        orders[one["code"]] = facts
        used |= dict.fromkeys(_codes(one), one["code"])
        count, spent = people[one["customer"]["id"]]
        if not facts[-1]:
            people[one["customer"]["id"]] = count + 1, spent + facts[0]
    return Books(orders, used, people)


def _facts(order: dict[str, Any]) -> Facts:
    given = sum(
        refund["total"] - refund["shipping"]
        for payment in order["payments"]
        for refund in payment["refunds"]
        if refund["state"] == "Settled"
    )
    return (
        sum(line["orderPlacedQuantity"] * line["unitPriceWithTax"] for line in order["lines"]),
        -sum(one["amountWithTax"] for one in order["discounts"]),
        given,
        order["state"] == "Cancelled",
    )


def _codes(order: dict[str, Any]) -> list[str]:
    """What was typed says nothing: Vendure keeps a code that took nothing off."""
    sources = {one["adjustmentSource"] for one in order["discounts"]}
    its = order["promotions"]
    return [one["couponCode"] for one in its if f"PROMOTION:{one['id']}" in sources]


def our_books(connection: Connection, store: int) -> Books:
    """The same of our tables."""
    orders, refunds, codes = models.orders.c, models.refunds.c, models.codes.c
    given: dict[str, int] = {}
    for order, value in connection.execute(
        select(refunds.order_id, refunds.value).where(refunds.store == store)
    ):
        given[order] = given.get(order, 0) + value
    rows = connection.execute(
        select(orders.order_id, orders.value, orders.discount, orders.status).where(
            orders.store == store, orders.status != "draft"
        )
    )
    used = connection.execute(
        select(codes.code, codes.order_id).where(
            codes.store == store, codes.redeemed_at.is_not(None)
        )
    )
    return Books(
        {
            code: (value, off, given.get(code, 0), how == "cancelled")
            for code, value, off, how in rows
        },
        {str(row.code): str(row.order_id) for row in used},
        _customers(connection, store),
    )


def _customers(connection: Connection, store: int) -> dict[str, tuple[int, int]]:
    people = models.customers.c
    rows = connection.execute(
        select(people.platform_id, people.record).where(
            people.store == store, people.platform_id != "", people.merged_into.is_(None)
        )
    ).all()
    records = running.unpack([bytes(row.record) for row in rows])
    return {
        row.platform_id: (int(record["orders"]), int(record["revenue"]))
        for row, record in zip(rows, records, strict=True)
    }


def proof(merchant: Api, there: Theatre, played: Played) -> Proof:
    """Hold both sides' books against each other; pages by the player's own count."""
    number = there.target.number
    theirs = store_books(merchant)
    markers = [one["description"] for one in listed(merchant, "promotions", "description")]
    with reading(there.kit.engine) as connection:
        ours = our_books(connection, number)
        found = became(connection, number)
        pages = _pages(connection, number)
        told = {
            "platform": "vendure",
            "events": {
                "sent": played.counts["sent"],
                **found,
                "lost": len(theirs.orders.keys() - ours.orders.keys())
                + len(theirs.customers.keys() - ours.customers.keys())
                + max(0, played.counts["pages"] - pages),
            },
            "orders": {
                "in_store": len(theirs.orders),
                "known": len(ours.orders),
                "different": sum(theirs.orders.get(c) != f for c, f in ours.orders.items()),
            },
            **people(connection, number),
            "coupons": {
                "due": due_coupons(connection, number),
                "in_store": len(set(markers)),
                "twice": len(markers) - len(set(markers)),
                "used": len(theirs.used),
                "redeemed": len(ours.used),
            },
            "customers_equal_store": theirs.customers == ours.customers,
            **pace(connection, number, played),
        }
    return Proof(told, _marks(told, is_heard=theirs.used == ours.used), differences(theirs, ours))


def _pages(connection: Connection, store: int) -> int:
    """Messages of pages in the event log."""
    events = models.events.c
    its = select(events.id).where(events.store == store, events.source == "browser")
    return len(connection.execute(its).all())


def _marks(told: dict[str, Any], *, is_heard: bool) -> list[Mark]:
    events, orders, coupons = told["events"], told["orders"], told["coupons"]
    return [
        Mark(
            events["lost"] == 0,
            f"{orders['in_store']:,} orders in Vendure's admin = {orders['known']:,} here; orders, "
            f"customers and page views lost: {events['lost']}",
            f"{events['lost']} orders, customers or page views were lost",
        ),
        Mark(
            orders["different"] == 0 and told["customers_equal_store"],
            "value, discount, refunds and state of every order, and what every customer bought and "
            "spent, equal the store's own",
            f"{orders['different']} orders or what customers spent differ from the store's own",
        ),
        Mark(
            coupons["in_store"] == coupons["due"],
            f"{coupons['due']:,} coupons due = {coupons['in_store']:,} promotions in the store",
            f"{coupons['due']} coupons were due, {coupons['in_store']} are in the store",
        ),
        twice_mark(coupons["twice"]),
        Mark(
            is_heard,
            f"{coupons['used']:,} orders in the store were discounted by a code = "
            f"{coupons['redeemed']:,} redemptions heard of",
            f"{coupons['used']} codes were used, {coupons['redeemed']} redemptions were heard of",
        ),
    ]


def differences(theirs: Books, ours: Books) -> list[str]:
    """What is not the same, in words."""
    pairs: Iterable[tuple[str, dict[str, Any], dict[str, Any]]] = (
        ("order", theirs.orders, ours.orders),
        ("code", theirs.used, ours.used),
        ("customer", theirs.customers, ours.customers),
    )
    found = [
        f"{kind} {key}: the store says {there.get(key)}, here it is {here.get(key)}"
        for kind, there, here in pairs
        for key in sorted(there.keys() | here.keys())
        if there.get(key) != here.get(key)
    ]
    return found[:_MOST_SHOWN]
