"""What belonging to a group says about the next 90 days, beside groups by recency-frequency-money.

The log is replayed as events into an empty database up to 90 days before its end. Then the groups
that Shoal learns are held against what happened afterwards: the share of the variance, over
customers, of later spend and of later orders that lies between groups (η², Fisher's correlation
ratio). RFM cuts recency, orders and money at their tertiles (27 cells; Hughes, 1994); Shoal learns
as many groups as there are cells with somebody in them. RFM at quintiles has many more cells, and
is printed with its number; the best of five full K-means fits, and Ward, see the same features.
"""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.cluster import AgglomerativeClustering, KMeans
from sqlalchemy import select

from benchmarks import logs
from benchmarks.installation import database_name, fresh_installation
from benchmarks.machine import say
from connectors.events import microseconds
from connectors.records import exponent
from segmentation import clustering, running
from segmentation.model import assign, standardised
from segmentation.rules import Columns, Floats, Indices
from worker import models
from worker.database import reading, transaction
from worker.order_files import Log, order_events
from worker.replay import Target, play, target_of, tick
from worker.runtime import Kit
from worker.stores import NewStore, add_store

STORE: Final = "bench"
AHEAD: Final = pd.Timedelta(days=90)
_SEEDS: Final = 5
_WARD_MOST: Final = 10_000  # customers; its cost is quadratic


def measure(log: Log, source: logs.Source) -> dict[str, Any]:
    """The figures of one log."""
    end = log.lines["time"].max().normalize() + pd.Timedelta(days=1)
    cut = (end - AHEAD).to_pydatetime()
    with fresh_installation() as kit:
        target = _replayed(kit, log, source, cut)
        ids, columns = _customers(kit, target, cut, source.currency)
        database = database_name(kit)
    spend, orders = _afterwards(log, ids, cut)
    cells = rfm(columns, 3)
    k = len(np.unique(cells))
    groupings = _groupings(columns, k, cut)
    every = groupings | {"rfm_3": cells, "rfm_5": rfm(columns, 5)}
    figures = {
        name: {
            "groups": len(np.unique(labels)),
            "eta2_spend": explained(spend, labels),
            "eta2_purchase": explained(orders, labels),
        }
        for name, labels in every.items()
    }
    ours, theirs = figures.pop("shoal"), figures["rfm_3"]
    return {
        "log": source.name,
        "database": database,
        "customers": len(ids),
        **ours,
        "ratio_spend": ours["eta2_spend"] / theirs["eta2_spend"],
        "ratio_purchase": ours["eta2_purchase"] / theirs["eta2_purchase"],
        "baselines": figures,
    }


def _replayed(kit: Kit, log: Log, source: logs.Source, cut: datetime) -> Target:
    new = NewStore(id=STORE, platform="sandbox", url="", currency=source.currency, clock="log")
    with transaction(kit.engine) as connection:
        add_store(connection, kit.sealer, new, microseconds(kit.clock()))
        target = target_of(connection, STORE)
    every = order_events(log, STORE, source.currency, kit.clock())
    events = [event for event in every if event.at < cut]
    say(f"replaying {len(events):,} events")
    play(kit, target, events)
    tick(kit, target, microseconds(cut))
    return target


def _customers(kit: Kit, target: Target, cut: datetime, currency: str) -> tuple[list[str], Columns]:
    """The log's ids of everybody with an order, and their features at the cut."""
    people = models.customers.c
    with reading(kit.engine) as connection:
        rows = connection.execute(
            select(people.platform_id, people.record)
            .where(people.store == target.number, people.orders > 0)
            .order_by(people.id)
        ).all()
    records = running.unpack([bytes(row.record) for row in rows])
    digits = exponent(currency)
    columns = running.derive(records, microseconds(cut), currency_exponent=digits)
    return [str(row.platform_id) for row in rows], columns


def _afterwards(log: Log, ids: list[str], cut: datetime) -> tuple[Floats, Floats]:
    """Spend and orders of each customer in the days after the cut; returns are left out."""
    lines = log.lines
    is_sale = (lines["quantity"] > 0) & (lines["price"] > 0)
    later = lines[is_sale & (lines["time"] >= cut)]
    later = later.assign(value=later["quantity"] * later["price"])
    by = later.groupby("customer")
    spend = by["value"].sum().reindex(ids).fillna(0.0)
    orders = by["order"].nunique().reindex(ids).fillna(0.0)
    return np.asarray(spend, np.float64), np.asarray(orders, np.float64)


def rfm(columns: Columns, parts: int) -> Indices:
    """Cells of recency, orders and money, each cut into parts of equal size by rank."""
    cells = np.zeros(len(columns["orders"]), np.int64)
    for name, sign in (("recency_days", -1), ("orders", 1), ("monetary_value", 1)):
        ranks = pd.Series(sign * columns[name]).rank(method="first")
        cells = cells * parts + pd.qcut(ranks, parts, labels=False).to_numpy(np.int64)
    return cells


def explained(values: Floats, labels: Indices) -> float:
    """η²: the variance between groups over all variance."""
    _, group = np.unique(labels, return_inverse=True)
    means = np.bincount(group, values) / np.bincount(group)
    between = ((means[group] - values.mean()) ** 2).sum()
    return float(between / ((values - values.mean()) ** 2).sum())


def _groupings(columns: Columns, k: int, cut: datetime) -> dict[str, Indices]:
    """Labels by what found them."""
    recipe = clustering.Recipe(k=k)
    model = clustering.learn(columns, None, now=cut, recipe=recipe)
    points = standardised(model, columns)
    fits = [KMeans(k, n_init=10, random_state=seed).fit(points) for seed in range(_SEEDS)]
    best = min(fits, key=lambda fit: float(fit.inertia_))
    found = {"shoal": assign(model, columns), "kmeans_best": best.labels_.astype(np.int64)}
    if len(points) <= _WARD_MOST:
        found["ward"] = AgglomerativeClustering(k).fit_predict(points).astype(np.int64)
    return found


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="kept for symmetry: always JSON")
    parser.add_argument("--data", type=Path, default=logs.DEFAULT)
    parser.add_argument("--map", default="", help="columns of a file that is none of the three")
    given = parser.parse_args()
    print(json.dumps(measure(*logs.read(given.data, given.map))))


if __name__ == "__main__":
    main()
