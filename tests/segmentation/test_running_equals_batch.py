"""Invariant I4: any batches of the same facts, in any order, give what the definition gives."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.events import microseconds
from connectors.records import LARGEST_AMOUNT, RETURN_REASONS
from segmentation import batch
from segmentation.batch_sentiment import COUNTED
from segmentation.demographics import Person, describe
from segmentation.features import BY_NAME, NAMES
from segmentation.histories import no_people
from segmentation.running import (
    FactKind,
    Facts,
    Records,
    browsing,
    derive,
    empty,
    fold,
    merge,
    pack,
    pending,
    product_key,
    purchases,
    united,
    unpack,
)

CUSTOMERS = 3
# Counts are exact but for those that decay and means of counts.
WHOLE = {name for name in COUNTED if not name.endswith("d")} | {
    *("orders", "distinct_products", "views"),
}


class Fact(NamedTuple):
    """One fact as the log has it; ``products`` are an order's lines (product, value)."""

    customer: int
    kind: FactKind
    at: int
    value: int = 0
    discount: int = 0
    slot: int = -1
    offset: int = 0
    products: tuple[tuple[str, int], ...] = ()


def facts_of(log: list[Fact]) -> Facts:
    return Facts.of(
        [
            (
                fact.customer,
                fact.kind,
                fact.at,
                sum(value for _, value in fact.products) or fact.value,
                len({product for product, _ in fact.products}),
                fact.discount,
                fact.slot,
                fact.offset,
            )
            for fact in log
        ]
    )


def only(log: list[Fact], *kinds: FactKind) -> list[Fact]:
    return [fact for fact in log if fact.kind in kinds]


def catch_up(records: Records, log: list[Fact]) -> None:
    """What the drain does for records that ask for the log."""
    needs = pending(records)
    for chosen in np.flatnonzero(needs.purchases):
        mine = [fact._replace(customer=0) for fact in log if fact.customer == chosen]
        again = records[[chosen]]
        purchases(again, facts_of(only(mine, FactKind.ORDER, FactKind.REFUND)))
        records[[chosen]] = again
    for chosen in np.flatnonzero(needs.browsing):
        at = [fact.at for fact in log if fact.customer == chosen and fact.kind <= FactKind.CHECKOUT]
        again = records[[chosen]]
        browsing(again, np.zeros(len(at), np.int64), np.array(at, np.int64))
        records[[chosen]] = again


def count_products(records: Records, log: list[Fact]) -> None:
    for customer in range(len(records)):
        keys = [
            product_key("shop", product)
            for fact in log
            if fact.customer == customer
            for product, _ in fact.products
        ]
        records["distinct_products"][customer] = united(b"", keys)[1]


def running(log: list[Fact], cuts: list[int]) -> Records:
    """Records of a log folded batch by batch, stored and read again between batches."""
    records = empty(CUSTOMERS)
    borders = [0, *sorted(cut % (len(log) + 1) for cut in cuts), len(log)]
    for start, end in pairwise(borders):
        records = unpack(pack(records))
        fold(records, facts_of(log[start:end]))
        catch_up(records, log[:end])
    count_products(records, log)
    return records


def history(log: list[Fact]) -> batch.History:
    """The same log as tables."""
    orders, lines, refunds, events = [], [], [], []
    for number, (customer, kind, micros, value, discount, slot, offset, products) in enumerate(log):
        who, at = str(customer), pd.Timestamp(micros, unit="us", tz="UTC")
        if kind is FactKind.ORDER:
            orders.append((who, str(number), discount, False, slot, offset))
            lines += [(str(number), product, at, price) for product, price in products]
        elif kind is FactKind.REFUND:
            refunds.append((who, at, value, RETURN_REASONS[slot] if slot >= 0 else ""))
        else:
            events.append((who, kind.name.lower(), at, slot, offset, value))
    tables = []
    for rows, blank in (
        (orders, batch.no_orders()),
        (lines, batch.no_lines()),
        (refunds, batch.no_refunds().assign(reason="")),
        (events, batch.no_events().assign(value=0)),
    ):
        table = pd.DataFrame(rows, columns=blank.columns)
        tables.append(table.astype(blank.dtypes.to_dict()))
    return batch.History(*tables)


