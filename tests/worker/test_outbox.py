"""What stands in the outbox: whole payloads, keys, terms and ends, and nothing personal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import numpy as np
import pytest

from campaigns.coupons import is_ours
from campaigns.recommendations import Shelf, best_sellers, cooccurrence, shelf_text
from connectors.events import microseconds
from connectors.protocol import LookUp
from connectors.records import Coupon, Membership, Product, Recommendation
from tests.worker.driving import DAY, EUR, Driver
from worker import bulk, models
from worker.database import transaction
from worker.receiving import look_up_event

DAY_US = DAY // timedelta(microseconds=1)
ALL_STEPS = """
id: thanks
when: {event: order_completed}
steps:
  - coupon:
      percent_off: 12.5
      minimum_spend: 30
      maximum_discount: 7.5
      valid_for: 3d
      prefix: THX
      title: Thank you
  - recommend: {strategy: bought_together, count: 2}
  - tag: thanked
  - segment: {name: fans, remove: true}
  - webhook: {url: "https://hook.example/x", secret: hook}
holdout: 0
"""
SEEDED = "seeded.person@example.org"


def payloads(driver: Driver) -> dict[str, Any]:
    rows = driver.rows(models.actions, "step", "kind", "payload")
    return {f"{row.step} {row.kind}": msgspec.json.decode(row.payload) for row in rows}


def stock(driver: Driver, *products: str) -> None:
    """Products of the store, and what was learned of them."""
    driver.tell(
        *(
            driver.fact(
                Product(
                    product_id=name,
                    title=name.upper(),
                    price=100,
                    currency=EUR,
                    updated_at=driver.now,
                    stock=1,
                )
            )
            for name in products
        )
    )
    teach(driver, *products)


def teach(driver: Driver, *products: str) -> None:
    """A product table in which the first was sold most, and all were bought together."""
    every = [list(range(len(products)))]
    sold = [index for index in range(len(products)) for _ in range(len(products) - index)]
    shelf = Shelf(
        products,
        cooccurrence([indexes(basket) for basket in every], len(products)),
        {"": best_sellers(indexes(sold), len(products))},
    )
    columns = ("store", "kind", "version", "body")
    with transaction(driver.kit.engine) as connection:
        row = (driver.number, "products", 1, shelf_text(shelf))
        bulk.insert_missing(connection, models.models, columns, [row])


def indexes(values: list[int]) -> Any:
    return np.array(values, np.int64)


@pytest.fixture
def thanked(driver: Driver) -> Driver:
    """A store in which a campaign with every kind of step has fired for ann."""
    stock(driver, "p1", "p2", "p3")
    driver.run(ALL_STEPS)
    driver.tell(driver.order("o1", "ann", who=[("email", SEEDED)], email=SEEDED))
    return driver


def test_each_step_is_an_action_with_its_whole_payload(thanked: Driver) -> None:
    told = payloads(thanked)
    assert list(told) == ["0 coupon", "1 recommend", "2 tag", "3 tag", "4 webhook"]
    coupon = msgspec.convert(told["0 coupon"], Coupon)
    assert (coupon.percent_off, coupon.minimum_spend, coupon.maximum_discount) == (12.5, 3000, 750)
    assert (coupon.customer_id, coupon.currency, coupon.title) == ("ann", EUR, "Thank you")
    assert (coupon.valid_from, coupon.valid_until) == (thanked.now, thanked.now + 3 * DAY)
    assert coupon.code.startswith("THX-")
    assert is_ours(thanked.kit.coupon_secret, coupon.code, coupon.marker)
    wanted = Recommendation("ann", "thanks", ("p2", "p3"))
    assert msgspec.convert(told["1 recommend"], Recommendation) == wanted
    assert msgspec.convert(told["2 tag"], Membership) == Membership("ann", "thanked")
    assert msgspec.convert(told["3 tag"], Membership) == Membership("ann", "fans", is_member=False)


def test_an_outgoing_webhook_names_ids_and_nobody(thanked: Driver) -> None:
    told = payloads(thanked)["4 webhook"]
    assert (told["url"], told["secret"]) == ("https://hook.example/x", "hook")
    assert told["data"]["type"] == "campaign.fired"
    assert told["data"]["data"] == {
        "store": "shop",
        "campaign": "thanks",
        "customer": thanked.customer("customer_id", "ann"),
        "customer_id": "ann",
        "occasion": "order:o1",
        "segment": told["data"]["data"]["segment"],
    }
    assert SEEDED not in repr(thanked.rows(models.actions, "payload"))


def test_a_coupon_ends_with_its_validity_and_all_else_after_a_week(thanked: Driver) -> None:
    now = microseconds(thanked.now)
    rows = thanked.rows(models.actions, "kind", "made_at", "due_at", "expires_at", "cost")
    for row in rows:
        assert (row.made_at, row.due_at) == (now, now)
        is_coupon = row.kind == "coupon"
        assert row.expires_at == now + (3 if is_coupon else 7) * DAY_US
        assert row.cost == (750 if is_coupon else 0)


def test_the_code_is_known_before_anybody_can_use_it(thanked: Driver) -> None:
    (code,) = thanked.rows(models.codes, "code", "action", "campaign", "customer")
    customer = thanked.customer("customer_id", "ann")
    assert code.code == payloads(thanked)["0 coupon"]["code"]
    assert (code.campaign, code.customer) == ("thanks", customer)
    assert code.action == f"{thanked.number}:thanks:{customer}:order:o1:0"
    assert code.action in thanked.values(models.actions, "key")


def test_what_is_decided_again_changes_nothing_that_is_written(thanked: Driver) -> None:
    """A lost decision is decided again: same key, same code, and the first terms stand."""
    before = thanked.rows(models.actions, "key", "payload", "made_at")
    with transaction(thanked.kit.engine) as connection:
        connection.execute(models.decisions.delete())
    thanked.now += DAY
    thanked.tell(thanked.order("o2", "ann"))
    first = [
        row for row in thanked.rows(models.actions, "key", "payload", "made_at") if "o1" in row.key
    ]
    assert first == before
    codes = thanked.values(models.codes, "code")
    assert len(set(codes)) == 2


def test_nothing_to_recommend_is_counted_and_the_rest_goes_on(driver: Driver) -> None:
    driver.run(ALL_STEPS)
    driver.tell(driver.order("o1", "ann"))
    assert "1 recommend" not in payloads(driver)
    assert len(payloads(driver)) == 4
    assert driver.tally("nothing_to_recommend", "thanks") == 1


def test_a_look_up_is_an_action_without_a_campaign(driver: Driver) -> None:
    event = look_up_event("shop", LookUp("order", "o7", driver.now), driver.now)
    driver.tell(event)
    driver.tell(event)
    (row,) = driver.rows(models.actions, "key", "kind", "campaign", "payload", "accepted_at")
    assert (row.key, row.kind, row.campaign) == (f"1:look_up:{event.id.hex()}", "look_up", "")
    told = msgspec.json.decode(row.payload)
    assert (told["kind"], told["key"]) == ("order", "o7")
    assert row.accepted_at == microseconds(event.received_at)
