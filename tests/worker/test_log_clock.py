"""A store on a log's clock: the player moves it and nobody else, whatever the door brings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from sqlalchemy.engine import URL

from connectors.events import Event, microseconds, moment
from connectors.records import Customer
from tests.worker.driving import DAY, HOUR, START, Driver, coupon_campaign, driver_on
from worker import models, replay
from worker.customer_files import import_customers
from worker.quality_checks import HELD
from worker.quality_release import release
from worker.settings import Settings
from worker.trying.asking import Wishes

TODAY = datetime(2040, 6, 1, tzinfo=UTC)
BEGIN = START.replace(hour=0)


@pytest.fixture
def player(
    settings: Settings, valkey: redis.Redis, valkey_url: str, database_url: URL
) -> Iterator[Driver]:
    """A store on its log's time, many years before the wall's."""
    never = replace(settings, learn_every=timedelta(days=36_500))
    with driver_on(never, valkey, valkey_url, database_url, "log") as made:
        made.now = TODAY
        yield made


def play(driver: Driver, *events: Event) -> None:
    replay.play(driver.kit, replay.Target(driver.number, driver.id, driver.partition), events)


def listen(driver: Driver, when: str) -> None:
    """A campaign that is live from the log's begin on."""
    driver.now = BEGIN
    driver.run(coupon_campaign("hello", when))
    driver.now = TODAY


def tick(driver: Driver, at: datetime) -> Event:
    return driver.touch("clock_ticked", source="shoal", at=at, slice=0, slices=1)


def clock(driver: Driver) -> datetime:
    (now,) = driver.values(models.stores, "now")
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=now)


def test_an_event_of_today_waits_until_the_log_is_there(player: Driver) -> None:
    listen(player, "{event: order_completed}")
    play(player, player.order("o1", "ann", at=START), player.order("o2", "bea", at=START))
    assert clock(player) == BEGIN + DAY
    before = player.rows(models.customers, "id", "segment", "segment_since")
    view = player.touch("product_viewed", ("customer_id", "ann"), source="server", at=TODAY)
    # A tick in the same batch would have taken everybody along.
    player.tell(player.order("live", "ann", at=TODAY), view, tick(player, BEGIN + 2 * DAY))
    assert clock(player) == BEGIN + 2 * DAY
    assert player.rows(models.customers, "id", "segment", "segment_since") == before
    assert player.feature(player.customer("customer_id", "ann"), "orders") == 1
    held = player.rows(models.dead_letters, "reason", "state")
    assert held == [("impossible_date", HELD)] * 2
    # The log goes on, and nothing of it is stale.
    play(player, player.order("o3", "bea", at=START + 3 * DAY))
    assert player.values(models.decisions, "occasion") == ["order:o1", "order:o2", "order:o3"]
    assert clock(player) == BEGIN + 4 * DAY


def test_what_was_held_passes_when_its_day_has_come(player: Driver) -> None:
    play(player, player.order("o1", "ann", at=START))
    later = START + 60 * DAY
    player.tell(player.order("early", "ann", at=later))
    assert player.values(models.dead_letters, "state") == [HELD]
    play(player, player.order("o2", "ann", at=later + DAY))
    release(player.kit, player.id)
    player.drain()
    assert player.feature(player.customer("customer_id", "ann"), "orders") == 3


def test_the_days_before_the_clocks_next_step_are_taken(player: Driver) -> None:
    play(player, player.order("o1", "ann", at=START))
    player.tell(player.order("o2", "ann", at=START + 30 * DAY))
    assert player.values(models.dead_letters, "state") == []
    assert player.feature(player.customer("customer_id", "ann"), "orders") == 2
    assert clock(player) == BEGIN + DAY


def test_a_description_of_today_is_taken_and_moves_nobody(player: Driver) -> None:
    play(player, player.order("o1", "ann", at=START))
    before = player.rows(models.customers, "id", "segment", "segment_since")
    told = Customer("ann", TODAY, attributes={"points": 3.0}, heard_from="klaviyo")
    player.tell(player.fact(told, source="import"))
    assert player.values(models.customers, "attributes") == ['{"points":3.0}']
    assert player.rows(models.customers, "id", "segment", "segment_since") == before
    assert player.values(models.dead_letters, "state") == []


@pytest.mark.parametrize("asked", ["look_up_due", "data_requested"])
def test_what_is_asked_of_us_does_not_wait_for_the_log(player: Driver, asked: str) -> None:
    play(player, player.order("o1", "ann", at=START))
    said = {"kind": "customer", "key": "ann"}
    player.tell(player.touch(asked, ("customer_id", "ann"), source="webhook", at=TODAY, **said))
    assert player.values(models.dead_letters, "state") == []
    assert player.values(models.events, "type").count(asked) == 1
    wanted = [(microseconds(BEGIN + DAY),)] if asked == "look_up_due" else []
    assert player.rows(models.actions, "due_at", kind="look_up") == wanted
    assert clock(player) == BEGIN + DAY


def test_customers_may_be_imported_before_the_log(player: Driver, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("customer_id,accepts_marketing\nann,yes\nbea,no\n")
    import_customers(player.kit, file, player.id, Wishes())
    assert player.values(models.dead_letters, "reason") == []
    consents = player.values(models.customers, "consents")
    assert [json.loads(one)["email"] for one in consents] == [False, True]
    play(player, player.order("o1", "ann", at=START))
    assert clock(player) == BEGIN + DAY


def test_a_second_file_may_begin_much_later(player: Driver) -> None:
    listen(player, "{segment: at_risk, enters: true}")
    play(player, *(player.order(f"o{day}", "ann", at=START + day * DAY) for day in (0, 5, 10)))
    play(player, player.order("late", "bea", at=START + 90 * DAY))
    assert player.values(models.dead_letters, "state") == []
    assert clock(player) == BEGIN + 91 * DAY
    # Meanwhile she came to be at risk, on a day of its own.
    (at,) = player.values(models.decisions, "at")
    assert BEGIN + 15 * DAY < moment(at) < BEGIN + 80 * DAY


class CutOffError(Exception):
    """A replay that ends before its time."""


def test_time_without_events_goes_by_the_same_when_a_replay_is_cut_off(player: Driver) -> None:
    events = [player.order(f"o{day}", "ann", at=START + day * DAY) for day in (0, 5, 10, 90)]
    target = replay.Target(player.number, player.id, player.partition)
    told = list[int]()

    def cut_off(played: int) -> None:
        told.append(played)
        if len(told) == 13:
            raise CutOffError

    with pytest.raises(CutOffError):
        replay.play(player.kit, target, events, on_step=cut_off)
    assert clock(player) == BEGIN + 13 * DAY
    replay.play(player.kit, target, events[told[-1] :])
    moves = player.rows(models.segment_changes, "segment_after", "at", cause="time")
    names = {row.segment_after: moment(row.at) for row in moves}
    assert BEGIN + 15 * DAY < names["at_risk"] < BEGIN + 80 * DAY


def test_before_anything_was_played_there_is_no_clock_to_be_ahead_of(player: Driver) -> None:
    player.tell(player.order("o1", "ann", at=START + HOUR))
    assert player.values(models.dead_letters, "state") == []
    assert player.values(models.stores, "now") == [0]
    play(player, player.order("o2", "ann", at=START))
    assert clock(player) == BEGIN + DAY
