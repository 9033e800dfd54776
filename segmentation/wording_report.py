"""The sentences of a store's report that say what to do, and how far it is to be believed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from segmentation.drift import SHIFTED, WORSE, Drift
from segmentation.rules import RuleSet
from segmentation.surrogate import Fidelity
from segmentation.wording import Words, date, days, message, money, number, share
from segmentation.wording_features import label
from segmentation.wording_groups import stage_words

_ADVICE: Final = {
    "champions": message(
        "Thank them before you sell to them: show them first what is new, and keep discounts small."
    ),
    "loyal": message(
        "Let them feel known: a small present on their birthday does more than a sale for "
        "everybody."
    ),
    "promising": message(
        "Make the next order easy: remind them of the cart they left before it is forgotten."
    ),
    "new": message(
        "Bring them to a second order within six weeks, while they still remember the first one."
    ),
    "at_risk": message(
        "Win them back now: a personal coupon that ends on a date, with what they buy again and "
        "again."
    ),
    "hibernating": message(
        "Send them one good offer when a season begins, and no weekly letters in between."
    ),
    "lost": message(
        "Spend no more money on them: ask once whether they still want to hear from you, then stop."
    ),
}
_STATES: Final = {
    "": message("Ready campaign for it: {campaign} (not set up yet)."),
    "shadow": message("Campaign {campaign} is in shadow: it counts and sends nothing yet."),
    "live": message("Campaign {campaign} does this already."),
    "paused": message("Campaign {campaign} would do this, but is paused."),
}
_LIGHTS: Final = {
    "good": message("All is well"),
    "look": message("Worth a look"),
    "act": message("Time to act"),
    "unknown": message("Too early to say"),
}
_MAKERS: Final = {
    "learning": message("learned by itself"),
    "refit": message("found anew on request"),
    "rollback": message("gone back to by you"),
    "promotion": message("chosen by you"),
}
_MARKS: Final = {
    "model": message(
        "{day}: {number} of your customers changed stage because the groups were learned anew "
        "(version {version}). They did nothing that day, and no campaign was woken."
    ),
    "refit": message(
        "{day}: {number} of your customers changed stage because you had the groups found anew "
        "(version {version}). They did nothing that day, and no campaign was woken."
    ),
    "rollback": message(
        "{day}: {number} of your customers changed stage because you went back to earlier groups "
        "(as version {version}). They did nothing that day, and no campaign was woken."
    ),
    "promotion": message(
        "{day}: {number} of your customers changed stage because you chose other groups "
        "(version {version}). They did nothing that day, and no campaign was woken."
    ),
}
_READ_IN: Final = message(
    "{day}: {number} of your customers changed stage because older orders or other rules were read "
    "in. No campaign was woken."
)
_MORE: Final = {
    "recency_days": message("last order longer ago"),
    "orders": message("more orders"),
    "monetary_value": message("more money spent"),
    "average_order_value": message("dearer orders"),
    "tenure_days": message("customers for longer"),
    "items_per_order": message("more products per order"),
    "gap_days_mean": message("more time between orders"),
    "distinct_products": message("more different products"),
}
_LESS: Final = {
    "recency_days": message("last order more recent"),
    "orders": message("fewer orders"),
    "monetary_value": message("less money spent"),
    "average_order_value": message("cheaper orders"),
    "tenure_days": message("customers for less time"),
    "items_per_order": message("fewer products per order"),
    "gap_days_mean": message("less time between orders"),
    "distinct_products": message("fewer different products"),
}
_CLOSE: Final = 0.85  # agreement from which the tree can be taken at its word
_ROUGH: Final = 0.7
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def advice_words(words: Words, stage: str) -> str:
    """One thing to do about a stage. Raises `KeyError`."""
    return words.say(_ADVICE[stage])


def campaign_words(words: Words, campaign: str, state: str) -> str:
    """How a store stands to the campaign that fits; its state is '' where it is not there."""
    return words.say(_STATES.get(state, _STATES["paused"]), campaign=campaign)


def light_words(words: Words, light: str) -> str:
    """A traffic light in words. Raises `KeyError`."""
    return words.say(_LIGHTS[light])


def maker_words(words: Words, by: str) -> str:
    """Who made a version of the groups."""
    known = _MAKERS.get(by)
    return words.say(known) if known else by


def axis_words(words: Words, more: Sequence[str], less: Sequence[str]) -> tuple[str, ...]:
    """What grows along a direction of the map, feature by feature."""
    grows = [_MORE.get(name, message("more: {feature}")) for name in more]
    shrinks = [_LESS.get(name, message("less: {feature}")) for name in less]
    pairs = zip([*grows, *shrinks], [*more, *less], strict=True)
    return tuple(words.say(text, feature=label(words, name)) for text, name in pairs)


def together(words: Words, sentences: Iterable[str]) -> str:
    """Whole sentences one after the other; Chinese has no blanks between them."""
    return ("" if words.language == "zh" else " ").join(sentences)


def short_date(words: Words, at: datetime) -> str:
    """A day without its year, in UTC."""
    day = at.astimezone(UTC)
    if words.language == "zh":
        return f"{day.month}月{day.day}日"
    return f"{day.day} {_MONTHS[day.month - 1]}"


def mark_words(words: Words, at: datetime, cause: str, version: int, customers: int) -> str:
    """A day on which many were moved by something that was not their doing."""
    values = {"day": date(words, at), "number": number(customers), "version": version}
    return words.say(_MARKS.get(cause, _READ_IN), **values)


def closeness_words(words: Words, found: Fidelity) -> str:
    """How far the tree is to be believed, in a sentence for somebody in a hurry."""
    values = {"share": share(found.agreement), "customers": number(found.customers)}
    if found.agreement >= _CLOSE:
        return words.say(
            "You may take them at their word: tried on {customers} of your customers, they name "
            "the right group for {share}.",
            **values,
        )
    if found.agreement >= _ROUGH:
        return words.say(
            "Take them as a rule of thumb: tried on {customers} of your customers, they name the "
            "right group for {share}.",
            **values,
        )
    return words.say(
        "Take them as a rough sketch only: tried on {customers} of your customers, they name the "
        "right group for no more than {share}.",
        **values,
    )


def health_words(words: Words, kind: str, found: Drift | None) -> str:
    """Whether the groups still fit, in one or two sentences."""
    if kind == "rules":
        return words.say(
            "Your customers are sorted by fixed rules for now. Groups of your own shop are learned "
            "by themselves once 200 customers have ordered over 90 days."
        )
    if found is None:
        return words.say(
            "This version of the groups is new: not everybody has been looked at under it yet. "
            "Make this report again tomorrow."
        )
    shifted = [name for name, index in found.stability_index.items() if index >= SHIFTED]
    if not shifted and found.error_since_found < WORSE:
        return words.say("The groups still fit your shop as it is today. There is nothing to do.")
    told = []
    if shifted:
        names = words.enumerated([label(words, name) for name in shifted])
        told.append(
            words.say(
                "Your shop has changed since the groups were found: {features}.", features=names
            )
        )
    if found.error_since_found >= WORSE:
        told.append(
            words.say(
                "Customers are scattered {share} more widely around their groups than when these "
                "were found.",
                share=share(found.error_since_found - 1),
            )
        )
    return together(words, told)


def rules_words(words: Words, rules: RuleSet) -> tuple[str, ...]:
    """The stages by rule, as the sentences that sort customers before anything is learned."""
    late, lost = rules.late * rules.gap_days, rules.lost * rules.gap_days
    name = {stage: stage_words(words, stage) for stage in ("champions", "loyal", "promising")}
    name |= {
        stage: stage_words(words, stage) for stage in ("new", "at_risk", "hibernating", "lost")
    }
    return (
        words.say(
            "Usual time between two orders here: {rhythm}. Somebody who orders in a rhythm of "
            "their own is judged by it.",
            rhythm=days(words, rules.gap_days),
        ),
        words.say(
            "Ordered within about {late}: {champions} with {many} orders and {money} or more, "
            "{loyal} with {few} orders, {promising} with two, {new} with one.",
            late=days(words, late),
            many=number(rules.champion_orders),
            money=money(words, rules.champion_money),
            few=number(rules.loyal_orders),
            **{key: name[key] for key in ("champions", "loyal", "promising", "new")},
        ),
        words.say(
            "Later than that: {at_risk} up to about {gone} if they ordered twice or more, else "
            "{hibernating}; {lost} after about {end}.",
            gone=days(words, rules.gone * rules.gap_days),
            end=days(words, lost),
            **{key: name[key] for key in ("at_risk", "hibernating", "lost")},
        ),
    )
