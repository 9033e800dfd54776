"""What SQL rules out is a part of what the condition rules out."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, insert, select

from campaigns.conditions import ALWAYS, Condition, Every, Not, Test
from segmentation.record import DAY
from worker import models
from worker.narrowing import candidates

NOW = 1_000 * DAY


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        (ALWAYS, {1, 2, 3}),
        (Test("orders", "equals", 1.0), {1}),
        (Test("orders", "at_least", 2.0), {2, 3}),
        (Test("recency_days", "between", (10.0, 45.0)), {1, 2}),
        (Every((Test("orders", "more_than", 1.0), Test("recency_days", "less_than", 20.0))), {2}),
        (Test("monetary_value", "at_least", 5.0), {1, 2, 3}),
        (Not(Test("orders", "equals", 1.0)), {1, 2, 3}),
        (Test("orders", "in", (1.0,)), {1, 2, 3}),
    ],
)
def test_candidates(database: Engine, condition: Condition, left: set[int]) -> None:
    rows = [
        {"id": 1, "orders": 1, "last_order": NOW - 45 * DAY},
        {"id": 2, "orders": 2, "last_order": NOW - 10 * DAY},
        {"id": 3, "orders": 3, "last_order": NOW - 46 * DAY},
    ]
    with database.begin() as connection:
        connection.execute(insert(models.customers), [{"store": 1, **row} for row in rows])
        found = select(models.customers.c.id).where(*candidates(condition, NOW))
        assert set(connection.execute(found).scalars()) == left
