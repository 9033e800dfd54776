"""What is known of a segment, as sentences: differences, the tree's rules, what changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from segmentation.explain_segments import Difference
from segmentation.surrogate import DEPTH, Bound, Fidelity, Rule
from segmentation.wording import Words, message, number, share
from segmentation.wording_features import label, said, told_amount
from segmentation.wording_groups import segment_words

_CAUSES: Final = {
    "event": message("by what they did"),
    "time": message("as time passed"),
    "model": message("by a new version of the model"),
    "import": message("by an import"),
    "rule": message("by an edit of the rule, or of what it asks for"),
    "refit": message("by groups found anew on request"),
    "rollback": message("as you went back to earlier groups"),
    "promotion": message("by groups that you chose"),
    "new_rule": message("as the rule was new"),
    "removed_rule": message("as the rule was removed"),
}
CAUSES: Final = frozenset(_CAUSES)
"""Causes that have words."""


def difference_words(words: Words, found: Difference) -> str:
    """A feature here and in the shop, in words and numbers."""
    values = {
        "feature": label(words, found.feature),
        "here": told_amount(words, found.feature, found.here),
        "shop": told_amount(words, found.feature, found.shop),
    }
    if found.is_mean:
        return words.say("{feature}: {here} here on average, {shop} in the shop", **values)
    return words.say("{feature}: {here} here, {shop} in the shop", **values)


def rule_words(words: Words, rule: Rule) -> str:
    """A way through the tree, and how many of those it describes belong to the segment."""
    bounds = [bound_words(words, bound) for bound in rule.bounds]
    told = words.say(" and ").join(bounds) if bounds else words.say("everybody")
    return words.count(
        "{conditions}: {members} of {number} such customer belongs here",
        "{conditions}: {members} of {number} such customers belong here",
        number(rule.customers),
        conditions=told,
        members=number(rule.members),
    )


def bound_words(words: Words, bound: Bound) -> str:
    """Between which values a feature lies."""
    name = label(words, bound.feature)
    low = "" if bound.above is None else told_amount(words, bound.feature, bound.above)
    high = "" if bound.up_to is None else told_amount(words, bound.feature, bound.up_to)
    if low and high:
        told = words.say("{feature} above {low} up to {high}", feature=name, low=low, high=high)
    elif low:
        told = words.say("{feature} above {low}", feature=name, low=low)
    else:
        told = words.say("{feature} up to {high}", feature=name, high=high)
    if not bound.takes_unknown:
        return told
    return words.say(
        "{bound} (or {unknown})", bound=told, unknown=said(words, bound.feature, float("nan"))
    )


def fidelity_words(words: Words, found: Fidelity) -> tuple[str, ...]:
    """How far the rules are to be believed, counted on customers they were not learned from."""
    told = words.count(
        "A tree of at most {depth} questions stands for the model: on {share} of {number} "
        "customer left out of learning both say the same.",
        "A tree of at most {depth} questions stands for the model: on {share} of {number} "
        "customers left out of learning both say the same.",
        number(found.customers),
        depth=DEPTH,
        share=share(found.agreement),
    )
    about = words.say(
        "For this segment: {precision} of those whom the rules name belong to it, and {recall} of "
        "those who belong to it are named.",
        precision=share(found.precision),
        recall=share(found.recall),
    )
    return told, about


def cause_words(words: Words, cause: str) -> str:
    """Why somebody changed segment."""
    known = _CAUSES.get(cause)
    return words.say(known) if known else cause


def causes_words(words: Words, counts: Mapping[str, int]) -> str:
    """Numbers of changes by cause, most first: "12 by what they did, 3 as time passed"."""
    order = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    told = [
        words.say("{number} {cause}", number=number(count), cause=cause_words(words, cause))
        for cause, count in order
    ]
    return words.enumerated(told) or words.say("none")


def regrouping_words(words: Words, before: str, after: str) -> str:
    """A group that is new, that changed its stage, or that has no successor."""
    old, new = segment_words(words, before), segment_words(words, after)
    if not before:
        return words.say("{group} is a new group", group=new)
    if not after:
        return words.say("{group} has no successor", group=old)
    return words.say("{before} is now {after}", before=old, after=new)
