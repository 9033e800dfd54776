"""What a learning pass reports beside its version: who moves, what drifted, what a refit brings."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, distinct, func, select

from segmentation import drift, stability
from segmentation.drift import Drift
from segmentation.errors import IncompatibleModel
from segmentation.model import SegmentModel, from_json
from segmentation.sums import latest
from segmentation.wording import ENGLISH, Words
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
    """The report of a version as JSON; the sentences are for people, in English.

    Parameters
    ----------
    by
        Who made the version: ``learning``, ``refit`` (asked for) or ``rollback``.
    """
    told: dict[str, Any] = {"by": by, "moved": moved}
    if drifted is not None:
        told["drift"] = drifted
    if refit is not None:
        told["refit"] = refit
    kept = msgspec.json.decode(msgspec.json.encode(told), type=_Kept)
    told["sentences"] = _sentences(kept, ENGLISH)
    return msgspec.json.encode(told).decode()


class _Refit(msgspec.Struct):
    gain: float
    moves: float
    is_taken: bool = False
    is_comparable: bool = True


class _Kept(msgspec.Struct):
    moved: stability.Report
    drift: Drift | None = None
    refit: _Refit | None = None


def told(report: str, words: Words) -> dict[str, Any]:
    """A report of `report` as plain data, its sentences in a language."""
    found: dict[str, Any] = msgspec.json.decode(report)
    return found | {"sentences": _sentences(msgspec.json.decode(report, type=_Kept), words)}


def _sentences(kept: _Kept, words: Words) -> list[str]:
    said = [*stability.sentences(kept.moved, words)]
    if kept.drift is not None:
        # The last one says whether a refit may help, which a refit has no need to be told.
        said += drift.sentences(kept.drift, words)[: -1 if kept.refit is not None else None]
    if kept.refit is not None:
        said.append(_of_refit(kept.refit, words))
    return said


def _of_refit(refit: _Refit, words: Words) -> str:
    moves = f"{refit.moves:.0%}"
    if refit.is_comparable:
        change = words.say(
            "other groups lower the error by {gain} and move {moves} of the customers",
            gain=f"{max(refit.gain, 0.0):.1%}",
            moves=moves,
        )
    else:
        change = words.say(
            "groups learned from something else move {moves} of the customers", moves=moves
        )
    if refit.is_taken:
        return words.say("{change}: they were taken", change=change)
    return words.say("{change}: not taken (`shoal segments refit` takes them)", change=change)
