"""Publishing a candidate that was compared, after saying who would move and what that touches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
from sqlalchemy import Connection

from campaigns.check import named_segments
from connectors.events import moment
from connectors.records import exponent
from segmentation import stability
from segmentation.choosing.candidates import Candidate
from segmentation.choosing.modelling import with_names
from segmentation.deriving import derived
from segmentation.model import Group, SegmentModel, assign, group_indices
from segmentation.rules import NOBODY, Indices
from segmentation.wording import ENGLISH, Words
from worker import segment_versions
from worker.buyers import pages
from worker.errors import ShoalError
from worker.learning import read_records, sample
from worker.runtime import Kit
from worker.shop import Shop

Flows = Mapping[tuple[str, str], int]


class PromotionRefused(ShoalError):
    """A candidate that has no model to publish."""


@dataclass(frozen=True, slots=True)
class Touched:
    """A campaign or policy that names a segment, and what becomes of that segment's members.

    ``is_gone``: no group or stage of that name is left.
    """

    kind: str
    id: str
    state: str
    segment: str
    before: int
    after: int
    enter: int
    leave: int
    is_gone: bool


@dataclass(frozen=True, slots=True)
class Promotion:
    """What publishing would do: the next version, its migration, and what that touches."""

    before: SegmentModel
    model: SegmentModel
    migration: stability.Report
    sizes: Mapping[str, int]
    touched: tuple[Touched, ...]


def promotion(connection: Connection, shop: Shop, candidate: Candidate) -> Promotion:
    """What publishing a candidate would do to the store's customers as they are now.

    Customers are read in batches; a group keeps the id of the old group that it has most people
    in common with. Raises `PromotionRefused` for a candidate without a model.
    """
    if candidate.model is None:
        message = f"candidate {candidate.id} has no model"
        raise PromotionRefused(message)
    model = _continued(connection, shop, candidate.model)
    before, after = _judged(connection, shop, model)
    groups = shop.model.groups
    pairs = Counter(zip(_ids(groups, before), _ids(model.groups, after), strict=True))
    return Promotion(
        shop.model,
        model,
        stability.report(shop.model, model, before, after),
        {group.id: int((after == at).sum()) for at, group in enumerate(model.groups)},
        tuple(_touched(shop, model, pairs)),
    )


def _continued(connection: Connection, shop: Shop, chosen: SegmentModel) -> SegmentModel:
    """The candidate as the next version, its groups named and matched to the present ones.

    As learning does it: the stages by rule, before anything was learned, hand nothing on but
    themselves.
    """
    present, version = shop.model, shop.model.version + 1
    rows = sample(connection, shop.number, seed=present.version)
    records = read_records(connection, shop.number, rows)
    digits = exponent(shop.currency)
    columns = derived(records, shop.now, chosen.constructed, currency_exponent=digits)
    heirs: list[Group | None] = [None] * len(chosen.groups)
    if present.kind != "rules":
        before = group_indices(present, [str(row.grouping) for row in rows])
        sizes = (len(present.groups), len(chosen.groups))
        found = stability.inheritance(before, assign(chosen, columns), sizes)
        heirs = [present.groups[old] if old != NOBODY else None for old in found]
    now = moment(shop.now)
    model = msgspec.structs.replace(
        chosen, version=version, learned_at=now, scaled_at=version, looked_at=now, settled_at=now
    )
    return with_names(model, columns, heirs)


def _judged(connection: Connection, shop: Shop, model: SegmentModel) -> tuple[Indices, Indices]:
    """Everybody's group now, and what the drain will make of it by the new model."""
    befores, afters = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    names = tuple(dict.fromkeys(("orders", *model.features)))
    for _, groupings, records in pages(connection, shop, None):
        columns = derived(
            records,
            shop.now,
            model.constructed,
            currency_exponent=exponent(shop.currency),
            names=names,
        )
        befores.append(group_indices(shop.model, groupings))
        afters.append(assign(model, columns, group_indices(model, groupings)))
    return np.concatenate(befores), np.concatenate(afters)


def _ids(groups: tuple[Group, ...], of: Indices) -> list[str]:
    names = [*(group.id for group in groups), ""]
    return [names[at] for at in of.tolist()]


def _touched(shop: Shop, model: SegmentModel, pairs: Flows) -> Iterator[Touched]:
    """Campaigns in any state but removed, and policies, whose segments change their members."""
    known = {group.id for group in model.groups} | {group.stage for group in model.groups}
    named: list[tuple[str, str, str, str]] = [
        ("campaign", one.campaign.id, one.state, name)
        for one in shop.campaigns
        for name in sorted({name for _, name in named_segments(one.campaign)})
    ]
    named += [("policy", name, "", name) for name in sorted(shop.policies)]
    for kind, id_, state, name in named:
        was = {pair: number for pair, number in pairs.items() if _is_in(name, pair[0])}
        will = {pair: number for pair, number in pairs.items() if _is_in(name, pair[1])}
        leave = sum(number for pair, number in was.items() if pair not in will)
        enter = sum(number for pair, number in will.items() if pair not in was)
        is_gone = bool(was) and name not in known
        if enter or leave or is_gone:
            before, after = sum(was.values()), sum(will.values())
            yield Touched(kind, id_, state, name, before, after, enter, leave, is_gone)


def _is_in(segment: str, group: str) -> bool:
    return segment in {group, group.partition(".")[0]}


def publish(kit: Kit, shop: Shop, chosen: Promotion) -> bool:
    """Publish the next version and tell the drain; whether it could be told.

    The drain judges everybody by it and wakes no campaign. Raises
    `worker.segment_versions.UnknownVersion` if another version was published meanwhile.
    """
    told = {"by": "promotion", "moved": chosen.migration, "sentences": sentences(chosen)}
    report = msgspec.json.encode(told).decode()
    return segment_versions.publish(kit, shop, chosen.model, report, chosen.migration.customers)


def sentences(chosen: Promotion, words: Words = ENGLISH) -> tuple[str, ...]:
    """What would move and what that touches, for people."""
    touched = [_touch_words(words, one) for one in chosen.touched]
    return (*touched, *stability.sentences(chosen.migration, words))


def _touch_words(words: Words, one: Touched) -> str:
    kind = words.say("campaign") if one.kind == "campaign" else words.say("policy")
    who = f"{kind} {one.id}{f' ({one.state})' if one.state else ''}"
    told = words.say(
        "{who} names {segment}: leaving it {leave}, entering it {enter}",
        who=who,
        segment=one.segment,
        leave=one.leave,
        enter=one.enter,
    )
    if not one.is_gone:
        return told
    return words.say("{told}, and nothing of that name is left", told=told)
