"""What customers say, from events to features: once each, in any order, over a merge."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from connectors.events import Event
from segmentation.running import FactKind
from tests.worker.driving import DAY, START, Driver, cut
from worker import models
from worker.opinions import values_of

ANN = ("customer_id", "ann")
NAMES = (
    *("reviews", "rating_mean", "rating_90d", "surveys", "satisfaction", "complaints"),
    *("complaints_90d", "tickets", "ticket_hours_mean", "refunds", "returns"),
    "return_fault_share",
)


def said(driver: Driver) -> list[Event]:
    """Everything that a customer may say, under two names that turn out to be one person."""
    tablet = ("anonymous_id", "tablet")

    def touch(type_: str, who: tuple[str, str], days: int, **properties: Any) -> Event:
        at = START - days * DAY
        return driver.touch(type_, who, source="server", at=at, received_at=START, **properties)

    return [
        driver.order("o1", "ann", at=START - 20 * DAY, received_at=START),
        touch("product_reviewed", ANN, 9, product_id="p1", rating=5),
        touch("product_reviewed", tablet, 99, product_id="p2", rating=2),
        touch("survey_answered", tablet, 3, survey="nps", score=10),
        touch("survey_answered", ANN, 2, survey="ces", score=1),
        touch("complaint_opened", ANN, 0),
        touch("complaint_opened", tablet, 90),
        touch("ticket_closed", ANN, 5, hours_open=4, satisfaction=3),
        touch("ticket_closed", tablet, 6),
        driver.refund("r1", "o1", 100, at=START - 4 * DAY, received_at=START, reason="late"),
        driver.refund("r2", "o1", 100, at=START - 4 * DAY, received_at=START, reason="size"),
        driver.refund("r3", "o1", 100, at=START - 4 * DAY, received_at=START),
        driver.touch("custom", ANN, tablet, source="server", at=START, key="one person"),
    ]


def features(driver: Driver) -> list[float]:
    ann = driver.customer(*ANN)
    return [driver.feature(ann, name) for name in NAMES]


EXPECTED = {
    "reviews": 2,
    "rating_mean": 3.5,
    "surveys": 3,
    "satisfaction": 0.5,
    "complaints": 2,
    "complaints_90d": 1.5,
    "tickets": 2,
    "ticket_hours_mean": 4,
    "refunds": 3,
    "returns": 2,
    "return_fault_share": 0.5,
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.invariant("I2", "I3")
def test_it_counts_once_in_any_order_and_over_a_merge(driver: Driver, seed: int) -> None:
    told = said(driver)
    draw = random.Random(seed)  # noqa: S311 - an order, no secret
    shuffled = [*told, *draw.sample(told, 6)]
    draw.shuffle(shuffled)
    for part in cut(shuffled, [draw.randrange(20) for _ in range(seed * 3)]):
        driver.tell(*part)
    found = dict(zip(NAMES, features(driver), strict=True))
    weight = np.exp2(-np.array([9, 99]) / 90)
    assert found.pop("rating_90d") == pytest.approx((weight * [5, 2]).sum() / weight.sum())
    assert found == pytest.approx(EXPECTED)
    assert driver.values(models.dead_letters, "reason") == []


@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.invariant("I3")
def test_a_reason_that_another_door_does_not_know_stays(driver: Driver, *, is_turned: bool) -> None:
    """And a later word on it stands, whatever comes first."""
    told = [
        driver.refund("r1", "o1", reason="late", updated=START - 3 * DAY),
        driver.refund("r1", "o1", reason="size", updated=START - 2 * DAY),
        driver.refund("r1", "o1", updated=START - DAY),
    ]
    driver.tell(driver.order("o1", "ann", at=START - 9 * DAY))
    driver.tell_one_by_one(*(told[::-1] if is_turned else told))
    assert driver.values(models.refunds, "reason") == ["size"]
    ann = driver.customer(*ANN)
    assert [driver.feature(ann, name) for name in NAMES[-3:]] == [1, 1, 0]


def test_what_was_said_long_ago_is_heard_all_the_same(driver: Driver) -> None:
    """It stays in the log for ever, so a redelivery is known however late it is."""
    at = START - 1_000 * DAY
    old = driver.touch("complaint_opened", ANN, source="server", at=at, received_at=START)
    driver.tell(old)
    driver.tell(old)
    assert driver.feature(driver.customer(*ANN), "complaints") == 1


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        (FactKind.REVIEW, {"rating": 6}, ()),
        (FactKind.REVIEW, {"rating": "4"}, ()),
        (FactKind.REVIEW, {"rating": True}, ()),
        (FactKind.SURVEY, {"survey": "nps", "score": -1}, ()),
        (FactKind.SURVEY, {"score": 0}, ()),
        (FactKind.SURVEY, {"survey": "csat", "score": 2}, ((FactKind.SURVEY, 250_000),)),
        (FactKind.TICKET, {"hours_open": -3}, ((FactKind.TICKET, -1),)),
        (FactKind.VIEW, {"rating": 3}, ((FactKind.VIEW, 0),)),
    ],
)
def test_a_number_out_of_its_range_says_nothing(
    kind: FactKind, properties: dict[str, Any], expected: object
) -> None:
    assert values_of(kind, properties) == expected


def test_a_review_without_a_rating_is_logged_and_counted_as_unreadable(driver: Driver) -> None:
    driver.tell(driver.touch("product_reviewed", ANN, source="server", product_id="p"))
    assert driver.feature(driver.customer(*ANN), "reviews") == 0
    assert driver.tally("unreadable", "product_reviewed") == 1


@pytest.mark.invariant("I9")
def test_the_log_keeps_numbers_only(driver: Driver) -> None:
    words = {"product_id": "p", "rating": 1, "text": "Ann from Ulm", "title": "Ulm"}
    driver.tell(driver.touch("product_reviewed", ANN, source="server", **words))
    (body,) = driver.values(models.events, "body", type="product_reviewed")
    assert b"rating" in bytes(body)
    assert b"Ulm" not in bytes(body)
