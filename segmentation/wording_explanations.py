"""Why a customer is in a segment, as one sentence and in detail."""

from __future__ import annotations

from typing import Final

from segmentation.explain import Explanation, Reason
from segmentation.model import SegmentModel
from segmentation.rules import Columns, lateness, rhythm_days
from segmentation.wording import Words, days, money, number, share
from segmentation.wording_features import said, told_amount, typical_amount
from segmentation.wording_groups import segment_words, stage_words

_NEARLY: Final = 0.99  # what is not quite all of a lead


def sentence(words: Words, found: Explanation) -> str:
    """The whole reason in one sentence; a second one if the customer is held where they are."""
    if found.kind == "nobody":
        return words.say("No order yet: there is nothing to judge by.")
    group, rival = segment_words(words, found.group), segment_words(words, found.rival)
    if found.kind == "alone":
        return words.say("{group}: there is no other segment.", group=group)
    if not found.reasons:
        text = words.say(
            "{group} rather than {rival}: everything together decides, nothing alone.",
            group=group,
            rival=rival,
        )
    elif found.kind == "rules":
        told = words.join([_crossing(words, found, reason) for reason in found.reasons])
        text = words.say("{group}: {reasons}.", group=group, reasons=told)
    else:
        told = words.join([_compared(words, reason) for reason in found.reasons])
        values = {"group": group, "rival": rival, "reasons": told}
        text = (
            words.say("{group} rather than {rival}, by these together: {reasons}.", **values)
            if found.is_joint
            else words.say("{group} rather than {rival}: {reasons}.", **values)
        )
    return f"{text} {_held(words, rival)}" if found.is_held else text


def _held(words: Words, rival: str) -> str:
    return words.say("Nearer to {rival} by now, but not by enough for a move yet.", rival=rival)


def _compared(words: Words, reason: Reason) -> str:
    return words.say(
        "{fact} (typical here {here}, there {there})",
        fact=said(words, reason.feature, reason.value),
        here=typical_amount(words, reason.feature, reason.here),
        there=typical_amount(words, reason.feature, reason.there),
    )


def _crossing(words: Words, found: Explanation, reason: Reason) -> str:
    return words.say(
        "{fact} (at {there} it would be {rival})",
        fact=said(words, reason.feature, reason.value),
        there=told_amount(words, reason.feature, reason.there),
        rival=segment_words(words, found.rival),
    )


def details(words: Words, found: Explanation) -> tuple[str, ...]:
    """What each feature says, and what speaks for the other segment."""
    if found.kind == "rules":
        return tuple(_crossing(words, found, reason) for reason in found.reasons)
    rival = segment_words(words, found.rival)
    told = [_weighed(words, found, reason, rival) for reason in found.reasons]
    if found.against:
        against = words.join([_compared(words, reason) for reason in found.against])
        told.append(words.say("In favour of {rival}: {reasons}", rival=rival, reasons=against))
    if found.is_held:
        told.append(_held(words, rival))
    return tuple(told)


def _weighed(words: Words, found: Explanation, reason: Reason, rival: str) -> str:
    told = _compared(words, reason)
    if found.is_joint or found.is_held:
        return told
    if reason.weight > found.margin:
        return words.say(
            "{fact}: were it as there, {rival} would be nearer", fact=told, rival=rival
        )
    return words.say(
        "{fact}: were it as there, the lead over {rival} would shrink by {share}",
        fact=told,
        rival=rival,
        share=share(min(reason.weight / found.margin, _NEARLY)),
    )


def rule_details(words: Words, model: SegmentModel, columns: Columns) -> tuple[str, ...]:
    """How the rules read the one customer in ``columns``: lateness, orders, money."""
    rules = model.rules
    rhythm = float(rhythm_days(rules, columns["orders"], columns["gap_days_mean"])[0])
    late = float(lateness(rules, columns)[0])
    loyal, champions = stage_words(words, "loyal"), stage_words(words, "champions")
    return (
        words.say(
            "{fact}: {times} times the {rhythm} expected between orders (late from {late} times, "
            "{hibernating} from {gone}, {lost} from {end})",
            fact=said(words, "recency_days", float(columns["recency_days"][0])),
            times=f"{late:.1f}",
            rhythm=days(words, rhythm),
            late=number(rules.late),
            gone=number(rules.gone),
            end=number(rules.lost),
            hibernating=stage_words(words, "hibernating"),
            lost=stage_words(words, "lost"),
        ),
        words.say(
            "{fact} ({loyal} from {few}, {champions} from {many})",
            fact=said(words, "orders", float(columns["orders"][0])),
            loyal=loyal,
            few=number(rules.loyal_orders),
            champions=champions,
            many=number(rules.champion_orders),
        ),
        words.say(
            "{fact} ({champions} from {enough})",
            fact=said(words, "monetary_value", float(columns["monetary_value"][0])),
            champions=champions,
            enough=money(words, rules.champion_money),
        ),
    )
