"""What a campaign brought, against a truth that was made up and is therefore known."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from connectors.events import Event
from tests.worker.driving import DAY, HOUR, Driver
from worker import bulk, models
from worker.campaign_files import UnknownCampaign
from worker.campaign_results import Results, results
from worker.database import reading, transaction

CAMPAIGN = """
id: hello
when: {{event: cart_updated}}
steps: [{{coupon: {{percent_off: 10, maximum_discount: 5, valid_for: 14d}}}}]
limits: {{per_customer: {times}}}
holdout: {holdout}
goal: {{event: {event}, within: 7d}}
"""
WITHIN = timedelta(days=7)
_numbers = itertools.count()


def hello(times: int = 9, holdout: float = 0.5, event: str = "order_completed") -> str:
    return CAMPAIGN.format(times=times, holdout=holdout, event=event)


@pytest.fixture(autouse=True)
def same_draw(driver: Driver) -> None:
    """Chance is the same in every run: a truth is outside its interval 5 times of 100."""
    with transaction(driver.kit.engine) as connection:
        bulk.upsert(connection, models.meta, ("name", "value"), [("salt", "drawn once")])


def told(driver: Driver) -> Results:
    with reading(driver.kit.engine) as connection:
        return results(connection, driver.shop(), "hello")


def wake(driver: Driver, names: Sequence[str]) -> dict[str, str]:
    """Let everybody have a new cart; which arm each was drawn for."""
    driver.tell(*(driver.cart(f"cart {next(_numbers)}", name) for name in names))
    customers = {driver.customer("customer_id", name): name for name in names}
    rows = driver.rows(models.decisions, "customer", "outcome", campaign="hello")
    return {customers[row.customer]: row.outcome for row in rows if row.customer in customers}


def buy(driver: Driver, name: str, **said: Any) -> Event:
    return driver.order(f"o{next(_numbers)}", name, **said)


def test_a_known_truth_is_found_and_counted_exactly(driver: Driver) -> None:
    """Of those it reaches three times as many buy: 36 % instead of 12 %."""
    luck = random.Random(7)  # noqa: S311 - makes up customers
    driver.run(hello())
    arms = wake(driver, [f"c{number}" for number in range(600)])
    driver.now += DAY
    chance = {"fire": 0.36, "holdout": 0.12}
    buyers = {name for name, arm in arms.items() if luck.random() < chance[arm]}
    driver.tell(*(buy(driver, name, value=2000) for name in sorted(buyers)))
    early = told(driver)
    assert (early.reached, early.control, early.waiting) == (0, 0, 600)
    assert "no control group" in early.said[0]
    driver.now += WITHIN
    found = told(driver)
    sizes = {arm: sum(1 for one in arms.values() if one == arm) for arm in chance}
    shares = {arm: sum(arms[name] == arm for name in buyers) / sizes[arm] for arm in chance}
    assert (found.reached, found.control, found.waiting) == (sizes["fire"], sizes["holdout"], 0)
    assert found.conversion.reached == pytest.approx(shares["fire"])
    assert found.conversion.control == pytest.approx(shares["holdout"])
    assert found.conversion.low is not None
    assert found.conversion.high is not None
    assert found.conversion.low < 0.24 < found.conversion.high
    assert found.is_clear
    assert found.revenue.reached == pytest.approx(20 * shares["fire"])
    assert found.revenue.difference == pytest.approx(20 * (shares["fire"] - shares["holdout"]))
    assert "came to the goal than would have anyway" in found.said[0]
    assert "Sales a customer, before refunds" in found.said[1]


def test_no_effect_is_not_called_one(driver: Driver) -> None:
    luck = random.Random(3)  # noqa: S311 - makes up customers
    driver.run(hello())
    arms = wake(driver, [f"c{number}" for number in range(300)])
    driver.now += DAY
    driver.tell(*(buy(driver, name) for name in sorted(arms) if luck.random() < 0.2))
    driver.now += WITHIN
    found = told(driver)
    assert not found.is_clear
    assert "told from chance" in found.said[0]


def test_only_what_comes_after_the_first_decision_and_in_time_counts(driver: Driver) -> None:
    driver.run(hello())
    arms = wake(driver, ["ann", "bea", "cid", "dan"])
    assert len(arms) == 4
    start = driver.now
    driver.now += 8 * DAY
    driver.tell(
        buy(driver, "ann", at=start - HOUR),  # before
        buy(driver, "bea", at=start + WITHIN),  # at the last moment
        buy(driver, "cid", at=start + WITHIN + HOUR),  # too late
        buy(driver, "dan", at=start + DAY, status="pending"),  # no sale
    )
    found = told(driver)
    ends = {"fire": found.conversion.reached, "holdout": found.conversion.control}
    for arm, share in ends.items():
        names = [name for name, one in arms.items() if one == arm]
        assert share == pytest.approx(("bea" in names) / len(names))
    # A later occasion gives nobody a second chance, and moves nobody's time.
    assert len(driver.rows(models.decisions, "at")) == 4
    wake(driver, ["ann", "cid"])
    assert len(driver.rows(models.decisions, "at")) == 6
    driver.now += 8 * DAY
    again = told(driver)
    assert (again.reached + again.control, again.waiting) == (4, 0)
    assert again.conversion == found.conversion


def test_who_could_not_be_reached_stays_in_the_arm(driver: Driver) -> None:
    """What fails after the draw says something of the store, not of the customer."""
    driver.run(hello(holdout=0))
    wake(driver, ["ann", "bea"])
    with transaction(driver.kit.engine) as connection:
        connection.execute(update(models.actions).values(state="refused", reason="conflict"))
    driver.now += 8 * DAY
    found = told(driver)
    assert (found.reached, found.control) == (2, 0)
    assert found.said[0].startswith("There is no control group")


def test_what_a_visitor_did_counts_for_whom_they_turned_out_to_be(driver: Driver) -> None:
    """The log names the visitor for ever; it is read through the pointer."""
    driver.run(hello(holdout=0, event="product_viewed"))
    wake(driver, ["ann"])
    driver.now += DAY
    phone = ("anonymous_id", "phone")
    driver.tell(driver.touch("product_viewed", phone))
    driver.tell(driver.touch("custom", ("customer_id", "ann"), phone, source="server"))
    assert driver.tally("merges") == 1
    driver.now += 8 * DAY
    found = told(driver)
    assert found.reached == 1
    assert found.conversion.reached == 1


def test_nobody_who_was_erased_counts(driver: Driver) -> None:
    driver.run(hello(holdout=0))
    wake(driver, ["ann", "bea"])
    driver.tell(
        driver.touch(
            "customer_erased",
            source="shoal",
            customer=driver.customer("customer_id", "ann"),
        )
    )
    driver.now += 8 * DAY
    assert told(driver).reached == 1


def test_shadow_brings_nothing_and_says_so(driver: Driver) -> None:
    driver.run(hello(), state="shadow")
    wake(driver, ["ann"])
    driver.now += 8 * DAY
    found = told(driver)
    assert (found.reached, found.control, found.waiting) == (0, 0, 0)
    assert found.said[-1] == "Nobody was reached or held out live yet."


@pytest.mark.parametrize("event", ["product_viewed", "coupon_redeemed"])
def test_other_goals_are_counted_too(driver: Driver, event: str) -> None:
    driver.run(hello(holdout=0, event=event))
    wake(driver, ["ann", "bea"])
    driver.now += DAY
    customer = driver.customer("customer_id", "ann")
    (code,) = driver.values(models.codes, "code", customer=customer)
    driver.tell(
        driver.touch("product_viewed", ("customer_id", "ann"), source="server"),
        buy(driver, "ann", coupons=[code]),
    )
    driver.now += 8 * DAY
    found = told(driver)
    assert (found.event, found.conversion.reached) == (event, 0.5)


def test_an_unknown_campaign_is_told_the_nearest(driver: Driver) -> None:
    driver.run(hello())
    with (
        reading(driver.kit.engine) as connection,
        pytest.raises(UnknownCampaign, match="did you mean 'hello'"),
    ):
        results(connection, driver.shop(), "helo")
