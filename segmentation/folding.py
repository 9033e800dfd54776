"""A batch of facts into records, two records into one, and the two recomputations."""

from __future__ import annotations

from typing import Final

import numpy as np

from segmentation.errors import FactRefused
from segmentation.facts import FactKind, Facts, refuse_unfoldable
from segmentation.features import CATEGORY_HALF_LIFE, HALF_LIVES, SERIES, SLOTS
from segmentation.moments import circles, squares
from segmentation.record import (
    BLOCKS,
    CIRCLES,
    COUNTS,
    ERA,
    FIRSTS,
    LANDMARK,
    LASTS,
    MONEY,
    NEEDS_BROWSING,
    NEEDS_PURCHASES,
    NEVER,
    PERSON,
    SUMS,
    Ints,
    Recompute,
    Records,
    pending,
)
from segmentation.sentiment import (
    HALF_LIFE_MICROSECONDS,
    add_returns,
    add_said,
    is_said,
    move_era,
)
from segmentation.windows import groups, insert_acts, insert_orders, insert_sessions

_CATEGORY: Final = HALF_LIVES.index(CATEGORY_HALF_LIFE)
_ORDER: Final = int(FactKind.ORDER)
_REVENUE: Final = SERIES.index("revenue")
_ORDERS: Final = SERIES.index("orders")
# Kind -> its decayed series, or -1.
_SERIES: Final = np.array([0, -1, 1, 2, _ORDERS, -1, -1, -1, -1, -1])
# Kinds that the customer does (an order is kept apart: it can be taken back); those that browse.
_IS_ACT: Final = np.array([1, 1, 1, 1, 0, 0, 0, 1, 1, 0], np.bool_)
_BROWSING: Final = int(FactKind.CHECKOUT)
_ACT_CIRCLES: Final = slice(len(COUNTS), len(COUNTS) + len(CIRCLES))
_MONEY: Final = slice(_ACT_CIRCLES.stop, _ACT_CIRCLES.stop + len(MONEY))
_ORDER_CIRCLES: Final = slice(_MONEY.stop, len(SUMS))
_REFUNDED: Final = SUMS.index("refunded")


def fold(records: Records, facts: Facts) -> Recompute:
    """Add facts to records, in place; say which records now need the log.

    The result does not depend on the order of facts nor on how they are split into batches:
    integers exactly, decayed sums to rounding. Facts must be distinct: filter redeliveries first.
    A cancelled or edited order is not an addition: use :func:`purchases`.
    ``distinct_products`` is the caller's (:func:`segmentation.record.united`).

    Raises
    ------
    FactRefused
        If a fact is out of bounds; nothing is folded then.
    """
    refuse_unfoldable(facts, len(records))
    if not len(facts):
        return pending(records)
    said = is_said(facts)
    if said.any():
        add_said(records, facts)
        facts = facts.where(~said)
        if not len(facts):
            return pending(records)
    facts = facts.where(np.lexsort((facts.at, facts.row)))
    first, count = groups(facts.row)
    touched = facts.row[first]
    part = records[touched]
    group = np.repeat(np.arange(len(touched)), count)
    orders = np.flatnonzero(facts.kind == _ORDER)
    _add_sums(part, facts, orders, first)
    _move_ends(part, facts, orders, first)
    _add_decayed(part, facts, group, first)
    if orders.size:
        insert_orders(part, group[orders], facts.at[orders])
    if (acts := np.flatnonzero(facts.kind <= _BROWSING)).size:
        insert_acts(part, group[acts], facts.at[acts])
    records[touched] = part
    add_returns(records, facts)
    return pending(records)


def _add_sums(part: Records, facts: Facts, orders: Ints, first: Ints) -> None:
    """Counts, money and circular sums; facts sorted by row, each row starting at ``first``."""
    add = np.zeros((len(facts), len(SUMS)), np.int64)
    kind = facts.kind
    add[np.arange(len(facts)), kind] = 1
    turns = circles(facts.at, facts.offset)
    add[:, _ACT_CIRCLES] = turns * _IS_ACT[kind][:, None]
    if orders.size:
        _, _, _, value, items, discount, _, _ = facts.table[:, orders]
        square = squares(value)
        money = [value, *square.T, items, discount, np.zeros_like(value)]
        add[orders, _MONEY] = np.stack(money, axis=1)
        add[orders, _ORDER_CIRCLES] = turns[orders]
    refunds = kind == int(FactKind.REFUND)
    add[refunds, _REFUNDED] = facts.value[refunds]
    part.view(BLOCKS)["sums"] += np.add.reduceat(add, first)


def _move_ends(part: Records, facts: Facts, orders: Ints, first: Ints) -> None:
    """First and last times; facts sorted as above."""
    firsts = np.full((len(facts), len(FIRSTS)), -NEVER)
    lasts = np.full((len(facts), len(LASTS)), NEVER)
    acts = np.flatnonzero(_IS_ACT[facts.kind])
    carts = np.flatnonzero(facts.kind == int(FactKind.CART))
    firsts[acts, 0] = lasts[acts, 0] = facts.at[acts]
    lasts[carts, 1] = facts.at[carts]
    firsts[orders, 1] = lasts[orders, 2] = facts.at[orders]
    blocks = part.view(BLOCKS)
    np.minimum(blocks["firsts"], np.minimum.reduceat(firsts, first), out=blocks["firsts"])
    np.maximum(blocks["lasts"], np.maximum.reduceat(lasts, first), out=blocks["lasts"])


