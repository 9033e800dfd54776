"""One customer for people: features, segment, and the way there."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from connectors.events import moment
from connectors.records import exponent
from segmentation import running
from segmentation.explain import explain
from segmentation.features import BY_NAME
from segmentation.model import group_indices
from worker import models
from worker.explaining import snapshot
from worker.shop import Shop


def card(connection: Connection, shop: Shop, customer: int) -> dict[str, Any]:
    """Ids, segment and every known feature (times as ISO text apart)."""
    batch = snapshot(connection, shop, [customer])
    person = batch.roster.people[0]
    columns = running.derive(
        batch.roster.records, shop.now, currency_exponent=exponent(shop.currency)
    )
    known = {name: float(column[0]) for name, column in columns.items() if not np.isnan(column[0])}
    return {
        "customer": customer,
        "customer_id": person.platform_id,
        "segment": person.segment,
        "group": person.grouping,
        "consents": person.consents,
        "times": {
            name: moment(int(value)).isoformat()
            for name, value in known.items()
            if BY_NAME[name].unit == "time"
        },
        "features": {name: value for name, value in known.items() if BY_NAME[name].unit != "time"},
    }


def why(connection: Connection, shop: Shop, customer: int) -> dict[str, Any]:
    """Sentences on the present segment, and every recorded change with its cause."""
    batch = snapshot(connection, shop, [customer])
    columns = running.derive(
        batch.roster.records, shop.now, currency_exponent=exponent(shop.currency)
    )
    group = int(group_indices(shop.model, [batch.roster.people[0].grouping])[0])
    found = explain(shop.model, columns, group)
    moves = models.segment_changes
    rows = connection.execute(
        select(moves).where(moves.c.customer == customer).order_by(moves.c.number)
    ).all()
    return {
        "customer": customer,
        "segment": batch.roster.people[0].segment,
        "group": found.name,
        "reasons": list(found.reasons),
        "is_held": found.is_held,
        "changes": [
            {
                "at": moment(row.at).isoformat(timespec="seconds"),
                "from": row.group_before or "-",
                "to": row.group_after or "-",
                "cause": row.cause,
                "model": row.model,
            }
            for row in rows
        ],
    }
