"""A new model judges everybody a page at a time, and writes what anybody's own move would."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from msgspec import structs
from sqlalchemy import delete, update

from campaigns.campaign import load_campaign
from campaigns.conditions import mask
from connectors.events import microseconds
from segmentation import running
from segmentation.model import SegmentModel, empty_model, to_json
from tests.worker.driving import DAY, START, Driver, coupon_campaign
from tests.worker.test_silent_publish import STAGES, orders, publish
from worker import bulk, buyers, judging, models
from worker.audience import facts_for
from worker.batch import Batch
from worker.database import reading, transaction
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


def put(driver: Driver, *made: SegmentModel) -> None:
    """Write versions as learning publishes them; not drained."""
    columns = ("store", "kind", "version", "body", "published_at", "customers_read")
    rows = [(driver.number, "segments", one.version, to_json(one), 0, 0) for one in made]
    with transaction(driver.kit.engine) as connection:
        bulk.upsert(connection, models.models, columns, rows)


OF_ONE = {"transforms": ("none",), "imputed": (0.0,), "centre": (0.0,), "scale": (1.0,)}


def renamed(version: int, follows: int = 0) -> SegmentModel:
    """The default rules, whose groups are called after their version."""
    model = empty_model()
    groups = tuple(structs.replace(one, id=f"{one.stage}.v{version}") for one in model.groups)
    return structs.replace(model, version=version, groups=groups, follows=follows)


@pytest.mark.parametrize(
    "damage",
    [
        lambda body: body[: len(body) // 2],
        lambda body: body.replace('"format":3', '"format":99'),
        lambda _: to_json(structs.replace(renamed(1), **OF_ONE | {"features": ("charm",)})),
        lambda _: None,
    ],
    ids=["cut off", "of another format", "by an unknown feature", "gone"],
)
def test_a_version_that_cannot_be_read_any_more_stops_nobody_who_follows_it(
    driver: Driver, caplog: pytest.LogCaptureFixture, damage: Callable[[str], str | None]
) -> None:
    put(driver, renamed(1))
    driver.tell(driver.order("o1", "ann"))
    put(driver, renamed(2, follows=1))
    (body,) = driver.values(models.models, "body", version=1)
    left, mine = damage(body), models.models.c.version == 1
    with transaction(driver.kit.engine) as connection:
        change = update(models.models).values(body=left) if left else delete(models.models)
        connection.execute(change.where(mine))
    driver.now += DAY
    with caplog.at_level(logging.WARNING, "shoal.drain"):
        driver.tell(driver.order("o2", "bea"))
        driver.tell(driver.order("o3", "cyd"))
    groups = driver.values(models.customers, "grouping")
    assert [group.partition(".")[2] for group in groups] == ["v2"] * 3
    assert driver.values(models.stores, "model") == [2]
    causes = driver.values(models.segment_changes, "cause")
    assert sorted(causes) == ["event", "event", "event", "model"]
    said = [one.getMessage() for one in caplog.records if "cannot be used" in one.getMessage()]
    assert len(said) == 1
    assert "version 1, which version 2 follows" in said[0]
