"""Claiming due actions, and asking the world once more whether each should still happen.

A claim is a lease: the time of the next try is pushed ahead where it is still due, so of two
deliveries that reach for one action the second finds it taken, and a killed delivery's actions
come back by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, ScalarSelect, and_, func, literal, or_, select, update

from campaigns.campaign import Campaign, load_campaign
from campaigns.triggers import CartTrigger
from connectors.records import Recommendation
from worker import bulk, models
from worker.due import is_claimable
from worker.legible import said

LEASE: Final = 30_000_000  # microseconds a claimed action is left to its claimer
# Kinds that a person notices; the others (revoke, look_up) keep house and are never withdrawn.
FOR_CUSTOMERS: Final = frozenset({"coupon", "recommend", "tag", "webhook"})

# An occasion is the natural key of what woke the campaign, with or without its kind before it.
_CART, _ORDER = "cart:", "order:"

# Why an action was withdrawn or refused -> how it is said.
REASONS: Final[dict[str, str]] = {
    "erased": "The customer asked to be forgotten before it was pushed.",
    "suppressed": "The customer is never to be contacted.",
    "no_consent": "The consent that the campaign asks for is not given any more.",
    "paused": "The campaign was paused before it was pushed.",
    "removed": "The campaign was removed before it was pushed.",
    "no_file": "The campaign's file of that version is not here: nobody knows what it asks for.",
    "cart_ordered": "The cart was ordered meanwhile.",
    "goal_reached": "The campaign's goal was reached meanwhile: the customer ordered.",
    "out_of_stock": "None of the products can be sold any more.",
    "expired": "It could not be pushed before it ended.",
    "conflict": "The store has something else under this name.",
    "refused": "The store understood it and said no.",
    "gave_up": "The store did not take it after very many tries.",
    "unreadable": "What was to be pushed could not be read.",
    "gone": "The store has nothing under this id any more.",
}


@dataclass(frozen=True, slots=True)
class Claimed:
    """An action that is ours to push for ``LEASE``. Fields are those of the actions table."""

    key: str
    kind: str
    campaign: str
    version: int
    customer: int
    occasion: str
    payload: str
    made_at: int
    due_at: int
    expires_at: int | None
    tries: int


_COLUMNS: Final = tuple(models.actions.c[name] for name in Claimed.__slots__)


def claim(connection: Connection, store: int, now: int, wall: int, limit: int) -> list[Claimed]:
    """Up to ``limit`` due actions of one store, those due first foremost, leased to the caller.

    Parameters
    ----------
    now, wall
        The store's business time and operating time, int microseconds.
    """
    actions = models.actions.c
    is_open = and_(actions.store == store, is_claimable(now, wall))
    # Two statements: as a subquery the limit would count for each time PostgreSQL runs it.
    chosen = connection.execute(
        select(actions.key)
        .where(is_open)
        .order_by(actions.due_at, actions.key)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).scalars()
    rows = connection.execute(
        update(models.actions)
        .where(actions.key.in_(list(chosen)), is_open)
        .values(try_at=wall + LEASE)
        .returning(*_COLUMNS)
    ).all()
    return sorted((Claimed(*row) for row in rows), key=lambda one: (one.due_at, one.key))


def recheck(
    connection: Connection, store: int, claimed: Sequence[Claimed], now: int
) -> tuple[list[Claimed], dict[str, str]]:
    """Which actions still hold, and the reason (of ``REASONS``) for each of the others, by key.

    A recommendation loses the products that cannot be sold any more and holds while one is left.
    """
    asked = [action for action in claimed if action.kind in FOR_CUSTOMERS]
    world = _world(connection, asked)
    files = _files(connection, store, asked)
    withdrawn = {
        action.key: reason
        for action in claimed
        if (reason := _objection(action, world.get(action.key), files, now))
    }
    holding = [action for action in claimed if action.key not in withdrawn]
    return _in_stock(connection, store, holding, withdrawn), withdrawn


def _world(connection: Connection, asked: Sequence[Claimed]) -> dict[str, Any]:
    if not asked:
        return {}
    actions, people = models.actions.c, models.customers.c
    standing, cart = models.campaigns.c, models.carts.c
    joined = (
        models.actions.outerjoin(models.customers, people.id == actions.customer)
        .outerjoin(
            models.campaigns,
            and_(standing.store == actions.store, standing.id == actions.campaign),
        )
        .outerjoin(
            models.carts,
            and_(
                cart.store == actions.store,
                cart.token.in_((actions.occasion, func.substr(actions.occasion, len(_CART) + 1))),
            ),
        )
    )
    rows = connection.execute(
        select(
            actions.key,
            people.id.label("customer"),
            people.is_suppressed,
            people.consents,
            standing.state,
            cart.ordered_at,
            _orders_since().label("bought"),
        )
        .select_from(joined)
        .where(actions.key.in_([action.key for action in asked]))
    ).all()
    return {str(row.key): row for row in rows}


def _orders_since() -> ScalarSelect[int]:
    """Sales to an action's customer since the decision, the one that woke it left out.

    That one may carry a later time than the decision: clocks differ.
    """
    actions, order = models.actions.c, models.orders.c
    return (
        select(func.count())
        .select_from(models.orders)
        .where(
            order.customer == actions.customer,
            order.is_counted,
            order.at > actions.made_at,
            order.order_id != actions.occasion,
            literal(_ORDER) + order.order_id != actions.occasion,
        )
        .correlate(models.actions)
        .scalar_subquery()
    )


Version = tuple[str, int]


def _files(connection: Connection, store: int, asked: Sequence[Claimed]) -> dict[Version, Campaign]:
    """The campaigns' files under which the actions were made."""
    wanted = sorted({(action.campaign, action.version) for action in asked if action.campaign})
    if not wanted:
        return {}
    columns = models.campaign_versions.c
    rows = connection.execute(
        select(columns.id, columns.version, columns.body).where(
            columns.store == store,
            or_(*(and_(columns.id == name, columns.version == at) for name, at in wanted)),
        )
    ).all()
    return {(row.id, row.version): _parsed(row.id, row.body) for row in rows}


