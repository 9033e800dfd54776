"""How good and how stable incremental segments are, week by week on a real purchase log.

The log is replayed as events into an empty database; models are learned on the way, as in a shop.
Learning falls on the day on which a week ends.
In each of the last 26 weeks the published labels (after hysteresis) are judged: squared error to
the assigned centre over the best error that scikit-learn's KMeans finds on the same standardised
matrix (five fits of ten starts), and adjusted Rand index to the week before. ``plain`` is the same
error, to the labels' own means, on the matrix that scikit-learn's StandardScaler makes of the
logarithms of that week. ``rivals`` are weekly refreshes by scikit-learn alone on that matrix.
``drift`` is the same log with order rate and basket doubled for half of the customers from week 13
of the 26 on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler
from sqlalchemy import Connection, func, select

from benchmarks import logs
from benchmarks.installation import database_name, fresh_installation
from benchmarks.segment_rivals import Snapshot, rivals, squared_error
from connectors.events import microseconds
from connectors.records import exponent
from segmentation import running
from segmentation.features import signed_log
from segmentation.model import SegmentModel, from_json, group_indices, standardised
from segmentation.recipe import FEATURES
from worker import bulk, models
from worker.database import reading, transaction
from worker.order_files import Log, order_events
from worker.replay import Target, hands_on, play, target_of, tick
from worker.runtime import Kit
from worker.shop import model_in_force
from worker.stores import NewStore, add_store

WEEKS: Final = 26
DAYS: Final = 7
DRIFT_WEEK: Final = 13
STORE: Final = "bench"


@dataclass(frozen=True)
class Week:
    """One week: customers' ids, their groups' ids, the error ratio, the model's version."""

    ids: list[int]
    groups: list[str]
    ratio: float
    version: int
    seen: Snapshot


def sales(log: Log) -> Log:
    """The protocol's lines: no cancellations and, where a line has its own product, no gifts."""
    lines = log.lines
    is_sale = ~lines["order"].str.startswith("C")
    if "quantity" in lines:
        is_sale &= lines["quantity"] > 0
    return replace(log, lines=lines[is_sale].reset_index(drop=True))


def measure(log: Log) -> tuple[dict[str, Any], list[Week]]:
    """The figures of one log, and its weeks."""
    with fresh_installation() as kit:
        target = _store(kit)
        weeks = _weeks(hands_on(kit), target, log)
        return _figures(kit, target, weeks) | {"database": database_name(kit)}, weeks


def _store(kit: Kit) -> Target:
    new = NewStore(id=STORE, platform="sandbox", url="", currency="GBP", clock="log")
    with transaction(kit.engine) as connection:
        add_store(connection, kit.sealer, new, microseconds(kit.clock()))
        return target_of(connection, STORE)


def _weeks(kit: Kit, target: Target, log: Log) -> list[Week]:
    events = order_events(log, STORE, "GBP", kit.clock())
    end = (log.lines["time"].max().normalize() + pd.Timedelta(days=1)).to_pydatetime()
    _learn_at(kit, target, microseconds(end), microseconds(events[0].at))
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


def _learn_at(kit: Kit, target: Target, end: int, first: int) -> None:
    """Let learning fall on the day of the week on which the weeks are judged."""
    week = timedelta(weeks=1) // timedelta(microseconds=1)
    before = end - -(-(end - first) // week) * week
    row = (target.number, before, before)
    with transaction(kit.engine) as connection:
        columns = ("store", "wanted_at", "learned_at")
        bulk.upsert(connection, models.learning, columns, [row])


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
    ids = [row.id for row in rows]
    return Week(ids, groups, ratio, model.version, _snapshot(ids, columns))


def _snapshot(ids: list[int], columns: dict[str, Any]) -> Snapshot:
    known = [np.nan_to_num(columns[name]) for name in FEATURES]
    features = signed_log(np.column_stack(known))
    varied = features[:, features.std(axis=0) > 0]
    return Snapshot(np.array(ids), varied, columns["recency_days"] < DAYS)


def plain_ratio(week: Week) -> float:
    """Error of the labels to their own means over the best there, each feature scaled to 1."""
    points = StandardScaler().fit_transform(week.seen.features)
    labels = np.unique(week.groups, return_inverse=True)[1]
    best = KMeans(len(set(week.groups)), n_init=10, random_state=0).fit(points)
    return squared_error(points, labels) / float(best.inertia_)


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
        refits = _refits(connection, target, first_version)
    ratios = [week.ratio for week in weeks[1:]]
    customers = float(np.mean([len(week.ids) for week in weeks[1:]]))
    return {
        "customers": len(weeks[-1].ids),
        "error_ratio_mean": float(np.mean(ratios)),
        "error_ratio_worst": float(np.max(ratios)),
        "ari_mean": float(np.mean([one for one, _ in pairs])),
        "ari_min": float(np.min([one for one, _ in pairs])),
        "ids_moved_mean": float(np.mean([moved for _, moved in pairs])),
        "versions_published": int(rows[0]),
        "refits": int(refits),
        "customers_read_per_pass_mean": float(rows[1]),
        "customers_read_per_pass_share": float(rows[1]) / customers,
    }


def _refits(connection: Connection, target: Target, first: int) -> int:
    """How many versions of the window found groups anew."""
    versions = models.models.c
    bodies = connection.execute(
        select(versions.body).where(
            versions.store == target.number, versions.kind == "segments", versions.version > first
        )
    ).scalars()
    return sum(model.scaled_at == model.version for model in map(from_json, bodies))


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


def without(log: Log, quarter: int) -> Log:
    """The log without a quarter of its customers, the ``quarter``-th of four, drawn by their id."""
    lines = log.lines
    drawn = lines["customer"].map(lambda one: crc32(f"part {one}".encode()) % 4)
    return replace(log, lines=lines[drawn != quarter].reset_index(drop=True))


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="kept for symmetry: always JSON")
    parser.add_argument("--data", type=Path, default=logs.DEFAULT)
    parser.add_argument("--map", default="", help="columns of another log, as for shoal replay")
    parser.add_argument(
        "--without", type=int, choices=range(4), help="leave out this quarter of the customers"
    )
    given = parser.parse_args()
    read, source = logs.read(given.data, given.map)
    log = sales(read) if given.without is None else without(sales(read), given.without)
    found, weeks = measure(log)
    plain = [plain_ratio(week) for week in weeks[1:]]
    beside = {
        "plain_error_ratio_mean": float(np.mean(plain)),
        "rivals": rivals([week.seen for week in weeks]),
        "drift": measure(drifted(log))[0],
    }
    print(json.dumps({"log": source.name} | found | beside))


if __name__ == "__main__":
    main()
