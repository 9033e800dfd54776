"""A stranger has the browser key, as everybody who opens the page does, and tries everything."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from campaigns.campaign import campaign_text, load_campaign
from connectors.events import microseconds
from segmentation import running
from tests.worker.driving import coupon_campaign
from tests.worker.web.conftest import NOW, SEEDED, House, order, view
from worker import bulk, models, pipeline, tallies
from worker.database import reading, transaction

pytestmark = pytest.mark.anyio
ACCOUNT = {"id": "c1", "updated_at": "2026-11-02T00:00:00Z", "email": SEEDED}
# What the stranger may know of the victim, and wants to be taken for.
CLAIMS: list[dict[str, Any]] = [
    {"userId": "c1"},
    {"userId": SEEDED},
    {"anonymousId": "c1"},
    {"anonymousId": SEEDED},
    {"traits": {"email": SEEDED}},
    {"context": {"traits": {"email": SEEDED, "id": "c1"}}},
    {"properties": {"product_id": "p1", "email": SEEDED, "customer_id": "c1", "user_id": "c1"}},
    {"properties": {"product_id": "p1", "cart_id": "c1"}},
    {"properties": {"product_id": "p1", "cart_id": "order-1", "order_id": "order-1"}},
]
BOUGHT = {"order_id": "o-forged", "total": 900, "products": [{"product_id": "p1", "price": 900}]}
SAID: list[tuple[str, dict[str, Any]]] = [
    *(("track", view(number, **claim)) for number, claim in enumerate(CLAIMS)),
    *(("page", {"anonymousId": "stranger", **claim}) for claim in CLAIMS),
    ("identify", {"userId": "c1", "anonymousId": "stranger", "traits": {"email": SEEDED}}),
    ("identify", {"userId": "c1", "traits": {"consent": {"email": True}, "first_name": "Eve"}}),
    ("alias", {"userId": "c1", "previousId": "stranger"}),
    ("alias", {"userId": "stranger", "previousId": "c1"}),
    ("track", view(50, event="Order Completed", userId="c1", properties=BOUGHT)),
    ("track", view(51, event="Order Updated", properties={**BOUGHT, "order_id": "order-1"})),
    ("track", view(52, event="Order Cancelled", properties={"order_id": "order-1"})),
    ("track", view(53, event="Order Refunded", properties={"order_id": "order-1", "total": 20})),
    ("track", view(54, event="Checkout Started", userId="c1", properties={"value": 900})),
    ("track", view(55, event="Coupon Applied", properties={"coupon_id": "X", "discount": 9})),
    ("track", view(56, event="Campaign Contacted", userId="c1")),
    ("track", view(57, event="customer_erased", userId="c1", properties={"customer": 1})),
    ("track", view(58, event="clock_ticked", timestamp="2036-01-01T00:00:00Z")),
    ("track", view(59, event="customers_merged", properties={"previous_id": "c1"})),
]


def snapshot(house: House) -> dict[str, Any]:
    """All that is known of the victim and done for anybody."""
    keys, people = models.identities.c, models.customers.c
    with reading(house.kit.engine) as connection:
        victim = connection.execute(
            select(keys.customer).where(keys.kind == "customer_id", keys.key == "c1")
        ).scalar_one()
        bound = connection.execute(
            select(keys.kind, keys.key).where(keys.customer == victim).order_by(keys.kind, keys.key)
        ).all()
        row = connection.execute(select(models.customers).where(people.id == victim)).one()
        acts = {
            table.name: sorted(map(repr, connection.execute(select(table))))
            for table in (models.decisions, models.actions, models.codes, models.orders)
        }
        acts["refunds"] = sorted(map(repr, connection.execute(select(models.refunds))))
        acts["profiles"] = sorted(map(repr, connection.execute(select(models.profiles))))
    features = running.derive(running.unpack([bytes(row.record)]), microseconds(NOW))
    told = {name: repr(float(values[0])) for name, values in features.items()}
    return {"bound": bound, "row": repr(row), "features": told, **acts}


def run(house: House) -> None:
    pipeline.drain(house.kit, house.store.partition)


def go_live(house: House) -> None:
    """Campaigns on whatever a page could pretend."""
    whens = (
        "{event: order_completed}",
        "{event: product_viewed}",
        "{event: product_added}",
        "{cart_abandoned: {after: 1h}}",
        "{segment: new, enters: true}",
        "{segment: champions, enters: true}",
    )
    for number, when in enumerate(whens):
        campaign = load_campaign(
            coupon_campaign(f"c{number}", when, "limits: {stale_after: 999d}"), "a test's campaign"
        )
        columns = ("store", "id", "version", "state", "started_at", "body")
        row = (house.store.number, campaign.id, 1, "live", 0, campaign_text(campaign))
        with transaction(house.kit.engine) as connection:
            bulk.upsert(connection, models.campaigns, columns, [row])


@pytest.mark.invariant("I11")
async def test_it_mints_no_coupon_and_merges_into_nobody(house: House) -> None:
    go_live(house)
    await house.webhook("order.paid", order(1))
    await house.webhook("customer.updated", ACCOUNT)
    run(house)
    before = snapshot(house)
    assert before["shoal_actions"]
    for verb, said in SAID:
        whole = {"type": verb, **said}
        await house.call(verb, said, house.store.browser_key)
        await house.call("batch", {"batch": [whole]}, house.store.browser_key)
        run(house)
    assert snapshot(house) == before
    # The store's next word about its customer confirms nothing of it either.
    await house.webhook("customer.updated", {**ACCOUNT, "updated_at": "2026-11-03T00:00:00Z"})
    await house.webhook("order.paid", order(2, cart_token="a cart of her own"))
    run(house)
    after = snapshot(house)
    assert len(after["shoal_actions"]) == len(before["shoal_actions"]) + 1
    assert after["features"]["views"] == before["features"]["views"] == "0.0"
    with reading(house.kit.engine) as connection:
        names = ("platform_id", "is_known", "merged_into")
        people = models.customers.c
        rows = connection.execute(select(*(people[name] for name in names))).all()
        assert "merges" not in {name for name, _ in tallies.read(connection, house.store.number)}
    assert [tuple(row) for row in rows if row.platform_id] == [("c1", True, None)]
    assert {(bool(row.is_known), row.merged_into) for row in rows if not row.platform_id} == {
        (False, None)
    }
