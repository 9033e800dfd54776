"""What a learning pass reports beside its version: who moves, what drifted, what a refit brings."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, distinct, func, select

from segmentation import drift, stability
from segmentation.errors import IncompatibleModel
from segmentation.model import SegmentModel, from_json
from segmentation.sums import latest
from worker import models
from worker.judging import kept_sums


def drift_now(connection: Connection, store: int, model: SegmentModel) -> drift.Drift | None:
    """What the last whole ageing pass says of the version in force; None before there is one."""
    if model.kind == "rules":
        return None
    its = latest(kept_sums(connection, store, model), model)
    if its is None:
        return None
    found = version_of(connection, store, model.scaled_at) or model
    moved = _moved(connection, store, model) / its.customers
    return drift.drift(model, found, its, min(moved, 1.0))


def version_of(connection: Connection, store: int, version: int) -> SegmentModel | None:
    """A published version of a store's segment model; None where there is none that can be read."""
    columns = models.models.c
    body = connection.execute(
        select(columns.body).where(
            columns.store == store, columns.kind == "segments", columns.version == version
        )
    ).scalar()
    try:
        return from_json(body) if body is not None else None
    except IncompatibleModel:
        return None


def _moved(connection: Connection, store: int, model: SegmentModel) -> int:
    moves = models.segment_changes.c
    by_themselves = moves.cause.in_(("event", "time"))
    query = select(func.count(distinct(moves.customer))).where(
        moves.store == store, moves.model == model.version, by_themselves
    )
    return int(connection.execute(query).scalar_one())


def report(
    moved: stability.Report, drifted: drift.Drift | None, refit: msgspec.Struct | None, by: str
) -> str:
    """The report of a version as JSON; the sentences are for people.

    Parameters
    ----------
    by
        Who made the version: ``learning``, ``refit`` (asked for) or ``rollback``.
    """
    told: dict[str, Any] = {"by": by, "moved": moved}
    said = [*stability.sentences(moved)]
    if drifted is not None:
        told["drift"] = drifted
        # The last one says whether a refit may help, which a refit has no need to be told.
        said += drift.sentences(drifted)[: -1 if refit is not None else None]
    if refit is not None:
        told["refit"] = refit
        said.append(_of_refit(msgspec.to_builtins(refit)))
    told["sentences"] = said
    return msgspec.json.encode(told).decode()


def _of_refit(refit: dict[str, Any]) -> str:
    change = (
        f"other groups lower the error by {max(refit['gain'], 0.0):.1%} "
        f"and move {refit['moves']:.0%} of the customers"
    )
    if not refit.get("is_comparable", True):
        change = f"groups learned from something else move {refit['moves']:.0%} of the customers"
    if refit["is_taken"]:
        return f"{change}: they were taken"
    return f"{change}: not taken (`shoal segments refit` takes them)"
