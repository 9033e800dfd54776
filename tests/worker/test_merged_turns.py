"""Two customers become one: each turn that either took is decided once, and counts for limits."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from connectors.records import Customer
from tests.worker.driving import DAY, HOUR, MINUTE, Driver, Houses, coupon_campaign
from tests.worker.test_interleavings import ANY
from worker import models
from worker.database import reading
from worker.entries import memberships_of

STAGES = ("champions", "loyal", "promising", "new", "at_risk", "hibernating", "lost")
PEOPLE = ("ann", "bea", "cyd")
RECENT = "{recency_days: {at_most: 30}}"
WHO = st.integers(0, 2)
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("order"), WHO, WHO),
        st.tuples(st.just("wait"), st.sampled_from([0, 1, 25, 40, 90, 300]), st.integers(0, 1)),
        st.tuples(st.just("merge"), WHO, WHO),
    ),
    min_size=6,
    max_size=16,
)
Act = tuple[str, int, int]


@dataclass
class Ledger:
    """What somebody who watches would write down: who stands for whom, who entered what."""

    stands: dict[str, str] = field(default_factory=lambda: {who: who for who in PEOPLE})
    inside: dict[str, set[str]] = field(default_factory=lambda: {who: set() for who in PEOPLE})
    entered: dict[str, list[str]] = field(default_factory=lambda: {who: [] for who in PEOPLE})

    def merge(self, stays: str, yields: str) -> None:
        if stays == yields:
            return
        self.stands = {who: stays if one == yields else one for who, one in self.stands.items()}
        self.inside[stays] |= self.inside.pop(yields)
        self.entered[stays] += self.entered.pop(yields)

    def look(self, driver: Driver) -> None:
        for who, was in self.inside.items():
            now = segments_of(driver, who)
            self.entered[who] += sorted(now - was)
            self.inside[who] = now


def segments_of(driver: Driver, who: str) -> set[str]:
    """The stage and the rules that a customer is in."""
    found = driver.values(models.identities, "customer", kind="customer_id", key=who)
    if not found:
        return set()
    stages = set(driver.values(models.customers, "segment", id=found[0])) - {""}
    with reading(driver.kit.engine) as connection:
        return stages | set(memberships_of(connection, found).get(found[0], []))


def merged(driver: Driver, stays: str, yields: str) -> None:
    keys = ("customer_id", stays)
    driver.tell(driver.touch("customers_merged", keys, source="webhook", previous_id=yields))


def act(driver: Driver, ledger: Ledger, number: int, told: Act) -> None:
    kind, first, second = told
    driver.now += MINUTE
    if kind == "order":
        driver.tell(driver.order(f"o{number}", PEOPLE[first]))
    elif kind == "wait":
        wake_up(driver, ledger)
        # To the same hour, or into the night, when campaigns wait.
        driver.now += first * DAY + second * 13 * HOUR
        driver.tell(driver.tick())
    else:
        stays, yields = ledger.stands[PEOPLE[first]], ledger.stands[PEOPLE[second]]
        merged(driver, PEOPLE[first], PEOPLE[second])
        ledger.merge(stays, yields)
    ledger.look(driver)


def wake_up(driver: Driver, ledger: Ledger) -> None:
    """What waits for the morning is decided then, before it is stale."""
    if driver.now.hour >= 22 or driver.now.hour < 10:
        driver.pass_time(timedelta(hours=(34 - driver.now.hour) % 24))
        ledger.look(driver)


def listen(driver: Driver) -> dict[str, str]:
    """A live campaign on the entering of each segment, quiet at night; campaign → segment."""
    driver.rule("recent", RECENT)
    names = {f"into-{one.replace('_', '-')}": one for one in STAGES} | {"fresh": "rule.recent"}
    for name, segment in names.items():
        more = 'limits: {quiet_hours: "22:00-10:00"}'
        driver.run(coupon_campaign(name, f"{{segment: {segment}, enters: true}}", more))
    driver.drain()
    return names


@settings(ANY, max_examples=15)
@given(ACTS)
@pytest.mark.invariant("I2")
def test_any_interleaving_of_merges_and_turns_decides_each_turn_once(
    houses: Houses, acts: list[Act]
) -> None:
    with houses() as driver:
        names, ledger = listen(driver), Ledger()
        for number, told in enumerate(acts):
            act(driver, ledger, number, told)
        wake_up(driver, ledger)
        wanted = Counter(
            (driver.customer("customer_id", who), segment)
            for who, its in ledger.entered.items()
            for segment in its
        )
        decided = driver.rows(models.decisions, "customer", "campaign", "occasion", outcome="fire")
        assert Counter((row.customer, names[row.campaign]) for row in decided) == wanted
        done = driver.rows(models.actions, "customer", "campaign", "occasion")
        assert done == decided
        assert driver.rows(models.timers, "key", kind="delay") == []


def test_both_had_a_first_turn_and_the_limit_counts_two(driver: Driver) -> None:
    more = "limits: {per_customer: 2}"
    driver.rule("recent", RECENT)
    for name, segment in (("gone", "lost"), ("fresh", "rule.recent")):
        driver.run(coupon_campaign(name, f"{{segment: {segment}, enters: true}}", more))
    driver.tell(driver.order("o1", "ann"), driver.order("o2", "bob"))
    driver.now += 4_000 * DAY
    driver.tell(driver.tick())
    ann = driver.customer("customer_id", "ann")
    driver.now += MINUTE
    merged(driver, "ann", "bob")
    assert driver.values(models.decisions, "customer") == [ann] * 4
    # They come back and go again: a third turn, which is one too many.
    driver.now += MINUTE
    driver.tell(driver.order("o3", "ann"))
    driver.now += 20_000 * DAY
    driver.tell(driver.tick())
    assert len(driver.rows(models.decisions, "campaign")) == 4
    held = driver.rows(models.holds, "campaign", "customer", "reason")
    assert sorted(map(tuple, held)) == [
        ("fresh", ann, "per_customer"),
        ("gone", ann, "per_customer"),
    ]


@pytest.mark.parametrize("slept", [1, 12], ids=["before it is due", "in the batch when it is due"])
def test_a_turn_that_waits_for_the_morning_is_decided_though_its_number_was_taken(
    driver: Driver, slept: int
) -> None:
    more = 'limits: {quiet_hours: "22:00-10:00"}'
    driver.run(coupon_campaign("hello", "{segment: new, enters: true}", more))
    driver.tell(driver.order("o1", "ann"))
    assert driver.values(models.decisions, "occasion") == ["entry:1"]
    driver.now += 11 * HOUR
    driver.tell(driver.order("o2", "bob"))
    assert len(driver.rows(models.timers, "key", kind="delay")) == 1
    driver.now += slept * HOUR
    merged(driver, "ann", "bob")
    driver.pass_time((12 - slept) * HOUR)
    ann = driver.customer("customer_id", "ann")
    assert driver.rows(models.decisions, "customer", "occasion") == [
        (ann, "entry:1"),
        (ann, "entry:2"),
    ]


def test_who_stands_nowhere_stands_where_the_other_did_and_a_guest_is_news(driver: Driver) -> None:
    driver.run(coupon_campaign("hello", "{segment: new, enters: true}"))
    driver.tell(driver.order("o1", "bob"))
    (since,) = driver.values(models.customers, "segment_since")
    driver.now += MINUTE
    driver.tell(driver.fact(Customer("ann", driver.now)))
    driver.now += MINUTE
    merged(driver, "ann", "bob")
    ann = driver.customer("customer_id", "ann")
    names = ("segment", "segment_since", "segment_changes")
    assert driver.rows(models.customers, *names, id=ann) == [("new", since, 2)]
    told = driver.rows(models.segment_changes, "number", "segment_after", customer=ann)
    assert told == [(2, "new")]
    assert driver.rows(models.decisions, "customer", "occasion") == [(ann, "entry:1")]
    # A guest had no decision: who they turn out to be is welcomed.
    driver.now += MINUTE
    email = ("email", "g" * 64)
    driver.tell(driver.order("o2", who=[email]), driver.fact(Customer("cyd", driver.now)))
    driver.now += MINUTE
    driver.tell(driver.fact(Customer("cyd", driver.now), email))
    cyd = driver.customer("customer_id", "cyd")
    assert driver.rows(models.decisions, "occasion", customer=cyd) == [("entry:1",)]
