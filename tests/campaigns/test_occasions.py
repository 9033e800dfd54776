"""Occasions are natural keys."""

from datetime import UTC, date, datetime

from campaigns.occasions import (
    cart_occasion,
    counted,
    date_occasion,
    event_occasion,
    membership_occasion,
    schedule_occasion,
    segment_occasion,
)
from connectors.events import Event
from connectors.records import Body, Cart, Order, Refund

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def event(body: Body | None) -> Event:
    return Event(id=b"\x01" * 16, store="s", type="custom", at=NOW, received_at=NOW, body=body)


def test_an_order_is_one_occasion_by_whichever_door() -> None:
    order = Order("7", "paid", "EUR", NOW, NOW, 100)
    assert event_occasion(event(order)) == "order:7"
    assert event_occasion(event(Refund("9", "EUR", 5, NOW, NOW))) == "refund:9"
    assert event_occasion(event(Cart("t", NOW))) == cart_occasion("t") == "cart:t"
    assert event_occasion(event(None)) == "event:" + "01" * 16


def test_the_others() -> None:
    assert segment_occasion(3) == "entry:3"
    assert membership_occasion("rule.vip", 12) == "entry:rule.vip:12"
    assert counted("entry:3") == ("", 3)
    assert counted("entry:rule.vip:12") == ("rule.vip", 12)
    assert schedule_occasion(date(2026, 3, 1)) == "slot:2026-03-01"
    assert date_occasion(2026) == "year:2026"
