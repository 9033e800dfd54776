"""The drain's commit: who loses a race leaves, what is poison stands alone, nothing is doubled."""

from __future__ import annotations

from dataclasses import replace
from threading import Barrier, Thread

import pytest
from sqlalchemy import update

from connectors.events import Event, moment
from connectors.records import Customer
from tests.worker.driving import DAY, HOUR, MINUTE, START, Driver, coupon_campaign
from worker import cursors, models, pipeline, poison, stream
from worker.database import transaction

THANKS = coupon_campaign("thanks", "{event: order_completed}")


def test_the_thin_path_from_an_order_to_a_coupon_in_the_outbox(driver: Driver) -> None:
    driver.run(THANKS)
    order = driver.order("o1", "ann")
    driver.tell(order)
    driver.tell(order)
    assert driver.rows(models.decisions, "campaign", "occasion", "outcome", "cost") == [
        ("thanks", "order:o1", "fire", 500)
    ]
    (action,) = driver.rows(models.actions, "kind", "state", "customer", "accepted_at")
    assert (action.kind, action.state) == ("coupon", "due")
    assert action.customer == driver.customer("customer_id", "ann")
    assert moment(action.accepted_at) == START
    assert len(driver.values(models.codes, "code")) == 1
    assert ("shoal.deliver", driver.number) in driver.sent
    assert stream.unread(driver.kit.redis, driver.partition) == 0


def test_who_is_killed_before_the_trim_leaves_nothing_unread(driver: Driver) -> None:
    driver.append(driver.order("o1", "ann"), driver.order("o2", "bea"))
    assert driver.commit() == 2
    assert stream.unread(driver.kit.redis, driver.partition) == 2
    driver.drain()
    assert stream.unread(driver.kit.redis, driver.partition) == 0
    assert driver.tally("applied") == 2


@pytest.mark.invariant("I1")
def test_entries_below_the_cursor_of_a_replaced_redis_are_not_trimmed(driver: Driver) -> None:
    """Its clock is behind, so that new entries stand below the cursor until `doctor` or a start."""
    driver.append(driver.order("o1", "ann"))
    ahead = update(models.cursors).values(position="99999999999999-0")
    with transaction(driver.kit.engine) as connection:
        connection.execute(ahead)
    driver.drain()
    assert stream.unread(driver.kit.redis, driver.partition) == 1
    assert driver.partition in cursors.mend(driver.kit.engine, driver.kit.redis)
    driver.drain()
    assert driver.feature(driver.customer("customer_id", "ann"), "orders") == 1


def test_in_shadow_all_happens_but_the_push(driver: Driver) -> None:
    driver.run(THANKS, state="shadow")
    driver.tell(driver.order("o1", "ann"))
    assert driver.values(models.decisions, "mode") == ["shadow"]
    assert driver.rows(models.actions, "key") == []


def test_a_stale_event_folds_and_wakes_nobody(driver: Driver) -> None:
    driver.run(THANKS)
    driver.now += 30 * DAY
    driver.tell(driver.order("o1", "ann", at=START + MINUTE))
    assert driver.feature(driver.customer("customer_id", "ann"), "orders") == 1
    assert driver.values(models.holds, "reason") == ["stale"]


def test_an_import_wakes_nobody(driver: Driver) -> None:
    driver.run(THANKS)
    driver.run(coupon_campaign("hello", "{segment: new, enters: true}"))
    driver.run(coupon_campaign("left", "{cart_abandoned: {after: 1h}}"))
    driver.tell(
        driver.order("o1", "ann", source="import"),
        driver.cart("t1", "bea", at=START - HOUR / 2, source="import"),
    )
    driver.pass_time(2 * HOUR)
    assert driver.values(models.segment_changes, "cause") == ["import"]
    assert driver.rows(models.decisions, "campaign") == []


def test_entering_a_segment_wakes_once(driver: Driver) -> None:
    driver.run(coupon_campaign("hello", "{segment: new, enters: true}"))
    driver.tell(driver.order("o1", "ann"))
    driver.tell(driver.touch("page_viewed", ("anonymous_id", "a")), driver.order("o2", "bea"))
    assert driver.values(models.decisions, "occasion") == ["entry:1", "entry:1"]
    assert driver.values(models.segment_changes, "cause") == ["event", "event"]


