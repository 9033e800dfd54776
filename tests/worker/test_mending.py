"""A customer's damaged record is computed again; one of another version stops the drain."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import pytest
from sqlalchemy import update

from connectors.events import microseconds
from segmentation import running
from segmentation.errors import UnknownSchema
from segmentation.record import RECORD, SCHEMA
from tests.worker.driving import DAY, EUR, MINUTE, START, Driver
from tests.worker.test_rejudging import put, renamed
from tests.worker.test_rule_segments import inside
from worker import bulk, buyers, drawing, export, features_export, learning, models
from worker.database import reading, transaction

MINE = SCHEMA.to_bytes(4, "little")


def damage(driver: Driver, name: str, record: bytes) -> int:
    customer = driver.customer("customer_id", name)
    mine = models.customers.c.id == customer
    with transaction(driver.kit.engine) as connection:
        connection.execute(update(models.customers).where(mine).values(record=record))
    return customer


def record_of(driver: Driver, customer: int) -> bytes:
    (packed,) = driver.values(models.customers, "record", id=customer)
    return bytes(packed)


def same(found: bytes, wanted: bytes) -> bool:
    """Whether two records tell alike; sums that decay may differ in their last digits."""
    at = microseconds(START + 9 * DAY)
    told = [running.derive(running.unpack([one]), at) for one in (found, wanted)]
    return all(
        np.allclose(told[0][one], told[1][one], 1e-9, 1e-9, equal_nan=True) for one in told[0]
    )


def lived_in(driver: Driver) -> None:
    driver.rule("often", "{orders: {at_least: 2}}")
    for day in range(3):
        driver.now += DAY
        told = [driver.order(f"{name}{day}", name, 1000 + day) for name in ("ann", "bob", "cyd")]
        seen = driver.touch("product_viewed", ("customer_id", "bob"), source="server")
        driver.tell(*told, seen, driver.refund(f"r{day}", f"bob{day}", 100))


def ageing(driver: Driver) -> None:
    driver.append(driver.tick())


def new_rule(driver: Driver) -> None:
    driver.rule("seldom", "{orders: {at_most: 1}}")


def new_model(driver: Driver) -> None:
    put(driver, renamed(1))


def own_event(driver: Driver) -> None:
    driver.append(driver.touch("product_viewed", ("customer_id", "bob"), source="server"))


@pytest.mark.parametrize(
    ("passing", "record"),
    [
        (ageing, b""),
        (new_rule, MINE + b" cut off"),
        (new_model, bytes(RECORD.itemsize)),
        (own_event, b"\xff" * RECORD.itemsize),
    ],
    ids=["ageing", "rule", "model", "event"],
)
def test_a_damaged_record_is_what_it_was_and_stops_nobody(
    driver: Driver,
    caplog: pytest.LogCaptureFixture,
    passing: Callable[[Driver], None],
    record: bytes,
) -> None:
    lived_in(driver)
    bob = driver.customer("customer_id", "bob")
    before = record_of(driver, bob)
    damage(driver, "bob", record)
    driver.now += MINUTE
    with caplog.at_level(logging.WARNING, "shoal.drain"):
        passing(driver)
        driver.tell(driver.order("more", "ann"))
    views = 3 + (passing is own_event)
    assert driver.feature(bob, "views") == views
    assert driver.feature(bob, "orders") == 3
    if passing is not own_event:
        assert same(record_of(driver, bob), before)
    assert inside(driver, "bob") == ["rule.often"]
    assert driver.feature(driver.customer("customer_id", "ann"), "orders") == 4
    assert driver.values(models.dead_letters, "reason") == []
    said = [one.getMessage() for one in caplog.records if "damaged" in one.getMessage()]
    assert said == [f"customer {bob}: a damaged record is computed again from the log"]


def test_a_merge_brings_in_whose_record_is_damaged(driver: Driver) -> None:
    lived_in(driver)
    damage(driver, "bob", b"")
    driver.now += MINUTE
    keys = ("customer_id", "ann")
    driver.tell(driver.touch("customers_merged", keys, source="webhook", previous_id="bob"))
    ann = driver.customer("customer_id", "bob")
    assert driver.feature(ann, "orders") == 6
    assert driver.feature(ann, "views") == 3
    # The row of who yielded stands for nobody, damaged or not.
    (bob,) = driver.values(models.customers, "id", merged_into=ann)
    with transaction(driver.kit.engine) as connection:
        mine = models.customers.c.id == bob
        connection.execute(update(models.customers).where(mine).values(record=b"?"))
    driver.now += MINUTE
    ours = driver.touch("campaign_contacted", source="shoal", campaign="x", customer=bob)
    driver.tell(ours)
    assert driver.feature(ann, "orders") == 6


def test_who_reads_alone_writes_nothing(driver: Driver) -> None:
    lived_in(driver)
    bob = damage(driver, "bob", b"?")
    with reading(driver.kit.engine) as connection:
        ((ids, _, records),) = buyers.pages(connection, driver.shop(), None)
    assert records["orders"][list(ids).index(bob)] == 3
    assert record_of(driver, bob) == b"?"


def test_a_whole_record_of_another_version_is_left_to_it(driver: Driver) -> None:
    lived_in(driver)
    other = running.pack(running.empty(1))[0]
    damage(driver, "bob", (SCHEMA + 1).to_bytes(4, "little") + other[4:])
    driver.append(driver.tick())
    with pytest.raises(UnknownSchema):
        driver.drain()


def test_whoever_reads_computes_it_again(driver: Driver) -> None:
    lived_in(driver)
    with transaction(driver.kit.engine) as connection:
        told = (driver.number, microseconds(driver.now), 0)
        bulk.upsert(connection, models.learning, ("store", "wanted_at", "learned_at"), [told])
    bob = damage(driver, "bob", b"?")
    with reading(driver.kit.engine) as connection:
        shop = driver.shop()
        columns = drawing.features_of(connection, shop, [bob])
        now = microseconds(driver.now)
        table = features_export.features_table(connection, shop.number, EUR, now)
        theirs = export.export_customer(connection, driver.kit.sealer, shop, bob)
    assert columns["orders"].tolist() == [3]
    assert table.set_index("customer_id")["orders"]["bob"] == 3
    assert theirs["features"]["orders"] == 3
    assert learning.learn_once(driver.kit, driver.number) is not None
    assert record_of(driver, bob) == b"?"