@lru_cache(maxsize=256)
def _parsed(name: str, body: str) -> Campaign:
    # By the text: a number may come to mean another store, and a version another file.
    return load_campaign(body, f"campaign {name}")


def _objection(
    action: Claimed,
    world: Any,
    files: Mapping[Version, Campaign],
    now: int,
) -> str:
    if action.expires_at is not None and action.expires_at <= now:
        return "expired"
    if action.kind not in FOR_CUSTOMERS:
        return ""
    if world is None or world.customer is None:
        return "erased"
    if world.is_suppressed:
        return "suppressed"
    if world.state != "live":
        return "paused" if world.state == "paused" else "removed"
    campaign = files.get((action.campaign, action.version))
    # Whoever may not be asked whether it was allowed is not written to.
    return "no_file" if campaign is None else _campaign_objection(campaign, world)


def _campaign_objection(campaign: Campaign, world: Any) -> str:
    consent = campaign.limits.consent
    if consent is not None and not _consents(world).get(consent.channel):
        return "no_consent"
    if isinstance(campaign.trigger, CartTrigger) and world.ordered_at is not None:
        return "cart_ordered"
    if campaign.goal.event == "order_completed" and world.bought:
        return "goal_reached"
    return ""


def _consents(world: Any) -> Mapping[str, Any]:
    return said(world.customer, "consents", world.consents)


def _in_stock(
    connection: Connection, store: int, holding: Sequence[Claimed], withdrawn: dict[str, str]
) -> list[Claimed]:
    offered = {
        action.key: msgspec.json.decode(action.payload, type=Recommendation)
        for action in holding
        if action.kind == "recommend"
    }
    names = {product for one in offered.values() for product in one.products}
    rows = bulk.select_pairs(
        connection, models.products, ("product_id", "stock", "is_available"), store, sorted(names)
    )
    sold = {name for name, stock, is_available in rows if is_available and stock != 0}
    kept: list[Claimed] = []
    for action in holding:
        offer = offered.get(action.key)
        if offer is None:
            kept.append(action)
            continue
        products = tuple(product for product in offer.products if product in sold)
        if not products:
            withdrawn[action.key] = "out_of_stock"
            continue
        payload = msgspec.json.encode(msgspec.structs.replace(offer, products=products)).decode()
        kept.append(replace(action, payload=payload))
    return kept
