"""A log played at its own time, and its features exported, against pandas on the raw file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import redis
from sqlalchemy.engine import URL

from connectors.events import microseconds
from tests.worker.driving import DAY, HOUR, START, Driver, coupon_campaign, driver_on
from worker import models, order_files, replay
from worker.database import reading
from worker.features_export import features_table, write_table
from worker.playing import replay_file
from worker.settings import Settings

EXAMPLE = Path(__file__).parents[2] / "examples" / "online_retail.csv.gz"
MAPPING = (
    "order=invoice,customer=customer_id,time=invoice_date,product=stock_code,"
    "quantity=quantity,price=price"
)
AS_OF = pd.Timestamp("2009-12-04 10:30", tz="UTC")
END = pd.Timestamp("2009-12-08", tz="UTC")


@pytest.fixture
def raw(tmp_path: Path) -> pd.DataFrame:
    """The first days of the example."""
    table = pd.read_csv(EXAMPLE, nrows=6000, dtype={"invoice": "string", "customer_id": "string"})
    table["at"] = pd.to_datetime(table["invoice_date"], utc=True)
    table = table[table["at"] < END]
    table.drop(columns="at").to_csv(tmp_path / "log.csv", index=False)
    return table


@pytest.fixture
def player(
    settings: Settings, valkey: redis.Redis, valkey_url: str, database_url: URL
) -> Iterator[Driver]:
    """A store on the time of its log, which learns nothing."""
    never = replace(settings, learn_every=timedelta(days=36_500))
    with driver_on(never, valkey, valkey_url, database_url, "log") as made:
        yield made


def wanted(raw: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """A dozen features from the raw lines."""
    lines = raw[raw["customer_id"].notna()].copy()
    lines["cents"] = np.round(lines["quantity"] * lines["price"] * 100).astype("int64")
    is_return = lines["invoice"].str.startswith("C") | (lines["quantity"] < 0)
    lines["back"] = is_return
    placed = lines.groupby(["customer_id", "invoice", "back"])["at"].min()
    lines = lines.join(placed.rename("placed"), on=["customer_id", "invoice", "back"])
    lines = lines[lines["placed"] < as_of]
    is_return = is_return[lines.index]
    sold, back = lines[~is_return], lines[is_return]
    orders = sold.groupby(["customer_id", "invoice"]).agg(
        at=("placed", "min"), cents=("cents", "sum"), items=("stock_code", "nunique")
    )
    by = orders.groupby("customer_id")
    age = (as_of - orders["at"]).dt.total_seconds() / 86_400
    out = pd.DataFrame(
        {
            "orders": by.size(),
            "monetary_value": by["cents"].sum() / 100,
            "average_order_value": by["cents"].mean() / 100,
            "items_per_order": by["items"].mean(),
            "recency_days": (as_of - by["at"].max()).dt.total_seconds() / 86_400,
            "distinct_products": sold.groupby("customer_id")["stock_code"].nunique(),
            "orders_30d": (2 ** (-age / 30)).groupby("customer_id").sum(),
            "revenue_7d": (2 ** (-age / 7) * orders["cents"] / 100).groupby("customer_id").sum(),
        }
    )
    refunded = back.groupby("customer_id")["cents"].sum().abs() / 100
    out["refunded_value"] = refunded.reindex(out.index).fillna(0.0)
    return out


def exported(player: Driver, as_of: pd.Timestamp | None, now: pd.Timestamp) -> pd.DataFrame:
    with reading(player.kit.engine) as connection:
        table = features_table(
            connection,
            player.number,
            "EUR",
            microseconds(now.to_pydatetime()),
            as_of=None if as_of is None else microseconds(as_of.to_pydatetime()),
        )
    return table[table["orders"] > 0].set_index("customer_id")


def assert_table(found: pd.DataFrame, right: pd.DataFrame) -> None:
    assert sorted(found.index) == sorted(right.index)
    assert len(right) > 50
    for name in right:
        same = np.isclose(found[name].loc[right.index], right[name], rtol=1e-9, atol=1e-9)
        assert same.all(), (name, right[~same], found[name].loc[right.index][~same])


@pytest.mark.invariant("I4")
def test_features_of_a_replayed_log_are_what_pandas_says(
    player: Driver, raw: pd.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "log.csv"
    told = replay_file(player.kit, path, player.id, MAPPING, quiet=True)
    assert told["events"] > 100
    (now,) = player.values(models.stores, "now")
    at = pd.Timestamp(now, unit="us", tz="UTC")
    assert_table(exported(player, None, at), wanted(raw, at))
    assert_table(exported(player, AS_OF, at), wanted(raw, AS_OF))
    again = replay_file(player.kit, path, player.id, MAPPING, quiet=True)
    assert again["skipped"] == told["events"]
    assert_table(exported(player, None, at), wanted(raw, at))


def test_a_replay_that_was_cut_off_goes_on(player: Driver, raw: pd.DataFrame) -> None:
    log = order_files.read_log(EXAMPLE, order_files.read_mapping(MAPPING), ZoneInfo("UTC"))
    log = replace(log, lines=log.lines[log.lines["time"] < END])
    events = order_files.order_events(log, player.id, "EUR", player.now)
    with reading(player.kit.engine) as connection:
        target = replay.target_of(connection, player.id)
    player.append(*events[:300])
    replay.play(player.kit, target, events)
    (now,) = player.values(models.stores, "now")
    at = pd.Timestamp(now, unit="us", tz="UTC")
    assert_table(exported(player, None, at), wanted(raw, at))


def test_a_timer_fires_at_its_own_time_in_a_replay(player: Driver) -> None:
    player.run(coupon_campaign("left", "{cart_abandoned: {after: 1h}}"))
    with reading(player.kit.engine) as connection:
        target = replay.target_of(connection, player.id)
    player.now += 10 * DAY
    events = [
        player.cart("t1", "ann", at=START),
        player.cart("t2", "bea", at=START + HOUR),
        player.order("o1", "bea", at=START + HOUR / 2 + HOUR, cart="t2"),
        player.cart("t3", "cid", at=START + 3 * DAY),
    ]
    replay.play(player.kit, target, events)
    at = {row.occasion: row.at for row in player.rows(models.decisions, "occasion", "at")}
    assert at == {
        "cart:t1": microseconds(START + HOUR),
        "cart:t3": microseconds(START + 3 * DAY + HOUR),
    }


@pytest.mark.parametrize("name", ["f.csv", "f.csv.gz", "f.parquet", "f.jsonl"])
def test_a_table_as_its_name_says(tmp_path: Path, name: str) -> None:
    table = pd.DataFrame({"customer_id": ["a", "b"], "orders": [1.0, 2.0]})
    write_table(table, tmp_path / name)
    path = tmp_path / name
    if name.endswith("jsonl"):
        assert pd.read_json(path, lines=True)["orders"].tolist() == [1, 2]
    elif name.endswith("parquet"):
        assert pd.read_parquet(path).equals(table)
    else:
        assert pd.read_csv(path).equals(table)


@pytest.mark.invariant("I4")
def test_as_of_reads_visitors_categories_and_local_time(player: Driver) -> None:
    """What was folded live and what is folded again from the log is the same."""
    phone = ("anonymous_id", "phone")
    player.tell(player.order("o1", "ann"))
    player.tell(
        player.touch("product_viewed", phone, category="shoes"),
        player.touch("product_viewed", phone, category="hats", at=START + HOUR, utc_offset=3600),
        player.touch("product_viewed", phone, category="hats", at=START + 2 * HOUR),
    )
    player.tell(player.touch("custom", ("customer_id", "ann"), phone, source="server"))
    later = pd.Timestamp(START + DAY)
    live, again = exported(player, None, later), exported(player, later, later)
    assert live["views"].tolist() == [3]
    for name in live:
        if live[name].dtype.kind == "f":
            assert np.allclose(live[name], again[name], rtol=1e-9, equal_nan=True), name
        else:
            assert live[name].equals(again[name]), name
