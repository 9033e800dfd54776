"""The report's section about segments that the owner has defined by rule."""

from __future__ import annotations

from segmentation.wording import Words, number
from worker.reporting.content import Report
from worker.reporting.counting import CHANGING_DAYS
from worker.reporting.pieces import Section, grid, paragraph, sentence
from worker.rule_wording import condition_words
from worker.segment_kinds import name_of
from worker.web.html import together


def own_segments(words: Words, report: Report) -> Section | None:
    """What each rule says, who is in it, and who came and went; None where there is none."""
    if not report.own:
        return None
    told = words.say(
        "These you have defined yourself. They stand beside the stages: a customer is in one stage "
        "and in any number of these."
    )
    heads = (
        words.say("Segment"),
        words.say("Who belongs to it"),
        words.say("Customers"),
        words.say("Came in {days} days", days=CHANGING_DAYS),
        words.say("Left in {days} days", days=CHANGING_DAYS),
    )
    rows = [
        (
            name_of(words, one.segment),
            sentence(condition_words(words, one.condition)),
            number(one.customers),
            number(one.entered),
            number(one.left),
        )
        for one in report.own
    ]
    body = together([paragraph(told), grid(heads, rows, texts=2)])
    return Section("own", words.say("Your own"), words.say("Segments of your own"), body)
