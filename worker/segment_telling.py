"""A segment's report as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from segmentation.rules import STAGES
from segmentation.wording import Words, number, share
from segmentation.wording_groups import stage_meaning


def lines(words: Words, found: Mapping[str, Any]) -> Iterator[str]:
    """What `worker.segment_reports.about` found; a line that begins a part ends with a colon."""
    yield f"{found['name']} ({found['id']})"
    stage = found["id"].partition(".")[0]
    if stage in STAGES:
        yield words.say("They {meaning}.", meaning=stage_meaning(words, stage))
    yield words.count(
        "{number} customer, {share} of the {shop} who have ordered",
        "{number} customers, {share} of the {shop} who have ordered",
        number(found["customers"]),
        share=share(found["share"]),
        shop=number(found["shop"]),
    )
    yield from _profile(words, found)
    yield from _rules(words, found["tree"])
    yield from _typical(words, found["typical"])
    yield from _changes(words, found["changes"])


def _profile(words: Words, found: Mapping[str, Any]) -> Iterator[str]:
    if not found["customers"]:
        return
    yield words.say("What sets them apart:")
    for one in found["profile"]:
        yield f"  {one['words']}"
    if not found["profile"]:
        yield "  " + words.say("nothing: they are as everybody in the shop")
    if found["read_words"]:
        yield f"  {found['read_words']}"
    for one in found["known"]:
        yield f"  {one['words']}"


def _rules(words: Words, tree: Mapping[str, Any] | None) -> Iterator[str]:
    yield words.say("As rules:")
    if tree is None:
        yield "  " + words.say("none yet: they are learned with the next whole look at the shop")
        return
    for rule in tree["rules"]:
        yield f"  {rule['words']}"
    if not tree["rules"]:
        yield "  " + words.say("none: so few or so mixed customers need more questions")
    told, about = tree["words"]
    yield f"  {told}"
    if tree["rules"]:
        yield f"  {about}"
    yield "  " + words.say(
        "Learned with version {version}; today both say the same of {share} of the shop, those "
        "learned from among them.",
        version=tree["version"],
        share=share(tree["agreement_now"]),
    )


def _typical(words: Words, ids: list[int]) -> Iterator[str]:
    if ids:
        told = words.enumerated([str(one) for one in ids])
        yield words.say("Typical customers (shoal customers explain ID): {ids}", ids=told)


def _changes(words: Words, found: Mapping[str, Any]) -> Iterator[str]:
    yield words.say("Since {day}, in {days} days:", day=found["since_words"], days=found["days"])
    yield "  " + words.count(
        "{number} customer before, {now} now",
        "{number} customers before, {now} now",
        number(found["before"]),
        now=number(found["now"]),
    )
    yield "  " + words.say("entered: {causes}", causes=found["entered_words"])
    yield "  " + words.say("left: {causes}", causes=found["left_words"])
    for one in found["regrouped"]:
        yield f"  {one['words']}"
