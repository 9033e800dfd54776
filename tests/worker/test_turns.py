"""The store's clock: which slice a tick ages, and when a next model is wanted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from connectors.events import microseconds
from tests.worker.driving import DAY, HOUR, START, Driver
from worker import models
from worker.database import transaction
from worker.turns import is_settling, slices, take_turn

NOW = microseconds(START)


def ask(driver: Driver, now: int) -> bool:
    settings = replace(driver.kit.settings, learn_every=timedelta(days=7))
    with transaction(driver.kit.engine) as connection:
        return take_turn(connection, settings, driver.shop(), now)


def wishes(driver: Driver) -> list[tuple[int, int]]:
    return [tuple(row) for row in driver.rows(models.learning, "wanted_at", "learned_at")]


def learned(driver: Driver, at: int) -> None:
    with transaction(driver.kit.engine) as connection:
        connection.execute(models.learning.update().values(learned_at=at))


def test_nothing_is_learned_from_nobody(driver: Driver) -> None:
    driver.tell(driver.touch("product_viewed", ("anonymous_id", "phone")))
    assert not ask(driver, NOW)
    assert wishes(driver) == []


def test_a_wish_is_written_down_and_stays_until_it_is_fulfilled(driver: Driver) -> None:
    driver.tell(driver.order("o1", "ann"))
    assert ask(driver, NOW)
    assert wishes(driver) == [(NOW, 0)]
    later = NOW + microseconds(START + HOUR) - NOW
    assert ask(driver, later)  # the message may have been lost
    assert wishes(driver) == [(NOW, 0)]


def test_after_a_model_the_next_is_wanted_when_its_time_has_passed(driver: Driver) -> None:
    driver.tell(driver.order("o1", "ann"))
    assert ask(driver, NOW)
    learned(driver, NOW)
    week = microseconds(START + 7 * DAY)
    assert not ask(driver, week - 1)
    assert wishes(driver) == [(NOW, NOW)]
    assert ask(driver, week)
    assert wishes(driver) == [(week, NOW)]


def test_small_leads_count_where_a_version_is_overdue(driver: Driver) -> None:
    driver.tell(driver.order("o1", "ann"))
    settings = replace(driver.kit.settings, learn_every=timedelta(days=7))
    shop, overdue = driver.shop(), microseconds(START + 8 * DAY)
    with transaction(driver.kit.engine) as connection:
        assert is_settling(connection, settings, shop, NOW)
    assert ask(driver, NOW)
    learned(driver, NOW)
    with transaction(driver.kit.engine) as connection:
        assert not is_settling(connection, settings, shop, overdue - 1)
        assert is_settling(connection, settings, shop, overdue)


def test_on_the_walls_time_each_tick_names_its_slice(driver: Driver) -> None:
    shop = driver.shop()
    ticks = [
        driver.touch("clock_ticked", source="shoal", slice=3, slices=60),
        driver.touch("clock_ticked", source="shoal"),
        driver.touch("clock_ticked", source="shoal", slice=0, slices=0),
    ]
    assert slices(shop, ticks) == [(3, 60), (0, 1), (0, 1)]


def test_on_a_logs_time_everybody_ages_once_a_day(driver: Driver) -> None:
    log = replace(driver.shop(), is_on_log_time=True, ticked_at=microseconds(START))
    later = driver.touch("clock_ticked", source="shoal", at=START + 3 * HOUR)
    midnight = driver.touch("clock_ticked", source="shoal", at=START + 12 * HOUR)
    assert slices(log, [later]) == []
    assert slices(log, [later, midnight]) == [None]
