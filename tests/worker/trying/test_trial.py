"""A trial is the product itself: the same numbers, the same decisions, and nothing left behind."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
import redis
from sqlalchemy import Engine, select
from sqlalchemy.engine import URL

from campaigns.library import ready_campaigns
from connectors.events import Event, microseconds
from tests.worker.driving import Driver, driver_on
from worker import campaign_files, models, order_files, process_clock, replay, stream
from worker.database import ensure_schema, open_engine, reading, transaction
from worker.settings import Settings
from worker.trying import trial
from worker.trying.command import Wanted, try_file

EXAMPLE = Path(__file__).parents[3] / "examples" / "online_retail.csv.gz"
MAPPING = (
    "order=invoice,customer=customer_id,time=invoice_date,product=stock_code,"
    "quantity=quantity,price=price"
)
DAYS = 140


@pytest.fixture(scope="module")
def events() -> list[Event]:
    """The example's first months, enough for a model to be learned."""
    log = order_files.read_log(EXAMPLE, order_files.read_mapping(MAPPING), ZoneInfo("UTC"))
    end = log.lines["time"].iloc[0] + timedelta(days=DAYS)
    short = replace(log, lines=log.lines[log.lines["time"] < end])
    return order_files.order_events(short, trial.STORE, "EUR", process_clock.now())


@pytest.fixture
def player(
    settings: Settings, valkey: redis.Redis, valkey_url: str, tmp_path: Path
) -> Iterator[Driver]:
    url = URL.create("sqlite", database=str(tmp_path / "shoal.db"))
    engine = open_engine(url)
    ensure_schema(engine)
    engine.dispose()
    with driver_on(settings, valkey, valkey_url, url, "log") as made:
        yield made


def decided(engine: Engine, store: int) -> set[tuple[str, str, str, str, int]]:
    """Each decision by the customer's own id."""
    decisions, people = models.decisions.c, models.customers.c
    query = (
        select(
            decisions.campaign,
            people.platform_id,
            decisions.outcome,
            decisions.mode,
            decisions.cost,
        )
        .join(models.customers, people.id == decisions.customer)
        .where(decisions.store == store)
    )
    with reading(engine) as connection:
        return {tuple(row) for row in connection.execute(query)}


def segments(engine: Engine, store: int) -> dict[str, tuple[str, int, int]]:
    people = models.customers.c
    query = select(people.platform_id, people.grouping, people.orders, people.revenue)
    with reading(engine) as connection:
        rows = connection.execute(query.where(people.store == store)).all()
    return {row.platform_id: (row.grouping, row.orders, row.revenue) for row in rows}


def through_the_stream(player: Driver, events: list[Event], start: datetime) -> None:
    """The same days through Valkey, the drain and its player, as `shoal replay` has it."""
    player.now = process_clock.now()
    own = [msgspec.structs.replace(one, store=player.id) for one in events]
    with reading(player.kit.engine) as connection:
        target = replay.target_of(connection, player.id)
    for event in (one for one in own if one.at < start):
        player.append(event)
    while stream.unread(player.kit.redis, player.partition):
        player.drain()
    kit = replay.hands_on(player.kit)
    replay.tick(kit, target, microseconds(start))
    files = campaign_files.Files(ready_campaigns(), (), ())
    with transaction(player.kit.engine) as connection:
        campaign_files.apply_files(connection, player.shop(), files, 0, "test")
    shop = player.shop()
    with transaction(player.kit.engine) as connection:
        for one in shop.campaigns:
            campaign_files.arm(connection, player.kit.sealer, shop, one.campaign.id)
    replay.play(kit, target, [one for one in own if one.at >= start])


@pytest.mark.slow
def test_a_trial_decides_as_the_product_does(player: Driver, events: list[Event]) -> None:
    """About twenty-five seconds: the same months twice, with models learned on the way."""
    window = trial.window_of(events[0].at, events[-1].at)
    with trial.trial("EUR", "UTC", player.kit.salt) as tried:
        trial.play(tried, events, window)
        mine = segments(tried.kit.engine, tried.target.number)
        decisions = decided(tried.kit.engine, tried.target.number)
        assert tried.shop().model.kind == "kmeans"
        with reading(tried.kit.engine) as connection:
            assert connection.execute(select(models.actions)).first() is None
            assert connection.execute(select(models.dead_letters)).first() is None
    through_the_stream(player, events, window[0])
    theirs = segments(player.kit.engine, player.number)
    assert {one: values[1:] for one, values in mine.items()} == {
        one: values[1:] for one, values in theirs.items()
    }
    assert mine == theirs
    fired = {one for one in decisions if one[2] == "fire"}
    assert len(fired) > 100
    assert {one[3] for one in decisions} == {"shadow"}
    assert decisions == decided(player.kit.engine, player.number)


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    path = tmp_path / "orders.csv"
    days = [f"{at},c{at % 7},2026-01-{at % 28 + 1:02},9.90" for at in range(60)]
    path.write_text("\n".join(["order,customer,date,amount", *days]))
    told = try_file(Wanted(path=path), quiet=True)
    assert told["orders"] == 60
    assert sum(one["customers"] for one in told["segments"]) == 7
    assert not list((tmp_path / "temporary").iterdir())
    assert not list((tmp_path / "home").iterdir())
    assert sorted(one.name for one in tmp_path.iterdir()) == ["home", "orders.csv", "temporary"]
