"""The last thirty days of the log, moved by whole days so that they end with the last midnight.

Not later: what happens in a store's future is set aside at the door, and a day of the log that
would end tonight is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from worker.demo.purchases import Invoice, Line

DAYS: Final = 30
LOG_ENDS: Final = datetime(2011, 12, 10, tzinfo=UTC)  # the midnight after its last purchase
_DAY: Final = timedelta(days=1)
_PENNY: Final = Decimal("0.01")


@dataclass(frozen=True)
class Window:
    """From ``start`` (in it) to ``end`` (not in it), both midnights in UTC."""

    start: datetime
    end: datetime

    def __contains__(self, at: datetime) -> bool:
        """Whether a time lies in it."""
        return self.start <= at < self.end

    def day_of(self, at: datetime) -> int:
        """The number of the day that a time lies in, from 0 on."""
        return (at - self.start) // _DAY

    def day_end(self, number: int) -> datetime:
        """The midnight at which a day ends."""
        return self.start + (number + 1) * _DAY


def last_days(now: datetime) -> Window:
    """The window of a play that begins now."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Window(midnight - DAYS * _DAY, midnight)


def shifted(invoices: Mapping[str, Sequence[Invoice]], window: Window) -> dict[str, list[Invoice]]:
    """What customers bought in the log's last days, at the window's times.

    Returns of what was bought before, and customers without a purchase, are left out; lines are as
    a shop can sell them: whole pieces, a price of at least a penny.
    """
    found = {}
    for customer, its in invoices.items():
        kept = list(_kept([_moved(one, window) for one in its], window))
        if kept:
            found[customer] = kept
    return found


def _moved(invoice: Invoice, window: Window) -> Invoice:
    lines = tuple(
        Line(line.product, line.quantity, price)
        for line in invoice.lines
        if (price := line.price.quantize(_PENNY, ROUND_HALF_EVEN)) > 0
        and (line.quantity > 0) is not invoice.is_return
    )
    return replace(invoice, at=invoice.at + (window.end - LOG_ENDS), lines=lines)


def _kept(invoices: Sequence[Invoice], window: Window) -> Iterator[Invoice]:
    """Purchases in the window, and returns of what was bought there and not returned yet."""
    bought: Counter[str] = Counter()
    for invoice in invoices:
        if invoice.at not in window or not invoice.lines:
            continue
        pieces: Counter[str] = Counter()
        for line in invoice.lines:
            pieces[line.product] += abs(line.quantity)
        if not invoice.is_return:
            bought += pieces
            yield invoice
        elif pieces <= bought:
            bought -= pieces
            yield invoice
