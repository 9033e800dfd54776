"""What the sweep does slowly: old browse events go, in slices; what is known stays known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from connectors.events import microseconds
from tests.worker.driving import DAY, START, Driver
from worker import models, upkeep
from worker.database import transaction
from worker.sweeper import sweep


def views(driver: Driver) -> list[str]:
    return sorted(driver.values(models.events, "type"))


def test_old_browse_events_go_in_slices_and_orders_stay(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "SLICE", 2)
    who = ("anonymous_id", "a")
    old = [driver.touch("product_viewed", who) for _ in range(3)]
    driver.tell(*old, driver.order("o1", "c1"))
    driver.pass_time(400 * DAY)
    driver.tell(driver.touch("page_viewed", who))
    upkeep.upkeep(driver.kit, microseconds(driver.now))
    assert views(driver).count("product_viewed") == 3
    driver.pass_time(2 * DAY)
    sweep(driver.kit)
    assert views(driver).count("product_viewed") == 1
    sweep(driver.kit)
    assert views(driver).count("product_viewed") == 1  # its turn comes once a minute
    upkeep.upkeep(driver.kit, microseconds(driver.now))
    assert views(driver) == ["order_updated", "page_viewed"]


def test_what_was_deleted_is_not_taken_for_new(driver: Driver) -> None:
    short = replace(driver.kit.settings, keep_browsing=timedelta(days=30))
    driver.kit = replace(driver.kit, settings=short)
    view = driver.touch("product_viewed", ("anonymous_id", "a"))
    driver.tell(view)
    driver.pass_time(32 * DAY)
    upkeep.upkeep(driver.kit, microseconds(driver.now))
    assert views(driver) == []
    driver.tell(driver.touch("product_viewed", ("anonymous_id", "a"), at=START))
    assert views(driver) == []
    assert driver.values(models.dead_letters, "reason") == ["a browse event older than 30 days"]


def test_a_log_that_is_replayed_keeps_everything(driver: Driver) -> None:
    driver.tell(driver.touch("product_viewed", ("anonymous_id", "a")))
    with transaction(driver.kit.engine) as connection:
        connection.execute(update(models.stores).values(clock="log"))
    upkeep.upkeep(driver.kit, microseconds(START + 900 * DAY))
    assert len(views(driver)) == 1
