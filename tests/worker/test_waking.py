"""What wakes a campaign and what does not: carts, delays, schedules, dates, models."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs
from sqlalchemy import update

from connectors.events import microseconds
from connectors.records import Cart, Customer, Line
from segmentation.model import empty_model, to_json
from tests.worker.driving import DAY, HOUR, MINUTE, START, Driver, coupon_campaign
from worker import bulk, models, triggers
from worker.database import transaction

LEFT = coupon_campaign("left", "{cart_abandoned: {after: 1h}}")
QUIET = coupon_campaign(
    "left",
    "{cart_abandoned: {after: 1h}}",
    'if:\n  cart.value: {at_least: 20}\nlimits: {quiet_hours: "12:30-18:00"}',
)
PHONE = ("anonymous_id", "phone")


def occasions(driver: Driver, outcome: str = "fire") -> list[str]:
    return driver.values(models.decisions, "occasion", outcome=outcome)


def test_a_left_cart_wakes_once_and_at_its_time(driver: Driver) -> None:
    driver.run(LEFT)
    driver.tell(driver.cart("t1", "ann"))
    driver.pass_time(HOUR - MINUTE)
    assert occasions(driver) == []
    driver.pass_time(2 * MINUTE)
    assert occasions(driver) == ["cart:t1"]
    driver.pass_time(DAY)
    assert occasions(driver) == ["cart:t1"]
    assert driver.rows(models.timers, "key") == []


def test_a_cart_that_changes_is_waited_for_anew(driver: Driver) -> None:
    driver.run(LEFT)
    driver.tell(driver.cart("t1", "ann"))
    driver.now += 40 * MINUTE
    driver.tell(driver.cart("t1", "ann", 6000))
    driver.tell(driver.cart("t1", "ann", 7000, at=START + MINUTE))
    driver.pass_time(40 * MINUTE)
    assert occasions(driver) == []
    driver.pass_time(HOUR)
    assert occasions(driver) == ["cart:t1"]
    assert driver.values(models.carts, "value") == [6000]


@pytest.mark.parametrize("cart", ["t1", None])
def test_a_cart_with_an_order_wakes_nobody(driver: Driver, cart: str | None) -> None:
    driver.run(LEFT)
    driver.tell(driver.cart("t1", "ann"))
    driver.now += 59 * MINUTE
    driver.append(driver.order("o1", "ann", cart=cart))
    driver.pass_time(2 * MINUTE)
    assert occasions(driver) == []


@pytest.mark.invariant("I3")
def test_an_order_that_comes_before_its_cart(driver: Driver) -> None:
    driver.run(LEFT)
    driver.tell(driver.order("o1", "ann", at=START - MINUTE, cart="t1"))
    driver.tell(driver.cart("t1", "ann", at=START - 2 * MINUTE))
    driver.pass_time(2 * HOUR)
    assert occasions(driver) == []


def test_quiet_hours_delay_and_the_cart_is_remembered(driver: Driver) -> None:
    driver.run(QUIET)
    driver.tell(driver.cart("t1", "ann"), driver.cart("small", "bea", 1000))
    driver.tell(driver.cart("gone", "cid"))
    driver.pass_time(HOUR + MINUTE)
    assert occasions(driver) == []
    assert len(driver.rows(models.timers, "key", kind="delay")) == 2
    driver.tell(driver.order("o1", "cid", cart="gone"))
    driver.pass_time(5 * HOUR)
    assert occasions(driver) == ["cart:t1"]


def test_a_delayed_order_is_remembered(driver: Driver) -> None:
    more = 'if:\n  order.value: {at_least: 20}\nlimits: {quiet_hours: "11:00-18:00"}'
    driver.run(coupon_campaign("thanks", "{event: order_completed}", more))
    driver.tell(driver.order("o1", "ann", 2500), driver.order("o2", "bea", 1500))
    driver.pass_time(7 * HOUR)
    assert occasions(driver) == ["order:o1"]


def test_a_timer_follows_a_merge_in_its_own_batch(driver: Driver) -> None:
    driver.run(LEFT)
    driver.tell(driver.order("o1", "ann", at=START - DAY), driver.cart("t1", who=[PHONE]))
    driver.now += HOUR + MINUTE
    bound = driver.touch("custom", ("customer_id", "ann"), PHONE, source="server", event="login")
    driver.tell(bound)
    assert occasions(driver) == ["cart:t1"]
    assert driver.values(models.decisions, "customer") == [driver.customer("customer_id", "ann")]


def test_an_event_of_the_shops_own_with_our_words_in_it(driver: Driver) -> None:
    driver.run(coupon_campaign("any", "{event: custom}"))
    said = {"order_id": "o1", "event": "rated"}
    driver.tell(driver.touch("custom", ("customer_id", "ann"), source="server", **said))
    assert len(occasions(driver)) == 1
    assert driver.rows(models.dead_letters, "reason") == []


def test_what_was_decided_in_shadow_is_decided_again_when_live(driver: Driver) -> None:
    driver.run(LEFT, state="shadow")
    driver.tell(driver.cart("t1", "ann"))
    driver.pass_time(2 * HOUR)
    assert driver.values(models.decisions, "mode") == ["shadow"]
    driver.run(LEFT)
    driver.tell(driver.cart("t1", "ann", 6000))
    driver.pass_time(2 * HOUR)
    assert driver.values(models.decisions, "mode") == ["live"]
    assert len(driver.rows(models.actions, "key")) == 1


def test_a_visitors_views_count_among_what_the_person_did(driver: Driver) -> None:
    more = "if:\n  did: {event: product_viewed, at_least: 3, within: 7d}"
    driver.run(coupon_campaign("thanks", "{event: order_completed}", more))
    driver.tell(*(driver.touch("product_viewed", PHONE) for _ in range(3)))
    driver.tell(driver.touch("custom", ("customer_id", "ann"), PHONE, source="server"))
    driver.tell(driver.order("o1", "ann"))
    assert occasions(driver) == ["order:o1"], driver.rows(models.holds, "reason", "detail")


def test_a_schedule_goes_through_everybody_in_pages(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triggers, "PAGE", 3)
    driver.tell(*(driver.order(f"o{n}", f"c{n}") for n in range(7)))
    driver.run(coupon_campaign("daily", '{schedule: {every: day, at: "13:00"}}'))
    driver.pass_time(2 * HOUR)
    assert occasions(driver) == ["slot:2026-03-02"] * 7
    driver.pass_time(HOUR)
    assert len(occasions(driver)) == 7
    driver.pass_time(DAY)
    assert sorted(occasions(driver)) == ["slot:2026-03-02"] * 7 + ["slot:2026-03-03"] * 7


def test_a_birthday_comes_every_year(driver: Driver) -> None:
    driver.run(coupon_campaign("birthday", '{date: birthday, at: "09:00"}'))
    driver.tell(driver.fact(Customer("ann", START), birthday="1990-03-04"))
    driver.pass_time(timedelta(days=1, hours=20))
    assert occasions(driver) == []
    driver.pass_time(2 * HOUR)
    assert occasions(driver) == ["year:2026"]
    driver.now = datetime(2027, 3, 4, 9, 30, tzinfo=UTC)
    driver.drain()
    assert occasions(driver) == ["year:2026", "year:2027"]


def test_a_birthday_and_a_new_name_in_one_batch(driver: Driver) -> None:
    driver.run(coupon_campaign("birthday", '{date: birthday, at: "09:00"}'))
    driver.tell(driver.fact(Customer("ann", START), birthday="1990-03-04"))
    driver.now = datetime(2026, 3, 4, 9, 1, tzinfo=UTC)
    driver.tell(driver.fact(Customer("ann", driver.now), first_name="Ann"))
    assert occasions(driver) == ["year:2026"]
    (due,) = driver.values(models.timers, "due_at")
    assert due == microseconds(datetime(2027, 3, 4, 9, tzinfo=UTC))


def publish(driver: Driver, version: int) -> None:
    """A model with other groups than before."""
    model = empty_model()
    groups = tuple(structs.replace(group, id=f"{group.stage}.anew") for group in model.groups)
    columns = ("store", "kind", "version", "body", "published_at", "customers_read")
    body = to_json(structs.replace(model, version=version, groups=groups))
    row = (driver.number, "segments", version, body, 0, 0)
    with transaction(driver.kit.engine) as connection:
        bulk.upsert(connection, models.models, columns, [row])


def test_a_new_model_moves_people_and_wakes_nobody(driver: Driver) -> None:
    driver.tell(*(driver.order(f"o{n}", f"c{n}") for n in range(9)))
    (segment,) = set(driver.values(models.customers, "segment"))
    driver.run(coupon_campaign("in", f"{{segment: {segment}.anew, enters: true}}"))
    driver.run(coupon_campaign("out", f"{{segment: {segment}, leaves: true}}"))
    publish(driver, 1)
    # An order in the very batch that sees the model first moves its own customer by itself.
    driver.tell(driver.order("other", "zoe"))
    causes = Counter(driver.values(models.segment_changes, "cause"))
    assert causes == {"event": 10, "model": 9}
    assert driver.values(models.decisions, "campaign") == ["in"]
    assert driver.values(models.stores, "model") == [1]
    assert len(driver.rows(models.actions, "key")) == 1


def test_a_store_set_aside_still_ages_and_forgets(driver: Driver) -> None:
    driver.tell(driver.order("o1", "ann"))
    with transaction(driver.kit.engine) as connection:
        connection.execute(update(models.stores).values(poison=21))
    driver.now += 400 * DAY
    driver.tell(driver.tick(), driver.order("o2", "ann"))
    assert driver.values(models.segment_changes, "cause") == ["event", "time"]
    assert len(driver.rows(models.dead_letters, "reason")) == 1


def test_nobody_waits_for_a_cart_that_was_emptied(driver: Driver) -> None:
    driver.run(LEFT)
    driver.tell(driver.cart("t1", "c1"), driver.cart("t2", "c2"))
    driver.now += MINUTE
    driver.tell(driver.fact(Cart("t1", driver.now, "EUR"), ("customer_id", "c1")))
    driver.pass_time(2 * HOUR)
    assert occasions(driver) == ["cart:t2"]


def test_a_cart_in_another_currency_is_worth_nothing_here(driver: Driver) -> None:
    cart = Cart("t1", driver.now, "JPY", 900_000, (Line("p1", 1, 900_000),))
    driver.tell(driver.fact(cart, ("customer_id", "c1")))
    assert driver.values(models.carts, "value") == [0]
    assert driver.tally("foreign_currency", "JPY") == 1
