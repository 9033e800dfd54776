"""Why, and why not: what was recorded, and what would stop a campaign now, which is evaluated."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.records import Customer
from tests.worker.driving import DAY, HOUR, MINUTE, Driver
from worker import models
from worker.campaign_files import running_campaign, set_state
from worker.database import reading, transaction
from worker.explaining import Explanation, explain

HELLO = """
id: hello
when: {{event: cart_updated}}
steps: [{{coupon: {{percent_off: 10, maximum_discount: 5, valid_for: 14d}}}}]
holdout: 0
{more}
"""
# What a campaign's file says besides, and the reason that then stands in the way of a second time.
LIMITS = (
    ("limits: {cooldown: 30d}", "cooldown", "The last time was 2 hours ago; the campaign waits 30"),
    ("limits: {per_customer: 1}", "per_customer", "has had this campaign: 1;"),
    ("limits: {frequency_cap: {times: 1, per: 7d}}", "frequency_cap", "the customer in 7 days: 1;"),
    ("limits: {at_most_per_hour: {times: 1, otherwise: skip}}", "at_most_per_hour", "this hour"),
    (
        "limits: {budget: {amount: 6, currency: EUR, per: 30d}}",
        "budget",
        "5.00 EUR of 6 EUR in 30 days is used; this would cost up to 5.00 EUR",
    ),
    ("limits: {quiet_hours: {between: '13:00-23:00', otherwise: skip}}", "quiet_hours", "quiet"),
    ("limits: {quiet_hours: '13:00-23:00'}", "quiet_hours", "waits until 2026-03-02 23:00 UTC"),
    ("limits: {consent: email}", "no_consent", "Consent for email is not given"),
    ("by_segment: {others: skip}", "segment_skipped", "The campaign skips segment"),
)


def asked(driver: Driver, name: str = "ann", campaign: str = "hello") -> Explanation:
    with reading(driver.kit.engine) as connection:
        shop = driver.shop()
        running = running_campaign(shop, campaign)
        return explain(connection, shop, running, driver.customer("customer_id", name))


def wake(driver: Driver, token: str, name: str = "ann") -> None:
    driver.tell(driver.cart(token, name))


def change(driver: Driver, state: str) -> None:
    with transaction(driver.kit.engine) as connection:
        set_state(connection, driver.shop(), "hello", state)


@pytest.mark.parametrize("limit", LIMITS, ids=[f"{reason}: {more}" for more, reason, _ in LIMITS])
@pytest.mark.invariant("I6")
def test_what_would_stop_it_now_is_what_then_stops_it(
    driver: Driver, limit: tuple[str, str, str]
) -> None:
    more, reason, said = limit
    driver.run(HELLO.format(more=more))
    wake(driver, "t1")
    driver.now += 20 * MINUTE if reason == "at_most_per_hour" else 2 * HOUR
    before = driver.rows(models.holds, "reason") + driver.rows(models.decisions, "reason")
    told = asked(driver)
    assert any(said in stop for stop in told.stops), told.stops
    assert told.evaluated_at == driver.now.isoformat(timespec="seconds")
    assert driver.rows(models.holds, "reason") + driver.rows(models.decisions, "reason") == before
    wake(driver, "t2")
    assert driver.values(models.holds, "reason", occasion="cart_updated:t2") in ([reason], [])
    assert reason in driver.values(models.holds, "reason")


@pytest.mark.invariant("I6")
def test_everything_that_stands_in_the_way_is_said_not_only_the_first(driver: Driver) -> None:
    limits = "{cooldown: 30d, per_customer: 1, consent: sms, quiet_hours: '08:00-20:00'}"
    driver.run(HELLO.format(more=f"limits: {limits}"))
    consents = {"sms": True}
    driver.tell(driver.fact(Customer(customer_id="ann", updated_at=driver.now, consents=consents)))
    driver.now += 10 * HOUR
    wake(driver, "t1")
    driver.now += 12 * HOUR
    consents = {"sms": False}
    driver.tell(driver.fact(Customer(customer_id="ann", updated_at=driver.now, consents=consents)))
    stops = " ".join(asked(driver).stops)
    for word in ("Consent for sms", "waits 30 days", "had this campaign: 1;", "quiet time"):
        assert word in stops


def test_nothing_stands_in_the_way_once_the_time_has_passed(driver: Driver) -> None:
    driver.run(HELLO.format(more="limits: {cooldown: 1d, frequency_cap: {times: 1, per: 2d}}"))
    wake(driver, "t1")
    assert len(asked(driver).stops) == 2
    driver.now += DAY
    assert len(asked(driver).stops) == 1
    driver.now += DAY
    told = asked(driver)
    assert told.stops == ()
    assert told.is_met
    wake(driver, "t2")
    assert len(driver.rows(models.decisions, "at", campaign="hello")) == 2


def test_states_and_suppression_are_said(driver: Driver) -> None:
    driver.run(HELLO.format(more=""), state="shadow")
    wake(driver, "t1")
    assert "in shadow" in asked(driver).stops[0]
    change(driver, "paused")
    (paused,) = asked(driver).stops
    assert paused == "The campaign is paused. `shoal campaigns start hello`."
    change(driver, "live")
    assert asked(driver).stops == ()
    with transaction(driver.kit.engine) as connection:
        connection.execute(models.customers.update().values(is_suppressed=True))
    assert asked(driver).stops[0].startswith("The customer is never to be contacted.")


@pytest.mark.invariant("I7")
def test_the_arm_that_is_said_is_the_arm_that_is_drawn(driver: Driver) -> None:
    driver.run(HELLO.format(more="").replace("holdout: 0", "holdout: 0.5"))
    names = [f"c{number}" for number in range(20)]
    wake(driver, "t", "first")  # the salt is made at the first draw
    driver.tell(*(driver.order(f"o{name}", name) for name in names))
    said = {name: any("control" in one for one in asked(driver, name).stops) for name in names}
    driver.tell(*(driver.cart(f"t{name}", name) for name in names))
    for name in names:
        customer = driver.customer("customer_id", name)
        (outcome,) = driver.values(models.decisions, "outcome", customer=customer)
        assert said[name] == (outcome == "holdout")
    assert 0 < sum(said.values()) < len(names)


def test_a_visitor_cannot_be_reached_and_the_page_says_so(driver: Driver) -> None:
    driver.run(HELLO.format(more=""))
    driver.tell(driver.touch("product_viewed", ("anonymous_id", "phone")))
    visitor = driver.customer("anonymous_id", "phone")
    with reading(driver.kit.engine) as connection:
        shop = driver.shop()
        told = explain(connection, shop, running_campaign(shop, "hello"), visitor)
    assert "nothing can be pushed to a visitor" in told.stops[0]
    assert told.unrecorded == "Nothing was recorded: its trigger never went off for this customer."


def test_a_condition_on_the_waking_event_is_unknown_without_one(driver: Driver) -> None:
    more = "if: {order.value: {at_least: 50}}"
    driver.run(HELLO.format(more=more).replace("cart_updated", "order_completed"))
    driver.tell(driver.order("o1", "ann", value=100))
    told = asked(driver)
    assert not told.is_met
    assert any("unknown" in str(one) for one in told.present)
    assert told.recorded[0].outcome == "hold"


@pytest.mark.invariant("I6")
def test_who_was_narrowed_out_of_a_schedule_is_explained_for_the_present(driver: Driver) -> None:
    """No row says that a schedule passed somebody over; what is evaluated does, and says so."""
    driver.run(
        "id: hello\nwhen: {schedule: {every: day, at: '09:00'}}\nif: {orders: {at_least: 2}}\n"
        "steps: [{tag: regular}]\nholdout: 0\n"
    )
    driver.tell(driver.order("o1", "ann"), driver.order("o2", "bea"), driver.order("o3", "bea"))
    driver.pass_time(timedelta(hours=22))
    bea = driver.customer("customer_id", "bea")
    assert driver.values(models.decisions, "customer") == [bea]
    assert driver.values(models.holds, "reason") == []
    told = asked(driver, "ann")
    assert told.recorded == ()
    assert not told.is_met
    assert "without a row for each" in told.unrecorded
    assert any("orders" in str(one) and not one.passed for one in told.present)
    regular = asked(driver, "bea")
    assert regular.recorded[0].outcome == "fire (live)"
