"""PostgreSQL: a definition changes while the drain asks everybody; nobody keeps the old one."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest
from sqlalchemy import Connection, update

from segmentation.constructed import Constructed, Declared
from tests.worker.driving import DAY, MINUTE, Driver, Houses
from tests.worker.test_rule_segments import inside
from worker import memberships, models, own_features
from worker.database import transaction
from worker.refolding import refold_all
from worker.shop import Shop


def declare(driver: Driver, factor: float) -> None:
    late = Constructed("late", "ratio", ("recency_days", "gap_days_mean"), factor)
    with transaction(driver.kit.engine) as connection:
        own_features.declare(connection, driver.number, Declared((late,)), 0, "a test")


def refold(driver: Driver) -> None:
    with transaction(driver.kit.engine) as connection:
        mine = models.orders.c.order_id == "o2"
        connection.execute(update(models.orders).where(mine).values(is_counted=False))
        refold_all(connection)


def edit(driver: Driver) -> None:
    driver.rule("late", "{own.late: {at_least: 9}}")


@pytest.mark.parametrize("asked_before", [False, True], ids=["a new rule", "asked again already"])
@pytest.mark.parametrize(
    "meanwhile",
    [lambda driver: declare(driver, 0.5), refold, edit],
    ids=["declare", "fold", "edit"],
)
@pytest.mark.invariant("I2")
def test_nobody_stays_as_a_definition_of_before_put_them(
    postgres_houses: Houses,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[Driver], None],
    *,
    asked_before: bool,
) -> None:
    with postgres_houses() as driver:
        declare(driver, 1.0)
        driver.tell(driver.order("o1", "ann"))
        driver.now += DAY
        driver.tell(driver.order("o2", "ann"))
        driver.now += 3 * DAY
        driver.rule("late", "{own.late: {at_least: 2}}")
        if asked_before:
            driver.drain()
            declare(driver, 1.1)
        real, overtaken = memberships.judge_everybody, list[list[str]]()

        def ask(connection: Connection, shop: Shop, cause: str, asked: Collection[str]) -> None:
            real(connection, shop, cause, asked)
            if asked and not overtaken:
                overtaken.append(list(asked))
                meanwhile(driver)

        monkeypatch.setattr(memberships, "judge_everybody", ask)
        driver.drain()
        driver.pass_time(MINUTE)
        assert overtaken == [["rule.late"]]
        assert inside(driver) == []
        (rule,) = driver.rows(models.rules, "version", "judged")
        assert rule.version == rule.judged
