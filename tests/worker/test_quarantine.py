"""The gate before features: what fails is held with its reason, the rest goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.event import listen, remove

from connectors.events import Event, microseconds
from connectors.records import Customer, Order
from tests.worker.driving import DAY, MINUTE, START, Driver, Houses, cut
from worker import intake, models, pipeline, quarantine, stream
from worker.database import reading
from worker.quality_checks import DROPPED, HELD, RELEASED
from worker.quality_release import drop, release
from worker.sealing import seal_events
from worker.upkeep import upkeep

NO_MAIL = {"email": False}
FEW = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def letters(driver: Driver) -> list[tuple[str, str]]:
    rows = driver.rows(models.dead_letters, "reason", "state")
    return [(str(reason), str(state)) for reason, state in map(tuple, rows)]


def as_test(event: Event) -> Event:
    """The same order as its platform declares a test."""
    assert isinstance(event.body, Order)
    return msgspec.structs.replace(event, body=msgspec.structs.replace(event.body, is_test=True))


def described(driver: Driver, name: str, **said: object) -> Event:
    """A store's word on a customer; ``said`` may hold email, birthday, age, consents."""
    attributes = {"age": said.pop("age")} if "age" in said else {}
    body = Customer(name, driver.now, attributes, said.pop("consents", {}))  # type: ignore[arg-type]  # a test's words
    return driver.fact(body, ("customer_id", name), **said)


def bad_ones(driver: Driver) -> dict[str, Event]:
    """One event of each kind that an event by itself may fail with."""
    at = driver.now
    return {
        "unknown_currency": driver.order("b1", "bea", currency="ZZZ"),
        "negative_total": driver.order("b2", "bea", value=-5),
        "impossible_date": driver.order("b3", "bea", at=at.replace(year=1994)),
        "impossible_age": described(driver, "cas", birthday="1850-01-01"),
        "test_order": as_test(driver.order("b4", "bea")),
    }


@pytest.mark.invariant("I1")
def test_each_kind_is_held_with_its_reason_and_the_rest_goes_on(driver: Driver) -> None:
    bad = bad_ones(driver)
    driver.tell(driver.order("o1", "ann"), *bad.values(), driver.order("o2", "ann"))
    assert letters(driver) == sorted((reason, HELD) for reason in bad)
    assert driver.values(models.orders, "order_id") == ["o1", "o2"]
    assert driver.feature(driver.customer("customer_id", "ann"), "orders") == 2
    assert driver.values(models.events, "id", customer=0) == []
    assert driver.tally("quality", "2026-03-02|passed") == 2
    assert driver.tally("quality", "2026-03-02|test_order") == 1
    assert driver.tally("set_aside") == len(bad)


@pytest.mark.parametrize(
    ("field", "value"), [("placed_at", START + 6 * MINUTE), ("updated_at", START + DAY)]
)
def test_an_order_of_the_future_is_held(houses: Houses, field: str, value: object) -> None:
    with houses() as driver:
        order = driver.order("o1", "ann")
        assert isinstance(order.body, Order)
        body = msgspec.structs.replace(order.body, **{field: value})
        driver.tell(msgspec.structs.replace(order, body=body))
        assert letters(driver) == [("impossible_date", HELD)]


def test_another_real_currency_is_kept_and_flagged(houses: Houses) -> None:
    with houses() as driver:
        driver.tell(driver.order("o1", "ann", currency="USD"))
        assert driver.values(models.orders, "is_counted") == [False]
        assert letters(driver) == []
        assert driver.tally("quality", "2026-03-02|foreign_currency") == 1


@pytest.mark.invariant("I2")
def test_a_redelivery_of_what_is_held_is_a_duplicate(driver: Driver) -> None:
    bad = as_test(driver.order("o1", "ann"))
    driver.tell(bad, bad)
    driver.tell(bad)
    assert letters(driver) == [("test_order", HELD)]
    assert driver.tally("duplicates") == 2
    assert driver.tally("quality", "2026-03-02|test_order") == 1


@pytest.mark.invariant("I3")
def test_what_is_released_folds_as_if_it_had_come_late(houses: Houses) -> None:
    with houses() as driver:
        driver.kit = replace(driver.kit, settings=replace(driver.kit.settings, testers=("bea",)))
        driver.tell(driver.order("o1", "bea", 700), driver.order("o2", "ann"))
        driver.tell(driver.refund("r1", "o1", 100))
        assert [reason for reason, _ in letters(driver)] == ["test_order"]
        for _ in range(2):
            done = release(driver.kit, driver.id)
            driver.drain()
        assert (done.released, done.failed) == (0, 0)
        assert letters(driver) == [("test_order", RELEASED)]
        held = driver.rows(models.customers, "platform_id", "orders", "revenue")
        refunds = driver.rows(models.refunds, "refund_id", "value")
    with houses() as driver:
        driver.tell(driver.order("o2", "ann"), driver.refund("r1", "o1", 100))
        driver.tell(driver.order("o1", "bea", 700))
        assert driver.rows(models.customers, "platform_id", "orders", "revenue") == held
        assert driver.rows(models.refunds, "refund_id", "value") == refunds == [("r1", 100)]


