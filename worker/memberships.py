"""Who is in which segment by rule, kept with every batch, and why that changed.

Every customer whom a batch touches is asked again, in arrays, and the differences are written; the
next moment at which time alone could turn a rule for them is a row of the timers. A rule that is
new, edited or removed is asked of everybody once, silently, before the next batch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, delete, update

from campaigns.conditions import mask, needed_columns
from campaigns.flips import next_flip, unsolved
from segmentation.clocks import FOREVER
from worker import bulk, judging, models, roster, tallies, timers
from worker.batch import Batch, Entry, Timer
from worker.entries import close_segment, standing, write_entries
from worker.identities import Directory
from worker.rule_facts import ground_of
from worker.shop import RunningRule, Shop

TIMER: Final = "rule"


def judge_rules(connection: Connection, batch: Batch) -> None:
    """Bring the rule segments of everybody whom a batch concerns up to date."""
    if not batch.shop.rules:
        return
    _unite(connection, batch)
    customers = _concerned(batch)
    causes = judging.causes(batch)
    told = {customer: causes.get(customer, "time") for customer in customers}
    found = differences(connection, batch, told)
    write_entries(connection, batch.shop.number, found)
    batch.entries += found


def settle_due(connection: Connection, batch: Batch) -> None:
    """Move by time those whom an import of this very batch would move silently.

    To be called before anything of the batch is applied: what has come since is the import's.
    """
    due = {timer.customer for timer in batch.due if timer.kind == TIMER} | batch.drifted
    if not due or not batch.shop.rules:
        return
    causes, people, row = judging.causes(batch), batch.roster.people, batch.roster.row
    told = {
        one: "time"
        for one in sorted(due & row.keys())
        if causes.get(batch.directory.final(one)) == "import"
        and people[row[one]].merged_into is None
    }
    # Columns of before are nobody's afterwards.
    found = differences(connection, replace(batch, columns_seen={}), told)
    write_entries(connection, batch.shop.number, found)
    batch.entries += found


def _concerned(batch: Batch) -> list[int]:
    """Whom something happened to, or whose moment it is; others of the roster are only looked at.

    On a log's time a moment may lie before what was folded of others since.
    """
    people, final = batch.roster.people, batch.directory.final
    found = {people[row].id for row in batch.roster.touched}
    found |= {final(subject.customer) for subject in batch.subjects}
    found |= {final(timer.customer) for timer in batch.due if timer.kind == TIMER}
    found |= batch.drifted
    known = batch.roster.row
    return sorted(
        customer
        for customer in found
        if customer in known and people[known[customer]].merged_into is None
    )


def differences(connection: Connection, batch: Batch, causes: Mapping[int, str]) -> list[Entry]:
    """What is to be written of some customers; their next moments are set as timers."""
    if not causes:
        return []
    rules, row = batch.shop.rules, batch.roster.row
    conditions = [one.rule.condition for one in rules]
    facts, setting = ground_of(connection, batch, conditions, list(causes))
    before = standing(connection, list(causes))
    rows = np.array([row[customer] for customer in causes], np.int64)
    flips = np.full(facts.rows, FOREVER)
    found: list[Entry] = []
    for running in rules:
        condition = running.rule.condition
        inside = mask(condition, facts)
        np.minimum(flips, next_flip(condition, facts, setting), out=flips)
        its = before.get(running.rule.id, {})
        was = np.zeros(facts.rows, np.bool_)
        was[[row[customer] for customer, (is_in, _) in its.items() if is_in]] = True
        moved = rows[inside[rows] != was[rows]].tolist()
        entering = [(batch.roster.people[at].id, bool(inside[at])) for at in moved]
        found += (
            _entry(batch, running, its, (customer, is_in, causes[customer]))
            for customer, is_in in entering
        )
    _set_timers(batch, rows[flips[rows] < FOREVER].tolist(), flips)
    return found


def _entry(
    batch: Batch,
    running: RunningRule,
    its: Mapping[int, tuple[bool, int]],
    what: tuple[int, bool, str],
) -> Entry:
    customer, entered, cause = what
    _, number = its.get(customer, (False, 0))
    version = running.version
    return Entry(running.rule.id, customer, number + 1, batch.now, entered, cause, version)


def _set_timers(batch: Batch, rows: Iterable[int], flips: Any) -> None:
    for row in rows:
        customer = batch.roster.people[row].id
        due = int(flips[row])
        batch.set_timers.append(Timer(TIMER, str(customer), customer, "", "", due, batch.now))


def _unite(connection: Connection, batch: Batch) -> None:
    """Who yields leaves every segment; the one who stays is in those, since then, silently."""
    pairs = [(loser, batch.directory.final(loser)) for loser in batch.directory.merged]
    if not pairs:
        return
    versions = {one.rule.id: one.version for one in batch.shop.rules}
    known = standing(connection, {customer for pair in pairs for customer in pair})
    told: list[Entry] = []
    for loser, winner in pairs:
        batch.dropped_timers.append((TIMER, str(loser)))
        for segment, version in versions.items():
            its = known.setdefault(segment, {})
            is_in, number = its.get(loser, (False, 0))
            stays_in, own = its.get(winner, (False, 0))
            if not is_in:
                continue
            its[loser] = False, number + 1
            told.append(Entry(segment, loser, number + 1, batch.now, False, "event", version))
            if not stays_in:
                its[winner] = True, own + 1
                told.append(Entry(segment, winner, own + 1, batch.now, True, "event", version))
    write_entries(connection, batch.shop.number, told)
    bulk.delete_keys(connection, models.memberships, "customer", [loser for loser, _ in pairs])


def catch_up(connection: Connection, shop: Shop) -> Shop:
    """Ask everybody by rules that are new or edited, and close those that were removed.

    Where others had everybody asked again meanwhile, the rule's number moved: it stays as it is,
    for the next batch.
    """
    for segment, version in shop.closed_rules:
        close_segment(connection, shop, segment, version)
    asked = {one.rule.id: one.version for one in shop.rules if one.judged != one.version}
    judge_everybody(connection, shop, "rule", asked)
    rules = models.rules.c
    mine = update(models.rules).where(rules.store == shop.number)
    for segment, version in shop.closed_rules:
        connection.execute(mine.where(rules.id == segment).values(judged=version))
    for one in shop.rules:
        is_it = (rules.id == one.rule.id) & (rules.judged == one.judged)
        connection.execute(mine.where(is_it).values(judged=one.version))
    if not shop.rules:
        due = models.timers.c
        of_rules = (due.store == shop.number) & (due.kind == TIMER)
        connection.execute(delete(models.timers).where(of_rules))
    judged = tuple(replace(one, judged=one.version) for one in shop.rules)
    return replace(shop, rules=judged, closed_rules=())


def follow_model(connection: Connection, shop: Shop) -> None:
    """Ask everybody again after a new model moved them, where a rule names stages or groups."""
    naming = {one.rule.id for one in shop.rules if "segment" in needed_columns(one.rule.condition)}
    judge_everybody(connection, shop, "model", naming)


def drifted(
    connection: Connection, shop: Shop, now: int, slices: Sequence[tuple[int, int] | None]
) -> set[int]:
    """Whom a rule holds no longer, or does now, by what moves without a moment that is computed.

    Parameters
    ----------
    now
        Business time, int microseconds.
    slices
        Which customers are aged, as in `worker.turns.slices`.
    """
    rules = tuple(one for one in shop.rules if unsolved(one.rule.condition))
    if not rules:
        return set()
    asked, found = replace(shop, rules=rules), set[int]()
    for slice_ in slices:
        for people in roster.pages(connection, shop, slice_):
            batch = Batch(asked, now, Directory({}, {}, set(), 0), [], people)
            moved = differences(connection, batch, dict.fromkeys(people.row, "time"))
            tallies.add(connection, shop.number, batch.tallies)
            found |= {one.customer for one in moved}
    return found


def judge_everybody(connection: Connection, shop: Shop, cause: str, asked: Collection[str]) -> None:
    """Move a store's every customer by some of its rules, a page at a time.

    Whom time was about to move by another rule is left to the next batch, which tells that cause.
    """
    if not asked:
        return
    for people in roster.pages(connection, shop):
        batch = Batch(shop, shop.now, Directory({}, {}, set(), 0), [], people)
        found = differences(connection, batch, dict.fromkeys(people.row, cause))
        tallies.add(connection, shop.number, batch.tallies)
        write_entries(connection, shop.number, [one for one in found if one.segment in asked])
        late = {one.customer for one in found if one.segment not in asked}
        now = (Timer(TIMER, str(one), one, "", "", shop.now, shop.now) for one in sorted(late))
        kept = {timer.key: timer for timer in (*batch.set_timers, *now)}
        timers.insert_timers(connection, shop, kept.values())
