"""What is to be pushed: written where it was decided, and read from there ever after."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from campaigns.coupons import CouponKey, coupon_terms, marker, mint
from campaigns.decisions import Decision
from campaigns.steps import CouponStep, RecommendStep, Step, TagStep, WebhookStep, step_kind
from connectors.events import microseconds, moment
from connectors.records import Membership, Recommendation
from worker import bulk, models
from worker.batch import Batch
from worker.deciding import Fired
from worker.recommending import Shelves
from worker.runtime import Kit

# What is not done by then helps nobody any more.
KEPT: Final = timedelta(days=7) // timedelta(microseconds=1)
_COLUMNS: Final = (
    "key",
    "store",
    "campaign",
    "version",
    "customer",
    "occasion",
    "step",
    "kind",
    "payload",
    "cost",
    "made_at",
    "due_at",
    "expires_at",
    "accepted_at",
)


def write_actions(connection: Connection, kit: Kit, batch: Batch, fired: Sequence[Fired]) -> int:
    """Insert the actions of decisions and the look-ups that webhooks asked for; how many."""
    shelves = Shelves(connection, batch)
    rows = [
        row
        for one in fired
        for step in range(len(one.decision.steps))
        if (row := _row(kit, batch, shelves, one, step)) is not None
    ]
    rows += _look_ups(batch)
    bulk.insert_missing(connection, models.actions, _COLUMNS, rows)
    _write_codes(connection, batch, rows)
    return len(rows)


def action_key(store: int, decision: Decision, step: int) -> str:
    """The key that makes an action one action, however often it is decided or pushed."""
    return f"{store}:{decision.campaign}:{decision.customer}:{decision.occasion}:{step}"


def _row(
    kit: Kit, batch: Batch, shelves: Shelves, fired: Fired, number: int
) -> tuple[Any, ...] | None:
    decision, step = fired.decision, fired.decision.steps[number]
    payload = _payload(kit, batch, shelves, decision, number)
    if payload is None:
        batch.count("nothing_to_recommend", decision.campaign)
        return None
    expires = batch.now + KEPT
    if isinstance(step, CouponStep):
        expires = min(expires, microseconds(payload.valid_until))
    return (
        action_key(batch.shop.number, decision, number),
        batch.shop.number,
        decision.campaign,
        decision.version,
        decision.customer,
        decision.occasion,
        number,
        _kind(step),
        msgspec.json.encode(payload).decode(),
        decision.cost if isinstance(step, CouponStep) else 0,
        batch.now,
        batch.now,
        expires,
        fired.accepted_at,
    )


def _kind(step: Step) -> str:
    """To a platform a segment is a tag: something that a customer carries."""
    return "tag" if isinstance(step, TagStep) else step_kind(step)


def _payload(kit: Kit, batch: Batch, shelves: Shelves, decision: Decision, number: int) -> Any:
    """The whole record to push; None when there is nothing to recommend."""
    person = batch.roster.look(decision.customer)
    match decision.steps[number]:
        case CouponStep() as step:
            key = CouponKey(decision.campaign, decision.customer, decision.occasion, number)
            code = mint(kit.coupon_secret, key, step.prefix)
            signed = (code, marker(kit.coupon_secret, code))
            terms = coupon_terms(
                step, signed, person.platform_id, batch.shop.currency, moment(batch.now)
            )
            return msgspec.structs.replace(terms, campaign=decision.campaign)
        case RecommendStep() as step:
            products = shelves.recommend(step, decision.customer)
            if not products:
                return None
            return Recommendation(person.platform_id, decision.campaign, products)
        case TagStep() as step:
            return Membership(person.platform_id, step.name, is_member=not step.remove)
        case WebhookStep() as step:
            return {"url": step.url, "secret": step.secret, "data": _told(batch, decision)}


def _told(batch: Batch, decision: Decision) -> dict[str, Any]:
    """What an outgoing webhook says: ids and the decision, nothing personal."""
    return {
        "type": "campaign.fired",
        "timestamp": moment(batch.now),
        "data": {
            "store": batch.shop.id,
            "campaign": decision.campaign,
            "customer": decision.customer,
            "customer_id": batch.roster.look(decision.customer).platform_id,
            "occasion": decision.occasion,
            "segment": decision.segment,
        },
    }


def _look_ups(batch: Batch) -> list[tuple[Any, ...]]:
    """Things that a webhook named by id only: delivery reads them and brings them back."""
    return [
        (
            f"{batch.shop.number}:look_up:{event.id.hex()}",
            batch.shop.number,
            "",
            0,
            0,
            event.id.hex(),
            0,
            "look_up",
            msgspec.json.encode(
                {
                    "kind": str(event.properties.get("kind", "")),
                    "key": str(event.properties.get("key", "")),
                    "updated_at": event.at,
                }
            ).decode(),
            0,
            batch.now,
            batch.now,
            None,
            microseconds(event.received_at),
        )
        for event in (subject.event for subject in batch.subjects)
        if event.type == "look_up_due"
    ]


def _write_codes(connection: Connection, batch: Batch, rows: Sequence[tuple[Any, ...]]) -> None:
    """Remember whose every code is, so that its redemption is known when it comes."""
    codes = [
        (
            batch.shop.number,
            msgspec.json.decode(row[_COLUMNS.index("payload")])["code"],
            row[_COLUMNS.index("key")],
            row[_COLUMNS.index("campaign")],
            row[_COLUMNS.index("customer")],
        )
        for row in rows
        if row[_COLUMNS.index("kind")] == "coupon"
    ]
    columns = ("store", "code", "action", "campaign", "customer")
    bulk.insert_missing(connection, models.codes, columns, codes)
