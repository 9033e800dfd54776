"""A store's versions of its segments: what there were, back to one of them, and groups anew.

Every version is a row of its own that nothing changes. Going back publishes the old content once
more, as the newest version; the drain then moves people silently, as after any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from connectors.events import microseconds, moment
from connectors.records import exponent
from segmentation import running, stability
from segmentation.constructed import completed
from segmentation.drift import Drift, sentences
from segmentation.errors import IncompatibleModel
from segmentation.model import (
    Group,
    SegmentModel,
    assign,
    from_json,
    group_indices,
    to_json,
)
from segmentation.recipe import promoted
from segmentation.rules import Columns
from segmentation.wording import ENGLISH, Words
from worker import bulk, models
from worker.database import reading, transaction
from worker.doors import door_of
from worker.errors import ServiceUnreachable, ShoalError
from worker.learning import EVERYBODY, SAMPLE, announce, read_records, recipe_of, sample
from worker.learning_report import drift_now, report, version_of
from worker.loading import without_pandas
from worker.own_features import declared_features, learned_from
from worker.runtime import Kit
from worker.shop import Shop, model_in_force
from worker.surrogates import learn_tree

HOLD = timedelta(days=28)
"""How long learning leaves a version in force that an owner went back to."""


class UnknownVersion(ShoalError):
    """No version of that number, or none that can go into force."""

    exit_code = 2


def versions(connection: Connection, shop: Shop) -> list[dict[str, Any]]:
    """Every version, the newest first: what it is, who made it, and whether it is in force."""
    columns = models.models.c
    rows = connection.execute(
        select(columns.version, columns.body, columns.published_at, columns.report)
        .add_columns(columns.customers_read)
        .where(columns.store == shop.number, columns.kind == "segments")
        .order_by(columns.version.desc())
    ).all()
    return [
        {
            "version": row.version,
            "is_in_force": row.version == shop.model.version,
            "published_at": moment(row.published_at).isoformat(timespec="seconds"),
            "customers_read": row.customers_read,
            **_content(str(row.body)),
            **_told(str(row.report)),
        }
        for row in rows
    ]


def _content(body: str) -> dict[str, Any]:
    try:
        model = from_json(body)
    except IncompatibleModel:
        return {"kind": "unreadable", "groups": 0, "found_in": 0, "held_until": None}
    held = model.held_until
    return {
        "kind": model.candidate or model.kind,
        "groups": len(model.groups),
        "found_in": model.scaled_at,
        "held_until": held.isoformat(timespec="seconds") if held else None,
    }


def _told(text: str) -> dict[str, Any]:
    told = msgspec.json.decode(text)
    moved = told.get("moved", {})
    return {"by": told.get("by", ""), "moved": moved.get("moved"), "of": moved.get("customers")}


def told_drift(connection: Connection, shop: Shop, words: Words = ENGLISH) -> dict[str, Any]:
    """How far the shop has moved away from the version in force; without an ageing pass nothing."""
    found: Drift | None = drift_now(connection, shop.number, shop.model)
    model = shop.model
    said: tuple[str, ...] = (words.say("no ageing pass under this version is complete yet"),)
    if model.kind == "rules":
        said = (words.say("only learned groups drift"),)
    elif found:
        said = sentences(found, words)
    return {
        "model": model.version,
        "found_in": model.scaled_at,
        "looked_at": model.looked_at,
        "settled_at": model.settled_at,
        "held_until": model.held_until,
        "drift": found,
        "sentences": said,
    }


def rolled_back(
    connection: Connection, shop: Shop, version: int, hold: timedelta
) -> tuple[SegmentModel, str]:
    """An earlier version as the next one, and the report of what it changes, as JSON.

    Raises
    ------
    UnknownVersion
        Naming the versions that there are.
    """
    chosen = version_of(connection, shop.number, version)
    if chosen is None or version == shop.model.version:
        there = [row["version"] for row in versions(connection, shop)]
        message = (
            f"version {version}: expected one from {min(there, default=0)} to "
            f"{max(there, default=0)}, as `shoal segments versions` lists them, and not "
            f"{shop.model.version}, which is in force"
        )
        raise UnknownVersion(message)
    groups = tuple(_with_heirs(group, chosen, shop.model) for group in chosen.groups)
    held = moment(shop.now) + hold
    model = msgspec.structs.replace(
        chosen, version=shop.model.version + 1, groups=groups, held_until=held
    )
    return model, _moves(connection, shop, model, None, "rollback")


def _with_heirs(group: Group, chosen: SegmentModel, present: SegmentModel) -> Group:
    """The group, known also by the ids that its people have got since."""
    taken = {one.id for one in chosen.groups}
    since = [
        one.id
        for one in present.groups
        if group.id in one.formerly and one.id not in {*taken, *group.formerly}
    ]
    return msgspec.structs.replace(group, formerly=(*group.formerly, *since)) if since else group


def found_anew(kit: Kit, shop: Shop) -> tuple[SegmentModel, str, int]:
    """The best groups of now as the next version, its report as JSON, and who was read for it."""
    with reading(kit.engine) as connection:
        columns, _ = _read(connection, shop, EVERYBODY)
        own = declared_features(connection, shop.number)
        with without_pandas():
            from segmentation import clustering  # noqa: PLC0415 - loads scikit-learn
        found = clustering.refit(
            columns,
            shop.model,
            now=moment(shop.now),
            recipe=promoted(shop.model, learned_from(own, recipe_of(kit.settings))),
        )
        told = _moves(connection, shop, found.model, found.refit, "refit")
        return found.model, told, len(columns["orders"])


def can_refit(shop: Shop) -> bool:
    """Whether there are learned groups to find anew."""
    return shop.model.kind == "kmeans"


def _moves(
    connection: Connection,
    shop: Shop,
    model: SegmentModel,
    refit: msgspec.Struct | None,
    by: str,
) -> str:
    columns, groupings = _read(connection, shop, SAMPLE)
    before = group_indices(shop.model, groupings)
    after = assign(model, completed(columns, model.constructed), group_indices(model, groupings))
    moved = stability.report(shop.model, model, before, after)
    return report(moved, drift_now(connection, shop.number, shop.model), refit, by)


def _read(connection: Connection, shop: Shop, most: int) -> tuple[Columns, Sequence[str]]:
    rows = sample(connection, shop.number, seed=shop.model.version, most=most)
    records = read_records(connection, shop.number, rows)
    digits = exponent(shop.currency)
    columns = running.derive(records, shop.now, currency_exponent=digits)
    return columns, [str(row.grouping) for row in rows]


def publish(kit: Kit, shop: Shop, model: SegmentModel, told: str, read: int = 0) -> bool:
    """Publish the next version and tell the drain; whether it could be told.

    A drain that could not sees the version when it next commits for the store.

    Raises
    ------
    UnknownVersion
        If another version was published meanwhile.
    """
    names = ("store", "kind", "version", "body", "published_at", "customers_read", "report")
    row = (shop.number, "segments", model.version, to_json(model), _wall(kit), read, told)
    with transaction(kit.engine) as connection:
        in_force = model_in_force(connection, shop.number).version
        if in_force != shop.model.version:
            message = f"version {in_force} was published meanwhile: look at it and try again"
            raise UnknownVersion(message)
        bulk.insert_missing(connection, models.models, names, [row])
        door = door_of(connection, shop.number, _wall(kit))
    learn_tree(kit, shop)
    try:
        if door is not None:
            announce(kit, door, model.version)
    except ServiceUnreachable:
        return False
    return door is not None


def _wall(kit: Kit) -> int:
    now: datetime = kit.clock()
    return microseconds(now)
