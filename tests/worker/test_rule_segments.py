"""Segments by rule in the drain: who enters and leaves, when, why, and whom that wakes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from msgspec import structs
from sqlalchemy import update

from connectors.events import microseconds
from connectors.records import Customer
from segmentation.constructed import Constructed, Declared
from segmentation.model import empty_model, to_json
from segmentation.segment import Band, members
from tests.worker.driving import DAY, HOUR, MINUTE, START, Driver, coupon_campaign
from worker import bulk, models, own_features, rule_files
from worker.batch import Entry
from worker.database import reading, transaction
from worker.entries import memberships_of, standing, write_entries
from worker.erasure import erasure_event
from worker.refolding import refold_all

MICROSECOND = timedelta(microseconds=1)
RECENT = "{recency_days: {at_most: 30}}"


def changes(driver: Driver) -> list[tuple[int, bool, str]]:
    """(microseconds since START, entered, cause) of every change."""
    rows = driver.rows(models.membership_changes, "at", "entered", "cause", "number", "segment")
    return sorted((row.at - microseconds(START), row.entered, row.cause) for row in rows)


def inside(driver: Driver, customer: str = "ann") -> list[str]:
    who = driver.customer("customer_id", customer)
    with reading(driver.kit.engine) as connection:
        return memberships_of(connection, [who]).get(who, [])


def occasions(driver: Driver) -> list[str]:
    return sorted(driver.values(models.decisions, "occasion"))


@pytest.mark.invariant("I2")
def test_a_rule_of_days_turns_at_the_microsecond(driver: Driver) -> None:
    driver.rule("recent", RECENT)
    driver.tell(driver.order("o1", "ann"))
    assert inside(driver) == ["rule.recent"]
    last = 30 * DAY + MICROSECOND
    driver.pass_time(last - MICROSECOND)
    assert inside(driver) == ["rule.recent"]
    driver.pass_time(MICROSECOND)
    assert inside(driver) == []
    assert changes(driver) == [(0, True, "event"), (last // MICROSECOND, False, "time")]


def test_what_was_done_leaves_its_window_on_time(driver: Driver) -> None:
    driver.rule("twice", "{did: {event: order_completed, within: 7d, at_least: 2}}")
    driver.tell(driver.order("o1", "ann"))
    driver.now += DAY
    driver.tell(driver.order("o2", "ann"))
    driver.now += DAY
    driver.tell(driver.order("o3", "ann"))
    # The second latest leaves: 1 d + 7 d and a microsecond.
    driver.now = START + 8 * DAY
    driver.drain()
    assert inside(driver) == ["rule.twice"]
    driver.pass_time(MICROSECOND)
    assert inside(driver) == []


def test_a_sum_that_halves_falls_below_its_threshold_on_time(driver: Driver) -> None:
    driver.rule("eager", "{orders_7d: {at_least: 0.5}}")
    driver.tell(driver.order("o1", "ann"))
    (due,) = driver.values(models.timers, "due_at", kind="rule")
    assert abs(due - microseconds(START + 7 * DAY)) < 5
    driver.now = datetime.fromtimestamp(0, UTC) + due * MICROSECOND - MICROSECOND
    driver.drain()
    assert inside(driver) == ["rule.eager"]
    driver.pass_time(MICROSECOND)
    assert inside(driver) == []


def test_an_event_moves_the_moment_and_silence_sets_no_other(driver: Driver) -> None:
    driver.rule("recent", RECENT)
    driver.tell(driver.order("o1", "ann"))
    driver.now += 20 * DAY
    driver.tell(driver.order("o2", "ann"))
    driver.now += 20 * DAY
    driver.drain()
    assert inside(driver) == ["rule.recent"]
    driver.pass_time(10 * DAY + MICROSECOND)
    assert inside(driver) == []
    assert driver.rows(models.timers, "key") == []


def test_only_events_and_time_wake_a_campaign(driver: Driver) -> None:
    driver.tell(driver.order("o0", "old"))
    driver.run(coupon_campaign("in", "{segment: rule.recent, enters: true}"))
    driver.run(coupon_campaign("out", "{segment: rule.recent, leaves: true}"))
    driver.rule("recent", RECENT)
    driver.drain()
    assert changes(driver) == [(0, True, "rule")]
    assert occasions(driver) == []
    driver.now += HOUR
    driver.tell(
        driver.order("o1", "ann"), driver.order("o2", "imp", source="import", at=driver.now)
    )
    assert occasions(driver) == ["entry:rule.recent:1"]
    assert [one[2] for one in changes(driver)] == ["rule", "event", "import"]
    driver.pass_time(31 * DAY)
    assert occasions(driver) == ["entry:rule.recent:1", *["entry:rule.recent:2"] * 3]
    driver.tell(driver.order("o3", "ann"))
    assert occasions(driver).count("entry:rule.recent:3") == 1


def test_an_edited_rule_asks_everybody_and_a_removed_one_lets_go(driver: Driver) -> None:
    driver.tell(*(driver.order(f"o{n}", f"c{n % 3}") for n in range(5)))
    driver.rule("often", "{orders: {at_least: 2}}")
    driver.drain()
    assert sorted(inside(driver, f"c{n}") for n in range(3)) == [[], ["rule.often"], ["rule.often"]]
    driver.rule("often", "{orders: {at_most: 1}}")
    driver.drain()
    assert sorted(inside(driver, f"c{n}") for n in range(3)) == [[], [], ["rule.often"]]
    assert {row.version for row in driver.rows(models.rules, "version", "judged")} == {2}
    assert driver.values(models.rules, "judged") == [2]
    driver.rule("lately", RECENT)
    driver.drain()
    assert driver.values(models.timers, "kind") == ["rule"] * 3
    with transaction(driver.kit.engine) as connection:
        for name in ("rule.often", "rule.lately"):
            rule_files.remove_rule(connection, driver.shop(), name, 0, "a test")
    driver.drain()
    assert [inside(driver, f"c{n}") for n in range(3)] == [[], [], []]
    assert driver.values(models.timers, "kind") == []
    assert {row[2] for row in changes(driver)} == {"rule"}
    assert sum(one.entered for one in driver.rows(models.membership_changes, "entered")) == 6
    versions = driver.rows(models.rule_versions, "id", "version", "made_by")
    assert [tuple(row) for row in versions] == [
        ("rule.lately", 1, "a test"),
        ("rule.lately", 2, "a test"),
        *(("rule.often", version, "a test") for version in (1, 2, 3)),
    ]


def test_a_rule_that_names_a_stage_follows_a_new_model(driver: Driver) -> None:
    driver.tell(driver.order("o1", "ann"))
    (stage,) = driver.values(models.customers, "segment")
    driver.rule("anew", f"{{segment: {{in: [{stage}.anew]}}}}")
    driver.drain()
    assert inside(driver) == []
    model = empty_model()
    groups = tuple(structs.replace(one, id=f"{one.stage}.anew") for one in model.groups)
    body = to_json(structs.replace(model, version=1, groups=groups))
    columns = ("store", "kind", "version", "body", "published_at", "customers_read")
    with transaction(driver.kit.engine) as connection:
        row = (driver.number, "segments", 1, body, 0, 0)
        bulk.upsert(connection, models.models, columns, [row])
    driver.drain()
    assert changes(driver) == [(0, True, "model")]


def test_a_stage_that_time_changes_moves_a_rule_with_it(driver: Driver) -> None:
    driver.rule("gone", "{segment: lost}")
    driver.tell(driver.order("o1", "ann"))
    driver.now += 4_000 * DAY
    driver.tell(driver.tick())
    assert inside(driver) == ["rule.gone"]
    assert [one[2] for one in changes(driver)] == ["time"]


def test_who_yields_leaves_and_who_stays_is_in_without_a_wake(driver: Driver) -> None:
    driver.rule("seen", "{views: {at_least: 1}}")
    driver.run(coupon_campaign("in", "{segment: rule.seen, enters: true}"))
    phone = ("anonymous_id", "phone")
    driver.tell(driver.touch("product_viewed", phone, key="v"))
    visitor = driver.customer("anonymous_id", "phone")
    driver.now += MINUTE
    driver.tell(driver.fact(Customer("ann", driver.now)))
    assert inside(driver) == []
    bound = driver.touch("custom", ("customer_id", "ann"), phone, source="server", key="b")
    driver.tell(bound)
    assert inside(driver) == ["rule.seen"]
    ann = driver.customer("anonymous_id", "phone")
    assert ann != visitor
    assert driver.rows(models.memberships, "customer", "is_in") == [(ann, True)]
    told = driver.rows(models.membership_changes, "customer", "number", "entered", "cause")
    united = [(visitor, 1, True, "event"), (visitor, 2, False, "event"), (ann, 1, True, "event")]
    assert sorted(map(tuple, told)) == sorted(united)
    assert occasions(driver) == []


def test_a_rule_on_a_feature_of_its_own_follows_each_tick_and_each_definition(
    driver: Driver,
) -> None:
    """No moment of a ratio is computed: who is late by their own habit is found by the tick."""

    def declare(factor: float) -> None:
        late = Constructed("late", "ratio", ("recency_days", "gap_days_mean"), factor)
        with transaction(driver.kit.engine) as connection:
            own_features.declare(connection, driver.number, Declared((late,)), 0, "a test")

    declare(1.0)
    driver.rule("late", "{own.late: {at_least: 2}}")
    driver.run(coupon_campaign("back", "{segment: rule.late, enters: true}"))
    driver.tell(driver.order("o1", "ann"), driver.order("o2", "bea"))
    driver.now += DAY
    driver.tell(driver.order("o3", "ann"))
    driver.now += 2 * DAY + HOUR
    driver.drain()
    assert changes(driver) == []
    driver.tell(driver.tick())
    assert [one[1:] for one in changes(driver)] == [(True, "time")]
    assert occasions(driver) == ["entry:rule.late:1"]
    driver.now += MINUTE
    declare(0.5)
    driver.drain()
    assert [one[1:] for one in changes(driver)] == [(True, "time"), (False, "rule")]


def test_records_computed_again_ask_everybody_again(driver: Driver) -> None:
    driver.rule("often", "{orders: {at_least: 2}}")
    driver.tell(driver.order("o1", "ann"), driver.order("o2", "ann"))
    with transaction(driver.kit.engine) as connection:
        mine = models.orders.c.order_id == "o2"
        connection.execute(update(models.orders).where(mine).values(is_counted=False))
        refold_all(connection)
    assert inside(driver) == ["rule.often"]
    driver.pass_time(MINUTE)
    assert inside(driver) == []
    assert [one[2] for one in changes(driver)] == ["event", "rule"]


def test_an_erased_customer_leaves_no_row_of_a_rule(driver: Driver) -> None:
    driver.rule("recent", RECENT)
    driver.tell(driver.order("o1", "ann"), driver.order("o2", "bea"))
    who = driver.customer("customer_id", "ann")
    driver.now += MINUTE
    driver.tell(erasure_event(driver.id, who, [("customer_id", "ann")], driver.now))
    bea = [driver.customer("customer_id", "bea")]
    for table in (models.memberships, models.membership_changes, models.timers):
        assert driver.values(table, "customer") == bea


def test_a_segment_by_rule_chooses_steps_and_policy(driver: Driver) -> None:
    driver.rule("vip", "{monetary_value: {at_least: 100}}")
    driver.run(
        "id: thanks\nwhen: {event: order_completed}\nholdout: 0\n"
        "by_segment: {rule.vip: {tag: very}, others: {tag: plain}}\n"
        "if: {segment: {not_in: [rule.other]}}"
    )
    policy = ("store", "segment", "version", "body")
    body = '{"segment": "rule.vip", "may_receive": ["recommend"]}'
    driver.tell(driver.order("o1", "ann", value=99_00), driver.order("o2", "bea", value=100_00))
    assert sorted(driver.values(models.actions, "payload")) != []
    tags = sorted("very" in one for one in driver.values(models.actions, "payload"))
    assert tags == [False, True]
    with transaction(driver.kit.engine) as connection:
        bulk.upsert(connection, models.policies, policy, [(driver.number, "rule.vip", 1, body)])
    driver.tell(driver.order("o3", "ann", value=1), driver.order("o4", "bea", value=1))
    reasons = driver.values(models.holds, "reason") + driver.values(models.holds, "detail")
    assert reasons[0] == "not_received"
    assert "segment rule.vip" in reasons[1]


def test_a_band_of_a_prediction_is_kept_in_the_same_rows(driver: Driver) -> None:
    """No prediction is built; where its members would stand is."""
    driver.tell(driver.order("o1", "ann"), driver.order("o2", "bea"))
    people = [driver.customer("customer_id", name) for name in ("ann", "bea")]
    risky = members(Band(0.5, 1.01), np.array([0.2, 0.9]))
    now, segment = microseconds(driver.now), "predicted.churn.high"
    told = [
        Entry(segment, customer, 1, now, True, "model", 1)
        for customer, is_in in zip(people, risky.tolist(), strict=True)
        if is_in
    ]
    with transaction(driver.kit.engine) as connection:
        write_entries(connection, driver.number, told)
        assert standing(connection, people) == {segment: {people[1]: (True, 1)}}
    driver.rule("recent", RECENT)
    driver.drain()
    assert inside(driver, "bea") == [segment, "rule.recent"]


def test_an_attribute_is_read_alike_whoever_else_is_in_the_batch(driver: Driver) -> None:
    driver.rule("rich", "{attribute.points: {at_least: 5}}")
    driver.rule("ten", "{attribute.points: {in: [10, none]}}")
    driver.tell(driver.fact(Customer("ann", driver.now, attributes={"points": 10})))
    both = ["rule.rich", "rule.ten"]
    assert inside(driver) == both
    driver.now += MINUTE
    driver.tell(
        driver.order("o1", "ann"),
        driver.fact(Customer("bea", driver.now, attributes={"points": "none"})),
    )
    assert inside(driver) == both
    assert inside(driver, "bea") == ["rule.ten"]


def test_an_edited_rule_leaves_to_time_whom_another_rule_is_about_to_move(driver: Driver) -> None:
    driver.run(coupon_campaign("out", "{segment: rule.recent, leaves: true}"))
    driver.rule("recent", RECENT)
    driver.tell(driver.order("o1", "ann"))
    driver.now += 30 * DAY + HOUR
    driver.rule("often", "{orders: {at_least: 1}}")
    driver.drain()
    assert inside(driver) == ["rule.often"]
    assert [one[1:] for one in changes(driver)] == [
        (True, "event"),
        (False, "time"),
        (True, "rule"),
    ]
    assert occasions(driver) == ["entry:rule.recent:2"]
    assert driver.rows(models.timers, "key") == []


def test_who_stays_has_occasions_of_their_own_after_those_of_who_yielded(driver: Driver) -> None:
    driver.rule("recent", RECENT)
    driver.run(coupon_campaign("in", "{segment: rule.recent, enters: true}"))
    driver.tell(driver.order("o1", "bob"), driver.fact(Customer("ann", driver.now)))
    driver.pass_time(31 * DAY)
    ann = ("customer_id", "ann")
    driver.tell(driver.touch("customers_merged", ann, source="webhook", previous_id="bob"))
    assert inside(driver) == []
    driver.now += MINUTE
    driver.tell(driver.order("o2", "ann"))
    assert inside(driver) == ["rule.recent"]
    assert occasions(driver) == ["entry:rule.recent:1", "entry:rule.recent:3"]
