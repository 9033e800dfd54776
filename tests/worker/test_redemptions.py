"""A coupon that was used, and other signs of life after a contact: each counted once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from connectors.events import microseconds, moment
from tests.worker.driving import DAY, HOUR, MINUTE, Driver, coupon_campaign
from worker import models
from worker.database import reading
from worker.features_export import features_table

WELCOME = coupon_campaign("welcome", "{event: order_completed}", "limits: {per_customer: 1}")
THANKS = """
id: thanks
when: {event: coupon_redeemed}
steps: [{tag: used-a-coupon}]
holdout: 0
"""


@pytest.fixture
def code(driver: Driver) -> str:
    """The code of the coupon that ann was given for her first order."""
    driver.run(WELCOME)
    driver.run(THANKS)
    driver.tell(driver.order("o1", "ann"))
    (found,) = driver.values(models.codes, "code")
    driver.now += DAY
    return str(found)


def test_the_first_sale_with_a_code_redeems_it(driver: Driver, code: str) -> None:
    driver.tell(driver.order("o2", "ann", coupons=[code]))
    (row,) = driver.rows(models.codes, "redeemed_at", "order_id", "campaign")
    assert tuple(row) == (microseconds(driver.now), "o2", "welcome")
    assert driver.tally("redeemed", "welcome") == 1
    assert driver.feature(driver.customer("customer_id", "ann"), "redemptions") == 1
    (thanks,) = driver.rows(models.decisions, "occasion", "outcome", campaign="thanks")
    assert tuple(thanks) == ("order:o2", "fire")


def test_what_is_told_again_or_changed_redeems_nothing_more(driver: Driver, code: str) -> None:
    first = driver.order("o2", "ann", coupons=[code])
    driver.tell(first)
    driver.tell(first)
    driver.now += HOUR
    driver.tell(driver.order("o2", "ann", coupons=[code], value=900))
    driver.tell(driver.order("o3", "ann", coupons=[code]))
    assert driver.values(models.codes, "order_id") == ["o2"]
    assert driver.tally("redeemed", "welcome") == 1
    assert driver.feature(driver.customer("customer_id", "ann"), "redemptions") == 1
    assert len(driver.rows(models.decisions, "occasion", campaign="thanks")) == 1


def test_of_two_orders_in_one_batch_the_first_has_used_it(driver: Driver, code: str) -> None:
    driver.tell(
        driver.order("o2", "ann", coupons=[code]),
        driver.order("o3", "ann", coupons=[code], at=driver.now + MINUTE),
    )
    assert driver.values(models.codes, "order_id") == ["o2"]
    assert driver.feature(driver.customer("customer_id", "ann"), "redemptions") == 1


def test_an_order_that_is_not_a_sale_yet_has_used_nothing(driver: Driver, code: str) -> None:
    driver.tell(driver.order("o2", "ann", coupons=[code], status="pending"))
    assert driver.values(models.codes, "order_id") == [""]
    driver.now += HOUR
    driver.tell(driver.order("o2", "ann", coupons=[code], status="paid"))
    assert driver.values(models.codes, "order_id") == ["o2"]


def test_a_code_of_somebody_else_is_none_of_ours(driver: Driver, code: str) -> None:
    driver.tell(driver.order("o2", "ann", coupons=["SUMMER", code.lower() + "x"]))
    assert driver.values(models.codes, "order_id") == [""]
    assert driver.tally("redeemed", "welcome") == 0


def test_the_buyer_who_used_it_is_who_redeemed_it(driver: Driver, code: str) -> None:
    """Whose code it was stays as it was: the store decides whether others may use it."""
    driver.tell(driver.order("o2", "bea", coupons=[code]))
    assert driver.feature(driver.customer("customer_id", "bea"), "redemptions") == 1
    assert driver.feature(driver.customer("customer_id", "ann"), "redemptions") == 0
    assert driver.values(models.codes, "customer", order_id="o2") == [
        driver.customer("customer_id", "ann")
    ]


def test_contacts_and_what_follows_them_are_counted_and_read_again(
    driver: Driver, code: str
) -> None:
    ann = driver.customer("customer_id", "ann")
    known = ("customer_id", "ann")
    contact = driver.touch("campaign_contacted", source="shoal", campaign="welcome", customer=ann)
    driver.tell(contact)
    driver.tell(
        contact,
        driver.touch("message_opened", known, source="server", at=driver.now + MINUTE),
        driver.touch("message_clicked", known, source="server", at=driver.now + MINUTE),
        driver.order("o2", "ann", coupons=[code]),
    )
    driver.now += DAY
    counted = {name: driver.feature(ann, name) for name in ("contacts", "opens", "clicks")}
    assert counted == {"contacts": 1, "opens": 1, "clicks": 1}
    now = microseconds(driver.now)
    with reading(driver.kit.engine) as connection:
        live = features_table(connection, driver.number, "EUR", now)
        again = features_table(connection, driver.number, "EUR", now, as_of=now)
    for name in ("contacts", "opens", "clicks", "redemptions", "orders", "open_rate"):
        assert live[name].tolist() == again[name].tolist(), name
    assert live["redemptions"].tolist() == [1]


def test_visits_told_out_of_order_are_read_again_from_the_log(driver: Driver) -> None:
    """Two visits become one when the act between them comes late."""
    phone = ("anonymous_id", "phone")
    start = driver.now
    early = driver.touch("product_viewed", phone, at=start)
    between = driver.touch("product_viewed", phone, at=start + 20 * MINUTE)
    late = driver.touch("product_viewed", phone, at=start + 40 * MINUTE)
    driver.now += HOUR
    driver.tell(early)
    driver.tell(late)
    visitor = driver.customer("anonymous_id", "phone")
    assert driver.feature(visitor, "sessions") == 2
    driver.tell(between)
    assert driver.feature(visitor, "sessions") == 1
    assert driver.feature(visitor, "browsing_seconds") == 40 * 60
    assert driver.tally("recomputed", "browsing") == 0
    later = [
        driver.touch("product_viewed", phone, at=start + hours * HOUR) for hours in range(2, 60)
    ]
    driver.now += 3 * DAY
    driver.tell(*later)
    driver.tell(driver.touch("product_viewed", phone, at=start - 10 * MINUTE))
    assert driver.feature(visitor, "sessions") == 1 + len(later)
    assert driver.feature(visitor, "browsing_seconds") == 50 * 60
    assert driver.tally("recomputed", "browsing") == 1


def test_a_late_contact_of_someone_erased_changes_nothing(driver: Driver, code: str) -> None:
    """What a delivery tells of a push that was under way when the person was forgotten."""
    assert code
    ann = driver.customer("customer_id", "ann")
    ghost = 2**40
    driver.tell(
        driver.touch("campaign_contacted", source="shoal", campaign="welcome", customer=ghost),
        driver.touch("campaign_contacted", source="shoal", campaign="welcome"),
        driver.touch("campaign_contacted", source="shoal", campaign="welcome", customer="none"),
    )
    assert driver.values(models.dead_letters, "reason") == []
    assert driver.values(models.customers, "id") == [ann]
    assert driver.feature(ann, "contacts") == 0
    assert np.isnan(driver.feature(ann, "open_rate"))
    assert pd.Timestamp(moment(driver.values(models.events, "at")[0])).year == driver.now.year
