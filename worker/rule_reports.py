"""Segments by rule for people: what a rule says, who it holds, and why somebody is in or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, func, select

from campaigns.conditions import first_failed, mask
from connectors.events import moment
from segmentation.explain_segments import differences
from segmentation.record import DAY
from segmentation.wording import Words, date, number, share
from segmentation.wording_segments import causes_words, difference_words
from worker import models
from worker.drawing import drawn, features_of, ids_of, is_buyer
from worker.explaining import snapshot
from worker.known_fields import asked
from worker.rule_facts import ground_of
from worker.rule_files import hourly, running_rule
from worker.rule_wording import condition_words, fact_words, failed_words
from worker.segment_kinds import history, member_ids, name_of, require
from worker.shop import Shop
from worker.told_causes import of_rule, recorded

DAYS: Final = 30


def about_rule(connection: Connection, shop: Shop, segment: str, words: Words) -> dict[str, Any]:
    """A segment by rule: definition, size, profile, how people came and went in the last 30 days.

    The profile compares those in it who have ordered with everybody who has.

    Raises
    ------
    UnknownSegment
        Naming the nearest one.
    """
    require(shop, segment)
    running = running_rule(shop, segment)
    inside = member_ids(connection, shop, segment)
    people, buyers = models.customers.c, ids_of(connection, is_buyer(shop.number))
    everybody = (people.store == shop.number) & people.merged_into.is_(None)
    known = connection.execute(select(func.count()).where(everybody)).scalar_one()
    ordering = [customer for customer in buyers if customer in inside]
    columns = features_of(connection, shop, drawn(ordering))
    everyones = features_of(connection, shop, drawn(buyers))
    entered, left = of_rule(connection, shop, segment, shop.now - DAYS * DAY)
    return {
        "id": segment,
        "kind": "rule",
        "name": name_of(words, running.rule.segment(running.version)),
        "description": running.rule.description,
        "version": running.version,
        "definition": condition_words(words, running.rule.condition),
        "hourly": hourly(running.rule),
        "customers": len(inside),
        "shop": int(known),
        "share": len(inside) / max(int(known), 1),
        "profile": [
            {**msgspec.to_builtins(one), "words": difference_words(words, one)}
            for one in differences(columns, everyones, shop.model.constructed)
        ]
        if ordering
        else [],
        "known": [told for _, told in asked(connection, shop, [running.rule], words)],
        "days": DAYS,
        "entered": recorded(entered),
        "entered_words": causes_words(words, entered),
        "left": recorded(left),
        "left_words": causes_words(words, left),
        "history": history(connection, shop, segment, DAYS),
    }


def rule_lines(words: Words, found: Mapping[str, Any]) -> Iterator[str]:
    """What `about_rule` found, as lines for people."""
    yield f"{found['name']} ({found['id']})"
    if found["description"]:
        yield found["description"]
    yield words.say("By rule, version {version}:", version=found["version"])
    yield f"  {found['definition']}"
    if found["hourly"]:
        told = words.enumerated([fact_words(words, one) for one in found["hourly"]])
        yield "  " + words.say(
            "Exact in time but for this, which moves with each ageing: {facts}.", facts=told
        )
    yield from (f"  {one}" for one in found["known"])
    yield words.count(
        "{number} customer, {share} of the {shop} that are known, visitors among them",
        "{number} customers, {share} of the {shop} that are known, visitors among them",
        number(found["customers"]),
        share=share(found["share"]),
        shop=number(found["shop"]),
    )
    if found["profile"]:
        yield words.say("What sets apart those of them who have ordered:")
        yield from (f"  {one['words']}" for one in found["profile"])
    yield words.say("In the last {days} days:", days=found["days"])
    yield "  " + words.say("entered: {causes}", causes=found["entered_words"])
    yield "  " + words.say("left: {causes}", causes=found["left_words"])


def rules_of(
    connection: Connection, shop: Shop, customer: int, words: Words
) -> list[dict[str, Any]]:
    """Each rule segment: whether a customer is in it as recorded, since when, and why by now."""
    if not shop.rules:
        return []
    batch = snapshot(connection, shop, [customer])
    conditions = [one.rule.condition for one in shop.rules]
    facts, _ = ground_of(connection, batch, conditions, [customer])
    held = models.memberships.c
    recorded = {
        row.segment: row.since
        for row in connection.execute(
            select(held.segment, held.since).where(held.customer == customer, held.is_in)
        )
    }
    return [
        {
            "id": one.rule.id,
            "name": name_of(words, one.rule.segment(one.version)),
            "is_in": one.rule.id in recorded,
            "since": _iso(recorded.get(one.rule.id)),
            "holds_now": holds,
            "because": condition_words(words, one.rule.condition)
            if holds
            else failed_words(words, first_failed(one.rule.condition, facts, 0), facts, 0),
            "words": _standing_words(words, recorded.get(one.rule.id), is_so=holds),
        }
        for one in shop.rules
        for holds in [bool(mask(one.rule.condition, facts)[0])]
    ]


def _iso(at: int | None) -> str | None:
    return None if at is None else moment(at).isoformat(timespec="seconds")


def _standing_words(words: Words, since: int | None, *, is_so: bool) -> str:
    """What is recorded, and where by now it is otherwise, for nobody has asked since."""
    if since is None:
        return (
            words.say("not in it yet, though this is so now") if is_so else words.say("not in it")
        )
    day = date(words, moment(since))
    if is_so:
        return words.say("in it since {day}", day=day)
    return words.say("in it since {day}, and will leave at the next look", day=day)
