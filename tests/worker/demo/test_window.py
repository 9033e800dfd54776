"""The window: thirty whole days that end with the last midnight, and what a shop can sell in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from worker.demo.lives import Happening
from worker.demo.purchases import Invoice, Line, read_invoices
from worker.demo.vendure.programme import catalogue, programme, sku, with_account_first
from worker.demo.vendure.window import DAYS, LOG_ENDS, Window, last_days, shifted

NOW = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
WINDOW = last_days(NOW)
LAST = LOG_ENDS - timedelta(hours=12)  # in the log


def invoice(number: str, at: datetime, *lines: tuple[str, int, str]) -> Invoice:
    return Invoice(number, "7", at, tuple(Line(one, n, Decimal(price)) for one, n, price in lines))


def test_it_is_thirty_days_up_to_the_last_midnight() -> None:
    assert Window(datetime(2026, 10, 27, tzinfo=UTC), datetime(2026, 11, 26, tzinfo=UTC)) == WINDOW
    assert WINDOW.start in WINDOW
    assert WINDOW.end not in WINDOW
    assert WINDOW.end <= NOW  # what happens in the future is set aside at the door
    assert [WINDOW.day_of(WINDOW.start), WINDOW.day_of(WINDOW.end)] == [0, DAYS]
    assert WINDOW.day_end(DAYS - 1) == WINDOW.end


def test_midnight_is_that_of_utc() -> None:
    in_tokyo = NOW.astimezone(timezone(timedelta(hours=9)))
    assert last_days(in_tokyo.replace(hour=3, day=27)).end == datetime(2026, 11, 26, tzinfo=UTC)
    assert last_days(datetime(2026, 11, 26, tzinfo=UTC)).end == datetime(2026, 11, 26, tzinfo=UTC)


def test_the_log_moves_by_whole_days_and_keeps_its_hours() -> None:
    first = invoice("1", LOG_ENDS - DAYS * timedelta(days=1), ("A", 1, "2.00"))
    before = invoice("0", first.at - timedelta(seconds=1), ("A", 1, "2.00"))
    last = invoice("2", LAST, ("A", 1, "2.00"))
    (found,) = shifted({"7": [before, first, last]}, WINDOW).values()
    assert [one.number for one in found] == ["1", "2"]
    assert found[0].at == WINDOW.start
    assert found[1].at == datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given_back", "is_kept"),
    [((("A", -2, "2.00"),), True), ((("A", -3, "2.00"),), False), ((("B", -1, "1.00"),), False)],
)
def test_only_what_was_bought_in_the_window_is_given_back(
    given_back: tuple[tuple[str, int, str], ...], *, is_kept: bool
) -> None:
    earlier = invoice("1", LAST - timedelta(days=60), ("A", 9, "2.00"), ("B", 9, "1.00"))
    bought = invoice("2", LAST - timedelta(days=3), ("A", 2, "2.00"))
    back = invoice("C3", LAST - timedelta(days=1), *given_back)
    again = invoice("C4", LAST, *given_back)
    (found,) = shifted({"7": [earlier, bought, back, again]}, WINDOW).values()
    # What is back cannot come back a second time.
    assert [one.number for one in found] == (["2", "C3"] if is_kept else ["2"])


def test_the_logs_last_purchase_is_of_its_last_day() -> None:
    last = max(one.at for its in read_invoices().values() for one in its)
    assert LOG_ENDS - timedelta(days=1) <= last < LOG_ENDS


def test_what_no_shop_can_sell_is_left_out() -> None:
    odd = invoice("1", LAST, ("A", 1, "0.001"), ("B", -2, "1.00"), ("C", 3, "0.126"))
    free = invoice("2", LAST, ("A", 1, "0.00"))
    found = shifted({"7": [odd], "8": [free]}, WINDOW)
    assert {one: its[0].lines for one, its in found.items()} == {
        "7": (Line("C", 3, Decimal("0.13")),)
    }


def test_the_account_is_there_before_the_first_checkout() -> None:
    at = WINDOW.start
    told = [
        Happening(at + timedelta(minutes=one), topic, {})
        for one, topic in enumerate(("checkout.created", "customer.created", "order.paid"))
    ]
    placed = {one.topic: one.at for one in with_account_first(told)}
    assert placed["customer.created"] < placed["checkout.created"] == at


def test_a_programme_is_the_windows_own_and_its_catalogue_sells_all_of_it() -> None:
    played = programme(1, 120, NOW)
    assert 60 < len(played) <= 120
    assert len(played.days) == DAYS
    for number, day in enumerate(played.days):
        assert [WINDOW.day_of(one.at) for one in day] == [number] * len(day)
    sold = {
        sku(line["product_id"], line["price"])
        for day in played.days
        for one in day
        for line in one.document.get("lines", ())
    }
    rows = catalogue(played.prices).splitlines()[1:]
    assert sold
    assert all(any(f",{one}," in row for row in rows) for one in sold)
    owners = {
        one.document["customer"]["id"]
        for day in played.days
        for one in day
        if "customer" in one.document
    }
    assert owners == set(played.owners.values())