def test_what_lies_ahead_is_not_released_before_its_time(houses: Houses) -> None:
    with houses() as driver:
        driver.tell(driver.order("o1", "ann", at=START + DAY, received_at=START))
        release(driver.kit, driver.id)
        driver.drain()
        assert letters(driver) == [("impossible_date", HELD)]
        driver.now += DAY
        release(driver.kit, driver.id)
        driver.drain()
        assert driver.values(models.orders, "order_id") == ["o1"]


def test_what_is_dropped_leaves_no_body_and_does_not_come_back(driver: Driver) -> None:
    bad = as_test(driver.order("o1", "ann"))
    driver.tell(bad)
    assert drop(driver.kit, driver.id) == 1
    assert driver.rows(models.dead_letters, "state", "sealed") == [(DROPPED, None)]
    driver.tell(bad)
    assert release(driver.kit, driver.id).released == 0
    assert letters(driver) == [("test_order", DROPPED)]
    assert drop(driver.kit, driver.id) == 0


@pytest.mark.invariant("I9")
def test_an_erasure_reaches_what_is_held_and_what_comes_later(driver: Driver) -> None:
    held = as_test(driver.order("o1", "ann", who=[("email", "ann@example.org")]))
    driver.tell(driver.order("o2", "ann"), held)
    told = driver.touch("customer_erased", ("customer_id", "ann"), source="shoal")
    driver.tell(as_test(driver.order("o3", "ann")), told)
    assert letters(driver) == []
    driver.tell(as_test(driver.order("o4", "ann")))
    assert letters(driver) == []
    assert driver.values(models.orders, "customer") == [0]


def views(driver: Driver, count: int, visitor: str = "v") -> list[Event]:
    return [driver.touch("page_viewed", ("anonymous_id", visitor)) for _ in range(count)]


@pytest.mark.invariant("I2")
@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_of_a_burst_the_first_pass_whatever_the_batches(driver: Driver, size: int) -> None:
    driver.kit = replace(driver.kit, settings=replace(driver.kit.settings, bot_events=10))
    every = [*views(driver, 15), *views(driver, 3, "w")]
    for start in range(0, len(every), size):
        driver.tell(*every[start : start + size])
    driver.now += MINUTE
    driver.tell(*views(driver, 1))
    assert letters(driver) == [("bot_burst", HELD)] * 5
    assert driver.feature(driver.customer("anonymous_id", "v"), "views") == 11
    assert driver.feature(driver.customer("anonymous_id", "w"), "views") == 3


def test_what_a_server_says_is_no_burst(houses: Houses) -> None:
    with houses() as driver:
        driver.kit = replace(driver.kit, settings=replace(driver.kit.settings, bot_events=1))
        told = [
            driver.touch("page_viewed", ("anonymous_id", "v"), source="server") for _ in range(5)
        ]
        driver.tell(*told)
        assert letters(driver) == []


@pytest.mark.invariant("I2")
@pytest.mark.parametrize("size", [1, 1_000])
def test_an_address_with_many_ids_is_held_beyond_the_limit(driver: Driver, size: int) -> None:
    shared = [
        driver.order(f"o{n}", f"c{n}", who=[("email", "till@example.org")]) for n in (0, 1, 0, 1)
    ]
    shared += [
        driver.order(f"p{n}", f"c{n}", who=[("email", "till@example.org")]) for n in range(10)
    ]
    for start in range(0, len(shared), size):
        driver.tell(*shared[start : start + size])
    # The first id is what was known; c1 and c0 again, c2, c3 and c4 contradict it.
    assert letters(driver) == [("shared_identity", HELD)] * 5
    names = driver.values(models.contradictions, "name")
    assert max(map(names.count, names)) == 5
    driver.now += DAY
    driver.tell(driver.order("q", "c9", who=[("email", "till@example.org")]))
    assert len(letters(driver)) == 5


def test_one_id_with_many_addresses_is_held_beyond_the_limit(driver: Driver) -> None:
    till = [driver.order(f"o{n}", "0", who=[("email", f"g{n}@example.org")]) for n in range(9)]
    driver.tell(*till[:4])
    driver.tell(*till[4:])
    assert letters(driver) == [("shared_identity", HELD)] * 3


