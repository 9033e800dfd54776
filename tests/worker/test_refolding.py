"""Records of another version of Shoal: refused at every start, computed again by the upgrade."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from sqlalchemy import update

from connectors.events import microseconds
from segmentation import record, running
from segmentation.errors import UnknownSchema
from tests.worker.driving import DAY, HOUR, MINUTE, Driver, coupon_campaign
from worker import bulk, models, refolding
from worker.database import (
    READABLE,
    RECORDS,
    check_schema,
    ensure_schema,
    reading,
    transaction,
    upgrade,
)
from worker.errors import SchemaBehind

KEY_COLUMNS = ("id", "products", "orders", "revenue", "last_order", "last_seen", "segment")


@pytest.fixture
def lived_in(driver: Driver) -> Driver:
    """A store in which everything has happened that a record tells of."""
    driver.run(coupon_campaign("welcome", "{event: order_completed}", "limits: {per_customer: 1}"))
    phone = ("anonymous_id", "phone")
    start = driver.now
    driver.tell(
        driver.touch("product_viewed", phone, category="shoes"),
        driver.touch("products_searched", phone, at=start + MINUTE),
        driver.cart("t1", at=start + 2 * MINUTE, who=[phone]),
    )
    driver.now += HOUR
    driver.tell(driver.order("o1", "ann", value=2500, who=[phone], discount=300))
    (code,) = driver.values(models.codes, "code")
    for days in range(1, 15):
        driver.now += 3 * DAY
        name = f"c{days % 3}"
        driver.tell(
            driver.order(f"p{days}", name, value=1000 + 7 * days),
            driver.touch("product_viewed", ("customer_id", name), source="server", category="hats"),
        )
    ann = driver.customer("customer_id", "ann")
    known = ("customer_id", "ann")
    driver.tell(
        driver.order("o2", "ann", value=900, coupons=[code], cart="t2"),
        driver.touch("campaign_contacted", source="shoal", campaign="welcome", customer=ann),
        driver.touch("message_opened", known, source="server"),
        driver.touch("message_clicked", known, source="server"),
        driver.refund("r1", "o1", 700, reason="late"),
        driver.touch("product_reviewed", known, source="server", product_id="p1", rating=2.5),
        driver.touch("survey_answered", known, source="server", survey="nps", score=9),
        driver.touch("complaint_opened", known, source="server", at=start - 2 * DAY),
        driver.touch("ticket_closed", known, source="server", hours_open=5, satisfaction=2),
        driver.refund("r2", None, 50, who=[known]),
        driver.order("o3", "ann", value=500, currency="USD"),
        driver.order("o4", "ann", value=400, at=start - 9 * DAY),
        driver.touch("product_viewed", phone, at=start - 2 * DAY, category="hats"),
    )
    tablet = ("anonymous_id", "tablet")
    driver.tell(driver.touch("product_viewed", tablet, category="shoes"))
    driver.tell(driver.touch("custom", known, tablet, source="server"))
    assert driver.tally("merges") == 1
    driver.now += DAY
    driver.tell(driver.order("p3", "c0", value=1, status="cancelled"))
    return driver


def features(driver: Driver) -> dict[str, Any]:
    """Every feature of everybody now, and the columns that stand beside the record."""
    rows = driver.rows(models.customers, "id", "record", merged_into=None)
    rows.sort(key=lambda row: row.id)
    records = running.unpack([bytes(row.record) for row in rows])
    told: dict[str, Any] = dict(running.derive(records, microseconds(driver.now)))
    told |= {"beside": driver.rows(models.customers, *KEY_COLUMNS, merged_into=None)}
    return told


def spoil(driver: Driver) -> None:
    """Leave records as another version may have written them."""
    with transaction(driver.kit.engine) as connection:
        bulk.upsert(connection, models.meta, ("name", "value"), [("record_schema", "7")])
        values = {"record": b"\x07\x00\x00\x00 of another size", "products": b"", "orders": 99}
        connection.execute(update(models.customers).values(**values))


def test_the_number_that_the_shell_knows_is_the_records_own() -> None:
    assert RECORDS == record.SCHEMA
    assert {record.SCHEMA, *record.FORMER} == READABLE


def test_what_is_folded_again_is_what_was_folded_as_it_came(lived_in: Driver) -> None:
    before = features(lived_in)
    assert before["redemptions"].max() == 1
    assert before["sessions"].max() > 1
    said = ("rating_mean", "satisfaction", "complaints_90d", "ticket_hours_mean", "returns")
    assert all(np.nanmax(before[name]) > 0 for name in said)
    spoil(lived_in)
    with transaction(lived_in.kit.engine) as connection:
        assert refolding.refold_all(connection) == len(before["orders"])
    after = features(lived_in)
    assert after.pop("beside") == before.pop("beside")
    for name, column in before.items():
        assert np.allclose(after[name], column, rtol=1e-9, atol=1e-9, equal_nan=True), name


def test_pages_change_nothing(lived_in: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    before = features(lived_in)
    monkeypatch.setattr(refolding, "PAGE", 1)
    with transaction(lived_in.kit.engine) as connection:
        refolding.refold_all(connection)
    assert np.array_equal(features(lived_in)["orders"], before["orders"])


def test_records_of_another_schema_are_refused_and_the_upgrade_mends_them(
    lived_in: Driver,
) -> None:
    engine = lived_in.kit.engine
    check_schema(engine)
    assert not ensure_schema(engine)
    before = features(lived_in)
    spoil(lived_in)
    with pytest.raises(SchemaBehind, match=r"records of schema 7, this version needs .*db upgrade"):
        check_schema(engine)
    assert ensure_schema(engine)
    assert not ensure_schema(engine)
    assert np.array_equal(features(lived_in)["orders"], before["orders"])


def test_an_upgrade_that_is_cut_off_has_changed_nothing(
    lived_in: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(lived_in)
    spoilt = lived_in.rows(models.customers, "id", "record")
    with transaction(lived_in.kit.engine) as connection:
        # The last customer's order cannot be read: the pages before are done by then.
        last = max(row.customer for row in lived_in.rows(models.orders, "customer"))
        broken = update(models.orders).where(models.orders.c.customer == last)
        connection.execute(broken.values(lines=b"\xc1"))
    monkeypatch.setattr(refolding, "PAGE", 1)
    with pytest.raises(msgspec.DecodeError):
        upgrade(lived_in.kit.engine)
    assert lived_in.rows(models.customers, "id", "record") == spoilt
    with pytest.raises(SchemaBehind):
        check_schema(lived_in.kit.engine)


def test_a_drain_that_meets_one_stops_and_blames_no_event(lived_in: Driver) -> None:
    """Were it poison, a store's every event would be set aside."""
    spoil(lived_in)
    lived_in.append(lived_in.order("o9", "ann"))
    with pytest.raises(UnknownSchema):
        lived_in.drain()
    assert lived_in.values(models.dead_letters, "reason") == []
    assert lived_in.values(models.stores, "poison") == [0]
    assert ensure_schema(lived_in.kit.engine)
    lived_in.drain()
    assert "o9" in lived_in.values(models.orders, "order_id")
    with reading(lived_in.kit.engine) as connection:
        assert connection.execute(models.dead_letters.select()).all() == []
