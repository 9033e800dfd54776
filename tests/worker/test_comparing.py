"""What a comparison reads of a store, what is kept of it, and how it is shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select

from segmentation.choosing.candidates import Comparison
from segmentation.choosing.snapshots import Plan, Snapshot
from segmentation.record import DAY
from tests.worker import log_store
from worker import comparing, comparing_plots, comparing_report, models, plotting
from worker.comparing import ComparisonRefused, compared, snapshot
from worker.comparing_kept import KIND, keep, kept
from worker.comparing_plan import ks_of
from worker.database import reading, transaction
from worker.features_export import features_table
from worker.runtime import Kit
from worker.shop import Shop, load_shops
from worker.stores import AddedStore

PLAN = Plan(("kmeans",), (3,), ("none",), ("recency_days", "orders", "monetary_value"))


@pytest.fixture
def filled(kit: Kit, shop: AddedStore) -> Shop:
    assert shop.number
    log_store.fill(kit.engine, "shop", one_in=8)
    with reading(kit.engine) as connection:
        return load_shops(connection, {"shop"}, -1, 0)["shop"]


def buyers_then(kit: Kit, shop: Shop, as_of: int) -> pd.DataFrame:
    """What the export says of a time; customers in the order of their ids."""
    with reading(kit.engine) as connection:
        table = features_table(connection, shop.number, shop.currency, shop.now, as_of=as_of)
        people = models.customers.c
        rows = connection.execute(select(people.platform_id, people.id)).all()
    ids = {row.platform_id: row.id for row in rows}
    table = table[table["orders"] > 0]
    return table.assign(id=table["customer_id"].map(ids)).sort_values("id")


def test_customers_are_read_as_they_are_and_as_they_were(kit: Kit, filled: Shop) -> None:
    with reading(kit.engine) as connection:
        seen = snapshot(connection, filled, PLAN, 1_000)
    moments = [filled.now, *(filled.now - 7 * week * DAY for week in (1, 2, 3, 4))]
    assert seen.past is not None
    found = [seen.columns, *(aged.columns for aged in seen.weeks), seen.past.columns]
    for at, columns in zip([*moments, filled.now - 90 * DAY], found, strict=True):
        wanted = buyers_then(kit, filled, at)
        for name in ("orders", "monetary_value", "recency_days", "gap_days_mean"):
            assert np.allclose(columns[name], wanted[name], equal_nan=True), (at, name)
    assert seen.notes == ()
    assert np.array_equal(seen.small, np.arange(len(seen.columns["orders"])))


def test_spend_is_what_the_log_says_of_the_last_ninety_days(kit: Kit, filled: Shop) -> None:
    with reading(kit.engine) as connection:
        seen = snapshot(connection, filled, PLAN, 1_000)
    lines = log_store.sold()
    names = sorted(lines["customer_id"].unique())[::8]
    since = filled.now - 90 * DAY
    before = lines[(lines["at"] < since) & lines["customer_id"].isin(names)]["customer_id"].unique()
    late = lines[lines["at"] >= since].groupby("customer_id")["value"].sum()
    assert seen.spend is not None
    assert seen.spend.tolist() == [float(late.get(name, 0)) for name in sorted(before)]
    assert seen.spend.max() > 0


def test_a_sample_is_drawn_by_lot_and_is_the_same_again(kit: Kit, filled: Shop) -> None:
    with reading(kit.engine) as connection:
        one, again = (snapshot(connection, filled, PLAN, 120) for _ in range(2))
        other = snapshot(connection, filled, replace_seed(PLAN), 120)
    assert len(one.columns["orders"]) == 120
    assert np.array_equal(one.columns["tenure_days"], again.columns["tenure_days"])
    assert not np.array_equal(one.columns["tenure_days"], other.columns["tenure_days"])


def replace_seed(plan: Plan) -> Plan:
    return Plan(plan.methods, plan.ks, plan.reductions, plan.features, seed=1)


def test_a_history_too_short_is_said_and_not_guessed(kit: Kit, filled: Shop) -> None:
    early = replace(filled, now=int(log_store.sold()["at"].min()) + 80 * DAY)
    with reading(kit.engine) as connection:
        seen = snapshot(connection, early, PLAN, 1_000)
    assert (seen.past, seen.spend) == (None, None)
    assert seen.notes[-1] == ("spend explained: fewer than 100 customers had ordered 90 days ago")


def test_batches_make_no_difference(
    kit: Kit, filled: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reading(kit.engine) as connection:
        one = snapshot(connection, filled, PLAN, 1_000)
        monkeypatch.setattr(comparing, "_BATCH", 7)
        again = snapshot(connection, filled, PLAN, 1_000)
    for name, column in one.columns.items():
        assert np.array_equal(column, again.columns[name], equal_nan=True), name
    assert one.past is not None
    assert again.past is not None
    assert np.array_equal(one.past.rows, again.past.rows)


def test_the_last_comparison_is_kept_and_tells_nothing_of_a_customer(
    kit: Kit, filled: Shop
) -> None:
    with reading(kit.engine) as connection:
        found = compared(snapshot(connection, filled, PLAN, 1_000), PLAN, lambda *_: None)
    with transaction(kit.engine) as connection:
        assert kept(connection, filled) is None
        for wall in (1, 2):
            keep(connection, filled, found, wall)
        assert kept(connection, filled) == found
        columns = models.models.c
        rows = connection.execute(select(models.models).where(columns.kind == KIND)).all()
        people = connection.execute(select(models.customers.c.id, models.customers.c.platform_id))
        names = {str(word) for row in people for word in row}
    assert [(row.version, row.published_at) for row in rows] == [(2, 2)]
    assert not [
        name for name in names if f'"{name}"' in rows[0].body or f":{name}," in rows[0].body
    ]


@pytest.fixture(scope="module")
def found() -> Comparison:
    chance = np.random.default_rng(0)
    # Three crowds, and strays who belong to none.
    usual = np.repeat([1.0, 4.0, 7.0], 100)
    spread = np.where(np.arange(300) % 20, 0.3, 4.0)
    columns = {name: chance.lognormal(usual, spread) for name in PLAN.features}
    columns |= dict.fromkeys(("tenure_days", "gap_days_mean"), columns["recency_days"])
    plan = Plan(("kmeans", "ward", "dbscan"), (3, 4), ("none",), PLAN.features)
    seen = Snapshot(columns, np.arange(300), datetime(2026, 1, 1, tzinfo=UTC))
    return compared(seen, plan, lambda *_: None)


def test_tables_have_a_cell_for_every_column(found: Comparison) -> None:
    order = comparing_report.ordered(found)
    assert order[0].id == found.recommended
    assert {one.id for one in order} == {one.id for one in found.candidates}
    shape, worth = comparing_report.shape_rows(order), comparing_report.worth_rows(order)
    assert {len(row) for row in shape} == {len(comparing_report.SHAPE_COLUMNS)}
    assert {len(row) for row in worth} == {len(comparing_report.WORTH_COLUMNS)}
    tried = comparing_report.tried_rows(found)
    assert {len(row) for row in tried} == {len(comparing_report.TRIED_COLUMNS)}
    assert [row[1] for row in tried if row[1].endswith("*")]
    assert "noise" in " ".join(comparing_report.sentences(found))
    told = comparing_report.as_json(found)["candidates"]
    assert [one["is_publishable"] for one in told] == [bool(one.model) for one in found.candidates]


def test_what_few_were_seen_by_is_said(found: Comparison) -> None:
    many = Comparison(found.candidates, "", "", customers=60_000, small=5_000)
    told = comparing_report.sentences(many)
    assert "Agglomerative (Ward), DBSCAN: cost grows with customers²" in " ".join(told)
    assert "on 5000 of 60000 customers" in " ".join(told)


def test_plots_are_one_file_that_needs_nothing_else(found: Comparison, tmp_path: Path) -> None:
    path = tmp_path / "choice.html"
    comparing_plots.write_plots(found, path)
    page = path.read_text()
    assert page.count("<script src=") == 0
    for words in ("Agglomerative (Ward)", "K-means", "DBSCAN", "Silhouette", found.reason[:20]):
        assert words in page


def test_a_method_has_one_colour_in_every_plot(found: Comparison, tmp_path: Path) -> None:
    path = tmp_path / "choice.html"
    comparing_plots.write_plots(found, path)
    told = path.read_text().rpartition("const PLOTS=")[2].partition(";\n")[0]
    lines = [
        (trace["text"][0].partition("-")[0], trace["line"]["color"])
        for figure in msgspec.json.decode(told).values()
        for trace in figure["data"]
        if "line" in trace and "text" in trace
    ]
    methods = {one.spec.method for one in found.candidates}
    assert {method for method, _ in lines} == methods
    assert len(set(lines)) == len({colour for _, colour in lines}) == len(methods)
    assert len(lines) == len(methods) * 3  # of the fourth figure nothing is known


def test_without_plotly_a_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_name: str) -> Any:
        return None

    monkeypatch.setattr(plotting, "find_spec", nothing)
    with pytest.raises(plotting.PlotsMissing, match=r"pip install 'shoal\[report\]'"):
        plotting.require_plotly()


@pytest.mark.parametrize(
    ("text", "ks"), [("6", (6,)), ("2..4", (2, 3, 4)), (" 8, 4,4 ", (4, 8)), ("12..12", (12,))]
)
def test_numbers_of_groups_are_read(text: str, ks: tuple[int, ...]) -> None:
    assert ks_of(text) == ks


@pytest.mark.parametrize("text", ["", "0", "2..13", "5..3", "two", "4;6", "-3", "2...4"])
def test_other_numbers_are_refused(text: str) -> None:
    with pytest.raises(ComparisonRefused, match="expected numbers from 2 to 12"):
        ks_of(text)
