"""A new model judges everybody a page at a time, and writes what anybody's own move would."""

from __future__ import annotations

import pytest

from connectors.events import microseconds
from tests.worker.driving import DAY, START, Driver
from tests.worker.test_silent_publish import orders, publish
from worker import buyers, judging, models
from worker.database import reading

CUSTOMERS = 230
_COLUMNS = ("id", "segment", "grouping", "segment_since", "segment_changes")


def wanted_groups(driver: Driver) -> dict[int, str]:
    """Everybody's group by the model in force, from their records at once."""
    shop = driver.shop()
    with reading(driver.kit.engine) as connection:
        (page,) = buyers.pages(connection, shop, None)
    ids, groupings, records = page
    groups = judging.groups_of(shop, records, groupings, microseconds(driver.now))
    return {who: shop.model.groups[at].id for who, at in zip(ids, groups.tolist(), strict=True)}


def test_pages_together_are_the_whole_shop(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    orders(driver, range(CUSTOMERS), (START - 200 * DAY, 190), 1.0)
    before = {row.id: row for row in driver.rows(models.customers, *_COLUMNS)}
    driver.now += DAY
    monkeypatch.setattr(buyers, "CHUNK", 50)
    assert publish(driver) > 0
    monkeypatch.setattr(buyers, "CHUNK", 10_000)
    after = {row.id: row for row in driver.rows(models.customers, *_COLUMNS)}
    assert {who: row.grouping for who, row in after.items()} == wanted_groups(driver)
    for who, row in after.items():
        was = before[who]
        assert row.segment == row.grouping.partition(".")[0]
        assert row.segment_changes == was.segment_changes + (row.grouping != was.grouping)
        is_same = row.segment == was.segment
        assert row.segment_since == (was.segment_since if is_same else microseconds(driver.now))


def test_each_move_is_noted_and_counted_once(driver: Driver) -> None:
    orders(driver, range(CUSTOMERS), (START - 200 * DAY, 190), 1.0)
    before = {row.id: row for row in driver.rows(models.customers, *_COLUMNS)}
    publish(driver)
    after = {row.id: row for row in driver.rows(models.customers, *_COLUMNS)}
    moved = {who for who, row in after.items() if row.grouping != before[who].grouping}
    noted = {
        row.customer: tuple(row)
        for row in driver.rows(models.segment_changes, *judging.CHANGE, cause="model")
    }
    assert noted == {
        who: (
            *(who, after[who].segment_changes, driver.number, microseconds(driver.now)),
            *(before[who].segment, after[who].segment),
            *(before[who].grouping, after[who].grouping),
            *("model", driver.values(models.stores, "model")[0]),
        )
        for who in moved
    }
    assert len(moved) > CUSTOMERS / 2
    assert driver.tally("segment_changes", "model") == len(moved)
