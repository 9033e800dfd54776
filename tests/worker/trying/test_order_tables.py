"""Order tables of several programs, as the purchase log they mean."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from connectors.events import Event
from connectors.records import Order, Refund
from worker.cells import FileRefused
from worker.sheets import open_sheet, rows
from worker.trying.asking import Wishes, layout_of
from worker.trying.books import Book
from worker.trying.order_tables import Setting, read_orders

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Currency,Discount Amount,Created at,Lineitem quantity,"
    "Lineitem name,Lineitem price,Lineitem sku,Cancelled at,Refunded Amount"
)


def book_of(
    path: Path,
    *lines: str,
    encoding: str = "utf-8",
    wishes: Wishes | None = None,
    currency: str = "",
) -> Book:
    path.write_bytes("\n".join(lines).encode(encoding))
    sheet, wishes = open_sheet(path), wishes or Wishes()
    sample = [row.cells for row in islice(rows(sheet), 200) if row.cells]
    layout = layout_of(sheet, sample, wishes)
    assert layout is not None
    return read_orders(sheet, layout, wishes, Setting("UTC", currency, NOW))


def told(book: Book) -> list[Event]:
    return list(book.events("try", NOW))


def sales(book: Book) -> list[Order]:
    return [one.body for one in told(book) if isinstance(one.body, Order)]


def left(book: Book) -> dict[str, int]:
    return {one.reason: one.rows for one in book.left_out}


def ids(events: Sequence[Event]) -> set[str]:
    return {key for event in events for _, key in event.identities}


def test_shopifys_export_says_each_order_once_and_nobodys_address(tmp_path: Path) -> None:
    book = book_of(
        tmp_path / "orders_export.csv",
        SHOPIFY,
        "#1,ann@x.example,paid,2026-01-02 10:00:00 +0100,EUR,5.00,2026-01-02 10:00:00 +0100,2,"
        "Mug,10.00,MUG,,0.00",
        '#1,,,,,,2026-01-02 10:00:00 +0100,1,"Plate, ""blue""\nbig",7.50,,,',
        "#2,ann@x.example,partially_refunded,,EUR,0.00,2026-02-01 09:00:00 +0100,1,"
        "Mug,10.00,MUG,,4.00",
        "#3,bob@x.example,voided,,EUR,0.00,2026-02-02 09:00:00 +0100,1,Mug,10.00,MUG,,0.00",
        "#4,bob@x.example,paid,,USD,0.00,2026-02-02 09:00:00 +0100,1,Mug,10.00,MUG,,0.00",
        "#5,bob@x.example,paid,,EUR,0.00,2026-02-02 09:00:00 +0100,1,Mug,10.00,MUG,2026-02-03,0.00",
        "#6,,paid,,EUR,0.00,2026-02-02 09:00:00 +0100,1,Mug,10.00,MUG,,0.00",
    )
    assert (book.kind, book.platform, book.currency) == ("Shopify's order export", "shopify", "EUR")
    assert (book.orders, book.customers, book.rows) == (2, 1, 7)
    first, second = sales(book)
    assert (first.order_id, first.value, first.discount) == ("#1", 2250, 500)
    assert [line.product_id for line in first.lines] == ["MUG", 'Plate, "blue"\nbig']
    assert first.placed_at == datetime(2026, 1, 2, 9, tzinfo=UTC)
    assert second.value == 1000
    assert [one.body.value for one in told(book) if isinstance(one.body, Refund)] == [400]
    assert ids(told(book)) == {"order #1"}
    assert left(book) == {
        "of orders that were not paid or were cancelled": 1,
        "in USD, which is never added to EUR": 1,
        "of cancelled orders": 1,
        "no customer named": 1,
    }


def test_woocommerce_by_lines_and_by_orders(tmp_path: Path) -> None:
    lines = book_of(
        tmp_path / "lines.csv",
        "order_number,date,status,billing_email,item_sku,item_quantity,item_total,order_currency",
        "7,2026-01-05 10:00:00,completed,ann@x.example,MUG,2,20.00,EUR",
        "7,2026-01-05 10:00:00,completed,ann@x.example,CUP,1,7.00,EUR",
        "8,2026-01-06 10:00:00,pending,ann@x.example,CUP,1,7.00,EUR",
        "9,2026-01-07 10:00:00,refunded,bob@x.example,CUP,1,7.00,EUR",
    )
    assert lines.platform == "woocommerce"
    assert [(one.order_id, one.value) for one in sales(lines)] == [("7", 2700), ("9", 700)]
    assert [one.body.value for one in told(lines) if isinstance(one.body, Refund)] == [700]
    orders = book_of(
        tmp_path / "orders.csv",
        "Date,Order #,Status,Customer,Product(s),Items sold,Coupon(s),Net Sales",
        "2026-01-05 10:00:00,7,completed,Ann Smith,Mug,2,,27.00",
        "2026-01-09 10:00:00,9,completed,Bob Jones,Cup,1,,7.00",
    )
    assert [one.value for one in sales(orders)] == [2700, 700]
    assert ids(told(orders)) == {"order 7", "order 9"}


def test_a_german_sheet_is_the_same_history(tmp_path: Path) -> None:
    plain = book_of(
        tmp_path / "a.csv",
        "invoice,stock_code,quantity,invoice_date,price,customer_id",
        "536365,A,6,2026-01-02T08:26:00,2.55,17850",
        "C536366,A,-1,2026-01-13T08:26:00,2.55,17850",
        "536367,Ä,1,2026-01-14T08:26:00,1234.50,17851",
    )
    german = book_of(
        tmp_path / "b.csv",
        "Rechnung;Artikel;Menge;Datum;Einzelpreis;Kundennummer",
        "536365;A;6;02.01.2026 08:26;2,55;17850",
        "C536366;A;-1;13.01.2026 08:26;2,55;17850",
        "536367;Ä;1;14.01.2026 08:26;1.234,50;17851",
        encoding="cp1252",
    )
    assert told(plain) == told(german)
    assert "Windows-1252, semicolons" in german.notes
    assert any("day-first" in note for note in german.notes)


def test_order_numbers_that_begin_with_c_are_no_returns_by_themselves(tmp_path: Path) -> None:
    book = book_of(
        tmp_path / "a.csv",
        "order_id,customer,date,product,price",
        "CA-1,a,2026-01-02,x,5",
        "CA-2,b,2026-01-02,x,5",
    )
    assert book.orders == 2
    assert [one.value for one in sales(book)] == [500, 500]


def test_without_order_numbers_a_customer_at_one_time_is_an_order(tmp_path: Path) -> None:
    book = book_of(
        tmp_path / "a.csv",
        "customer,date,amount",
        *("1,2026-01-02,5", "1,2026-01-02,3", "1,2026-01-03,4", "2,2026-01-03,-4"),
    )
    assert sorted(one.value for one in sales(book)) == [400, 800]
    assert [one.body.value for one in told(book) if isinstance(one.body, Refund)] == [400]
    assert any("no order numbers" in note for note in book.notes)


def test_rows_that_cannot_be_used_are_counted_by_reason(tmp_path: Path) -> None:
    book = book_of(
        tmp_path / "a.csv",
        "order,customer,date,quantity,price",
        *("1,a,2026-01-02,1,5", ",a,2026-01-02,1,5", "3,,2026-01-02,1,5", "4,a,,1,5"),
        *("5,a,soon,1,5", "6,a,2026-01-02,one,5", "7,a,2026-01-02,1,", "8,a,2026-09-02,1,5"),
        "9,a,2026-01-02,1,5,surplus",
    )
    assert book.orders == 1
    assert left(book) == {
        "no order number": 1,
        "no customer named": 1,
        "no time": 1,
        "a time that cannot be read": 1,
        "a quantity that is no number": 1,
        "no price": 1,
        "a time in the future": 1,
        "more cells than the header names": 1,
    }
    assert {one.reason: one.line for one in book.left_out}["a time that cannot be read"] == 6


def test_missing_columns_are_said_with_what_they_cost(tmp_path: Path) -> None:
    book = book_of(tmp_path / "a.csv", "order,customer,date", "1,a,2026-01-02")
    said = " ".join(book.notes)
    assert "it has no column for price: nobody's spend is known" in said
    assert "it has no column for product" in said
    assert [one.value for one in sales(book)] == [0]


def test_an_unknown_table_asks_for_the_map_it_needs(tmp_path: Path) -> None:
    lines = ("ticket,wer,wann,geld", "1,a,2026-01-02,5", "2,a,2026-01-05,5")
    with pytest.raises(
        FileRefused, match=r"which column is customer .*--map customer=COLUMN,time=wann"
    ):
        book_of(tmp_path / "a.csv", *lines)
    mapped = Wishes("order=ticket,customer=wer,time=wann,price=geld")
    assert book_of(tmp_path / "a.csv", *lines, wishes=mapped).orders == 2
    wrong = Wishes("customer=were,time=wann")
    with pytest.raises(FileRefused, match="did you mean customer=wer"):
        book_of(tmp_path / "a.csv", *lines, wishes=wrong)


def test_somebody_at_a_terminal_is_asked_column_by_column(tmp_path: Path) -> None:
    asked: list[tuple[str, str]] = []
    answers = iter(["ticket", "who", "wer", "wann", "-", "-", "geld"])

    def ask(question: str, proposal: str) -> str:
        asked.append((question, proposal))
        return next(answers)

    book = book_of(
        tmp_path / "a.csv",
        *("ticket,wer,wann,geld", "1,a,2026-01-02,5", "2,a,2026-01-05,5"),
        wishes=Wishes(ask=ask),
    )
    assert book.orders == 2
    assert sum(one.value for one in sales(book)) == 1000
    assert asked[2][0].startswith("No column is named 'who'")
    assert ("wann" in [proposal for _, proposal in asked]) is True


def test_dates_that_can_be_read_in_two_ways_are_asked_about(tmp_path: Path) -> None:
    lines = (
        "order,customer,date,price",
        "1,a,02/01/2026,5",
        "2,a,01/02/2026,5",
        "3,b,02/01/2026,5",
    )
    with pytest.raises(FileRefused, match="--dates day-first or --dates month-first"):
        book_of(tmp_path / "a.csv", *lines)
    months = {
        wanted: {
            one.placed_at.month for one in sales(book_of(tmp_path / "a.csv", *lines, wishes=it))
        }
        for wanted, it in {
            "day": Wishes(dates="day-first"),
            "month": Wishes(dates="month-first"),
            "asked": Wishes("order=order,customer=customer", ask=lambda _q, _p: "month-first"),
        }.items()
    }
    assert months == {"day": {1, 2}, "month": {1, 2}, "asked": {1, 2}}
    first = book_of(tmp_path / "a.csv", *lines, wishes=Wishes(dates="day-first")).first
    assert first == datetime(2026, 1, 2, tzinfo=UTC)
    with pytest.raises(FileRefused, match="expected day-first or month-first"):
        book_of(tmp_path / "a.csv", *lines, wishes=Wishes(dates="sideways"))


def test_a_file_of_which_nothing_can_be_taken_says_why(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="no row of it can be taken: 1 no customer named"):
        book_of(tmp_path / "a.csv", "order,customer,date", "1,,2026-01-02")


def test_rows_in_no_order_are_told_oldest_first(tmp_path: Path) -> None:
    book = book_of(
        tmp_path / "a.csv",
        "order,customer,date,product,price",
        *("2,a,2026-03-01,x,5", "1,b,2026-01-01,x,5", "2,a,2026-03-01,y,5", "3,b,2026-02-01,x,5"),
    )
    assert [one.order_id for one in sales(book)] == ["1", "3", "2"]
    assert [len(one.lines) for one in sales(book)] == [1, 1, 2]
