"""One customer's damaged row stops nobody: it counts as unknown, and is told."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from sqlalchemy import update

from connectors.events import microseconds
from connectors.records import Customer
from tests.worker.driving import DAY, MINUTE, Driver, coupon_campaign
from tests.worker.test_rejudging import put, renamed
from tests.worker.test_rule_segments import inside
from worker import bulk, legible, models
from worker.claims import claim, recheck
from worker.database import reading, transaction
from worker.erasure import erasure_event
from worker.export import export_customer
from worker.quality import completeness
from worker.refolding import refold_all
from worker.stores import load_store
from worker.troubles import troubles
from worker.web.status_stores import shown_store

ASKED = "limits: {consent: {channel: email}}"
DAMAGED = '{"points": 10, "occupation": "cler'


def damage(driver: Driver, name: str, column: str = "attributes", text: str = DAMAGED) -> int:
    """Half of somebody's text is gone; our id of them."""
    customer = driver.customer("customer_id", name)
    mine = models.customers.c.id == customer
    with transaction(driver.kit.engine) as connection:
        connection.execute(update(models.customers).where(mine).values({column: text}))
    return customer


def told(driver: Driver) -> list[str]:
    """What troubles say of rows that cannot be read."""
    wall = microseconds(driver.now)
    with reading(driver.kit.engine) as connection:
        found = troubles(connection, driver.kit.redis, driver.kit.settings, wall)
    return [one.said for one in found if one.kind == "unreadable"]


def described(driver: Driver, name: str, points: float) -> None:
    driver.now += MINUTE
    driver.tell(driver.fact(Customer(name, driver.now, attributes={"points": points})))


def new_rule(driver: Driver) -> None:
    driver.rule("poor", "{attribute.points: {at_most: 4}}")


def new_model(driver: Driver) -> None:
    driver.rule("rich", "{all: [{attribute.points: {at_least: 5}}, {segment: {not_in: [lost]}}]}")
    put(driver, renamed(1))


def ageing(driver: Driver) -> None:
    # No moment of a ratio is computed: whoever may be concerned is asked with each pass.
    driver.append(driver.tick())


def refold(driver: Driver) -> None:
    with transaction(driver.kit.engine) as connection:
        refold_all(connection)


def own_event(driver: Driver) -> None:
    driver.append(driver.order("o9", "bob"))


@pytest.mark.parametrize(
    ("passing", "text"),
    [
        (new_rule, DAMAGED),
        (new_model, '["a"]'),
        (ageing, "\x01"),
        (refold, DAMAGED),
        (own_event, "nonsense"),
        (own_event, '{"a":' + "[" * 5_000),
    ],
)
def test_everybody_is_judged_though_one_row_cannot_be_read(
    driver: Driver,
    caplog: pytest.LogCaptureFixture,
    passing: Callable[[Driver], None],
    text: str,
) -> None:
    driver.rule("rich", "{attribute.points: {at_least: 5}}")
    for name in ("ann", "bob", "cyd"):
        described(driver, name, 10)
        driver.tell(driver.order(f"of {name}", name))
    bob = damage(driver, "bob", text=text)
    legible.log_once.cache_clear()
    driver.now += DAY
    with caplog.at_level(logging.WARNING, "shoal.drain"):
        passing(driver)
        driver.tell(driver.order("o10", "ann"), driver.order("o11", "dan"))
        driver.tell(driver.order("o12", "bob"))
    assert driver.values(models.dead_letters, "reason") == []
    assert driver.values(models.stores, "poison") == [0]
    assert driver.feature(driver.customer("customer_id", "ann"), "orders") == 2
    assert inside(driver, "ann") == inside(driver, "cyd") == ["rule.rich"]
    assert inside(driver, "bob") == []
    lines = [one.getMessage() for one in caplog.records if "cannot be read" in one.getMessage()]
    assert lines == [f"customer {bob}: attributes cannot be read and count as unknown"]
    assert [f"({bob}): they count as unknown" in one for one in told(driver)] == [True]


def test_a_number_without_measure_is_a_great_one(driver: Driver) -> None:
    driver.rule("rich", "{attribute.points: {at_least: 5}}")
    for name in ("ann", "bob", "cyd"):
        described(driver, name, 10)
    damage(driver, "bob", text=f'{{"points": {"9" * 400}}}')
    damage(driver, "cyd", text=f'{{"points": -{"9" * 400}}}')
    driver.now += MINUTE
    driver.tell(*(driver.order(f"of {name}", name) for name in ("ann", "bob", "cyd")))
    assert driver.values(models.dead_letters, "reason") == []
    assert [inside(driver, name) for name in ("ann", "bob", "cyd")] == [
        ["rule.rich"],
        ["rule.rich"],
        [],
    ]


