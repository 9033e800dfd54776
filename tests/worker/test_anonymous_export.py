"""`shoal features export --anonymous`, on the shipped log."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select, update

from segmentation.features import DEMOGRAPHIC
from tests.worker.driving import Driver, Houses
from tests.worker.log_store import fill
from worker import anonymous_export, models
from worker.anonymous_export import Made, anonymous_tables
from worker.database import reading, transaction
from worker.features_export import write_tables

TOLD = ["age", "region", "gender", "income_band", "education", "occupation", "household"]
REGIONS = ("GB-LND", "GB-LND", "GB-LND", "GB-MAN", "GB-KEN", "DE-BY", "FR", "")


def describe(driver: Driver) -> None:
    """Say of everybody who they are, after a rule that leaves some alone in their group."""
    people = models.customers
    with transaction(driver.kit.engine) as connection:
        ids = sorted(connection.execute(select(people.c.id)).scalars())
        for at, one in enumerate(ids):
            said: dict[str, object] = {"gender": ("female", "male")[at % 2]}
            if at % 5:
                said["birth_year"] = 1930 + at % 60
            if REGIONS[at % len(REGIONS)]:
                said["region"] = REGIONS[at % len(REGIONS)]
            if not at % 97:
                said |= {"occupation": "military", "education": 8, "household_size": 9}
            text = msgspec.json.encode(said).decode()
            connection.execute(update(people).where(people.c.id == one).values(attributes=text))


def exported(driver: Driver, path: Path, least: int = 10) -> tuple[pd.DataFrame, Made]:
    made = Made()
    shop = driver.shop()
    with reading(driver.kit.engine) as connection:
        write_tables(anonymous_tables(connection, shop, least, made), path)
    return pd.read_csv(path, dtype={"id": str}, keep_default_na=False, na_values=[""]), made


@pytest.mark.parametrize("least", [2, 10, 40])
def test_nobody_of_the_log_stands_in_a_smaller_group(
    houses: Houses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: int
) -> None:
    monkeypatch.setattr(anonymous_export, "PAGE", 100)  # several pages
    with houses() as driver:
        count = fill(driver.kit.engine, driver.id, one_in=15)
        describe(driver)
        table, made = exported(driver, tmp_path / "all.csv", least)
        names = {str(one) for one in driver.values(models.customers, "platform_id")}
        ours = {str(one) for one in driver.values(models.customers, "id")}
    assert table.groupby(TOLD).size().min() >= least
    assert len(table) == made.customers == count - made.left_out
    assert made.left_out < least
    assert table["id"].is_unique
    assert table["id"].str.fullmatch("[0-9a-f]{16}").all()
    assert not names & set(table["id"])
    assert not ours & set(table["id"])


def test_figures_are_coarse_and_what_tells_a_time_is_left_out(
    houses: Houses, tmp_path: Path
) -> None:
    with houses() as driver:
        fill(driver.kit.engine, driver.id, one_in=15)
        one, _ = exported(driver, tmp_path / "one.csv")
        two, _ = exported(driver, tmp_path / "two.csv.gz")
    assert one["last_order_at"].str.fullmatch(r"\d{4}-\d\d").all()
    assert (one["recency_days"] % 30 == 0).all()
    assert not [name for name in one if re.search(r"_\d+d$|^preferred", str(name))]
    assert [name for name in one if name in DEMOGRAPHIC] == ["age", "income_band", "education"]
    money = one["monetary_value"]
    assert np.allclose(money, [float(f"{value:.1e}") for value in money])
    assert set(one["id"]).isdisjoint(two["id"])
    assert one["monetary_value"].tolist() != two["monetary_value"].tolist()  # another order
    assert sorted(one["monetary_value"]) == sorted(two["monetary_value"])


def test_pages_of_parquet_are_one_table(
    houses: Houses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anonymous_export, "PAGE", 100)
    with houses() as driver:
        fill(driver.kit.engine, driver.id, one_in=10)
        shop, made = driver.shop(), Made()
        with reading(driver.kit.engine) as connection:
            write_tables(anonymous_tables(connection, shop, 10, made), tmp_path / "all.parquet")
    assert len(pd.read_parquet(tmp_path / "all.parquet")) == made.customers > 200


def test_a_store_without_customers_makes_an_empty_file(houses: Houses, tmp_path: Path) -> None:
    made = Made()
    with houses() as driver, reading(driver.kit.engine) as connection:
        write_tables(anonymous_tables(connection, driver.shop(), 10, made), tmp_path / "all.csv")
    assert (made.customers, (tmp_path / "all.csv").read_text()) == (0, "")
