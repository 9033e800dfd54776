"""What segments look like: sizes, typical features, and how people came into them."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, func, select

from connectors.records import exponent
from segmentation import running
from segmentation.rules import STAGES
from worker import models
from worker.errors import ShoalError
from worker.shop import Shop

_SHOWN: Final = (
    "recency_days",
    "orders",
    "monetary_value",
    "average_order_value",
    "tenure_days",
    "gap_days_mean",
    "items_per_order",
    "distinct_products",
)
_MOST: Final = 20_000


class UnknownSegment(ShoalError):
    """No stage or group of that name."""

    exit_code = 2


def groups_of(connection: Connection, shop: Shop) -> list[dict[str, Any]]:
    """Every group of the model in force with its stage, name and number of customers."""
    people = models.customers.c
    sizes = {
        row.grouping: row.size
        for row in connection.execute(
            select(people.grouping, func.count().label("size"))
            .where(people.store == shop.number, people.orders > 0, people.merged_into.is_(None))
            .group_by(people.grouping)
        )
    }
    return [
        {
            "id": group.id,
            "stage": group.stage,
            "name": group.name,
            "customers": int(sizes.get(group.id, 0)),
        }
        for group in shop.model.groups
    ]


def about(connection: Connection, shop: Shop, segment: str) -> dict[str, Any]:
    """Size, medians of the main features and entries by cause of a stage or group.

    Raises
    ------
    UnknownSegment
        Naming the nearest one.
    """
    names = (*STAGES, *(group.id for group in shop.model.groups))
    if segment not in names:
        near = get_close_matches(segment, names, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        message = f"segment {segment!r}: expected one of {', '.join(names)}{hint}"
        raise UnknownSegment(message)
    people, moves = models.customers.c, models.segment_changes.c
    member = (people.segment == segment) | (people.grouping == segment)
    of_store = (people.store == shop.number) & people.merged_into.is_(None)
    rows = connection.execute(select(people.record).where(of_store, member).limit(_MOST)).all()
    entered = connection.execute(
        select(moves.cause, func.count())
        .where(
            moves.store == shop.number,
            (moves.segment_after == segment) | (moves.group_after == segment),
        )
        .group_by(moves.cause)
    )
    return {
        "id": segment,
        "customers": len(rows),
        "medians": _medians(shop, [bytes(row.record) for row in rows]),
        "entered": {str(cause): int(number) for cause, number in entered},
    }


def _medians(shop: Shop, packed: list[bytes]) -> dict[str, float]:
    if not packed:
        return {}
    columns = running.derive(
        running.unpack(packed),
        shop.now,
        currency_exponent=exponent(shop.currency),
        names=_SHOWN,
    )
    known = {name: column[~np.isnan(column)] for name, column in columns.items()}
    return {name: float(np.median(column)) for name, column in known.items() if len(column)}
