"""Why campaigns did or did not act for one customer, and what could not be answered. To HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from campaigns.explanation import Finding
from segmentation.model import stage_name
from worker.explaining import Recorded
from worker.web.html import Html, element, listed, page, together
from worker.web.plain_words import outcome_said
from worker.web.status_queries import Answer, AnsweredCampaign

_BACK = Html('<p><a href="/">Back to the status</a></p>')


def answer_page(answer: Answer) -> str:
    """Why campaigns did or did not act for one customer."""
    name = answer.platform_id or "not known to the store"
    segment = stage_name(answer.segment) if answer.segment else "in no segment yet"
    parts: list[object] = [
        element("h1", f"Customer {name}"),
        element("p", f"{segment} · store {answer.store} · our id {answer.customer}", kind="soft"),
        _BACK,
    ]
    if not answer.campaigns:
        parts.append(element("p", "The store has no such campaign."))
    parts += [_campaign(one) for one in answer.campaigns]
    return page("Shoal: why", together(parts))


def problem_page(problem: str) -> str:
    """Something that could not be answered."""
    return page("Shoal", together([element("p", problem), _BACK]))


def _campaign(one: AnsweredCampaign) -> Html:
    told = one.told
    parts: list[object] = [
        element("p", element("b", told.campaign), f" {told.state}; asked {one.wakes}."),
        element("h3", "What was recorded"),
        element("ul", *map(_recorded, told.recorded)) if told.recorded else "",
        element("p", told.unrecorded, kind="soft") if told.unrecorded else "",
        element("h3", f"As evaluated for {_minute(told.evaluated_at)}, and not recorded"),
        *_conditions(told.present, is_met=told.is_met),
        element("p", "Besides, this would stop it:") if told.stops else _unstopped(one),
        listed(told.stops),
    ]
    return element("div", *parts, kind="card")


def _unstopped(one: AnsweredCampaign) -> Html:
    limits = f" ({'; '.join(one.bounds)})" if one.bounds else ""
    return element("p", f"None of its limits would stop it{limits}.")


def _minute(at: str) -> str:
    return at[:16].replace("T", " ")


def _recorded(item: Recorded) -> Html:
    head = element("b", f"{_minute(item.at)}, {outcome_said(item.outcome)}")
    return element("li", head, ". ", " ".join(item.sentences))


def _conditions(present: Sequence[Finding], *, is_met: bool) -> Iterator[Html]:
    # The outermost "all of" is what the sentence above the list says.
    shown = [one for one in present if one.depth or one.sentence != "all of"]
    if not shown:
        yield element("p", "It has no conditions.")
        return
    yield element("p", "All conditions hold." if is_met else "Not every condition holds.")
    least = min(one.depth for one in shown)
    lines = []
    for one in shown:
        line: object = str(one).strip()
        for _ in range(one.depth - least):
            line = element("div", line, kind="deeper")
        lines.append(line)
    yield listed(lines)