def test_time_alone_moves_a_customer_and_wakes(driver: Driver) -> None:
    driver.tell(driver.order("o1", "ann"))
    left = driver.values(models.customers, "segment")
    driver.run(coupon_campaign("back", f"{{segment: {left[0]}, leaves: true}}"))
    driver.now += 400 * DAY
    driver.tell(driver.tick())
    assert driver.values(models.segment_changes, "cause") == ["event", "time"]
    assert len(driver.rows(models.decisions, "occasion")) == 1


@pytest.mark.invariant("I2")
def test_a_budget_is_never_over_by_one(driver: Driver) -> None:
    more = "limits: {budget: {amount: 10, currency: EUR, per: 30d}}"
    driver.run(coupon_campaign("thanks", "{event: order_completed}", more, percent=50))
    orders = [driver.order(f"o{n}", f"c{n}", 1000 + n) for n in range(20)]
    driver.append(*orders)
    while driver.commit(7):
        pass
    costs = driver.values(models.decisions, "cost")
    assert sum(costs) <= 1000
    assert sum(costs) + max(costs) > 1000
    assert "budget" in driver.values(models.holds, "reason")[0]


@pytest.mark.invariant("I2")
def test_twins_commit_one_batch_once(driver: Driver) -> None:
    driver.append(*(driver.order(f"o{n}", "ann") for n in range(50)))
    cursor = pipeline.committed(driver.kit, driver.partition)
    entries = stream.read(driver.kit.redis, driver.partition, cursor)
    barrier, outcomes = Barrier(2), list[str]()

    def commit() -> None:
        barrier.wait()
        try:
            pipeline.commit(driver.kit, driver.partition, cursor, entries, pipeline.NO_TIMERS)
            outcomes.append("committed")
        except pipeline.Outrun:
            outcomes.append("outrun")

    twins = [Thread(target=commit) for _ in range(2)]
    for twin in twins:
        twin.start()
    for twin in twins:
        twin.join()
    assert sorted(outcomes) == ["committed", "outrun"]
    assert driver.feature(driver.customer("customer_id", "ann"), "orders") == 50


@pytest.mark.invariant("I2")
def test_a_crash_between_commit_and_trim_repeats_nothing(driver: Driver) -> None:
    driver.run(THANKS)
    driver.append(*(driver.order(f"o{n}", "ann") for n in range(5)))
    assert driver.commit(3) == 3
    assert stream.unread(driver.kit.redis, driver.partition) == 5
    driver.drain()
    assert driver.feature(driver.customer("customer_id", "ann"), "orders") == 5
    assert len(driver.rows(models.actions, "key")) == 5
    assert driver.tally("duplicates") == 0


@pytest.mark.invariant("I2")
def test_a_lost_cursor_repeats_nothing(driver: Driver) -> None:
    driver.run(THANKS)
    driver.append(*(driver.order(f"o{n}", "ann") for n in range(5)))
    while driver.commit(2):
        pass
    with transaction(driver.kit.engine) as connection:
        connection.execute(update(models.cursors).values(position=stream.START))
    while driver.commit(3):
        pass
    assert driver.feature(driver.customer("customer_id", "ann"), "orders") == 5
    assert len(driver.rows(models.actions, "key")) == 5
    assert driver.tally("duplicates") == 5


def poisonous(driver: Driver, name: str) -> Event:
    """An order beyond what a record can hold."""
    return driver.order(name, f"by {name}", 10**17)


@pytest.mark.invariant("I1")
def test_poison_stands_alone(driver: Driver) -> None:
    orders = [driver.order(f"o{n}", f"c{n}") for n in range(30)]
    orders[11] = poisonous(driver, "o11")
    driver.tell(*orders)
    assert len(driver.rows(models.orders, "order_id")) == 29
    (reason,) = driver.values(models.dead_letters, "reason")
    assert "value" in reason
    assert driver.values(models.stores, "poison") == [0]


@pytest.mark.invariant("I1")
def test_bytes_that_are_no_event_are_kept(driver: Driver) -> None:
    name = stream.stream_of(driver.partition)
    for junk in (b"", b"junk", b"\x93"):
        driver.kit.redis.xadd(name, {b"e": junk})
    driver.tell(driver.order("o1", "ann"))
    assert len(driver.rows(models.dead_letters, "reason")) == 3
    assert len(driver.rows(models.orders, "order_id")) == 1


