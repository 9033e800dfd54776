"""PostgreSQL: what others write while the drain is at work; nobody is left as they were before."""

from __future__ import annotations

from collections.abc import Callable, Collection
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import Connection

from segmentation.constructed import Constructed, Declared
from tests.worker.driving import DAY, MINUTE, Driver, Houses
from tests.worker.test_rule_segments import inside
from worker import memberships, models, own_features, refolding
from worker.database import transaction
from worker.shop import Shop


def declare(driver: Driver, factor: float) -> None:
    late = Constructed("late", "ratio", ("recency_days", "gap_days_mean"), factor)
    with transaction(driver.kit.engine) as connection:
        own_features.declare(connection, driver.number, Declared((late,)), 0, "a test")


def edit(driver: Driver) -> None:
    driver.rule("late", "{own.late: {at_least: 9}}")


@pytest.mark.invariant("I2")
def test_what_a_drain_would_commit_amid_a_refold_is_not_lost(
    postgres_houses: Houses, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres_houses() as driver:
        driver.tell(driver.order("o1", "ann"))
        driver.append(driver.order("o2", "ann"))
        drain, real = Thread(target=driver.drain), refolding._write  # noqa: SLF001 - to come between

        def write(*told: Any) -> None:
            drain.start()
            drain.join(0.5)
            real(*told)

        monkeypatch.setattr(refolding, "_write", write)
        with transaction(driver.kit.engine) as connection:
            refolding.refold_all(connection)
        drain.join()
        assert driver.feature(driver.customer("customer_id", "ann"), "orders") == 2


@pytest.mark.parametrize("asked_before", [False, True], ids=["a new rule", "asked again already"])
@pytest.mark.parametrize(
    "meanwhile", [lambda driver: declare(driver, 0.5), edit], ids=["declare", "edit"]
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