def differences(columns: dict[str, np.ndarray], expected: pd.DataFrame) -> list[str]:
    """Where the two disagree, in words; nothing if they are equal."""
    rows = expected.index.astype(int).to_numpy()
    found = []
    for name in NAMES:
        got, want = columns[name][rows], expected[name].to_numpy()
        scale = 1e-9 * np.maximum(np.abs(want), 1e-3)
        if name == "order_value_variance":  # the definition's own rounding
            scale = scale + 1e-12 * columns["average_order_value"][rows] ** 2
        if name == "gap_days_variance":
            scale = scale + 1e-12 * columns["gap_days_mean"][rows] ** 2
        away = np.abs(got - want)
        if BY_NAME[name].unit in {"hour", "day"}:
            turn = 24 if BY_NAME[name].unit == "hour" else 7
            away = np.minimum(away, turn - away)
            scale = 1e-6
        if name in {"monetary_value", "refunded_value"} | WHOLE:
            scale = 0
        wrong = ~((away <= scale) | (np.isnan(got) & np.isnan(want)))
        found += [f"{name}: {got[at]!r} is not {want[at]!r}" for at in np.flatnonzero(wrong)]
    return found


START = microseconds(datetime(2024, 3, 1, tzinfo=UTC))
AS_OF = START + 900 * 86_400_000_000


def moments() -> st.SearchStrategy[int]:
    """Times that collide, cluster round a session's end, or lie years apart."""
    minute = 60_000_000
    near = st.integers(0, 40).map(lambda n: START + n * 10 * minute)
    edge = st.integers(-2, 2).map(lambda n: START + 30 * minute + n)
    wide = st.integers(0, 800 * 86_400_000_000).map(lambda n: START + n)
    far = st.sampled_from([1998, 2003, 2009, 2019, 2023]).map(
        lambda year: microseconds(datetime(year, 5, 17, 11, 31, 7, 250_001, tzinfo=UTC))
    )
    return st.one_of(near, edge, wide, far)


