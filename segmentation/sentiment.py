"""What customers say of the shop, in records: ratings, answers, complaints, tickets and returns.

All of it is sums, so neither order nor batches matter. Such facts are rare beside browsing; they
are added on their own, and a batch without any pays nothing for them.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from connectors.records import FAULTS, RETURN_REASONS
from segmentation.facts import FactKind, Facts
from segmentation.features import HALF_LIVES, MOOD_HALF_LIFE
from segmentation.record import DAY, ERA, LANDMARK, MOODS, Bools, Ints, Records
from segmentation.windows import groups

STAR: Final = 100  # hundredths in which a rating is kept
WHOLE: Final = 1_000_000  # millionths in which satisfaction is kept
HALF_LIFE_MICROSECONDS: Final = np.array(HALF_LIVES) * float(DAY)
_MOOD: Final = HALF_LIVES.index(MOOD_HALF_LIFE)
_IS_FAULT: Final = np.array([reason in FAULTS for reason in RETURN_REASONS])
# Kind -> the sum that its value goes to, beside the count of its own name.
_COUNTS: Final = {
    FactKind.REVIEW: ("reviews", "rating"),
    FactKind.SURVEY: ("surveys", "satisfaction"),
    FactKind.COMPLAINT: ("complaints", ""),
    FactKind.TICKET: ("tickets", ""),
}


def is_said(facts: Facts) -> Bools:
    """Which facts are something that a customer said and nothing else; refunds are not."""
    said: Bools = facts.kind >= int(FactKind.REVIEW)
    return said


def add_said(records: Records, facts: Facts) -> None:
    """Add what customers said to records, in place; other kinds are passed over."""
    said = np.flatnonzero(is_said(facts))
    if not said.size:
        return
    facts = facts.where(said)
    facts = facts.where(np.argsort(facts.row, kind="stable"))
    first, count = groups(facts.row)
    touched = facts.row[first]
    part = records[touched]
    group = np.repeat(np.arange(len(touched)), count)
    for kind, (counted, summed) in _COUNTS.items():
        one = np.flatnonzero(facts.kind == int(kind))
        np.add.at(part[counted], group[one], 1)
        if summed:
            np.add.at(part[summed], group[one], facts.value[one])
    timed = np.flatnonzero((facts.kind == int(FactKind.TICKET)) & (facts.value >= 0))
    np.add.at(part["timed_tickets"], group[timed], 1)
    np.add.at(part["ticket_seconds"], group[timed], facts.value[timed])
    _add_moods(part, facts, group, first)
    records[touched] = part


def add_returns(records: Records, facts: Facts) -> None:
    """Add refunds that name a reason to records, in place; other facts are passed over."""
    told = np.flatnonzero((facts.kind == int(FactKind.REFUND)) & (facts.slot >= 0))
    if told.size:
        row = facts.row[told]
        np.add.at(records["returns"], row, 1)
        np.add.at(records["fault_returns"], row, _IS_FAULT[facts.slot[told]].astype(np.int64))


def _add_moods(part: Records, facts: Facts, group: Ints, first: Ints) -> None:
    """Decayed sums of complaints and ratings; facts sorted by row, each starting at ``first``."""
    move_era(part, np.maximum.reduceat((facts.at - LANDMARK) // ERA, first))
    age = facts.at - LANDMARK - part["era"][group] * ERA
    weight = np.exp2(age / HALF_LIFE_MICROSECONDS[_MOOD])
    is_review = facts.kind == int(FactKind.REVIEW)
    add = np.zeros((len(facts), len(MOODS)))
    add[:, MOODS.index("complaints")] = weight * (facts.kind == int(FactKind.COMPLAINT))
    add[:, MOODS.index("reviews")] = weight * is_review
    add[:, MOODS.index("rating")] = weight * facts.value * is_review
    part["moods"] += np.add.reduceat(add, first)


def move_era(part: Records, eras: Ints) -> None:
    """Bring decayed sums to the landmark of a later era where that is newer."""
    moves = eras - part["era"]
    part["era"] += np.maximum(moves, 0)
    if (later := np.flatnonzero(moves > 0)).size:
        # Beyond this many eras nothing is left; the bound only keeps the product small.
        shrink = np.exp2(-np.minimum(moves[later], 1000)[:, None] * (ERA / HALF_LIFE_MICROSECONDS))
        part["decayed"][later] *= shrink[:, None, :]
        part["categories"][later] *= shrink[:, _MOOD, None, None]
        part["moods"][later] *= shrink[:, _MOOD, None]
