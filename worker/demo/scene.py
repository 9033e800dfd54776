"""What there is to see of the store at a moment of the play, read from the tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, func, select

from campaigns.costs import money_text
from campaigns.library import READY
from connectors.events import moment
from segmentation.model import stage_name
from worker import models
from worker.demo.figures import stages

_CAUSES: Final = {
    "event": "by what they did",
    "time": "as time passed",
    "model": "groups were learned",
}


@dataclass(frozen=True, slots=True)
class SeenMove:
    """A customer changed segment; ``why`` in words."""

    at: datetime
    customer: str
    before: str
    after: str
    why: str


@dataclass(frozen=True, slots=True)
class SeenCoupon:
    """A coupon that is in the store; ``off`` as people write it."""

    at: datetime
    customer: str
    code: str
    off: str
    campaign: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """What of a campaign is in the store: coupons, and recommendations, tags, webhooks."""

    campaign: str
    coupons: int
    others: int


@dataclass(frozen=True, slots=True)
class Scene:
    """The store's customers and what was done for them, newest first."""

    segments: list[dict[str, Any]]
    pushed: list[Pushed]
    moves: list[SeenMove]
    coupons: list[SeenCoupon]


def look(connection: Connection, store: int, most: int) -> Scene:
    """The scene with the newest ``most`` moves and coupons."""
    return Scene(
        stages(connection, store),
        pushed(connection, store),
        _moves(connection, store, most),
        newest_coupons(connection, store, most),
    )


def pushed(connection: Connection, store: int) -> list[Pushed]:
    """What is in the store, of each of the ready campaigns."""
    actions = models.actions.c
    rows = connection.execute(
        select(actions.campaign, actions.kind, func.count())
        .where(actions.store == store, actions.state == "done")
        .group_by(actions.campaign, actions.kind)
    )
    coupons, others = dict.fromkeys(READY, 0), dict.fromkeys(READY, 0)
    for campaign, kind, count in rows:
        if campaign in coupons:
            (coupons if kind == "coupon" else others)[campaign] += int(count)
    return [Pushed(one, coupons[one], others[one]) for one in READY]


def newest_coupons(connection: Connection, store: int, most: int) -> list[SeenCoupon]:
    """The coupons that came into the store last."""
    actions, people = models.actions.c, models.customers.c
    rows = connection.execute(
        select(actions.made_at, actions.campaign, actions.payload, people.platform_id)
        .join(models.customers, people.id == actions.customer)
        .where(actions.store == store, actions.kind == "coupon", actions.state == "done")
        .order_by(actions.made_at.desc(), actions.key)
        .limit(most)
    )
    found = []
    for made_at, campaign, payload, customer in rows:
        terms = msgspec.json.decode(payload)
        percent = terms.get("percent_off")
        off = f"{percent:g} %" if percent else money_text(terms["amount_off"], terms["currency"])
        found.append(SeenCoupon(moment(made_at), customer, terms["code"], f"{off} off", campaign))
    return found


def _moves(connection: Connection, store: int, most: int) -> list[SeenMove]:
    changes, people = models.segment_changes.c, models.customers.c
    rows = connection.execute(
        select(
            changes.at,
            changes.segment_before,
            changes.segment_after,
            changes.cause,
            people.platform_id,
        )
        .join(models.customers, people.id == changes.customer)
        .where(changes.store == store, people.platform_id != "")
        .where(changes.segment_before != changes.segment_after)
        .order_by(changes.at.desc(), changes.customer, changes.number.desc())
        .limit(most)
    )
    return [
        SeenMove(
            moment(at),
            customer,
            stage_name(before) if before else "",
            stage_name(after) if after else "no segment",
            _CAUSES.get(cause, cause),
        )
        for at, before, after, cause, customer in rows
    ]
