"""Plain words for every feature, and for one customer's value of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import numpy as np

from segmentation.constructed import Constructed, as_feature
from segmentation.features import BY_NAME, Feature
from segmentation.wording import Words, amount, days, message, money, number

_LABELS: Final = {
    "first_order_at": message("first order"),
    "last_order_at": message("last order"),
    "recency_days": message("time since the last order"),
    "orders": message("orders"),
    "monetary_value": message("money spent in all"),
    "refunded_value": message("money refunded"),
    "average_order_value": message("money spent per order"),
    "order_value_variance": message("how much order values vary (variance)"),
    "tenure_days": message("time since the first order"),
    "gap_days_mean": message("usual time between orders"),
    "gap_days_variance": message("how much the time between orders varies (variance)"),
    "items_per_order": message("different products per order"),
    "distinct_products": message("different products in all"),
    "discount_share": message("share of sales given as discounts"),
    "refund_share": message("share of sales refunded"),
    "views": message("pages and products viewed"),
    "searches": message("searches"),
    "carts": message("additions to the cart"),
    "checkouts": message("checkouts begun"),
    "view_to_cart_rate": message("views that led to the cart"),
    "cart_to_order_rate": message("carts that became orders"),
    "view_to_order_rate": message("views that became orders"),
    "sessions": message("visits"),
    "browsing_seconds": message("time spent browsing"),
    "preferred_hour": message("usual time of day"),
    "hour_focus": message("how much they keep to that time of day"),
    "preferred_weekday": message("usual weekday"),
    "weekday_focus": message("how much they keep to that weekday"),
    "contacts": message("campaign messages and offers received"),
    "opens": message("messages opened"),
    "clicks": message("messages clicked"),
    "redemptions": message("coupons redeemed"),
    "open_rate": message("share of messages opened"),
    "click_rate": message("share of messages clicked"),
    "first_seen_at": message("first seen"),
    "last_seen_at": message("last seen"),
    "last_seen_days": message("time since last seen"),
    "reviews": message("reviews written"),
    "rating_mean": message("average rating given"),
    "surveys": message("satisfaction surveys answered"),
    "satisfaction": message("satisfaction"),
    "complaints": message("complaints"),
    "tickets": message("requests for help"),
    "ticket_hours_mean": message("usual time until a request was closed"),
    "refunds": message("refunds"),
    "returns": message("returns with a reason"),
    "return_fault_share": message("returns that were the shop's fault"),
    "age": message("age"),
    "income_band": message("income (1 low, 5 high)"),
    "education": message("education (0 to 8)"),
    "household_size": message("people in the household"),
    "gender_female": message("share of women"),
    "gender_male": message("share of men"),
}
# Sums and means in which the latest weighs most.
_RECENT: Final = {
    "views": message("recent views (halving every {days} days)"),
    "carts": message("recent additions to the cart (halving every {days} days)"),
    "checkouts": message("recent checkouts begun (halving every {days} days)"),
    "orders": message("recent orders (halving every {days} days)"),
    "revenue": message("recent spending (halving every {days} days)"),
    "rating": message("recent ratings given (halving every {days} days)"),
    "complaints": message("recent complaints (halving every {days} days)"),
}
# What a trend is of.
_LATELY: Final = {
    "views": message("views lately, against before"),
    "carts": message("additions to the cart lately, against before"),
    "checkouts": message("checkouts begun lately, against before"),
    "orders": message("orders lately, against before"),
    "revenue": message("spending lately, against before"),
}
_FADING: Final = re.compile(r"(\w+)_(\d+)d")
_CATEGORY: Final = re.compile(r"category_share_(\d+)")


def label(words: Words, name: str) -> str:
    """A feature in plain words; one without words of its own is its name, spaced."""
    return _label(words, name) or name.replace("_", " ")


def has_words(name: str) -> bool:
    """Whether a feature is told in words, in every language."""
    return _label(Words(), name) is not None


def _label(words: Words, name: str) -> str | None:
    if name in words.own:
        return _own(words, words.own[name])
    if name in _LABELS:
        return words.say(_LABELS[name])
    if (fading := _FADING.fullmatch(name)) and fading[1] in _RECENT:
        return words.say(_RECENT[fading[1]], days=fading[2])
    if slot := _CATEGORY.fullmatch(name):
        told = words.categories.get(int(slot[1]), "") or words.say("no. {number}", number=slot[1])
        return words.say("share of category {category}", category=told)
    return None


def _own(words: Words, one: Constructed) -> str:
    """What the shop calls its feature, else the definition in words."""
    return (one.zh if words.language == "zh" else one.en) or definition_words(words, one)


def definition_words(words: Words, one: Constructed) -> str:
    """A feature of the shop's own by its definition."""
    if one.kind == "trend":
        return words.say(_LATELY[one.of[0].rpartition("_")[0]])
    names = [label(words, name) for name in one.of]
    if one.kind == "square":
        return words.say("{feature}, squared", feature=names[0])
    return words.say("{feature} divided by {other}", feature=names[0], other=names[1])


def told_amount(words: Words, name: str, value: float) -> str:
    """A value of a feature with its unit."""
    own = words.own.get(name)
    entry = BY_NAME.get(name, Feature(name, "count", "")) if own is None else as_feature(own)
    return amount(words, entry, value)


def typical_amount(words: Words, name: str, value: float) -> str:
    """What is typical of a group: where nearly everybody lacks a value, none is made up."""
    # Somebody with one order counts as a gap of no days.
    if name.startswith("gap_days") and value < _NO_GAP:
        return words.say("mostly none yet")
    return told_amount(words, name, value)


def said(words: Words, name: str, value: float) -> str:
    """What a customer's value of a feature says, as part of a sentence."""
    if np.isnan(value):
        if name.startswith("gap_days"):
            return words.say("no second order yet")
        return words.say("{feature} unknown", feature=label(words, name))
    if name in _SAID:
        return _SAID[name](words, value)
    return words.say(
        "{feature}: {amount}", feature=label(words, name), amount=told_amount(words, name, value)
    )


def _either(words: Words, value: float, *, yes: str, no: str) -> str:
    return words.say(yes if value >= _HALF else no)


_HALF: Final = 0.5
_NO_GAP: Final = 1.0
_SAID: Final[Mapping[str, Callable[[Words, float], str]]] = {
    "recency_days": lambda words, value: words.say(
        "last order {time} ago", time=days(words, value)
    ),
    "tenure_days": lambda words, value: words.say(
        "first order {time} ago", time=days(words, value)
    ),
    "gap_days_mean": lambda words, value: words.say(
        "{time} between orders", time=days(words, value)
    ),
    "orders": lambda words, value: words.count("{number} order", "{number} orders", number(value)),
    "monetary_value": lambda words, value: words.say(
        "{money} spent in all", money=money(words, value)
    ),
    "average_order_value": lambda words, value: words.say(
        "{money} spent an order", money=money(words, value)
    ),
    "items_per_order": lambda words, value: words.count(
        "{number} product an order", "{number} different products an order", number(value)
    ),
    "distinct_products": lambda words, value: words.count(
        "{number} product in all", "{number} different products in all", number(value)
    ),
    "gender_female": partial(_either, yes=message("female"), no=message("not female")),
    "gender_male": partial(_either, yes=message("male"), no=message("not male")),
}