def amounts() -> st.SearchStrategy[int]:
    return st.one_of(
        st.integers(0, 20_000), st.sampled_from([0, LARGEST_AMOUNT // 3, LARGEST_AMOUNT // 3 - 1])
    )


def values(kind: FactKind) -> st.SearchStrategy[int]:
    """What a fact of that kind may carry."""
    return {
        FactKind.REFUND: amounts(),
        FactKind.REVIEW: st.integers(100, 500),
        FactKind.SURVEY: st.integers(0, 1_000_000),
        FactKind.TICKET: st.integers(-1, 400 * 86_400),
    }.get(kind, st.just(0))


@st.composite
def fact(draw: st.DrawFn) -> Fact:
    kind = draw(st.sampled_from([FactKind.VIEW, FactKind.ORDER, FactKind.ORDER, *FactKind]))
    products: tuple[tuple[str, int], ...] = ()
    if kind is FactKind.ORDER:
        line = st.tuples(st.sampled_from("abcdefgh"), amounts())
        products = tuple(draw(st.lists(line, min_size=1, max_size=3)))
    return Fact(
        customer=draw(st.integers(0, CUSTOMERS - 1)),
        kind=kind,
        at=draw(moments()),
        value=draw(values(kind)),
        discount=draw(st.integers(0, 500)) if kind is FactKind.ORDER else 0,
        slot=draw(st.integers(-1, {FactKind.REFUND: 6}.get(kind, 15))),
        offset=draw(st.sampled_from([0, 3600, -18_000, 20_700])),
        products=products,
    )


logs = st.lists(fact(), max_size=60)


def person() -> st.SearchStrategy[Person]:
    """Who somebody may be; 0 is unknown."""
    born = st.just(0) | st.integers(1900, 2025)
    codes = (st.integers(0, most) for most in (20, 9, 3, 5))
    return st.builds(Person, born, *codes)


def table_of(people: list[Person]) -> pd.DataFrame:
    """The same people as a table."""
    rows = [
        (
            str(row),
            ("", "female", "male", "other")[one.gender],
            one.birth_year or None,
            one.income_band or None,
            one.education - 1 if one.education else None,
            one.household_size or None,
        )
        for row, one in enumerate(people)
    ]
    blank = no_people()
    return pd.DataFrame(rows, columns=blank.columns).astype(blank.dtypes.to_dict())


@settings(max_examples=60, deadline=None)
@given(
    logs,
    st.lists(st.integers(0, 60), max_size=6),
    st.sampled_from([0, 2, 3]),
    st.lists(person(), min_size=CUSTOMERS, max_size=CUSTOMERS),
)
@pytest.mark.invariant("I4")
def test_any_batches_in_any_order_equal_the_definition(
    log: list[Fact], cuts: list[int], exponent: int, people: list[Person]
) -> None:
    records = running(log, cuts)
    for row, person in enumerate(people):
        describe(records, row, person)
    columns = derive(records, AS_OF, currency_exponent=exponent)
    as_of = pd.Timestamp(AS_OF, unit="us", tz="UTC")
    known = replace(history(log), people=table_of(people))
    expected = batch.customer_features(known, as_of, exponent)
    assert differences(columns, expected) == []


@settings(max_examples=40, deadline=None)
@given(logs, logs)
@pytest.mark.invariant("I4")
def test_two_records_merged_equal_the_fold_of_both_logs(one: list[Fact], two: list[Fact]) -> None:
    merged, needs = merge(running(one, []), running(two, []))
    assert (needs.purchases == pending(merged).purchases).all()
    catch_up(merged, one + two)
    count_products(merged, one + two)
    as_of = pd.Timestamp(AS_OF, unit="us", tz="UTC")
    expected = batch.customer_features(history(one + two), as_of)
    assert differences(derive(merged, AS_OF), expected) == []


def random_log(seed: int, size: int) -> list[Fact]:
    """A busy log, mostly forward in time: windows overflow, few records need the log."""
    rng = np.random.default_rng(seed)
    at = START
    log = []
    for _ in range(size):
        at += int(rng.exponential(4 * 3600e6))
        kind = FactKind(rng.choice(14, p=[0.56, 0.02, 0.1, 0.03, 0.2, *[0.01] * 9]))
        late = int(rng.exponential(3e9)) if rng.random() < 0.2 else 0
        products = ((str(rng.integers(9)), int(rng.integers(9999))),) * (kind is FactKind.ORDER)
        value = 5 * (kind is FactKind.REFUND) + 470 * (kind is FactKind.REVIEW)
        log.append(Fact(int(rng.integers(3)), kind, at - late, value, 0, 3, 0, products))
    return log


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.invariant("I4")
def test_long_histories_outgrow_the_windows_and_still_agree(seed: int) -> None:
    log = random_log(seed, 600)
    columns = derive(running(log, list(range(0, 600, 7))), AS_OF)
    as_of = pd.Timestamp(AS_OF, unit="us", tz="UTC")
    assert differences(columns, batch.customer_features(history(log), as_of)) == []
    assert columns["orders"].min() > 20
    assert columns["sessions"].min() > 40


def test_windows_seldom_need_the_log() -> None:
    log = random_log(7, 600)
    records = empty(CUSTOMERS)
    needed = 0
    for at in range(0, 600, 5):
        fold(records, facts_of(log[at : at + 5]))
        needs = pending(records)
        needed += int(needs.purchases.sum() + needs.browsing.sum())
        catch_up(records, log[: at + 5])
    assert needed < 12


@pytest.mark.parametrize("fault", ["doubled", "lost", "late by a day", "one minor unit"])
def test_a_planted_fault_is_seen(fault: str) -> None:
    log = random_log(1, 80)
    at = next(number for number, one in enumerate(log) if one.kind is FactKind.ORDER)
    broken = list(log)
    if fault == "doubled":
        broken.append(log[at])
    elif fault == "lost":
        del broken[at]
    elif fault == "late by a day":
        later = log[at].at + timedelta(days=1) // timedelta(microseconds=1)
        broken[at] = log[at]._replace(at=later)
    else:
        ((product, value),) = log[at].products
        broken[at] = log[at]._replace(products=((product, value + 1),))
    as_of = pd.Timestamp(AS_OF, unit="us", tz="UTC")
    expected = batch.customer_features(history(log), as_of)
    assert differences(derive(running(broken, [40]), AS_OF), expected)
