"""What time turned wakes campaigns though an import of the same person is in the same batch."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from connectors.events import Event
from segmentation.constructed import Constructed, Declared
from tests.worker.driving import DAY, HOUR, MINUTE, START, Driver, coupon_campaign
from tests.worker.test_rule_segments import RECENT, inside, occasions
from worker import models, own_features
from worker.database import transaction


def noted(driver: Driver) -> list[tuple[str, int, bool, str]]:
    """(segment, number, entered, cause) of every change."""
    names = ("segment", "number", "entered", "cause")
    return [tuple(row) for row in driver.rows(models.membership_changes, *names)]


def listen(driver: Driver) -> None:
    driver.rule("recent", RECENT)
    driver.rule("vip", "{orders: {at_least: 2}}")
    for name, when in (
        ("out", "{segment: rule.recent, leaves: true}"),
        ("in", "{segment: rule.recent, enters: true}"),
        ("rich", "{segment: rule.vip, enters: true}"),
    ):
        driver.run(coupon_campaign(name, when))


@pytest.mark.parametrize("is_together", [True, False], ids=["one batch", "two"])
def test_what_was_due_is_times_and_what_came_is_the_imports(
    driver: Driver, *, is_together: bool
) -> None:
    listen(driver)
    driver.tell(driver.order("o1", "ann"))
    driver.now += 30 * DAY + HOUR
    # An old order that no store event ever told of.
    old = driver.order("o0", "ann", at=START - 20 * DAY, source="import")
    if not is_together:
        driver.drain()
    driver.tell(old)
    assert noted(driver) == [
        ("rule.recent", 1, True, "event"),
        ("rule.recent", 2, False, "time"),
        ("rule.vip", 1, True, "import"),
    ]
    assert occasions(driver) == ["entry:rule.recent:1", "entry:rule.recent:2"]
    assert driver.rows(models.timers, "key", kind="rule") == []


def test_who_left_by_time_comes_back_by_the_import_silently(driver: Driver) -> None:
    listen(driver)
    driver.tell(driver.order("o1", "ann"))
    driver.now += 30 * DAY + HOUR
    late = driver.now - DAY
    driver.tell(driver.order("o2", "ann", at=late, source="import"))
    assert inside(driver) == ["rule.recent", "rule.vip"]
    assert noted(driver) == [
        ("rule.recent", 1, True, "event"),
        ("rule.recent", 2, False, "time"),
        ("rule.recent", 3, True, "import"),
        ("rule.vip", 1, True, "import"),
    ]
    assert occasions(driver) == ["entry:rule.recent:1", "entry:rule.recent:2"]
    assert len(driver.rows(models.timers, "key", kind="rule")) == 1
    driver.pass_time(29 * DAY + MINUTE)
    assert inside(driver) == ["rule.vip"]
    assert ("rule.recent", 4, False, "time") in noted(driver)
    assert driver.values(models.timers, "due_at", kind="rule") == []


def test_an_import_without_a_moment_stays_silent(driver: Driver) -> None:
    listen(driver)
    driver.tell(driver.order("o1", "ann"))
    driver.now += DAY
    driver.tell(driver.order("o0", "ann", at=START - DAY, source="import"))
    assert ("rule.vip", 1, True, "import") in noted(driver)
    assert occasions(driver) == ["entry:rule.recent:1"]


def test_whom_the_clocks_pass_finds_is_times_too(driver: Driver) -> None:
    """No moment of a ratio is computed: the tick finds who is late, beside their import."""
    late = Constructed("late", "ratio", ("recency_days", "gap_days_mean"))
    with transaction(driver.kit.engine) as connection:
        own_features.declare(connection, driver.number, Declared((late,)), 0, "a test")
    driver.rule("late", "{own.late: {at_least: 2}}")
    driver.run(coupon_campaign("back", "{segment: rule.late, enters: true}"))
    driver.tell(driver.order("o1", "ann"))
    driver.now += DAY
    driver.tell(driver.order("o2", "ann"))
    driver.now += 2 * DAY + HOUR
    old: Sequence[Event] = [driver.order("o0", "ann", at=START - HOUR, source="import")]
    driver.tell(driver.tick(), *old)
    # The import made their habit quicker, so that they are late still.
    assert noted(driver) == [("rule.late", 1, True, "time")]
    assert occasions(driver) == ["entry:rule.late:1"]