def test_more_than_twenty_in_a_row_set_the_store_aside(driver: Driver) -> None:
    many = [poisonous(driver, f"bad{n}") for n in range(poison.IN_A_ROW + 1)]
    driver.tell(*many)
    driver.tell(driver.order("o1", "ann"))
    assert driver.rows(models.orders, "order_id") == []
    reasons = driver.values(models.dead_letters, "reason")
    assert len(reasons) == poison.IN_A_ROW + 2
    assert poison.SET_ASIDE in reasons


def test_twenty_in_a_row_do_not(driver: Driver) -> None:
    driver.tell(*(poisonous(driver, f"bad{n}") for n in range(poison.IN_A_ROW)))
    driver.tell(driver.order("o1", "ann"))
    assert len(driver.rows(models.orders, "order_id")) == 1
    assert driver.values(models.stores, "poison") == [0]


def test_an_event_of_the_future_is_set_aside(driver: Driver) -> None:
    driver.tell(
        driver.order("o1", "ann", at=START + 6 * MINUTE),
        driver.order("o2", "ann", at=START + 5 * MINUTE),
    )
    assert driver.values(models.orders, "order_id") == ["o2"]
    assert driver.tally("set_aside") == 1


def test_an_event_of_a_store_that_is_gone_is_kept(driver: Driver) -> None:
    gone = driver.order("o1", "ann")
    driver.append(gone)
    with transaction(driver.kit.engine) as connection:
        connection.execute(update(models.stores).values(id="other"))
    driver.drain()
    assert driver.values(models.dead_letters, "reason") == ["its store is not here any more"]


@pytest.fixture
def poisoned_batch(driver: Driver) -> Driver:
    """A cart left an hour ago; in the stream a poison, and behind it the cart's order."""
    driver.run(coupon_campaign("left", "{cart_abandoned: {after: 1h}}"))
    driver.tell(driver.cart("t1", "ann"))
    driver.now += HOUR - MINUTE
    behind = driver.order("o1", "ann", cart="t1")
    driver.append(driver.order("x", "bea"), poisonous(driver, "bad"), behind)
    driver.now += 2 * MINUTE
    return driver


def test_a_halved_batch_fires_no_timer_before_all_of_it_is_read(poisoned_batch: Driver) -> None:
    poisoned_batch.drain()
    assert len(poisoned_batch.rows(models.orders, "order_id")) == 2
    assert poisoned_batch.rows(models.decisions, "campaign") == []


def test_a_lagging_drain_makes_timers_wait(driver: Driver) -> None:
    driver.kit = replace(driver.kit, settings=replace(driver.kit.settings, batch=3))
    driver.run(coupon_campaign("left", "{cart_abandoned: {after: 1h}}"))
    driver.tell(driver.cart("t1", "ann"))
    driver.now += HOUR - MINUTE
    driver.append(*(driver.order(f"x{n}", "bea") for n in range(3)))
    driver.append(driver.order("o1", "ann", cart="t1"))
    driver.now += DAY
    driver.drain()
    assert driver.rows(models.decisions, "campaign") == []


def test_what_breaks_with_a_timer_is_not_blamed_on_an_event(driver: Driver) -> None:
    driver.run(coupon_campaign("birthday", '{date: birthday, at: "09:00"}'))
    for name in ("ann", "bea"):
        driver.tell(driver.fact(Customer(name, START), birthday="1990-03-04"))
    with transaction(driver.kit.engine) as connection:
        wrong = update(models.customers).where(models.customers.c.platform_id == "ann")
        connection.execute(wrong.values(time_zone="Nowhere/At_all"))
    driver.now = START.replace(day=4)
    driver.tell(driver.order("o1", "cid"))
    assert driver.rows(models.dead_letters, "reason") == []
    assert driver.values(models.orders, "order_id") == ["o1"]
    bea = driver.customer("customer_id", "bea")
    assert driver.rows(models.decisions, "customer", "occasion") == [(bea, "year:2026")]
    assert driver.tally("timers_forgotten", "birthday") == 1
    assert driver.values(models.timers, "customer") == [bea]
