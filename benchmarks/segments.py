"""How good and how stable incremental segments are, week by week on a real purchase log.

The log is replayed as events into an empty database; models are learned on the way, as in a shop.
In each of the last 26 weeks the published labels (after hysteresis) are judged: squared error to
the assigned centre over the best error that scikit-learn's KMeans finds on the same standardised
matrix (five fits of ten starts), and adjusted Rand index to the week before. ``drift`` is the same
log with order rate and basket doubled for half of the customers from week 13 of the 26 on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sqlalchemy import func, select

from benchmarks.installation import database_name, fresh_installation
from connectors.events import microseconds
from connectors.records import exponent
from segmentation import running
from segmentation.model import SegmentModel, group_indices, standardised
from worker import models
from worker.database import reading, transaction
from worker.order_files import Log, order_events, read_log, read_mapping
from worker.replay import Target, play, target_of, tick
from worker.runtime import Kit
from worker.shop import model_in_force
from worker.stores import NewStore, add_store

WEEKS: Final = 26
DRIFT_WEEK: Final = 13
STORE: Final = "bench"
DEFAULT: Final = Path(__file__).parents[1] / "examples" / "online_retail.csv.gz"
DEFAULT_MAP: Final = (
    "order=invoice,customer=customer_id,time=invoice_date,product=stock_code,quantity=quantity,"
    "price=price"
)


@dataclass(frozen=True)
class Week:
    """One week: customers' ids, their groups' ids, the error ratio, the model's version."""

    ids: list[int]
    groups: list[str]
    ratio: float
    version: int


def measure(log: Log) -> dict[str, Any]:
    """The figures of one log."""
    with fresh_installation() as kit:
        target = _store(kit)
        weeks = _weeks(kit, target, log)
        return _figures(kit, target, weeks) | {"database": database_name(kit)}


def _store(kit: Kit) -> Target:
    new = NewStore(id=STORE, platform="sandbox", url="", currency="GBP", clock="log")
    with transaction(kit.engine) as connection:
        add_store(connection, kit.sealer, new, microseconds(kit.clock()))
        return target_of(connection, STORE)


def _weeks(kit: Kit, target: Target, log: Log) -> list[Week]:
    events = order_events(log, STORE, "GBP", kit.clock())
    end = (log.lines["time"].max().normalize() + pd.Timedelta(days=1)).to_pydatetime()
    borders = [end - timedelta(weeks=weeks) for weeks in range(WEEKS, -1, -1)]
    weeks: list[Week] = []
    position = 0
    for border in borders:
        upto = next(
            (at for at in range(position, len(events)) if events[at].at >= border), len(events)
        )
        play(kit, target, events[position:upto])
        position = upto
        tick(kit, target, microseconds(border))
        weeks.append(_week(kit, target, microseconds(border)))
    return weeks


def _week(kit: Kit, target: Target, now: int) -> Week:
    people = models.customers.c
    with reading(kit.engine) as connection:
        model = model_in_force(connection, target.number)
        rows = connection.execute(
            select(people.id, people.grouping, people.record)
            .where(people.store == target.number, people.orders > 0)
            .order_by(people.id)
        ).all()
    records = running.unpack([bytes(row.record) for row in rows])
    columns = running.derive(records, now, currency_exponent=exponent("GBP"))
    groups = [str(row.grouping) for row in rows]
    ratio = _ratio(model, columns, groups)
    return Week([row.id for row in rows], groups, ratio, model.version)


def _ratio(model: SegmentModel, columns: dict[str, Any], groups: Sequence[str]) -> float:
    """Error to the assigned centres over the best that full-batch K-means finds."""
    points = standardised(model, columns)
    centres = np.array(model.centroids)[group_indices(model, groups)]
    error = float(((points - centres) ** 2).sum())
    fits = [
        KMeans(len(model.groups), n_init=10, random_state=seed).fit(points) for seed in range(5)
    ]
    return error / min(float(fit.inertia_) for fit in fits)


def _figures(kit: Kit, target: Target, weeks: Sequence[Week]) -> dict[str, Any]:
    first_version = weeks[0].version
    pairs = [_agreement(before, after) for before, after in pairwise(weeks)]
    versions = models.models.c
    with reading(kit.engine) as connection:
        rows = connection.execute(
            select(func.count(), func.avg(versions.customers_read)).where(
                versions.store == target.number,
                versions.kind == "segments",
                versions.version > first_version,
            )
        ).one()
    ratios = [week.ratio for week in weeks[1:]]
    return {
        "error_ratio_mean": float(np.mean(ratios)),
        "error_ratio_worst": float(np.max(ratios)),
        "ari_mean": float(np.mean([one for one, _ in pairs])),
        "ari_min": float(np.min([one for one, _ in pairs])),
        "ids_moved_mean": float(np.mean([moved for _, moved in pairs])),
        "versions_published": int(rows[0]),
        "customers_read_per_pass_mean": float(rows[1]),
    }


def _agreement(before: Week, after: Week) -> tuple[float, float]:
    """Adjusted Rand index, and share of lasting ids that differ, over those in both weeks."""
    was = dict(zip(before.ids, before.groups, strict=True))
    both = [
        (was[one], group) for one, group in zip(after.ids, after.groups, strict=True) if one in was
    ]
    then, now = [one for one, _ in both], [one for _, one in both]
    moved = float(np.mean([one != two for one, two in both]))
    return float(adjusted_rand_score(then, now)), moved


def drifted(log: Log) -> Log:
    """The log with order rate and basket doubled for half of the customers from week 13 on.

    Every order of theirs comes a second time 30 hours later, each with twice the pieces.
    """
    lines = log.lines
    end = lines["time"].max().normalize() + pd.Timedelta(days=1)
    start = end - pd.Timedelta(weeks=WEEKS - DRIFT_WEEK)
    half = lines["customer"].map(lambda one: crc32(str(one).encode()) % 2 == 0).astype(bool)
    chosen = half & (lines["time"] >= start)
    doubled = lines.copy()
    doubled.loc[chosen, "quantity"] *= 2
    again = doubled[chosen].copy()
    again["time"] += pd.Timedelta(hours=30)
    again = again[again["time"] < end]
    again["order"] += "-2"
    every = pd.concat([doubled, again]).sort_values("time", kind="stable").reset_index(drop=True)
    return replace(log, lines=every)


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="kept for symmetry: always JSON")
    parser.add_argument("--data", type=Path, default=DEFAULT)
    parser.add_argument("--map", default=DEFAULT_MAP)
    given = parser.parse_args()
    log = read_log(given.data, read_mapping(given.map), UTC)
    print(json.dumps(measure(log) | {"drift": measure(drifted(log))}))


if __name__ == "__main__":
    main()
