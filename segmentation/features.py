"""The catalogue: every feature of a customer, its unit, its meaning and how a model reads it.

``segmentation.batch`` defines the same numbers from tables, ``segmentation.running`` keeps them
event by event. Money is in the currency's main unit. NaN means undefined: such a feature answers
no condition, and a model puts there what :attr:`Feature.impute` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from segmentation.errors import UnknownFeature

Transform = Literal["none", "log"]
Impute = Literal["median"] | float
Scaled = Literal["standardise", "none"]
Range = tuple[float, float]
Unit = Literal[
    "time",
    "days",
    "days²",
    "count",
    "money",
    "money²",
    "share",
    "seconds",
    "hours",
    "hour",
    "day",
    "stars",
    "years",
    "rank",
    "times",
    "ratio",
]

HALF_LIVES: Final = (7, 30, 90)  # days
SERIES: Final = ("views", "carts", "checkouts", "orders", "revenue")
SLOTS: Final = 16
MOOD_HALF_LIFE: Final = 90  # days
CATEGORY_HALF_LIFE: Final = 90  # days
OUTLIERS: Final = (0.005, 0.995)  # for what a logarithm alone does not draw in
SESSION_GAP: Final = 30 * 60  # seconds without an act that end a visit


@dataclass(frozen=True)
class Feature:
    """One number about a customer.

    Attributes
    ----------
    name
        As in conditions, exports and models.
    unit
        ``time`` is microseconds since 1970 UTC; ``money`` the currency's main unit; ``hour`` 0-24
        and ``day`` 0-7 (0 is Monday) go round in a circle; ``hours`` are a length of time.
        ``times`` (1: as always) and ``ratio`` are of constructed features.
    meaning
        A sentence for people.
    transform
        What a model does first: ``log`` is :func:`signed_log`.
    clip
        Bounds that values have by their meaning; a model cuts at them first. None: no bound.
    impute
        What an unknown value counts as when a model is learned, in the feature's own unit: the
        median of those who are known, or this number. The model keeps the number.
    outliers
        Shares of the customers between which a model takes values as they are: (0.005, 0.995) cuts
        at these quantiles of those it is learned from, and keeps the bounds. None: no such cut.
    scaling
        ``none`` where a value weighs in a model as it is, and not by how far customers differ.
    """

    name: str
    unit: Unit
    meaning: str
    transform: Transform = "none"
    clip: Range | None = None
    impute: Impute = "median"
    outliers: Range | None = None
    scaling: Scaled = "standardise"


_PURCHASES: Final = (
    Feature("first_order_at", "time", "When the first order was placed."),
    Feature("last_order_at", "time", "When the last order was placed."),
    Feature("recency_days", "days", "Days since the last order.", "log", (0, 36_500)),
    Feature("orders", "count", "Distinct completed orders; cancelled ones do not count.", "log"),
    Feature("monetary_value", "money", "Gross sales: all lines of all orders, summed.", "log"),
    Feature("refunded_value", "money", "All money given back, whether its order is known.", "log"),
    Feature("average_order_value", "money", "Gross sales per order.", "log"),
    Feature("order_value_variance", "money²", "Population variance of order values.", "log"),
    Feature("tenure_days", "days", "Days since the first order.", "log", (0, 36_500)),
    # A customer with one order has no gap yet: none, not the usual.
    Feature(
        "gap_days_mean", "days", "Mean time between orders; undefined below two.", "log", impute=0.0
    ),
    Feature(
        "gap_days_variance",
        "days²",
        "Population variance of the times between orders; undefined below two orders.",
        "log",
        impute=0.0,
    ),
    Feature("items_per_order", "count", "Mean number of distinct products in an order.", "log"),
    Feature("distinct_products", "count", "Different products ever bought, exactly.", "log"),
    Feature(
        "discount_share",
        "share",
        "Discounts over gross sales. Without sales: 0, or 1 if a discount was given.",
        clip=(0, 1),
    ),
    Feature(
        "refund_share",
        "share",
        "Refunds over gross sales, above 1 if more came back than was sold. Without sales: 0, "
        "or 1 if anything was refunded.",
        clip=(0, 1),
    ),
)
_SERIES_MEANING: Final = {
    "views": "Views",
    "carts": "Additions to the cart",
    "checkouts": "Checkouts begun",
    "orders": "Orders",
    "revenue": "Gross sales",
}
_DECAYED: Final = tuple(
    Feature(
        f"{series}_{days}d",
        "money" if series == "revenue" else "count",
        f"{_SERIES_MEANING[series]}, each halving in weight every {days} days.",
        "log",
    )
    for series in SERIES
    for days in HALF_LIVES
)
_BROWSING: Final = (
    Feature("views", "count", "Pages and products viewed.", "log", outliers=OUTLIERS),
    Feature("searches", "count", "Searches made.", "log", outliers=OUTLIERS),
    Feature("carts", "count", "Additions to and updates of a cart.", "log", outliers=OUTLIERS),
    Feature("checkouts", "count", "Checkouts begun.", "log", outliers=OUTLIERS),
    Feature("view_to_cart_rate", "share", "Carts over views; undefined without.", clip=(0, 1)),
    Feature("cart_to_order_rate", "share", "Orders over carts; undefined without.", clip=(0, 1)),
    Feature("view_to_order_rate", "share", "Orders over views; undefined without.", clip=(0, 1)),
    Feature(
        *("sessions", "count", "Visits: acts at most 30 minutes apart are one visit.", "log"),
        outliers=OUTLIERS,
    ),
    Feature(
        *("browsing_seconds", "seconds", "First to last act of each visit, summed.", "log"),
        outliers=OUTLIERS,
    ),
)
_HABITS: Final = (
    Feature("preferred_hour", "hour", "Circular mean of the local time of day of all acts."),
    Feature("hour_focus", "share", "How strongly acts gather at that hour: 0 not, 1 always."),
    Feature("preferred_weekday", "day", "Circular mean of the local weekday; 0 is Monday."),
    Feature("weekday_focus", "share", "How strongly acts gather on that day: 0 not, 1 always."),
)
_CATEGORIES: Final = tuple(
    Feature(
        f"category_share_{slot}",
        "share",
        f"Share of the store's category {slot} in views, carts, checkouts and orders, each "
        f"halving in weight every {CATEGORY_HALF_LIFE} days; undefined without any.",
    )
    for slot in range(SLOTS)
)
_MESSAGES: Final = (
    Feature("contacts", "count", "Campaign actions that reached the customer.", "log"),
    Feature("opens", "count", "Messages opened.", "log"),
    Feature("clicks", "count", "Messages clicked.", "log"),
    Feature("redemptions", "count", "Our coupons redeemed.", "log"),
    Feature("open_rate", "share", "Opens over contacts; undefined without contacts.", clip=(0, 1)),
    Feature("click_rate", "share", "Clicks over contacts; undefined without.", clip=(0, 1)),
    Feature("first_seen_at", "time", "The customer's first act or order."),
    Feature("last_seen_at", "time", "The customer's last act or order."),
    Feature("last_seen_days", "days", "Days since that last act.", "log", (0, 36_500)),
)
_SENTIMENT: Final = (
    Feature("reviews", "count", "Products rated.", "log"),
    Feature("rating_mean", "stars", "Mean rating, 1 to 5; undefined without.", clip=(1, 5)),
    Feature(
        f"rating_{MOOD_HALF_LIFE}d",
        "stars",
        f"Mean rating, each halving in weight every {MOOD_HALF_LIFE} days; undefined without.",
        clip=(1, 5),
    ),
    Feature("surveys", "count", "Answers on satisfaction, those on closed tickets too.", "log"),
    Feature(
        "satisfaction",
        "share",
        "Mean of those answers, each from 0 (worst) to 1 (best); undefined without.",
        clip=(0, 1),
    ),
    Feature("complaints", "count", "Complaints.", "log"),
    Feature(
        f"complaints_{MOOD_HALF_LIFE}d",
        "count",
        f"Complaints, each halving in weight every {MOOD_HALF_LIFE} days.",
        "log",
    ),
    Feature("tickets", "count", "Requests for help that were closed.", "log"),
    Feature(
        "ticket_hours_mean",
        "hours",
        "Mean time that such a request was open; undefined where none says.",
        "log",
    ),
    Feature("refunds", "count", "Refunds, each once, whether its order is known.", "log"),
    Feature("returns", "count", "Refunds that name a reason.", "log"),
    Feature(
        "return_fault_share",
        "share",
        "Returns that are the shop's doing (defective, wrong item, not as described, late) over "
        "returns; undefined without.",
        clip=(0, 1),
        impute=0.0,
    ),
)
_DEMOGRAPHICS: Final = (
    Feature("age", "years", "Age reached in this calendar year; undefined without.", clip=(0, 120)),
    Feature("income_band", "rank", "1 low, 3 middle, 5 high; undefined without."),
    Feature("education", "rank", "Level of ISCED 2011, 0 to 8; undefined without."),
    Feature("household_size", "count", "People in the household; undefined without.", "log"),
    # Yes or no: standardised, the rarer answer would set its few customers apart from all others.
    Feature(
        "gender_female",
        "share",
        "1 if the shop says female, else 0; undefined without.",
        impute=0.5,
        scaling="none",
    ),
    Feature(
        "gender_male",
        "share",
        "1 if the shop says male, else 0; undefined without.",
        impute=0.5,
        scaling="none",
    ),
)
FEATURES: Final = (
    *(*_PURCHASES, *_DECAYED, *_BROWSING, *_HABITS, *_CATEGORIES, *_MESSAGES),
    *(*_SENTIMENT, *_DEMOGRAPHICS),
)
# Who the customer is: known only where the shop says it.
DEMOGRAPHIC: Final = tuple(feature.name for feature in _DEMOGRAPHICS)
NAMES: Final = tuple(feature.name for feature in FEATURES)
BY_NAME: Final = {feature.name: feature for feature in FEATURES}


def feature(name: str) -> Feature:
    """The feature of that name.

    Raises
    ------
    UnknownFeature
        If there is none; the message names the nearest.
    """
    if name not in BY_NAME:
        raise UnknownFeature(name, NAMES)
    return BY_NAME[name]


def signed_log(column: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Sign times log(1 + magnitude): log1p where that is defined, its mirror below zero."""
    return np.copysign(np.log1p(np.abs(column)), column)


def prepared(
    column: npt.NDArray[np.float64], clip: Range | None, unknown: float, transform: Transform
) -> npt.NDArray[np.float64]:
    """A column as a model reads it before scaling: cut, filled in, transformed; no NaN is left."""
    cut = column if clip is None else np.clip(column, *clip)
    known = np.where(np.isnan(cut), unknown, cut)
    return signed_log(known) if transform == "log" else known


def unknown_as(entry: Feature) -> str:
    """What an unknown value counts as, in words."""
    return entry.impute if isinstance(entry.impute, str) else f"{entry.impute:g}"


def read_as(entry: Feature) -> str:
    """The transform, in words, and that a feature is not scaled."""
    return entry.transform if entry.scaling == "standardise" else f"{entry.transform}, unscaled"


def cut_at(entry: Feature) -> str:
    """Where a model cuts a feature, in words; '' for nowhere."""
    parts = [] if entry.clip is None else [f"{entry.clip[0]:g} to {entry.clip[1]:g}"]
    if entry.outliers is not None:
        parts.append(f"quantiles {entry.outliers[0]:g} to {entry.outliers[1]:g}")
    return ", ".join(parts)
