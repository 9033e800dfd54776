"""The facts that a campaign's conditions and limits read, for everybody in a batch's roster."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Table, func, select

from campaigns.campaign import Campaign
from campaigns.conditions import needed_history
from campaigns.decisions import needed_for_decisions
from campaigns.facts import MEMBERSHIPS, OWN, Column, Facts, history_column
from connectors.records import exponent
from segmentation import running
from segmentation.constructed import used
from segmentation.deriving import derived
from segmentation.features import BY_NAME
from worker import bulk, models
from worker.batch import Batch
from worker.entries import memberships_of
from worker.own_features import declared_features
from worker.unreadable import said_by_all

AT_ONCE: Final = 10_000  # customers of one statement: both databases bound its variables
_DAY: Final = timedelta(days=1) // timedelta(microseconds=1)


def facts_for(
    connection: Connection, batch: Batch, campaign: Campaign, customers: Sequence[int]
) -> Facts:
    """Columns by name, one row a customer of the roster, as :mod:`campaigns.facts` describes.

    ``customers`` are the woken ones: only theirs is read of the event log.
    """
    columns = dict(known_columns(connection, batch, needed_for_decisions(campaign)))
    for event, days in sorted(needed_history(campaign.condition)):
        columns[history_column(event, days)] = _history(connection, batch, event, days, customers)
    return Facts(len(batch.roster.people), columns)


def known_columns(
    connection: Connection, batch: Batch, needed: Collection[str]
) -> Mapping[str, Column]:
    """The columns of these names over the roster that are features or known of the person."""
    known = batch.columns_seen
    features = [name for name in sorted(set(needed) - known.keys()) if name in BY_NAME]
    if features:
        places = exponent(batch.shop.currency)
        known |= running.derive(
            batch.roster.records, batch.now, currency_exponent=places, names=features
        )
    own = [name for name in sorted(set(needed) - known.keys()) if OWN.fullmatch(name)]
    if own:
        known |= _own(connection, batch, own)
    for name in sorted(set(needed) - known.keys()):
        column = _memberships(connection, batch) if name == MEMBERSHIPS else _of_person(batch, name)
        if column is not None:
            known[name] = column
    return known


def _own(connection: Connection, batch: Batch, facts: Sequence[str]) -> Mapping[str, Column]:
    """Features of the store's own as they are declared now; unknown where they no longer are."""
    declared = declared_features(connection, batch.shop.number)
    chosen = used(declared, [fact.partition(".")[2] for fact in facts])
    names = [one.name for one in chosen]
    places, now = exponent(batch.shop.currency), batch.now
    found = derived(batch.roster.records, now, chosen, currency_exponent=places, names=names)
    nothing = np.full(len(batch.roster.people), np.nan)
    return {fact: found.get(fact.partition(".")[2], nothing) for fact in facts}


def _memberships(connection: Connection, batch: Batch) -> NDArray[Any]:
    """The rule segments that everybody is in; a store without rules is not asked."""
    people = batch.roster.people
    inside: Mapping[int, Sequence[str]] = {}
    if batch.shop.rules:
        inside = memberships_of(connection, [person.id for person in people])
    told = (tuple(inside.get(person.id, ())) for person in people)
    return np.fromiter(told, object, len(people))


_TEXTS: Final = {"segment": "segment", "group": "grouping", "time_zone": "time_zone"}


def _of_person(batch: Batch, name: str) -> NDArray[Any] | None:
    people = batch.roster.people
    if name in _TEXTS:
        return np.array([getattr(one, _TEXTS[name]) for one in people], object)
    if name == "is_suppressed":
        return np.array([one.is_suppressed for one in people], np.float64)
    kind, _, field = name.partition(".")
    if kind == "consent":
        said = [one.get(field) for one in said_by_all(batch, "consents")]
        return np.array([np.nan if one is None else float(bool(one)) for one in said], np.float64)
    if kind == "attribute":
        return _attribute([one.get(field) for one in said_by_all(batch, "attributes")])
    return None


def _attribute(values: Sequence[object]) -> NDArray[Any]:
    """Numbers and yes/no as float64 (NaN unknown); as objects where one is a text ("" unknown).

    A number stays one beside texts, so that nobody's answer hangs on who else is in the batch.
    """
    if all(value is None or isinstance(value, int | float) for value in values):
        return np.array([np.nan if one is None else _number(one) for one in values], np.float64)  # type: ignore[arg-type]  # all() has looked
    return np.array([_attribute_value(one) for one in values], object)


def _number(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        # JSON knows whole numbers of any length.
        return math.inf if value > 0 else -math.inf


def _attribute_value(value: object) -> float | str:
    if isinstance(value, int | float):
        return _number(value)
    return "" if value is None else str(value)


def _history(
    connection: Connection, batch: Batch, event: str, days: int, customers: Sequence[int]
) -> NDArray[np.float64]:
    """How many times each woken customer did something within so many days before now."""
    since = batch.now - days * _DAY
    counts = np.zeros(len(batch.roster.people))
    stands_for = standing_for(connection, batch, customers)
    table, chosen = log_of(event)
    who, is_inside = table.c.customer, (table.c.at >= since) & (table.c.at <= batch.now) & chosen
    ids = sorted(stands_for)
    for start in range(0, len(ids), AT_ONCE):
        wanted = who.in_(ids[start : start + AT_ONCE]) & is_inside
        for customer, count in connection.execute(
            select(who, func.count()).where(wanted).group_by(who)
        ):
            counts[batch.roster.row[stands_for[customer]]] += count
    return counts


def log_of(event: str) -> tuple[Table, ColumnElement[bool]]:
    """The table in which a type of event is counted, and which of its rows."""
    if event == "order_completed":
        return models.orders, models.orders.c.is_counted.is_(True)
    return models.events, models.events.c.type == event


def standing_for(connection: Connection, batch: Batch, customers: Sequence[int]) -> dict[int, int]:
    """Every id under which the log may know these customers, with the one they have now."""
    pointers = bulk.select_keys(
        connection,
        models.customers,
        ("id", "merged_into"),
        "merged_into",
        sorted(set(customers)),
    )
    now = {int(one): int(into) for one, into in pointers} | {
        customer: customer for customer in customers
    }
    final = batch.directory.final
    return now | {one: final(one) for one in batch.directory.merged if final(one) in now}
