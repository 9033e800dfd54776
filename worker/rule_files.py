"""Rule segments of a store: read, planned, applied and removed; every version kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace as with_
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, select

from campaigns.check import Known, lost_features, named_segments
from campaigns.conditions import needed_columns
from campaigns.errors import InvalidCampaign
from campaigns.flips import unsolved
from campaigns.rule_segments import RuleSegment, load_rule, rule_text
from worker import bulk, models, roster
from worker.batch import Batch
from worker.definition_files import (
    Change,
    change_of,
    files_in,
    keep_version,
    read_each,
    refuse_twin,
)
from worker.errors import ShoalError
from worker.identities import Directory
from worker.memberships import differences
from worker.shop import RunningRule, Shop

FOLDER: Final = "rules"
_EXPECTED: Final = f"expected a folder `{FOLDER}`, or one with it inside, with .yaml files"


class UnknownRule(ShoalError):
    """No rule segment of that id is in the store."""

    exit_code = 2

    def __init__(self, rule: str, known: Sequence[str]) -> None:
        near = get_close_matches(rule, known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        there = f"there are {', '.join(known)}" if known else "there is none: `segments apply`"
        super().__init__(f"rule segment {rule!r} is not here: {there}{hint}")


@dataclass(frozen=True, slots=True)
class Planned:
    """What applying one rule would do.

    Attributes
    ----------
    now, entering, leaving
        Customers who are in, and who would come and go.
    hourly
        Facts in it that move when customers are aged, and it with them; all others are exact.
    """

    change: Change
    now: int
    entering: int
    leaving: int
    hourly: tuple[str, ...] = ()


def read_rules(paths: Sequence[Path], known: Known) -> tuple[RuleSegment, ...]:
    """The rules in files, and in the folders ``rules`` in and under folders.

    Raises
    ------
    InvalidCampaign
        With every problem of every file.
    """
    names: list[str] = []

    def load(text: str, path: Path) -> RuleSegment:
        rule = load_rule(text, str(path))
        names.append(rule.id)
        refuse_twin("segment", names, path)
        if lost := tuple(lost_features(rule, known)):
            raise InvalidCampaign(str(path), lost)
        return rule

    return tuple(read_each(files_in(paths, _EXPECTED, _is_rule), load))


def _is_rule(path: Path) -> bool:
    return path.parent.name == FOLDER


def plan_rules(
    connection: Connection, shop: Shop, rules: Sequence[RuleSegment]
) -> dict[str, Planned]:
    """What applying these rules would do, by id; everybody is asked now, and nothing written."""
    running = tuple(RunningRule(rule, 0, 0) for rule in rules)
    trial, crossed = with_(shop, rules=running), Counter[tuple[str, bool]]()
    for people in roster.pages(connection, shop):
        batch = Batch(trial, shop.now, Directory({}, {}, set(), 0), [], people)
        found = differences(connection, batch, dict.fromkeys(people.row, "rule"))
        crossed.update((one.segment, one.entered) for one in found)
    sizes, changes = sizes_of(connection, shop), _changes(shop, rules)
    return {
        rule.id: Planned(
            changes[rule.id],
            sizes.get(rule.id, 0),
            crossed[rule.id, True],
            crossed[rule.id, False],
            hourly(rule),
        )
        for rule in rules
    }


def hourly(rule: RuleSegment) -> tuple[str, ...]:
    """Facts of a rule that move with each ageing of customers, not at a moment of their own."""
    staged = ("segment",) if "segment" in needed_columns(rule.condition) else ()
    return (*staged, *unsolved(rule.condition))


def _changes(shop: Shop, rules: Sequence[RuleSegment]) -> dict[str, Change]:
    there = {one.rule.id: rule_text(one.rule) for one in shop.rules}
    return {rule.id: change_of(there.get(rule.id), rule_text(rule)) for rule in rules}


def sizes_of(connection: Connection, shop: Shop) -> dict[str, int]:
    """How many customers are in each segment by rule or prediction."""
    held = models.memberships.c
    inside = (held.store == shop.number) & held.is_in
    rows = connection.execute(
        select(held.segment, func.count()).where(inside).group_by(held.segment)
    )
    return {str(segment): int(count) for segment, count in rows}


def apply_rules(
    connection: Connection, shop: Shop, rules: Sequence[RuleSegment], now: int, by: str
) -> dict[str, Change]:
    """Make these the store's rules; the drain asks everybody before its next batch.

    Parameters
    ----------
    now
        Operating time, int microseconds.
    by
        Who did it.
    """
    changes = _changes(shop, rules)
    for rule in rules:
        if changes[rule.id] != "same":
            _write(connection, shop, rule.id, rule_text(rule), (now, by))
    return changes


def remove_rule(connection: Connection, shop: Shop, segment: str, now: int, by: str) -> None:
    """Take a rule away; the drain closes it, and everybody leaves silently.

    Raises
    ------
    UnknownRule
        Naming the nearest one.
    """
    running_rule(shop, segment)
    _write(connection, shop, segment, "", (now, by))


def running_rule(shop: Shop, segment: str) -> RunningRule:
    """A rule of a store by its id.

    Raises
    ------
    UnknownRule
        Naming the nearest one.
    """
    for one in shop.rules:
        if one.rule.id == segment:
            return one
    raise UnknownRule(segment, [one.rule.id for one in shop.rules])


def _write(
    connection: Connection, shop: Shop, segment: str, body: str, made: tuple[int, str]
) -> None:
    version = keep_version(connection, models.rule_versions, (shop.number, segment), body, made)
    now = (shop.number, segment, version, body)
    bulk.upsert(connection, models.rules, ("store", "id", "version", "body"), [now])


def named_by(shop: Shop, segment: str) -> list[str]:
    """Ids of the campaigns that name a segment, and its policy."""
    found = [
        one.campaign.id
        for one in shop.campaigns
        if any(name == segment for _, name in named_segments(one.campaign))
    ]
    return [*found, *(["its policy"] if segment in shop.policies else [])]
