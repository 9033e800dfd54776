"""Campaigns and policies of a store: checked, applied, started, paused; every version kept."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, delete, select, update

from campaigns.campaign import Campaign, campaign_text, load_campaign
from campaigns.check import Known, lost_features, lost_segments, warnings
from campaigns.errors import InvalidCampaign, Problem
from campaigns.policy import Policy, load_policy, policy_text
from campaigns.triggers import DateTrigger, ScheduleTrigger
from worker import bulk, models, timers
from worker.definition_files import (
    Change,
    change_of,
    files_in,
    keep_version,
    read_each,
    refuse_twin,
)
from worker.errors import ShoalError
from worker.own_features import own_names
from worker.rule_files import FOLDER
from worker.sealing import Sealer
from worker.shop import Running, Shop
from worker.stores import Store
from worker.triggers import date_timer, schedule_timer

_PAGE: Final = 1_000
_A_RULE: Final = "is a rule segment, left to `shoal segments plan` and `apply`"


class UnknownCampaign(ShoalError):
    """No campaign of that id is in the store."""

    exit_code = 2

    def __init__(self, campaign: str, known: Sequence[str]) -> None:
        near = get_close_matches(campaign, known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        there = f"there are {', '.join(known)}" if known else "there is none: `campaigns apply`"
        super().__init__(f"campaign {campaign!r} is not here: {there}{hint}")


@dataclass(frozen=True, slots=True)
class Files:
    """What a set of files says, and what looks unintended in it, by path."""

    campaigns: tuple[Campaign, ...]
    policies: tuple[Policy, ...]
    warnings: tuple[tuple[str, Problem], ...]


def read_files(paths: Sequence[Path], known: Known) -> Files:
    """Campaigns and policies of files and folders; a file in ``segments/`` is a policy.

    One in ``rules/`` is a segment by rule: not read here, and said among the warnings.

    Raises
    ------
    InvalidCampaign
        With every problem of every file.
    """
    campaigns: list[Campaign] = []
    said: list[tuple[str, Problem]] = []

    def load(text: str, path: Path) -> Policy | None:
        if path.parent.name == "segments":
            return load_policy(text, str(path))
        campaigns.append(load_campaign(text, str(path)))
        refuse_twin("id", [one.id for one in campaigns], path)
        if lost := tuple(lost_features(campaigns[-1], known)):
            raise InvalidCampaign(str(path), lost)
        said.extend((str(path), one) for one in warnings(campaigns[-1], known))
        return None

    found = files_in(paths, "expected a folder with .yaml files")
    ours = [path for path in found if path.parent.name != FOLDER]
    policies = tuple(one for one in read_each(ours, load) if one is not None)
    said += [(str(path), Problem("", _A_RULE)) for path in found if path not in ours]
    return Files(tuple(campaigns), policies, tuple(said))


def running_campaign(shop: Shop, campaign: str) -> Running:
    """A campaign of a store by its id.

    Raises
    ------
    UnknownCampaign
        Naming the nearest one.
    """
    for one in shop.campaigns:
        if one.campaign.id == campaign:
            return one
    raise UnknownCampaign(campaign, [one.campaign.id for one in shop.campaigns])


def known_of(shop: Shop, own: AbstractSet[str] | None = None) -> Known:
    """What is known of a store when its campaigns are checked; ``own`` are its own features."""
    groups = frozenset(group.id for group in shop.model.groups)
    stages = frozenset(group.stage for group in shop.model.groups)
    return Known(
        groups=groups,
        stages=stages,
        rules=frozenset(one.rule.id for one in shop.rules),
        own=own,
        currency=shop.currency,
        policies=shop.policies,
    )


def lost_rules(connection: Connection, store: Store, files: Files) -> list[tuple[str, str]]:
    """(campaign, problem) of segments by rule and own features that a store has not."""
    rules = models.rules.c
    there = (rules.store == store.number) & (rules.body != "")
    known = Known(
        rules=frozenset(connection.execute(select(rules.id).where(there)).scalars()),
        own=own_names(connection, store.number),
    )
    return [
        (one.id, f"{problem} ({store.id})")
        for one in files.campaigns
        for problem in (*lost_segments(one, known), *lost_features(one, known))
    ]


def plan(shop: Shop, files: Files) -> dict[str, Change]:
    """What applying these campaigns would do, by id."""
    there = {one.campaign.id: campaign_text(one.campaign) for one in shop.campaigns}
    return {one.id: change_of(there.get(one.id), campaign_text(one)) for one in files.campaigns}


def apply_files(
    connection: Connection, shop: Shop, files: Files, now: int, by: str
) -> dict[str, Change]:
    """Make it so: a new campaign starts in shadow, a changed one keeps its state."""
    changes = plan(shop, files)
    there = {one.campaign.id: one for one in shop.campaigns}
    for campaign in files.campaigns:
        if changes[campaign.id] == "same":
            continue
        body, name = campaign_text(campaign), (shop.number, campaign.id)
        version = keep_version(connection, models.campaign_versions, name, body, (now, by))
        before = there.get(campaign.id)
        state, started = (before.state, before.started_at) if before else ("shadow", shop.now)
        bulk.upsert(
            connection,
            models.campaigns,
            ("store", "id", "version", "state", "started_at", "body"),
            [(shop.number, campaign.id, version, state, started, body)],
        )
    for policy in files.policies:
        bulk.upsert(
            connection,
            models.policies,
            ("store", "segment", "version", "body"),
            [(shop.number, policy.segment, now, policy_text(policy))],
        )
    return changes


def set_state(connection: Connection, shop: Shop, campaign: str, state: str) -> None:
    """Start, pause or remove a campaign. Starting sees only what happens from now on.

    Raises
    ------
    UnknownCampaign
        Naming the nearest one.
    """
    running_campaign(shop, campaign)
    values: dict[str, object] = {"state": state}
    if state == "live":
        values["started_at"] = shop.now
    columns = models.campaigns.c
    connection.execute(
        update(models.campaigns)
        .where(columns.store == shop.number, columns.id == campaign)
        .values(**values)
    )
    if state == "removed":
        _forget_timers(connection, shop.number, campaign)


def _forget_timers(connection: Connection, store: int, campaign: str) -> None:
    columns = models.timers.c
    connection.execute(
        delete(models.timers).where(columns.store == store, columns.campaign == campaign)
    )


def arm(connection: Connection, sealer: Sealer, shop: Shop, campaign: str) -> int:
    """Set the timers of a scheduled or date campaign for the customers there are; how many."""
    running = running_campaign(shop, campaign)
    trigger = running.campaign.trigger
    if isinstance(trigger, ScheduleTrigger):
        timer = schedule_timer(shop, campaign, trigger, shop.now)
        timers.insert_timers(connection, shop, [timer])
        return 1
    if isinstance(trigger, DateTrigger):
        return _arm_dates(connection, sealer, shop, running)
    return 0


def _arm_dates(connection: Connection, sealer: Sealer, shop: Shop, running: Running) -> int:
    profiles, people = models.profiles.c, models.customers.c
    query = (
        select(profiles.customer, profiles.sealed, people.time_zone)
        .join(models.customers, people.id == profiles.customer)
        .where(profiles.store == shop.number)
        .order_by(profiles.customer)
        .limit(_PAGE)
    )
    last, armed = 0, 0
    while rows := connection.execute(query.where(profiles.customer > last)).all():
        last = rows[-1].customer
        due = [
            date_timer(
                running,
                row.customer,
                sealer.open(shop.id, bytes(row.sealed)),
                row.time_zone or shop.time_zone,
                shop.now,
            )
            for row in rows
        ]
        found = [timer for timer in due if timer is not None]
        timers.insert_timers(connection, shop, found)
        armed += len(found)
    return armed
