"""Records: what goes in, what comes out, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from connectors.events import microseconds
from connectors.records import LARGEST_AMOUNT, RETURN_REASONS
from segmentation.demographics import FEMALE, Person, describe
from segmentation.errors import FactRefused, UnknownFeature, UnknownSchema
from segmentation.features import NAMES
from segmentation.record import FORMER
from segmentation.running import (
    NEVER,
    RECORD,
    FactKind,
    Facts,
    Records,
    browsing,
    derive,
    empty,
    fold,
    merge,
    pack,
    product_key,
    purchases,
    unfoldable,
    united,
    unpack,
)

DAY = 86_400_000_000
NOW = microseconds(datetime(2026, 6, 1, tzinfo=UTC))


def orders(*at: int, value: int = 1000, **others: int) -> Facts:
    return Facts.columns([0] * len(at), FactKind.ORDER, at, value=value, items=1, **others)


def views(*at: int) -> Facts:
    return Facts.columns([0] * len(at), FactKind.VIEW, at)


def folded(*batches: Facts) -> Records:
    records = empty(1)
    for facts in batches:
        fold(records, facts)
    return records


def value(records: Records, name: str, now: int = NOW, exponent: int = 2) -> float:
    (column,) = derive(records, now, currency_exponent=exponent, names=[name]).values()
    return float(column[0])


def test_of_an_unknown_customer_sums_are_zero_and_the_rest_is_undefined() -> None:
    columns = derive(empty(2), NOW)
    assert tuple(columns) == NAMES
    zero = {name for name, column in columns.items() if (column == 0).all()}
    undefined = {name for name, column in columns.items() if np.isnan(column).all()}
    assert zero | undefined == set(NAMES)
    assert {"orders", "monetary_value", "refund_share", "discount_share", "views_7d"} <= zero
    assert {"recency_days", "gap_days_mean", "gap_days_variance", "open_rate"} <= undefined


def test_no_facts_change_nothing() -> None:
    records = folded(orders(NOW - DAY))
    before = records.copy()
    fold(records, Facts.of([]))
    assert (records == before).all()


def test_one_order() -> None:
    records = folded(orders(NOW - 3 * DAY, value=4200, discount=420))
    assert value(records, "recency_days") == value(records, "tenure_days") == 3
    assert value(records, "monetary_value") == 42
    assert value(records, "order_value_variance") == 0
    assert value(records, "discount_share") == 0.1
    assert np.isnan(value(records, "gap_days_mean"))


def test_two_orders_have_one_gap_without_variance() -> None:
    records = folded(orders(NOW - 3 * DAY, NOW - DAY))
    assert value(records, "gap_days_mean") == 2
    assert value(records, "gap_days_variance") == 0


def test_an_order_of_no_value_counts() -> None:
    records = folded(orders(NOW - DAY, value=0, discount=100))
    assert value(records, "orders") == 1
    assert value(records, "average_order_value") == 0
    assert value(records, "discount_share") == 1


def test_a_return_without_an_order_touches_only_what_was_refunded() -> None:
    records = folded(Facts.columns([0], FactKind.REFUND, [NOW - DAY], value=500))
    before, after = derive(empty(1), NOW), derive(records, NOW)
    changed = {n for n in NAMES if not np.array_equal(before[n], after[n], equal_nan=True)}
    assert changed == {"refunds", "refunded_value", "refund_share"}
    assert after["refunded_value"] == 5
    assert after["refund_share"] == 1


def test_a_refund_may_come_before_its_order() -> None:
    refund = Facts.columns([0], FactKind.REFUND, [NOW - DAY], value=250)
    first, last = folded(refund, orders(NOW - 2 * DAY)), folded(orders(NOW - 2 * DAY), refund)
    assert (first == last).all()
    assert value(first, "refund_share") == 0.25


@pytest.mark.parametrize(("exponent", "money"), [(0, 1234.0), (2, 12.34), (3, 1.234)])
@pytest.mark.invariant("I10")
def test_money_is_in_the_currency_s_main_unit(exponent: int, money: float) -> None:
    records = folded(orders(NOW, value=1234))
    assert value(records, "monetary_value", exponent=exponent) == money
    assert value(records, "revenue_7d", exponent=exponent) == pytest.approx(money)


def test_stores_of_different_currencies_are_read_in_one_go() -> None:
    records = np.concatenate([folded(orders(NOW, value=1000))] * 2)
    columns = derive(records, NOW, currency_exponent=[0, 3])
    assert columns["monetary_value"].tolist() == [1000, 1]


@pytest.mark.invariant("I10")
def test_the_variance_of_the_largest_amounts_is_exact() -> None:
    at = [NOW - n * DAY for n in range(1001)]
    amounts = [LARGEST_AMOUNT - n % 2 for n in range(1001)]
    records = folded(Facts.columns([0] * 1001, FactKind.ORDER, at, value=amounts))
    expected = 500 / 1001 * 501 / 1001
    assert value(records, "order_value_variance", exponent=0) == pytest.approx(expected, rel=1e-12)


def test_regular_gaps_years_long_have_exactly_no_variance() -> None:
    records = folded(orders(*(NOW - n * 1000 * DAY - n for n in range(20))))
    assert value(records, "gap_days_variance") == 0


@pytest.mark.parametrize("year", [1950, 1998, 2020, 2029, 2030, 2060, 2150])
def test_decay_is_right_at_any_date(year: int) -> None:
    at = microseconds(datetime(year, 1, 3, tzinfo=UTC))
    facts = [orders(at - 7 * DAY), orders(at), orders(at - 40 * 365 * DAY)]
    for batches in (facts, facts[::-1]):
        assert value(folded(*batches), "orders_7d", at + 7 * DAY) == pytest.approx(0.75, rel=1e-9)


def test_a_visit_ends_after_half_an_hour_without_an_act() -> None:
    minute = 60_000_000
    records = folded(views(NOW, NOW + 30 * minute, NOW + 60 * minute + 1))
    assert value(records, "sessions") == 2
    assert value(records, "browsing_seconds") == 1800
    fold(records, views(NOW + 45 * minute))
    assert value(records, "sessions") == 1


def test_the_hour_is_the_customer_s_own() -> None:
    midnight = NOW  # a Monday
    facts = Facts.columns([0, 0], FactKind.VIEW, [midnight - DAY // 24] * 2, offset=2 * 3600)
    records = folded(facts)
    assert value(records, "preferred_hour") == pytest.approx(1)
    assert value(records, "preferred_weekday") == pytest.approx(0, abs=1e-9)
    assert value(records, "hour_focus") == pytest.approx(1)


def test_an_order_older_than_the_window_asks_for_the_log() -> None:
    recent = [NOW - n * DAY for n in range(9)]
    records = folded(orders(*recent))
    needs = fold(records, orders(NOW - 100 * DAY))
    assert needs.purchases.tolist() == [True]
    assert needs.browsing.tolist() == [False]
    purchases(records, orders(*recent, NOW - 100 * DAY))
    assert not records["flags"].any()
    assert (records == folded(orders(NOW - 100 * DAY, *recent))).all()


def test_an_act_older_than_the_window_asks_for_the_log() -> None:
    recent = [NOW - n * DAY for n in range(5)]
    records = folded(views(*recent))
    assert fold(records, views(NOW - 100 * DAY)).browsing.tolist() == [True]
    at = np.array([*recent, NOW - 100 * DAY])
    browsing(records, np.zeros(6, np.int64), at)
    assert not records["flags"].any()
    assert value(records, "sessions") == 6


def test_a_cancelled_order_is_gone_and_the_rest_stays() -> None:
    kept, cancelled = orders(NOW - 9 * DAY, slot=3), orders(NOW - DAY, slot=5, discount=7)
    looked = Facts.columns([0], FactKind.VIEW, [NOW - 2 * DAY], slot=1)
    records = folded(kept, looked, cancelled)
    purchases(records, kept)
    now, never = derive(records, NOW), derive(folded(looked, kept), NOW)
    for name in NAMES:
        assert now[name] == pytest.approx(never[name], rel=1e-12, nan_ok=True), name


def test_purchases_of_many_customers_are_computed_in_one_call() -> None:
    records = empty(3)
    fold(records, Facts.columns([0, 1, 2], FactKind.ORDER, [NOW] * 3, value=100))
    purchases(records, Facts.columns([0, 2, 2], FactKind.ORDER, [NOW] * 3, value=50))
    assert records["orders"].tolist() == [1, 0, 2]
    assert records["revenue"].tolist() == [50, 0, 100]
    assert records["last_order_at"][1] == NEVER


def test_only_orders_and_refunds_make_purchases() -> None:
    records = folded(orders(NOW))
    with pytest.raises(FactRefused, match="kind 0: expected an ORDER or a REFUND"):
        purchases(records, views(NOW))
    assert records["orders"] == 1


def test_merging_with_nobody_changes_nothing() -> None:
    records = folded(orders(*(NOW - n * DAY for n in range(12))), views(*range(0, 10 * DAY, DAY)))
    for merged, needs in (merge(records, empty(1)), merge(empty(1), records)):
        assert (merged == records).all()
        assert not needs.purchases.any() | needs.browsing.any()


def test_two_long_histories_merged_ask_for_the_log() -> None:
    records = folded(orders(*(NOW - n * DAY for n in range(12))))
    merged, needs = merge(records, records)
    assert needs.purchases.all()
    assert not needs.browsing.any()
    assert merged["orders"] == 24


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("row", 1),
        ("row", -1),
        ("kind", 14),
        ("at", NEVER),
        ("value", LARGEST_AMOUNT + 1),
        ("items", -1),
        ("discount", -LARGEST_AMOUNT - 1),
        ("slot", 16),
        ("offset", 20 * 3600),
    ],
)
def test_a_fact_out_of_bounds_is_named_and_nothing_is_folded(name: str, wrong: int) -> None:
    facts = orders(NOW, NOW)
    getattr(facts, name)[1] = wrong
    records = empty(1)
    with pytest.raises(FactRefused, match=f"fact 1: {name} {wrong}: expected") as caught:
        fold(records, facts)
    assert caught.value.positions == (1,)
    assert (records == empty(1)).all()
    assert unfoldable(facts).tolist() == [False, name != "row"]


def test_a_column_of_another_name_is_refused() -> None:
    with pytest.raises(TypeError, match=r"\['slots'\]"):
        Facts.columns([0], FactKind.VIEW, [NOW], slots=1)


def test_records_survive_packing() -> None:
    records = np.concatenate([folded(orders(NOW)), folded(views(NOW))])
    again = unpack(pack(records))
    assert (again == records).all()
    fold(again, views(NOW))  # writable
    assert len(unpack([])) == 0


def former(records: Records, schema: int) -> list[bytes]:
    """Records as an earlier version wrote them."""
    return [schema.to_bytes(4, "little") + one[4 : FORMER[schema]] for one in pack(records)]


@pytest.mark.parametrize("schema", FORMER)
def test_records_of_a_schema_before_are_read_with_what_they_lack_undefined(schema: int) -> None:
    bought = folded(*(orders(NOW - n * DAY) for n in range(12)), views(NOW - DAY))
    mixed = unpack([*former(bought, schema), *pack(folded(views(NOW))), *former(empty(1), schema)])
    assert (mixed == np.concatenate([bought, folded(views(NOW)), empty(1)])).all()
    review = Facts.columns([0], FactKind.REVIEW, [NOW], value=350)
    assert np.isnan(value(mixed[:1], "rating_mean"))
    fold(mixed, review)
    assert value(mixed[:1], "rating_mean") == 3.5
    assert np.isnan(value(mixed[:1], "age"))
    with pytest.raises(UnknownSchema, match=f"of {FORMER[schema] - 1} bytes"):
        unpack([former(bought, schema)[0][:-1]])


def test_what_customers_say_is_no_act() -> None:
    records = folded(Facts.columns([0] * 3, FactKind.COMPLAINT, [NOW, NOW - 90 * DAY, NOW]))
    assert value(records, "complaints") == 3
    assert value(records, "complaints_90d") == pytest.approx(2.5)
    assert np.isnan(value(records, "last_seen_days"))
    assert value(records, "sessions") == 0


@pytest.mark.parametrize("year", [1998, 2029, 2030, 2060])
def test_complaints_fade_at_any_date(year: int) -> None:
    at = microseconds(datetime(year, 1, 3, tzinfo=UTC))
    told = [at - 90 * DAY, at, at - 40 * 365 * DAY]
    facts = [Facts.columns([0], FactKind.COMPLAINT, [one]) for one in told]
    for batches in (facts, facts[::-1]):
        assert value(folded(*batches), "complaints_90d", at + 90 * DAY) == pytest.approx(0.75)


def test_who_somebody_is_is_set_and_stays_through_facts_and_merges() -> None:
    records = folded(views(NOW))
    describe(records, 0, Person(1990, 3, 0, FEMALE, 5))
    fold(records, orders(NOW))
    expected = {"age": 36, "household_size": 3, "income_band": 5, "gender_female": 1}
    for one in (records, merge(records, empty(1))[0], merge(empty(1), records)[0]):
        assert {name: value(one, name) for name in expected} == expected
        assert value(one, "gender_male") == 0
        assert np.isnan(value(one, "education"))
    end_of_year = microseconds(datetime(2027, 1, 1, tzinfo=UTC))
    assert [value(records, "age", end_of_year + late) for late in (-1, 0)] == [36, 37]
    describe(records, 0, Person(education=1))
    assert value(records, "education") == 0
    assert np.isnan(value(records, "gender_male"))


def test_ratings_of_lately_weigh_more() -> None:
    at = [NOW, NOW - 90 * DAY]
    records = folded(Facts.columns([0, 0], FactKind.REVIEW, at, value=[200, 500]))
    assert value(records, "rating_mean") == 3.5
    assert value(records, "rating_90d") == pytest.approx(3)
    assert value(records, "rating_90d", NOW + 999 * DAY) == pytest.approx(3)


def test_a_ticket_without_hours_does_not_touch_their_mean() -> None:
    seconds = [7200, -1, 3600]
    records = folded(Facts.columns([0] * 3, FactKind.TICKET, [NOW] * 3, value=seconds))
    assert value(records, "tickets") == 3
    assert value(records, "ticket_hours_mean") == 1.5


def test_returns_that_are_the_shops_doing() -> None:
    reasons = [RETURN_REASONS.index("late"), RETURN_REASONS.index("size"), -1]
    facts = Facts.columns([0] * 3, FactKind.REFUND, [NOW] * 3, value=100, slot=reasons)
    records = folded(facts)
    told = ("refunds", "returns", "return_fault_share")
    assert [value(records, name) for name in told] == [3, 2, 0.5]
    purchases(records, facts.where(np.array([0])))
    assert [value(records, name) for name in told] == [1, 1, 1]


def test_records_of_another_size_or_version_are_refused() -> None:
    with pytest.raises(UnknownSchema, match=f"expected {RECORD.itemsize}"):
        unpack([b"\x00" * 10, pack(empty(1))[0]])
    old = empty(1)
    old["schema"] = 99
    with pytest.raises(UnknownSchema, match=r"schema \{99\}"):
        unpack(pack(old))


def test_products_are_counted_exactly() -> None:
    keys = [product_key("shop", str(n)) for n in range(100)]
    packed, count = united(b"", keys)
    assert count == 100
    assert united(packed, keys[:50]) == (packed, 100)
    assert product_key("shop", "1") != product_key("other", "1")


def test_an_unknown_feature_cannot_be_derived() -> None:
    with pytest.raises(UnknownFeature, match="did you mean 'orders'"):
        derive(empty(1), NOW, names=["order"])
