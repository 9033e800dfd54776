"""What is asked of the world once more at the claim, and what is then not pushed."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, update
from sqlalchemy.event import listen

from connectors.records import Recommendation
from worker import bulk, models
from worker.claims import LEASE, REASONS, Claimed, claim, recheck
from worker.database import reading, transaction
from worker.runtime import Kit
from worker.stores import AddedStore

NOW = 1_700_000_000_000_000
DAY = 86_400_000_000
FILE = """
id: hello
when: {event: product_viewed}
steps: [{tag: seen}]
limits: {consent: {channel: email}}
"""
CART = """
id: hello
when: {cart_abandoned: {after: 1h}}
steps: [{tag: seen}]
goal: {event: product_viewed}
"""


def put(kit: Kit, table: str, **row: Any) -> None:
    with transaction(kit.engine) as connection:
        found = models.metadata.tables[models.PREFIX + table]
        bulk.upsert(connection, found, tuple(row), [tuple(row.values())])


def action(kit: Kit, **more: Any) -> Claimed:
    put(kit, "actions", **_row(**more))
    with transaction(kit.engine) as connection:
        found = claim(connection, 1, NOW, NOW, 50)
        connection.execute(update(models.actions).values(try_at=0))
    return next(one for one in found if one.key == _row(**more)["key"])


def _row(**more: Any) -> dict[str, Any]:
    return {
        "key": "1:hello:5:o1:0",
        "store": 1,
        "campaign": "hello",
        "version": 1,
        "customer": 5,
        "occasion": "o1",
        "kind": "coupon",
        "payload": "{}",
        "made_at": NOW - DAY,
        "due_at": NOW - DAY,
        **more,
    }


def reason(kit: Kit, one: Claimed, now: int = NOW) -> str:
    with transaction(kit.engine) as connection:
        holding, withdrawn = recheck(connection, 1, [one], now)
    assert (one.key in withdrawn) == (not holding)
    assert all(each in REASONS for each in withdrawn.values())
    return withdrawn.get(one.key, "")


@pytest.fixture(autouse=True)
def world(kit: Kit, shop: AddedStore) -> None:
    """Customer 5 of store 1, who consents, and a live campaign that asks for it."""
    assert shop.number == 1
    put(kit, "customers", id=5, store=1, consents='{"email":true}')
    put(kit, "campaigns", store=1, id="hello", version=1, state="live", body=FILE)
    put(kit, "campaign_versions", store=1, id="hello", version=1, body=FILE)


def test_what_still_holds_is_pushed(kit: Kit) -> None:
    assert reason(kit, action(kit)) == ""


def test_another_file_by_the_same_number_is_read_anew(kit: Kit) -> None:
    one = action(kit)
    put(kit, "customers", id=5, store=1, consents='{"email":false}')
    assert reason(kit, one) == "no_consent"
    without = FILE[: FILE.index("limits")]
    put(kit, "campaign_versions", store=1, id="hello", version=1, body=without)
    assert reason(kit, one) == ""


def test_what_nobody_can_judge_is_not_pushed(kit: Kit) -> None:
    """A version without its file, of which nobody knows what consent it asks for."""
    assert reason(kit, action(kit, version=2)) == "no_file"


def test_a_claim_is_a_lease(kit: Kit) -> None:
    put(kit, "actions", **_row())
    with transaction(kit.engine) as connection:
        assert len(claim(connection, 1, NOW, NOW, 50)) == 1
        assert claim(connection, 1, NOW, NOW + LEASE - 1, 50) == []
        assert len(claim(connection, 1, NOW, NOW + LEASE, 50)) == 1


def test_not_before_its_business_time_nor_before_its_next_try(kit: Kit) -> None:
    put(kit, "actions", **_row(key="later", due_at=NOW + 1))
    put(kit, "actions", **_row(key="again", try_at=NOW + 1))
    put(kit, "actions", **_row(key="other", store=2))
    put(kit, "actions", **_row(key="ended", state="done"))
    with transaction(kit.engine) as connection:
        assert claim(connection, 1, NOW, NOW, 50) == []


@pytest.mark.invariant("I2")
def test_twins_never_claim_the_same(kit: Kit) -> None:
    for number in range(60):
        put(kit, "actions", **_row(key=f"k{number:02}"))
    claimed: list[str] = []

    def take() -> None:
        for _ in range(6):
            with transaction(kit.engine) as connection:
                claimed.extend(one.key for one in claim(connection, 1, NOW, NOW, 7))

    twins = [threading.Thread(target=take) for _ in range(3)]
    for twin in twins:
        twin.start()
    for twin in twins:
        twin.join()
    assert sorted(claimed) == [f"k{number:02}" for number in range(60)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"is_suppressed": True}, "suppressed"),
        ({"consents": '{"email":false}'}, "no_consent"),
        ({"consents": "{}"}, "no_consent"),
    ],
)
def test_who_must_not_be_contacted_any_more(
    kit: Kit, change: dict[str, Any], expected: str
) -> None:
    one = action(kit)
    with transaction(kit.engine) as connection:
        connection.execute(update(models.customers).values(**change))
    assert reason(kit, one) == expected


def test_a_customer_who_is_gone(kit: Kit) -> None:
    one = action(kit)
    with transaction(kit.engine) as connection:
        connection.execute(models.customers.delete())
    assert reason(kit, one) == "erased"
    assert reason(kit, replace(one, kind="revoke")) == ""


@pytest.mark.parametrize("state", ["paused", "removed", "shadow"])
def test_a_campaign_that_is_not_live_any_more(kit: Kit, state: str) -> None:
    one = action(kit)
    with transaction(kit.engine) as connection:
        connection.execute(update(models.campaigns).values(state=state))
    assert reason(kit, one) == ("paused" if state == "paused" else "removed")


def test_what_has_expired(kit: Kit) -> None:
    one = action(kit, expires_at=NOW)
    assert reason(kit, one, NOW - 1) == ""
    assert reason(kit, one) == "expired"


def order(kit: Kit, order_id: str, at: int, *, is_counted: bool = True) -> None:
    put(kit, "orders", store=1, order_id=order_id, customer=5, at=at, is_counted=is_counted)


def test_an_order_since_the_decision_is_the_goal_but_not_the_one_behind_it(kit: Kit) -> None:
    one = action(kit)
    order(kit, "old", one.made_at)
    order(kit, "cancelled", NOW, is_counted=False)
    order(kit, "o1", NOW)
    assert reason(kit, one) == ""
    order(kit, "new", NOW)
    assert reason(kit, one) == "goal_reached"


def test_a_cart_that_was_ordered_meanwhile(kit: Kit) -> None:
    put(kit, "campaign_versions", store=1, id="hello", version=2, body=CART)
    one = action(kit, version=2, occasion="c9")
    put(kit, "carts", store=1, token="c9", customer=5)
    put(kit, "carts", store=1, token="c8", customer=5, ordered_at=NOW)
    order(kit, "new", NOW)
    assert reason(kit, one) == ""
    put(kit, "carts", store=1, token="c9", customer=5, ordered_at=NOW)
    assert reason(kit, one) == "cart_ordered"


def test_a_recommendation_keeps_what_can_be_sold(kit: Kit) -> None:
    offer = Recommendation("c5", "hello", ("gone", "left", "unlisted", "untracked", "unknown"))
    one = action(kit, kind="recommend", payload=msgspec.json.encode(offer).decode())
    put(kit, "products", store=1, product_id="gone", stock=0, is_available=True)
    put(kit, "products", store=1, product_id="left", stock=1, is_available=True)
    put(kit, "products", store=1, product_id="unlisted", stock=9, is_available=False)
    put(kit, "products", store=1, product_id="untracked", stock=None, is_available=True)
    with transaction(kit.engine) as connection:
        ((kept,), _) = recheck(connection, 1, [one], NOW)
    products = msgspec.json.decode(kept.payload, type=Recommendation).products
    assert products == ("left", "untracked")
    with transaction(kit.engine) as connection:
        connection.execute(update(models.products).values(stock=0))
    assert reason(kit, one) == "out_of_stock"


def test_one_query_asks_for_a_whole_batch(kit: Kit) -> None:
    for number in range(20):
        put(kit, "actions", **_row(key=f"k{number}"))
    asked: list[str] = []
    with transaction(kit.engine) as connection:
        claimed = claim(connection, 1, NOW, NOW, 50)
        listen(kit.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
        holding, withdrawn = recheck(connection, 1, claimed, NOW)
    assert (len(holding), withdrawn) == (20, {})
    assert len(asked) == 2  # the world, and the campaign's file the first time it is met
    with reading(kit.engine) as connection:
        tries = connection.execute(select(models.actions.c.try_at).distinct()).scalars().all()
    assert tries == [NOW + LEASE]
