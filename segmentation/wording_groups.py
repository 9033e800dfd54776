"""Names of stages and groups, from their lasting ids: ``at_risk.big_baskets``."""

from __future__ import annotations

import re
from typing import Final

from segmentation.wording import Words, message

_STAGES: Final = {
    "champions": message("Champions"),
    "loyal": message("Loyal"),
    "promising": message("Promising"),
    "new": message("New"),
    "at_risk": message("At risk"),
    "hibernating": message("Hibernating"),
    "lost": message("Lost"),
}
_MEANINGS: Final = {
    "champions": message("buy often, buy much, and bought lately"),
    "loyal": message("come back again and again"),
    "promising": message("have come back once or twice and may become loyal"),
    "new": message("have just bought for the first time"),
    "at_risk": message("were good customers and are late: win them back now"),
    "hibernating": message("have not bought for a good while"),
    "lost": message("have been away for so long that few come back"),
}
_TRAITS: Final = {
    "big_baskets": message("big baskets"),
    "small_baskets": message("small baskets"),
    "many_items": message("many items at once"),
    "few_items": message("few items at once"),
    "wide_choice": message("wide choice"),
    "few_favourites": message("few favourites"),
    "seldom": message("buy seldom"),
    "often": message("buy often"),
    "many_orders": message("many orders"),
    "top_spenders": message("top spenders"),
    "light_spenders": message("light spenders"),
    "bargain_hunters": message("bargain hunters"),
    "send_back": message("often send back"),
    "browsers": message("browse a lot"),
    "everyday": message("everyday"),
    "one_order": message("one order"),
}
_NUMBERED: Final = re.compile(r"(\w+?)_(\d+)")
# A stage that is a group of its own, by rule.
_WHOLE: Final = "all"


def stage_words(words: Words, stage: str) -> str:
    """A stage's name."""
    known = _STAGES.get(stage)
    return words.say(known) if known else stage.replace("_", " ").capitalize()


def stage_meaning(words: Words, stage: str) -> str:
    """What a stage's customers do, as the end of a sentence about them. Raises `KeyError`."""
    return words.say(_MEANINGS[stage])


def segment_words(words: Words, segment: str) -> str:
    """The name of a stage or of a group, by id; '' is somebody in no segment."""
    if not segment:
        return words.say("no segment")
    stage, _, slug = segment.partition(".")
    name = stage_words(words, stage)
    return name if slug in {"", _WHOLE} else f"{name} · {_trait(words, slug)}"


def _trait(words: Words, slug: str) -> str:
    if slug in _TRAITS:
        return words.say(_TRAITS[slug])
    if (numbered := _NUMBERED.fullmatch(slug)) and numbered[1] in _TRAITS:
        return f"{words.say(_TRAITS[numbered[1]])} {numbered[2]}"
    return slug.replace("_", " ")
