"""Orders and refunds by several doors, in any order: one purchase is one purchase."""

from __future__ import annotations

from itertools import permutations

import pytest

from connectors.records import Refund
from tests.worker.driving import DAY, HOUR, MINUTE, START, Driver
from worker import models


def money(driver: Driver, key: str = "ann") -> tuple[float, float, float]:
    """Orders, gross revenue and refunds of one customer."""
    who = driver.customer("customer_id", key)
    names = ("orders", "monetary_value", "refunded_value")
    orders, revenue, refunded = (driver.feature(who, name) for name in names)
    return orders, revenue, refunded


def test_a_redelivery_counts_once_in_one_batch_and_in_another(driver: Driver) -> None:
    order = driver.order("o1", "ann")
    driver.tell(order, order)
    driver.tell(order)
    assert money(driver) == (1, 10, 0)
    assert driver.tally("duplicates") == 2
    assert driver.tally("applied") == 1


@pytest.mark.parametrize("arrival", list(permutations(range(3))))
@pytest.mark.invariant("I3")
def test_the_newest_version_stands_however_they_arrive(
    driver: Driver, arrival: tuple[int, ...]
) -> None:
    driver.now = START + HOUR
    versions = [
        driver.order("o1", "ann", 1000, at=START - DAY),
        driver.order("o1", "ann", 1500, at=START, status="authorized"),
        driver.order("o1", "ann", 2000, at=START + HOUR),
    ]
    driver.tell_one_by_one(*(versions[place] for place in arrival))
    assert money(driver) == (1, 20, 0)
    (row,) = driver.rows(models.orders, "version", "status", "at")
    assert row.status == "paid"
    placed = driver.feature(driver.customer("customer_id", "ann"), "recency_days")
    assert placed == pytest.approx(25 / 24)


def test_a_cancelled_order_goes_with_its_products(driver: Driver) -> None:
    driver.tell(driver.order("o1", "ann", at=START - DAY), driver.order("o2", "ann", 700))
    driver.tell(driver.order("o1", "ann", at=START - DAY, updated=START, status="cancelled"))
    assert money(driver) == (1, 7, 0)
    driver.tell(
        driver.order("o2", "ann", 700, at=START, updated=START + MINUTE, status="cancelled")
    )
    assert money(driver) == (0, 0, 0)
    assert driver.values(models.customers, "segment") == [""]
    assert driver.feature(driver.customer("customer_id", "ann"), "distinct_products") == 0


def test_an_edited_order_is_counted_as_it_stands(driver: Driver) -> None:
    driver.tell(driver.order("o1", "ann", 1000, at=START - DAY))
    driver.tell(driver.order("o1", "ann", 400, at=START - DAY, updated=START))
    assert money(driver) == (1, 4, 0)


def test_an_order_that_moves_leaves_nothing_behind(driver: Driver) -> None:
    driver.tell(driver.order("o1", "ann", at=START - DAY))
    driver.tell(driver.order("o1", "bea", at=START - DAY, updated=START))
    assert money(driver, "ann") == (0, 0, 0)
    assert money(driver, "bea") == (1, 10, 0)


def test_what_is_no_sale_counts_as_none(driver: Driver) -> None:
    driver.tell(
        driver.order("o1", "ann", status="pending"),
        driver.order("o2", "ann", status="draft"),
        driver.order("o3", "ann", currency="USD"),
    )
    assert money(driver) == (0, 0, 0)
    assert driver.tally("foreign_currency", "USD") == 1
    driver.tell(driver.order("o1", "ann", at=START, updated=START + MINUTE))
    assert money(driver) == (1, 10, 0)


@pytest.mark.parametrize("is_together", [True, False])
@pytest.mark.invariant("I3")
def test_a_refund_may_come_before_its_order(driver: Driver, *, is_together: bool) -> None:
    events = [driver.refund("r1", "o1"), driver.order("o1", "ann")]
    if is_together:
        driver.tell(*events)
    else:
        driver.tell(events[0])
        assert len(driver.rows(models.unowned, "key")) == 1
        assert driver.tally("unowned") == 1
        driver.tell(events[1])
    assert money(driver) == (1, 10, 5)
    assert driver.rows(models.unowned, "key") == []
    owner = driver.customer("customer_id", "ann")
    assert driver.values(models.events, "customer", type="order_refunded") == [owner]
    driver.tell(*events)
    assert money(driver) == (1, 10, 5)


def test_a_refund_without_an_order_waits_and_one_with_a_person_does_not(driver: Driver) -> None:
    driver.tell(driver.refund("r1", None), driver.refund("r2", "o2"))
    assert driver.values(models.unowned, "key") == ["", "o2"]
    driver.tell(driver.refund("r3", None, who=[("customer_id", "ann")]))
    assert money(driver) == (0, 0, 5)


@pytest.mark.invariant("I10")
def test_a_refund_in_another_currency_is_kept_and_never_added(driver: Driver) -> None:
    driver.tell(driver.order("o1", "ann"), driver.refund("r1", "o1", currency="USD"))
    assert money(driver) == (1, 10, 0)
    assert driver.values(models.refunds, "currency") == ["USD"]


def test_a_refund_taken_back(driver: Driver) -> None:
    driver.tell(driver.order("o1", "ann"), driver.refund("r1", "o1"))
    at = START + MINUTE
    driver.tell(driver.fact(Refund("r1", "EUR", 500, at, at, "o1", is_void=True)))
    assert money(driver) == (1, 10, 0)


@pytest.mark.invariant("I3")
def test_a_late_order_changes_what_it_should_and_nothing_else(driver: Driver) -> None:
    driver.tell(driver.order("o2", "ann", at=START - DAY), driver.order("o3", "bea"))
    before = driver.rows(models.customers, "record", platform_id="bea")
    driver.tell(driver.order("o1", "ann", at=START - 11 * DAY))
    who = driver.customer("customer_id", "ann")
    assert driver.feature(who, "gap_days_mean") == pytest.approx(10)
    assert driver.feature(who, "recency_days") == pytest.approx(1)
    assert driver.rows(models.customers, "record", platform_id="bea") == before