def _add_decayed(part: Records, facts: Facts, group: Ints, first: Ints) -> None:
    """Decayed series and categories; ``group`` is each fact's index into ``part``."""
    eras = (facts.at - LANDMARK) // ERA
    move_era(part, np.maximum.reduceat(eras, first))
    age = facts.at - LANDMARK - part["era"][group] * ERA
    weight = np.exp2(age[:, None] / HALF_LIFE_MICROSECONDS)
    add = np.zeros((len(facts), len(SERIES), len(HALF_LIVES)))
    series = _SERIES[facts.kind]
    counted = np.flatnonzero(series >= 0)
    add[counted, series[counted]] = weight[counted]
    # The value of anything but an order is not revenue.
    add[:, _REVENUE] = weight * (facts.value * (facts.kind == _ORDER))[:, None]
    part["decayed"] += np.add.reduceat(add, first)
    slotted = np.flatnonzero((facts.slot >= 0) & (facts.kind <= _ORDER))
    if slotted.size:
        where = (group[slotted], (facts.kind[slotted] == _ORDER).astype(int), facts.slot[slotted])
        shares = np.zeros((len(part), 2, SLOTS))
        np.add.at(shares, where, weight[slotted, _CATEGORY])
        part["categories"] += shares


def purchases(records: Records, facts: Facts) -> None:
    """Compute the purchase part of all given records anew, in place, and clear their need of it.

    Parameters
    ----------
    records
        The customers to recompute; one without facts ends with no purchases.
    facts
        All their present orders and refunds; kinds ORDER and REFUND only.

    Raises
    ------
    FactRefused
        If a fact is out of bounds or of another kind; nothing is changed then.
    """
    refuse_unfoldable(facts, len(records))
    strange = np.flatnonzero((facts.kind != _ORDER) & (facts.kind != int(FactKind.REFUND)))
    if strange.size:
        name, expected = "kind", "an ORDER or a REFUND"
        raise FactRefused(name, int(facts.kind[strange[0]]), expected, tuple(strange.tolist()))
    blocks = records.view(BLOCKS)
    blocks["sums"][:, [_ORDER, int(FactKind.REFUND)]] = 0
    blocks["sums"][:, _MONEY.start :] = 0
    blocks["firsts"][:, FIRSTS.index("first_order_at")] = -NEVER
    blocks["lasts"][:, LASTS.index("last_order_at")] = NEVER
    blocks["decayed"][:, _ORDERS:] = 0
    blocks["categories"][:, 1] = 0
    records["returns"] = records["fault_returns"] = 0
    blocks["gap_squares"] = 0
    blocks["order_times"] = NEVER
    blocks["order_floor"] = NEVER
    blocks["flags"] &= ~np.uint32(NEEDS_PURCHASES)
    fold(records, facts)


def browsing(records: Records, row: Ints, at: Ints) -> None:
    """Compute the sessions of all given records anew, in place, and clear their need of it.

    Parameters
    ----------
    records
        The customers to recompute; one without acts ends with no session.
    row, at
        Their views, searches, carts and checkouts: index into records, microseconds since 1970.
    """
    for name in ("session_starts", "session_ends", "session_floor"):
        records[name] = NEVER
    records["sessions_before"] = 0
    records["browsing_before"] = 0
    records["flags"] &= ~np.uint32(NEEDS_BROWSING)
    if len(row):
        order = np.lexsort((at, row))
        insert_acts(records, row[order], at[order])


def merge(a: Records, b: Records) -> tuple[Records, Recompute]:
    """Each record of ``a`` and its fellow in ``b`` as one, and which of those need the log.

    Neither is changed. ``distinct_products`` of the result is that of the larger side until the
    caller sets it from the united set; so is who the customer is.
    """
    merged, other = a.copy(), b.copy()
    move_era(merged, other["era"])
    move_era(other, merged["era"])
    one, two = merged.view(BLOCKS), other.view(BLOCKS)
    for name in ("sums", "decayed", "categories", "voice", "moods"):
        one[name] += two[name]
    np.minimum(one["firsts"], two["firsts"], out=one["firsts"])
    np.maximum(one["lasts"], two["lasts"], out=one["lasts"])
    np.maximum(one["distinct_products"], two["distinct_products"], out=one["distinct_products"])
    for name in PERSON:
        np.maximum(merged[name], other[name], out=merged[name])
    one["flags"] |= two["flags"]
    _merge_orders(merged, other)
    _merge_sessions(merged, other)
    return merged, pending(merged)


def _merge_orders(merged: Records, other: Records) -> None:
    """Unite the windows of order times; the side that has dropped some is the ground."""
    _take_ground(merged, other, "order_floor", ("order_times", "order_floor", "gap_squares"))
    merged["flags"][other["order_floor"] > NEVER] |= NEEDS_PURCHASES
    row, column = np.nonzero(other["order_times"] > NEVER)
    if row.size:
        insert_orders(merged, row, other["order_times"][row, column])


def _merge_sessions(merged: Records, other: Records) -> None:
    """Unite the windows of sessions, as with orders."""
    fields = (
        *("session_starts", "session_ends", "session_floor"),
        *("sessions_before", "browsing_before"),
    )
    _take_ground(merged, other, "session_floor", fields)
    merged["flags"][other["session_floor"] > NEVER] |= NEEDS_BROWSING
    row, column = np.nonzero(other["session_ends"] > NEVER)
    if row.size:
        starts, ends = other["session_starts"], other["session_ends"]
        insert_sessions(merged, row, starts[row, column], ends[row, column])


def _take_ground(merged: Records, other: Records, floor: str, fields: tuple[str, ...]) -> None:
    """Swap windows where only ``other`` has dropped some, so that ``merged`` holds the sums."""
    swapped = np.flatnonzero((other[floor] > NEVER) & (merged[floor] == NEVER))
    for name in fields:
        kept = merged[name][swapped]
        merged[name][swapped] = other[name][swapped]
        other[name][swapped] = kept
