"""What customers say: reviews, answers to surveys, complaints and closed tickets.

Numbers only: what somebody wrote is not kept, nor how much it was.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec

from connectors.events import MOST_HOURS, STARS, SURVEYS, Event
from connectors.generic.messages import Identifier, Text, Unfit, part, text
from connectors.generic.story import Story, Telling, context_email, told


class OpinionProperties(msgspec.Struct, frozen=True):
    """What the four kinds of messages may say."""

    product_id: Identifier | None = None
    sku: Identifier | None = None
    order_id: Identifier | None = None
    rating: Decimal | None = None
    survey: Text | None = None
    score: Decimal | None = None
    satisfaction: Decimal | None = None
    hours_open: Decimal | None = None
    email: str | None = None


_CSAT: Final = SURVEYS["csat"]


def review_event(story: Story) -> Event:
    """A product that was rated.

    Raises
    ------
    Unfit
        If it names no product, or no rating from 1 to 5.
    """
    said = _said(story)
    product = text(said.product_id) or text(said.sku)
    if product is None:
        place, reason = "properties.product_id", "required"
        raise Unfit(place, reason)
    rating = _needed(said.rating, STARS, "rating")
    return _event(story, said, product_id=product, rating=rating)


def survey_event(story: Story) -> Event:
    """An answer to one of three questions: nps (0 to 10), csat (1 to 5), ces (1 to 7).

    Raises
    ------
    Unfit
        If the survey is none of these, or the score out of its range.
    """
    said = _said(story)
    survey = (said.survey or "").casefold()
    if survey not in SURVEYS:
        place, reason = "properties.survey", f"expected one of {', '.join(SURVEYS)}"
        raise Unfit(place, reason)
    return _event(story, said, survey=survey, score=_needed(said.score, SURVEYS[survey], "score"))


def complaint_event(story: Story) -> Event:
    """A complaint."""
    said = _said(story)
    product = text(said.product_id) or text(said.sku)
    return _event(story, said, product_id=product)


def ticket_event(story: Story) -> Event:
    """A request for help that was closed, with the hours it was open and a satisfaction if known.

    Raises
    ------
    Unfit
        If one of them is out of its range.
    """
    said = _said(story)
    return _event(
        story,
        said,
        hours_open=_number(said.hours_open, (0, MOST_HOURS), "hours_open"),
        satisfaction=_number(said.satisfaction, _CSAT, "satisfaction"),
    )


def _said(story: Story) -> OpinionProperties:
    return part(story.message.properties, OpinionProperties, "properties")


def _event(story: Story, said: OpinionProperties, **properties: Any) -> Event:
    keys = (("order", text(said.order_id)),)
    personal = {"email": context_email(story, said.email)}
    return told(story, Telling(properties=properties, keys=keys, personal=personal))


def _needed(value: Decimal | None, bounds: tuple[int, int], name: str) -> float:
    given = _number(value, bounds, name)
    if given is None:
        place, reason = f"properties.{name}", "required"
        raise Unfit(place, reason)
    return given


def _number(value: Decimal | None, bounds: tuple[int, int], name: str) -> float | None:
    low, high = bounds
    if value is None:
        return None
    if not value.is_finite() or not low <= value <= high:
        place, reason = f"properties.{name}", f"expected a number from {low} to {high}"
        raise Unfit(place, reason)
    return float(value)
