"""A new model judges everybody a page at a time, and writes what anybody's own move would."""

from __future__ import annotations

import pytest

from campaigns.campaign import load_campaign
from campaigns.conditions import mask
from connectors.events import microseconds
from segmentation import running
from tests.worker.driving import DAY, START, Driver, coupon_campaign
from tests.worker.test_silent_publish import STAGES, orders, publish
from worker import buyers, judging, models
from worker.audience import facts_for
from worker.batch import Batch
from worker.database import reading
from worker.identities import Directory
from worker.roster import Person, Roster

CUSTOMERS = 230
DID = "if: {did: {event: order_completed, within: 30d}}"
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


def test_whom_time_moved_away_is_settled_by_the_next_version_and_wakes_campaigns(
    driver: Driver,
) -> None:
    orders(driver, range(CUSTOMERS), (START - 200 * DAY, 190), 1.0)
    publish(driver)
    for stage in STAGES:
        driver.run(
            f"id: into-{stage.replace('_', '-')}\nwhen: {{segment: {stage}, enters: true}}\n"
            "steps: [tag: told]\nholdout: 0\n"
        )
    driver.now += 14 * DAY
    before, first = elsewhere(driver), driver.shop().model.version
    publish(driver)
    after = driver.shop()
    assert after.model.follows == first
    noted = driver.rows(
        models.segment_changes,
        *("customer", "cause", "segment_before", "segment_after"),
        at=microseconds(driver.now),
    )
    assert {row.customer for row in noted if row.cause == "time"} <= before
    assert not {row.customer for row in noted if row.cause == "model"} & before
    entered = {row.customer for row in noted if row.cause == "time"} - {
        row.customer for row in noted if row.segment_before == row.segment_after
    }
    assert entered
    assert {
        *driver.values(models.decisions, "customer"),
        *driver.values(models.holds, "customer"),
    } == entered


def elsewhere(driver: Driver) -> set[int]:
    """Who belongs into another group by the model in force, small leads and all."""
    shop = driver.shop()
    with reading(driver.kit.engine) as connection:
        ((ids, groupings, records),) = buyers.pages(connection, shop, None)
    groups = judging.groups_of(shop, records, groupings, microseconds(driver.now))
    return set(judging.elsewhere(shop.model, ids, groupings, groups))


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


def test_more_customers_than_a_statement_takes_variables_are_asked_what_they_did(
    driver: Driver,
) -> None:
    """A new version may settle more at once than PostgreSQL takes in one statement."""
    driver.tell(driver.order("o1", "ann"))
    ann = driver.customer("customer_id", "ann")
    people = [Person(ann + at, driver.number) for at in range(70_000)]
    rows = {one.id: at for at, one in enumerate(people)}
    crowd = Roster(people, running.empty(len(people)), rows)
    text = coupon_campaign("did", "{segment: new, enters: true}", DID)
    campaign = load_campaign(text, "a test's campaign")
    now = microseconds(driver.now)
    with reading(driver.kit.engine) as connection:
        batch = Batch(driver.shop(), now, Directory({}, {}, set(), 0), [], crowd)
        facts = facts_for(connection, batch, campaign, [*rows])
    assert mask(campaign.condition, facts).nonzero()[0].tolist() == [0]
