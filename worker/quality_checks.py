"""What one event by itself may say: currency, totals, times, test orders. Pure.

What needs more than the event is looked at in :mod:`worker.quality_bursts` and
:mod:`worker.quality_sharing`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from connectors.currencies import CODES
from connectors.demographics import OLDEST
from connectors.events import Event
from connectors.records import Cart, Customer, Order, Product, Refund

Reason = Literal[
    "unknown_currency",
    "negative_total",
    "impossible_date",
    "impossible_age",
    "bot_burst",
    "test_order",
    "shared_identity",
    "foreign_currency",
]
# reason -> what it means. tests/test_docs.py holds docs/quality.md to this table.
REASONS: Final[dict[Reason, str]] = {
    "unknown_currency": "Its currency is neither the store's nor a code of ISO 4217.",
    "negative_total": "A total, discount or refund below zero.",
    "impossible_date": (
        "A time before 1995, or more than 5 minutes after it was received; on a log's clock, more "
        "than 31 days ahead of it."
    ),
    "impossible_age": "A birthday in the future, or an age above 120 years.",
    "bot_burst": "More page events of one visitor within a minute than people make.",
    "test_order": "The platform says that the order is a test, or a tester placed it.",
    "shared_identity": "One address with many customer ids within a day, or one id with many.",
    "foreign_currency": "Another currency than the store's: kept as an order, never added.",
}
# Said of events that go on all the same.
FLAGS: Final[frozenset[Reason]] = frozenset({"foreign_currency"})
# What stands in the state of a held event's row; no state of a dead letter.
HELD, RELEASING, RELEASED, DROPPED = "held", "releasing", "released", "dropped"
PASSED: Final = "passed"
TALLY: Final = "quality"  # its labels are day|passed and day|reason
EARLIEST: Final = datetime(1995, 1, 1, tzinfo=UTC)
FUTURE: Final = timedelta(minutes=5)
# The events of a step are played before the clock moves to its end; none is as long as this.
LOG_AHEAD: Final = timedelta(days=31)
_AGES: Final = frozenset({"age", "birth_year"})
_TIMELESS: Final = frozenset({"customers_merged", "look_up_due", "data_requested"})
Check = Callable[[Any, str, datetime], "Reason | None"]


def problem(event: Event, currency: str) -> Reason | None:
    """What is wrong with an event, if anything that it says by itself is.

    Parameters
    ----------
    currency
        The store's, ISO 4217.
    """
    at, received, body = event.at, event.received_at, event.body
    # Most happened before they were heard of: the sum is worth avoiding.
    if at < EARLIEST or (at > received and at > received + FUTURE):
        return "impossible_date"
    return None if body is None else _CHECKS[type(body)](body, currency, received + FUTURE)


def is_early(event: Event, now: datetime) -> bool:
    """Whether an event or what it tells of still lies ahead, by more than clocks differ."""
    return _newest(event) > now + FUTURE


def is_beyond(event: Event, clock: datetime) -> bool:
    """Whether an event tells of a day that a log's clock is not near.

    A description may be of any time: a person is who they are. What is asked of us is asked now.
    """
    if isinstance(event.body, Customer | Product) or event.type in _TIMELESS:
        return False
    return _newest(event) > clock + LOG_AHEAD


def _newest(event: Event) -> datetime:
    """The latest time that an event names."""
    body = event.body
    times = [event.at]
    if body is not None:
        times.append(body.updated_at)
    if isinstance(body, Order):
        times.append(body.placed_at)
    elif isinstance(body, Refund):
        times.append(body.refunded_at)
    return max(times)


def _order(body: Order, currency: str, latest: datetime) -> Reason | None:
    if body.currency != currency and body.currency not in CODES:
        return "unknown_currency"
    if body.value < 0 or body.discount < 0:
        return "negative_total"
    if not EARLIEST <= body.placed_at <= latest or body.updated_at > latest:
        return "impossible_date"
    if body.is_test:
        return "test_order"
    return None if body.currency == currency else "foreign_currency"


def _refund(body: Refund, currency: str, latest: datetime) -> Reason | None:
    if body.currency != currency and body.currency not in CODES:
        return "unknown_currency"
    if body.value < 0:
        return "negative_total"
    if not EARLIEST <= body.refunded_at <= latest or body.updated_at > latest:
        return "impossible_date"
    return None if body.currency == currency else "foreign_currency"


def _cart(body: Cart, currency: str, latest: datetime) -> Reason | None:
    if body.value < 0:
        return "negative_total"
    if body.updated_at > latest:
        return "impossible_date"
    if body.currency in {currency, ""}:
        return None
    return "foreign_currency" if body.currency in CODES else "unknown_currency"


def _described(body: Customer | Product, _currency: str, latest: datetime) -> Reason | None:
    """A version that lies ahead would keep every later one out."""
    if body.updated_at > latest:
        return "impossible_date"
    if not isinstance(body, Customer):
        return None
    ages = [body.attributes.get("age"), *_ages(body.attributes.get("birth_year"), latest)]
    known = [age for age in ages if isinstance(age, int | float)]
    return None if all(0 <= age <= OLDEST for age in known) else "impossible_age"


def _ages(year: object, now: datetime) -> list[float]:
    return [now.year - year] if isinstance(year, int | float) else []


_CHECKS: Final[dict[type, Check]] = {
    Order: _order,
    Refund: _refund,
    Cart: _cart,
    Customer: _described,
    Product: _described,
}


def is_impossible_birthday(text: str, today: date) -> bool:
    """Whether a birthday is one that nobody has. What is no date at all wakes no campaign."""
    try:
        born = date.fromisoformat(text[:10])
    except ValueError:
        years = re.findall(r"\d{4}", text)  # 1.5.1990
        return bool(years) and not 0 <= today.year - int(years[0]) <= OLDEST + 1
    return born > today or today.year - born.year > OLDEST + 1


def takes_away(event: Event) -> bool:
    """Whether a description withdraws a consent or says never to contact: it may not wait."""
    body = event.body
    return isinstance(body, Customer) and (
        bool(body.is_suppressed) or not all(body.consents.values())
    )


def softened(event: Event, reason: Reason) -> Event:
    """A withdrawal without what is wrong with it: its times are not after it was received."""
    body = event.body
    if not isinstance(body, Customer):
        return event
    wrong = _AGES if reason == "impossible_age" else frozenset()
    said = {name: value for name, value in body.attributes.items() if name not in wrong}
    updated = min(body.updated_at, event.received_at)
    return msgspec.structs.replace(
        event,
        at=min(event.at, event.received_at),
        body=msgspec.structs.replace(body, updated_at=updated, attributes=said),
    )
