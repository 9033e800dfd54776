"""Consent that is taken back in the store stops what was due, whichever way it is heard of."""

from __future__ import annotations

from typing import Literal

import pytest

from campaigns.campaign import campaign_text, load_campaign
from connectors.events import microseconds
from connectors.records import Customer
from tests.worker.driving import MINUTE, Driver, coupon_campaign
from worker import bulk, models
from worker.claims import claim, recheck
from worker.database import transaction

WELCOME = coupon_campaign("hello", "{event: order_completed}", "limits: {consent: email}")


def apply(driver: Driver) -> None:
    """The campaign in force, and its version as `campaigns apply` keeps it."""
    driver.run(WELCOME)
    campaign = load_campaign(WELCOME, "the campaign")
    columns = ("store", "id", "version", "body", "made_at", "made_by")
    row = (driver.number, campaign.id, 1, campaign_text(campaign), 0, "me")
    with transaction(driver.kit.engine) as connection:
        bulk.upsert(connection, models.campaign_versions, columns, [row])


def person(driver: Driver, source: Literal["webhook", "poll", "import"], *, says: bool) -> None:
    body = Customer("c1", driver.now, consents={"email": says})
    driver.tell(driver.fact(body, ("customer_id", "c1"), source=source))


def judged(driver: Driver) -> tuple[int, list[str]]:
    """How many due actions still hold at a claim, and why the others do not."""
    now = microseconds(driver.now)
    with transaction(driver.kit.engine) as connection:
        claimed = claim(connection, driver.number, now, now, 10)
        holding, withdrawn = recheck(connection, driver.number, claimed, now)
    return len(holding), list(withdrawn.values())


@pytest.mark.parametrize("source", ["webhook", "poll", "import"])
def test_a_no_in_the_store_stops_what_was_due(
    driver: Driver, source: Literal["webhook", "poll", "import"]
) -> None:
    apply(driver)
    person(driver, "webhook", says=True)
    driver.tell(driver.order("o1", "c1"))
    assert driver.values(models.actions, "state") == ["due"]
    driver.now += MINUTE
    person(driver, source, says=False)
    assert judged(driver) == (0, ["no_consent"])


@pytest.mark.parametrize("source", ["webhook", "poll", "import"])
def test_a_yes_is_known_however_it_was_heard(
    driver: Driver, source: Literal["webhook", "poll", "import"]
) -> None:
    apply(driver)
    person(driver, source, says=True)
    driver.tell(driver.order("o1", "c1"))
    assert judged(driver) == (1, [])


def test_an_older_word_changes_nothing(driver: Driver) -> None:
    apply(driver)
    person(driver, "webhook", says=True)
    driver.tell(driver.order("o1", "c1"))
    driver.now -= MINUTE
    person(driver, "poll", says=False)
    driver.now += MINUTE
    assert judged(driver) == (1, [])
