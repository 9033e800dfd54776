"""Features out of records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Final

import numpy as np
import numpy.typing as npt

from segmentation import demographics
from segmentation.features import HALF_LIVES, MOOD_HALF_LIFE, NAMES, SERIES, SLOTS, feature
from segmentation.moments import CIRCLE_UNIT, squares, variance
from segmentation.record import DAY, ERA, LANDMARK, MOODS, NEVER, Bools, Floats, Ints, Records
from segmentation.sentiment import HALF_LIFE_MICROSECONDS, STAR, WHOLE
from segmentation.windows import gaps

# Records at a time: few enough to stay in a core's cache while every feature reads them.
_SLICE: Final = 2048
_TWO: Final = 2  # orders have one gap, which does not vary
_LARGEST_EXPONENT: Final = 1000.0
_HOUR: Final = 3600  # seconds
_COUNTED: Final = (
    *("orders", "distinct_products", "views", "searches", "carts", "checkouts"),
    *("contacts", "opens", "clicks", "redemptions"),
    *("reviews", "surveys", "complaints", "tickets", "refunds", "returns"),
)


def derive(
    records: Records,
    now: int,
    *,
    currency_exponent: npt.ArrayLike = 2,
    names: Sequence[str] | None = None,
) -> dict[str, Floats]:
    """Features of records at a time, one float64 array each, in catalogue order.

    Parameters
    ----------
    records
        n records; everything folded counts, so fold only what was before ``now``.
    now
        Microseconds since 1970 UTC.
    currency_exponent
        Decimal places of the minor unit: one number, or one per record.
    names
        The features wanted, in the order wanted; None: all of the catalogue. Fewer cost less.

    Raises
    ------
    UnknownFeature
        If a name is not in the catalogue.
    """
    wanted = [feature(name).name for name in (NAMES if names is None else names)]
    units = np.broadcast_to(10.0 ** np.asarray(currency_exponent, np.float64), len(records))
    columns = {name: np.empty(len(records)) for name in wanted}
    for start in range(0, len(records), _SLICE):
        piece = slice(start, start + _SLICE)
        view = _View(records[piece], now, units[piece])
        for name, column in columns.items():
            column[piece] = _FORMULAS[name](view)
    return columns


def value_at(records: Records, name: str, moments: Ints, *, currency_exponent: int = 2) -> Floats:
    """One feature of each record at a time of its own, by the very formula of :func:`derive`.

    Not for demographic features, which read the calendar of one time.
    """
    units = np.full(len(records), 10.0**currency_exponent)
    return _FORMULAS[feature(name).name](_View(records, moments, units))


def _ratio(above: Ints | Floats, below: Ints | Floats) -> Floats:
    """A quotient, NaN where the divisor is not positive."""
    result = np.full(len(above), np.nan)
    np.divide(above, below, out=result, where=below > 0)
    return result


def _share(part: Ints, whole: Ints) -> Floats:
    """A part of a whole; without a whole 0, or 1 where there is a part all the same."""
    result: Floats = (part > 0).astype(np.float64)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


def _time(at: Ints, known: Bools) -> Floats:
    """Times as floats (exact until 2255), NaN where unknown."""
    return np.where(known, at, np.nan)


@dataclass(frozen=True)
class _View:
    """A slice of records and what several features are made of."""

    records: Records
    now: int | Ints
    unit: Floats

    def __getitem__(self, name: str) -> Ints:
        column: Ints = self.records[name]
        return column

    @cached_property
    def orders(self) -> Ints:
        return np.ascontiguousarray(self["orders"])

    @cached_property
    def fade(self) -> Floats:
        """What a decayed sum is multiplied by; (n, half-lives)."""
        age = self.now - LANDMARK - self["era"] * ERA
        exponent = np.minimum(-age[:, None] / HALF_LIFE_MICROSECONDS, _LARGEST_EXPONENT)
        return np.exp2(exponent)

    @cached_property
    def last_seen(self) -> Ints:
        return np.maximum(self["last_act_at"], self["last_order_at"])

    @cached_property
    def first_seen(self) -> Ints:
        return np.minimum(self["first_act_at"], self["first_order_at"])

    @cached_property
    def categories(self) -> Floats:
        sums: Floats = self.records["categories"].sum(axis=1)
        return sums / np.where((total := sums.sum(axis=1)) > 0, total, np.nan)[:, None]

    @cached_property
    def sessions(self) -> Bools:
        return self["session_ends"] > NEVER

    def circle(self, name: str) -> tuple[Ints, Ints]:
        """Cosine and sine sums over acts and orders."""
        cos, sin = (self[f"act_{name}_{of}"] + self[f"order_{name}_{of}"] for of in ("cos", "sin"))
        return cos, sin


def _days_since(view: _View, at: str) -> Floats:
    return (view.now - _time(view[at], view.orders > 0)) / DAY


def _money(view: _View, field: str) -> Floats:
    return view[field] / view.unit


def _order_value_variance(view: _View) -> Floats:
    result = np.full(len(view.records), np.nan)
    bought = np.flatnonzero(view.orders > 0)
    limbs = np.stack([view[f"square_{limb}"][bought] for limb in ("high", "middle", "low")], axis=1)
    spread = variance(limbs, view["revenue"][bought], view.orders[bought])
    result[bought] = spread / view.unit[bought] ** 2
    return result


def _gap_days_mean(view: _View) -> Floats:
    span = np.where(view.orders > 1, view["last_order_at"] - view["first_order_at"], 0)
    return _ratio(span, view.orders - 1) / DAY


def _gap_days_variance(view: _View) -> Floats:
    result = np.full(len(view.records), np.nan)
    result[view.orders > 1] = 0.0
    often = np.flatnonzero(view.orders > _TWO)
    if often.size:
        kept = gaps(view["order_times"][often], view["order_floor"][often])
        limbs = view["gap_squares"][often] + squares(kept).sum(axis=1)
        span = view["last_order_at"][often] - view["first_order_at"][often]
        result[often] = variance(limbs, span, view.orders[often] - 1) / float(DAY) ** 2
    return result


def _decayed(view: _View, series: int, half_life: int) -> Floats:
    sums: Floats = view.records["decayed"][:, series, half_life] * view.fade[:, half_life]
    if SERIES[series] == "revenue":
        sums /= view.unit
    return sums


def _complaints_decayed(view: _View) -> Floats:
    sums: Floats = view.records["moods"][:, MOODS.index("complaints")]
    return sums * view.fade[:, HALF_LIVES.index(MOOD_HALF_LIFE)]


def _rating_decayed(view: _View) -> Floats:
    """Both sums fade alike, so the time of reading does not matter."""
    moods: Floats = view.records["moods"]
    return _ratio(moods[:, MOODS.index("rating")], moods[:, MOODS.index("reviews")] * STAR)


def _sessions(view: _View) -> Floats:
    kept: Ints = view.sessions.sum(axis=1)
    return (view["sessions_before"] + kept).astype(np.float64)


def _browsing_seconds(view: _View) -> Floats:
    length = np.where(view.sessions, view["session_ends"] - view["session_starts"], 0)
    seconds: Floats = (view["browsing_before"] + length.sum(axis=1)) / 1_000_000
    return seconds


def _preference(view: _View, name: str, turn: int) -> Floats:
    cos, sin = view.circle(name)
    angle = np.arctan2(sin.astype(np.float64), cos.astype(np.float64))
    return np.where((cos != 0) | (sin != 0), angle / (2 * np.pi) * turn % turn, np.nan)


def _focus(view: _View, name: str) -> Floats:
    cos, sin = view.circle(name)
    counted = ("views", "searches", "carts", "checkouts", "orders", "opens", "clicks")
    acts = np.sum([view[kind] for kind in counted], axis=0)
    length = np.hypot(cos.astype(np.float64), sin.astype(np.float64)) / CIRCLE_UNIT
    return np.minimum(_ratio(length, acts), 1.0)


_Formula = Callable[[_View], Floats]


def _of_person(view: _View, known: demographics.Formula) -> Floats:
    return known(view.records, int(view.now))  # one time for all: else numpy refuses


def _plain(name: str) -> _Formula:
    return lambda view: view[name].astype(np.float64)


def _category_share(view: _View, slot: int) -> Floats:
    share: Floats = view.categories[:, slot]
    return share


def _rate(above: str, below: str) -> _Formula:
    return lambda view: _ratio(view[above], view[below])


def _formulas() -> Iterator[tuple[str, _Formula]]:
    """Every feature's formula, by name; the catalogue's order is applied on reading."""
    yield "first_order_at", lambda view: _time(view["first_order_at"], view.orders > 0)
    yield "last_order_at", lambda view: _time(view["last_order_at"], view.orders > 0)
    yield "recency_days", partial(_days_since, at="last_order_at")
    yield "tenure_days", partial(_days_since, at="first_order_at")
    yield "monetary_value", partial(_money, field="revenue")
    yield "refunded_value", partial(_money, field="refunded")
    yield "average_order_value", lambda view: _ratio(view["revenue"], view.orders) / view.unit
    yield "order_value_variance", _order_value_variance
    yield "gap_days_mean", _gap_days_mean
    yield "gap_days_variance", _gap_days_variance
    yield "items_per_order", _rate("items", "orders")
    yield "discount_share", lambda view: _share(view["discount"], view["revenue"])
    yield "refund_share", lambda view: _share(view["refunded"], view["revenue"])
    yield "sessions", _sessions
    yield "browsing_seconds", _browsing_seconds
    yield "view_to_cart_rate", _rate("carts", "views")
    yield "cart_to_order_rate", _rate("orders", "carts")
    yield "view_to_order_rate", _rate("orders", "views")
    yield "open_rate", _rate("opens", "contacts")
    yield "click_rate", _rate("clicks", "contacts")
    yield "first_seen_at", lambda view: _time(view.first_seen, view.first_seen < -NEVER)
    yield "last_seen_at", lambda view: _time(view.last_seen, view.last_seen > NEVER)
    yield (
        "last_seen_days",
        lambda view: (view.now - _time(view.last_seen, view.last_seen > NEVER)) / DAY,
    )
    for name, turn, focus in (("hour", 24, "hour_focus"), ("weekday", 7, "weekday_focus")):
        yield f"preferred_{name}", partial(_preference, name=name, turn=turn)
        yield focus, partial(_focus, name=name)
    yield from _families()


def _families() -> Iterator[tuple[str, _Formula]]:
    for row, series in enumerate(SERIES):
        for column, days in enumerate(HALF_LIVES):
            yield f"{series}_{days}d", partial(_decayed, series=row, half_life=column)
    for slot in range(SLOTS):
        yield f"category_share_{slot}", partial(_category_share, slot=slot)
    for name in _COUNTED:
        yield name, _plain(name)
    yield from _sentiment()
    for name, known in demographics.FORMULAS.items():
        yield name, partial(_of_person, known=known)


def _sentiment() -> Iterator[tuple[str, _Formula]]:
    yield "rating_mean", lambda view: _ratio(view["rating"], view["reviews"] * STAR)
    yield f"rating_{MOOD_HALF_LIFE}d", _rating_decayed
    yield "satisfaction", lambda view: _ratio(view["satisfaction"], view["surveys"] * WHOLE)
    yield f"complaints_{MOOD_HALF_LIFE}d", _complaints_decayed
    yield (
        "ticket_hours_mean",
        lambda view: _ratio(view["ticket_seconds"], view["timed_tickets"] * _HOUR),
    )
    yield "return_fault_share", _rate("fault_returns", "returns")


_FORMULAS: Final = dict(_formulas())