def test_a_withdrawn_consent_does_not_wait(houses: Houses) -> None:
    with houses() as driver:
        driver.tell(
            described(driver, "ann", first_name="A", birthday="1850-01-01", consents=NO_MAIL),
            described(driver, "bea", age=900.0, consents={"email": True}),
        )
        assert driver.values(models.customers, "consents") == ['{"email":false}']
        assert letters(driver) == [("impossible_age", HELD)]
        (sealed,) = driver.values(models.profiles, "sealed")
        assert driver.kit.sealer.open(driver.id, bytes(sealed)) == {"first_name": "A"}


def end_state(driver: Driver) -> list[object]:
    return [
        letters(driver),
        driver.rows(models.orders, "order_id", "is_counted"),
        driver.rows(models.customers, "platform_id", "orders", "revenue", "last_seen"),
        driver.rows(models.contradictions, "name", "other"),
    ]


def mixed(driver: Driver, picks: Sequence[int]) -> list[Event]:
    """Sound and failing events, some of them twice."""
    known: list[Event] = [
        *bad_ones(driver).values(),
        *views(driver, 6),
        *(driver.order(f"o{n}", f"c{n % 3}", who=[("email", "e@x.org")]) for n in range(8)),
    ]
    return [known[pick % len(known)] for pick in picks]


@FEW
@given(
    picks=st.lists(st.integers(0, 18), min_size=1, max_size=30),
    places=st.lists(st.integers(0, 30), max_size=4),
)
@pytest.mark.invariant("I1")
@pytest.mark.invariant("I2")
def test_kills_and_redeliveries_end_alike(
    houses: Houses, picks: list[int], places: list[int]
) -> None:
    """Every batch is played, cut off before its commit, and played again."""

    def play(driver: Driver, *, broken: bool) -> list[object]:
        few = replace(driver.kit.settings, bot_events=3, shared_keys=1)
        driver.kit = replace(driver.kit, settings=few)
        events = mixed(driver, picks)
        for batch in cut(events, places) if broken else [events]:
            driver.append(*batch)
            if broken:
                cut_off(driver)
            driver.drain()
        if broken:
            driver.tell(*events)
        return end_state(driver)

    with houses() as driver:
        whole = play(driver, broken=False)
    with houses() as driver:
        assert play(driver, broken=True) == whole


class Killed(Exception):
    """The process ended here."""


def cut_off(driver: Driver) -> None:
    """A drain that ends between its last write and its commit."""

    def die(_: object) -> None:
        raise Killed

    cursor = pipeline.committed(driver.kit, driver.partition)
    entries = stream.read(driver.kit.redis, driver.partition, cursor)
    listen(driver.kit.engine, "commit", die)
    try:
        with pytest.raises(Killed):
            pipeline.commit(driver.kit, driver.partition, cursor, entries, pipeline.NO_TIMERS)
    finally:
        remove(driver.kit.engine, "commit", die)


@FEW
@given(
    orders=st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 10**6), st.integers(0, 9_000)), max_size=25
    )
)
def test_clean_events_pass_unchanged(houses: Houses, orders: list[tuple[int, int, int]]) -> None:
    with houses() as driver:
        made = seal_events(
            driver.kit.sealer,
            [
                driver.order(
                    f"o{n}",
                    f"c{who}",
                    value,
                    at=START - timedelta(days=days),
                    who=[("email", f"c{who}@example.org")],
                )
                for n, (who, value, days) in enumerate(orders)
            ],
        )
        shop = driver.shop()
        with reading(driver.kit.engine) as connection:
            directory = intake.read_directory(connection, shop, made)
            done = quarantine.screen(connection, driver.kit, shop, directory, made)
        assert done.passed == made
        assert all(one is other for one, other in zip(done.passed, made, strict=True))
        assert (done.held, done.known) == (0, 0)


def test_contradictions_are_forgotten_after_two_days(driver: Driver) -> None:
    driver.tell(*(driver.order(f"o{n}", f"c{n}", who=[("email", "e@x.org")]) for n in range(3)))
    upkeep(driver.kit, microseconds(driver.now + 2 * DAY))
    assert len(driver.rows(models.contradictions, "name")) == 2
    upkeep(driver.kit, microseconds(driver.now + 3 * DAY))
    assert driver.rows(models.contradictions, "name") == []


@pytest.mark.invariant("I9")
def test_an_erasure_forgets_contradictions(driver: Driver) -> None:
    driver.tell(*(driver.order(f"o{n}", f"c{n}", who=[("email", "e@x.org")]) for n in range(3)))
    driver.tell(*(driver.order(f"p{n}", "d", who=[("email", f"{n}@x.org")]) for n in range(2)))
    driver.tell(driver.touch("customer_erased", ("customer_id", "c2"), source="shoal"))
    assert len(driver.rows(models.contradictions, "name")) == 1  # of d
