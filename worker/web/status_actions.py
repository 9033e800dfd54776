"""What was pushed to stores of late, what waits, and how long it took. Reads by index only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, func, select

from campaigns.costs import money_text
from connectors.events import moment
from worker import models
from worker.claims import REASONS

STATES: Final = ("due", "sending", "done", "refused", "withdrawn", "unknown")
NEWEST: Final = 50
# Housekeeping is not shown; among so many of a state the newest for people are looked for.
_LOOKED_AT: Final = 500
_HOUSEKEEPING: Final = ("look_up", "revoke")
_MEASURED: Final = 500
_NAMED: Final = 2  # products of a recommendation
_actions: Final = models.actions.c


class ShownAction(msgspec.Struct, frozen=True):
    """One action as people read it. ``customer`` is our id, ``platform_id`` the store's.

    ``occasion`` tells which of them were decided together; ``cost`` is at most, and empty for
    what costs nothing.
    """

    customer: int
    platform_id: str
    campaign: str
    what: str
    at: str
    state: str
    reason: str = ""
    occasion: str = ""
    cost: str = ""


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds from an accepted webhook to the coupon in the store; None before the first."""

    p50: float | None = None
    p95: float | None = None


def newest_actions(connection: Connection, store: int, currency: str) -> list[ShownAction]:
    """The newest actions of a store in any state, newest first."""
    rows = [row for state in STATES for row in _of_state(connection, store, state)]
    rows.sort(key=lambda row: (row.due_at, row.key), reverse=True)
    rows = rows[:NEWEST]
    names = _platform_ids(connection, {row.customer for row in rows})
    titles = _titles(connection, store, rows)
    return [
        ShownAction(
            row.customer,
            names.get(row.customer, ""),
            row.campaign,
            what(row.kind, row.payload, currency, titles),
            moment(row.due_at).strftime("%Y-%m-%d %H:%M"),
            row.state,
            REASONS.get(row.reason, row.reason),
            row.occasion,
            money_text(row.cost, currency) if row.cost else "",
        )
        for row in rows
    ]


def what(kind: str, payload: str, currency: str, titles: Mapping[str, str]) -> str:
    """An action in a few words; products by their titles, where those are known."""
    told = _told(payload)
    if kind == "coupon":
        percent, amount = told.get("percent_off"), told.get("amount_off")
        off = f"{percent:g} %" if percent else money_text(amount or 0, currency)
        return f"coupon {told.get('code', '')}: {off} off"
    if kind == "recommend":
        return f"recommendation: {_listed(told.get('products', ()), titles)}"
    if kind == "tag":
        return f"tag {told.get('name', '')}{'' if told.get('is_member', True) else ' removed'}"
    return kind


def action_counts(connection: Connection, store: int) -> dict[str, int]:
    """Number of actions in each state that there is."""
    rows = connection.execute(
        select(_actions.state, func.count())
        .where(_actions.state.in_(STATES), _actions.store == store)
        .group_by(_actions.state)
    )
    return {str(state): int(count) for state, count in rows}


def latency(connection: Connection, store: int) -> Latency:
    """Percentiles over the newest coupons that came from a webhook."""
    newest = (
        select(_actions.kind, _actions.accepted_at, _actions.finished_at)
        .where(_actions.state == "done", _actions.store == store)
        .order_by(_actions.due_at.desc())
        .limit(_MEASURED)
    )
    took = sorted(
        (row.finished_at - row.accepted_at) / 1_000
        for row in connection.execute(newest)
        if row.kind == "coupon" and row.accepted_at and row.finished_at
    )
    if not took:
        return Latency()
    return Latency(took[len(took) // 2], took[min(len(took) * 95 // 100, len(took) - 1)])


def _of_state(connection: Connection, store: int, state: str) -> list[Any]:
    newest = (
        select(models.actions)
        .where(_actions.state == state, _actions.store == store)
        .order_by(_actions.due_at.desc())
        .limit(_LOOKED_AT)
        .subquery()
    )
    return list(
        connection.execute(
            select(newest)
            .where(newest.c.kind.not_in(_HOUSEKEEPING))
            .order_by(newest.c.due_at.desc())
            .limit(NEWEST)
        )
    )


def _platform_ids(connection: Connection, customers: set[int]) -> dict[int, str]:
    people = models.customers.c
    rows = connection.execute(select(people.id, people.platform_id).where(people.id.in_(customers)))
    return {int(str(one)): str(name) for one, name in rows}


def _titles(connection: Connection, store: int, rows: Sequence[Any]) -> dict[str, str]:
    """Product → title, of the products that are named."""
    payloads = [_told(row.payload) for row in rows if row.kind == "recommend"]
    named = {product for told in payloads for product in told.get("products", ())[:_NAMED]}
    products = models.products.c
    found = connection.execute(
        select(products.product_id, products.title).where(
            products.store == store, products.product_id.in_(named), products.title != ""
        )
    )
    return {str(product): str(title) for product, title in found}


def _listed(products: Sequence[str], titles: Mapping[str, str]) -> str:
    more = len(products) - _NAMED
    named = ", ".join(titles.get(one, one) for one in products[:_NAMED])
    return f"{named} and {more} more" if more > 0 else named


def _told(payload: str) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.json.decode(payload or "{}")
    return told
