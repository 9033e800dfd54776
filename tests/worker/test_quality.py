"""Scores, what is held and how complete fields are, and who says so."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from connectors.events import Event, microseconds
from connectors.records import Customer, Order
from tests.worker.driving import DAY, Driver, Houses
from worker.database import reading
from worker.quality import completeness, days_of, held, held_ids, low_stores, scores
from worker.quality_release import NoHeldEvent, release
from worker.troubles import troubles
from worker.web.counters import make_counters
from worker.web.metrics import metrics_text
from worker.web.status_queries import status


def as_tests(driver: Driver, count: int, first: int = 0) -> list[Event]:
    """Orders that their platform declares tests."""
    found = []
    for number in range(first, first + count):
        event = driver.order(f"t{number}", "tia")
        assert isinstance(event.body, Order)
        body = msgspec.structs.replace(event.body, is_test=True)
        found.append(msgspec.structs.replace(event, body=body))
    return found


def orders(driver: Driver, count: int, first: int = 0) -> list[Event]:
    return [driver.order(f"o{number}", "ann") for number in range(first, first + count)]


def test_each_day_has_its_score_by_reason(driver: Driver) -> None:
    driver.tell(*orders(driver, 3), *as_tests(driver, 1))
    driver.now += DAY
    driver.tell(*orders(driver, 2, 3))
    shop = driver.shop()
    with reading(driver.kit.engine) as connection:
        found = scores(connection, shop, 30)
        last = scores(connection, shop, 1)
        holds = held(connection, shop.id)
        ids = held_ids(connection, shop.id, "test_order", 5)
    assert [(one.day, one.passed, one.failed) for one in found] == [
        ("2026-03-03", 2, {}),
        ("2026-03-02", 3, {"test_order": 1}),
    ]
    assert [one.score for one in found] == [1.0, 0.75]
    assert [one.day for one in last] == ["2026-03-03"]
    assert [(one.reason, one.events) for one in holds] == [("test_order", 1)]
    assert [one[1] for one in ids] == ["test_order"]


def test_one_event_can_be_released_by_its_id(houses: Houses) -> None:
    with houses() as driver:
        driver.tell(*as_tests(driver, 3))
        with reading(driver.kit.engine) as connection:
            chosen = held_ids(connection, driver.id, "", 9)[1][0]
        assert release(driver.kit, driver.id, ids=[chosen]).released == 1
        assert release(driver.kit, driver.id, "bot_burst").released == 0
        driver.drain()
        assert release(driver.kit, driver.id, ids=[chosen]).released == 1
        driver.drain()
        assert (driver.tally("applied"), driver.tally("duplicates")) == (1, 1)
        with reading(driver.kit.engine) as connection:
            assert [one.events for one in held(connection, driver.id)] == [2]
        with pytest.raises(NoHeldEvent, match="expected an id"):
            release(driver.kit, driver.id, ids=["what"])


def test_the_days_of_a_replayed_log_are_its_own() -> None:
    counts = {
        ("quality", "2011-01-02|passed"): 4,
        ("quality", "2011-01-02|bot_burst"): 1,
        ("quality", "2011-01-01|passed"): 2,
        ("applied", ""): 7,
    }
    assert [(one.day, one.score) for one in days_of(counts)] == [
        ("2011-01-02", 0.8),
        ("2011-01-01", 1.0),
    ]


def test_a_bad_day_is_told_everywhere_and_a_few_events_are_no_day(driver: Driver) -> None:
    wall = microseconds(driver.now)
    driver.tell(*orders(driver, 15), *as_tests(driver, 4))
    with reading(driver.kit.engine) as connection:
        assert list(low_stores(connection, wall, 95)) == []
    driver.tell(*as_tests(driver, 1, 4))
    with reading(driver.kit.engine) as connection:
        found = troubles(connection, driver.kit.redis, driver.kit.settings, wall)
        assert list(low_stores(connection, wall, 75)) == []
    (bad,) = [one for one in found if one.kind == "quality"]
    assert bad.said == "75.0% of today's 20 events passed the gate (5 test_order)"
    told = status(driver.kit)
    (shop,) = told.stores
    assert (shop.quality, shop.held, shop.dead_letters) == (0.75, {"test_order": 5}, 0)
    assert any("quality show" in line for line in shop.trouble)
    text = metrics_text(make_counters(), told).decode()
    assert "shoal_quality_score 0.75" in text
    assert 'shoal_held_events{reason="test_order"} 5.0' in text


def test_a_threshold_of_nothing_says_nothing(houses: Houses) -> None:
    with houses() as driver:
        quiet = replace(driver.kit.settings, quality_least=0)
        driver.kit = replace(driver.kit, settings=quiet)
        driver.tell(*as_tests(driver, 30))
        assert not any("quality" in line for line in status(driver.kit).stores[0].trouble)


def test_completeness_counts_known_customers_field_by_field(houses: Houses) -> None:
    with houses() as driver:
        for name, said in (("a", {"gender": "female", "size": "L"}), ("b", {"region": "DE-BY"})):
            body = Customer(name, driver.now, said)  # type: ignore[arg-type]  # words are what they are
            driver.tell(driver.fact(body, ("customer_id", name)))
        driver.tell(driver.touch("page_viewed", ("anonymous_id", "v")), driver.order("o1", "c"))
        shop = driver.shop()
        with reading(driver.kit.engine) as connection:
            customers, fields = completeness(connection, shop)
    assert customers == 3
    found = {one.field: one.customers for one in fields}
    assert {name: count for name, count in found.items() if count} == {
        "gender": 1,
        "size": 1,
        "region": 1,
    }
    assert found["birth_year"] == 0