def test_the_status_page_tells_it_until_the_store_says_it_anew(driver: Driver) -> None:
    driver.rule("rich", "{attribute.points: {at_least: 5}}")
    described(driver, "bob", 10)
    bob = damage(driver, "bob")
    assert told(driver) == []
    driver.now += MINUTE
    # What an event says unreadably is counted too, and is nobody's row.
    rated = driver.touch("product_reviewed", ("customer_id", "bob"), source="server", rating="x")
    driver.tell(driver.order("o1", "bob"), rated)
    assert driver.tally("unreadable", "product_reviewed") == 1
    wall = microseconds(driver.now)
    with reading(driver.kit.engine) as connection:
        store = load_store(connection, driver.id)
        shown = shown_store(connection, store, wall, {}, 0)
    (said,) = (one for one in shown.trouble if "cannot be read" in one)
    assert said.startswith(f"Attributes or consents of 1 customer cannot be read ({bob})")
    described(driver, "bob", 7)
    assert driver.values(models.customers, "attributes", id=bob) == ['{"points":7.0}']
    assert inside(driver, "bob") == ["rule.rich"]
    assert told(driver) == []


def test_a_merge_and_an_older_word_do_not_stumble_over_it(driver: Driver) -> None:
    described(driver, "ann", 3)
    described(driver, "bob", 10)
    damage(driver, "bob")
    damage(driver, "ann", "consents", "nonsense")
    driver.now += MINUTE
    keys = ("customer_id", "ann")
    driver.tell(driver.touch("customers_merged", keys, source="webhook", previous_id="bob"))
    assert driver.values(models.dead_letters, "reason") == []
    ann = driver.customer("customer_id", "bob")
    assert ann == driver.customer("customer_id", "ann")
    rows = driver.rows(models.customers, "attributes", "consents", id=ann)
    assert rows == [('{"points":3.0}', "{}")]
    damage(driver, "ann")
    older = driver.now - DAY
    driver.tell(driver.fact(Customer("ann", older, attributes={"gender": "female"})))
    assert driver.values(models.dead_letters, "reason") == []


def test_a_consent_that_cannot_be_read_is_none(driver: Driver) -> None:
    driver.run(coupon_campaign("hello", "{event: order_completed}", ASKED))
    driver.tell(driver.fact(Customer("bob", driver.now, consents={"email": True})))
    damage(driver, "bob", "consents")
    driver.now += MINUTE
    driver.tell(driver.order("o1", "bob"))
    assert driver.values(models.dead_letters, "reason") == []
    assert driver.values(models.holds, "reason") == ["no_consent"]


def test_consent_is_asked_again_before_a_push_and_is_none(driver: Driver) -> None:
    driver.run(
        "id: hello\nwhen: {event: order_completed}\nsteps: [tag: told]\nholdout: 0\n" + ASKED
    )
    driver.tell(driver.fact(Customer("bob", driver.now, consents={"email": True})))
    driver.now += MINUTE
    driver.tell(driver.order("o1", "bob"))
    damage(driver, "bob", "consents")
    now = microseconds(driver.now)
    with transaction(driver.kit.engine) as connection:
        claimed = claim(connection, driver.number, now, now, 10)
        # The campaign's file is asked, of which a test keeps no version.
        columns = ("store", "id", "version", "body", "made_at", "made_by")
        (body,) = driver.values(models.campaigns, "body")
        row = (driver.number, "hello", 1, body, 0, "a test")
        bulk.upsert(connection, models.campaign_versions, columns, [row])
        held, withdrawn = recheck(connection, driver.number, claimed, now)
    assert (held, list(withdrawn.values())) == ([], ["no_consent"])


def test_an_export_shows_what_is_there_and_completeness_leaves_it_out(driver: Driver) -> None:
    described(driver, "ann", 3)
    described(driver, "bob", 10)
    bob = damage(driver, "bob")
    with reading(driver.kit.engine) as connection:
        count, filled = completeness(connection, driver.shop())
        shown = export_customer(connection, driver.kit.sealer, driver.shop(), bob)
    assert count == 2
    assert {one.field: one.customers for one in filled}["points"] == 1
    assert shown["customers"][0]["attributes"] == DAMAGED
    assert shown["customers"][0]["consents"] == {}


def test_who_is_erased_leaves_no_count(driver: Driver) -> None:
    driver.rule("rich", "{attribute.points: {at_least: 5}}")
    described(driver, "bob", 10)
    bob = damage(driver, "bob")
    driver.now += MINUTE
    driver.tell(driver.order("o1", "bob"))
    assert driver.tally(legible.TALLY, str(bob)) == 1
    driver.now += MINUTE
    driver.tell(erasure_event(driver.id, bob, [("customer_id", "bob")], driver.now))
    assert driver.tally(legible.TALLY, str(bob)) == 0
