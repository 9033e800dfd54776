"""Segments by rule through the console, on the shipped log and both databases."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import select
from sqlalchemy.engine import URL

import campaigns
from segmentation.record import DAY
from tests.worker import log_store
from tests.worker.cli.conftest import Ran, Shoal, added
from worker import installation, models
from worker.database import open_engine, reading, transaction
from worker.replay import Target, tick
from worker.runtime import Kit, close_kit, open_kit
from worker.settings import settings_from

LIBRARY = Path(campaigns.__file__).parent / "library"
STAGES = ("lost", "hibernating")
BIG = "rule.big_spenders"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# Segments' ids, stages and times, which are the same in every language.
IDS = re.compile(
    r"rule\.\w+|\b(?:champions|loyal|promising|new|at_risk|hibernating|lost)\b(?:\.\w+)?"
)


@dataclass
class House:
    """A store filled with the shipped log, on the log's time, and its commands."""

    shoal: Shoal
    kit: Kit
    target: Target
    now: int = log_store.END

    def later(self, days: int = 0) -> None:
        self.now += days * DAY
        tick(self.kit, self.target, self.now)

    def said(self, *words: object) -> Ran:
        ran = self.shoal("segments", *words)
        assert ran.code == 0, ran.err
        return ran


@pytest.fixture
def house(shoal: Shoal, at_valkey: str, at_database: URL) -> Iterator[House]:
    assert at_valkey
    engine = open_engine(at_database)
    with transaction(engine) as connection:
        installation.partitions(connection, 2)
    engine.dispose()
    keys = added(shoal, "shop", "--clock", "log")
    kit = replace(open_kit(settings_from(os.environ)), send=lambda _task, _number: None)
    log_store.fill(kit.engine, "shop", one_in=12)
    with reading(kit.engine) as connection:
        number = connection.execute(select(models.stores.c.number)).scalar_one()
    yield House(shoal, kit, Target(int(number), "shop", int(keys["partition"])))
    close_kit(kit)


def spenders() -> set[str]:
    """Who is a big spender, counted from the log itself."""
    lines = log_store.sold()
    names = sorted(lines["customer_id"].unique())[::12]
    lines = lines[lines["customer_id"].isin(names)]
    spent = lines.groupby("customer_id")["value"].sum() / 100
    last = lines.groupby("customer_id")["at"].max()
    chosen = spent[(spent >= 1000) & (last >= log_store.END - 90 * DAY)]
    return {str(name) for name in pd.Index(chosen.index)}


def test_a_rule_is_planned_applied_and_told(house: House) -> None:
    expected = spenders()
    assert len(expected) > 10
    planned = house.said("plan", LIBRARY, "--json").json["rules"]
    assert [(one["id"], one["change"], one["now"]) for one in planned] == [
        (BIG, "new", 0),
        ("rule.slipping_away", "new", 0),
    ]
    assert (planned[0]["entering"], planned[0]["leaving"]) == (len(expected), 0)
    assert house.said("apply", LIBRARY, "--json").json["rules"][BIG] == "new"
    house.later()
    again = house.said("plan", LIBRARY, "--json").json["rules"]
    assert [(one["change"], one["entering"], one["leaving"]) for one in again] == [
        ("same", 0, 0)
    ] * 2
    assert again[0]["now"] == len(expected)

    rows = house.said("list", "--json").json["segments"]
    assert {row["kind"] for row in rows} == {"learned", "rule"}
    (mine,) = [row for row in rows if row["id"] == BIG]
    assert (mine["name"], mine["customers"], mine["stage"]) == ("Big spenders", len(expected), "")
    told = house.said("members", BIG, "--csv").out
    assert {row["customer_id"] for row in csv.DictReader(io.StringIO(told))} == expected

    shown = house.said("show", BIG).out
    assert "money spent in all is at least €1,000 and “order completed” happened" in shown
    assert f"entered: {len(expected)} as the rule was new" in shown
    chinese = house.said("show", BIG, "--language", "zh").out
    assert "高消费客户" in chinese
    assert "不低于 €1,000" in chinese
    assert "“完成订单”" in chinese
    assert "is at least" not in chinese
    for words in (
        *(("plan", LIBRARY), ("apply", LIBRARY), ("list",), ("members", BIG), ("history", BIG)),
        *(("members", BIG, "--store", "shop"), ("remove", BIG)),
    ):
        told = house.said(*words, "--language", "zh").out
        assert CHINESE.search(told), told
        latin = set(re.findall(r"[A-Za-z]{3,}", IDS.sub("", told)))
        assert latin <= {"shop", "kmeans", "rules", "shoal"}, told


def test_time_lets_go_and_the_sizes_remember(house: House) -> None:
    house.said("apply", LIBRARY)
    house.later()
    before = house.said("list", "--json").json["segments"][-2]["customers"]
    house.later(days=3)
    rows = house.said("history", BIG, "--days", "5", "--json").json["days"]
    assert len(rows) == 5
    assert rows[-1]["customers"] == len(house.said("members", BIG, "--json").json["members"])
    assert rows[0]["customers"] == 0
    left = sum(row["left"] for row in rows)
    assert left > 0
    assert sum(row["entered"] for row in rows) == before
    assert rows[-1]["customers"] == before - left
    shown = house.said("show", BIG, "--json").json
    assert shown["left"] == {"time": left}
    assert shown["history"][-5:] == rows
    # Stages have theirs, and both add up.
    stages = house.said("history", "at_risk", "--json").json["days"]
    members = house.said("members", "at_risk", "--json").json["members"]
    assert stages[-1]["customers"] == len(members)


def test_a_customer_is_told_why_in_two_languages(house: House) -> None:
    house.said("apply", LIBRARY)
    house.later()
    members = {one["customer"] for one in house.said("members", BIG, "--json").json["members"]}
    everybody = {(house.target.number << 40) + 1 + at for at in range(len(members) + 1)}
    stranger = min(everybody - members)
    inside = house.shoal("customers", "explain", min(members)).out
    assert f"Big spenders ({BIG}): in it since" in inside
    told = house.shoal("customers", "explain", stranger).out
    assert f"Big spenders ({BIG}): not in it" in told
    assert "expected, and not so: " in told
    assert "(it is " in told
    chinese = house.shoal("customers", "explain", stranger, "--language", "zh").out
    assert f"高消费客户 ({BIG}): 不属于该群" in chinese
    card = house.shoal("customers", "show", stranger, "--language", "zh").out
    assert f"客户 {stranger}" in card
    assert "距最近一次下单" in card
    assert not re.search(r"Customer|Segment|\bvalue\b|\bname\b", card)
    assert "实际为" in chinese


def test_what_is_so_and_was_not_yet_asked_is_no_reason_against_it(
    house: House, tmp_path: Path
) -> None:
    house.said("apply", LIBRARY)
    house.later()
    who = house.said("members", BIG, "--json").json["members"][0]["customer"]
    file = tmp_path / "big.yaml"
    file.write_text(f"segment: {BIG}\nname: Big\nif: {{monetary_value: {{at_least: 1000000}}}}")
    house.said("apply", file)
    told = house.shoal("customers", "explain", who).out
    assert re.search(rf"Big \({BIG}\): in it since .*, and will leave at the next look\n", told)
    file.write_text("segment: rule.buyers\nname: Buyers\nif: {orders: {at_least: 1}}")
    house.said("apply", file)
    told = house.shoal("customers", "explain", who).out
    assert "Buyers (rule.buyers): not in it yet, though this is so now\n" in told
    chinese = house.shoal("customers", "explain", who, "--language", "zh").out
    assert "(rule.buyers): 目前已满足条件" in chinese


def test_a_rule_on_stages_says_that_these_age(house: House, tmp_path: Path) -> None:
    file = tmp_path / "gone.yaml"
    file.write_text("segment: rule.gone\nname: Gone\nif: {segment: {in: [lost, hibernating]}}\n")
    planned = house.said("plan", file).out
    planned = " ".join(planned.split())
    assert "rule.gone: exact in time but for this, asked with each ageing" in planned
    assert "(SHOAL_TICK_EVERY): the segment" in planned
    file.write_text("segment: rule.gone\nname: Gone\nif: {own.late: {at_least: 2}}\n")
    refused = house.shoal("segments", "plan", file)
    assert (refused.code, "if.own.late: is not declared by the store" in refused.err) == (2, True)
    file.write_text("segment: rule.gone\nname: Gone\nif: {segment: {in: [lost, hibernating]}}\n")
    house.said("apply", file)
    house.later()
    shown = house.said("show", "rule.gone").out
    assert "but for this, which moves with each ageing: the segment" in shown
    assert "以下内容除外" in house.said("show", "rule.gone", "--language", "zh").out
    stages = [len(house.said("members", one, "--json").json["members"]) for one in STAGES]
    assert len(house.said("members", "rule.gone", "--json").json["members"]) == sum(stages) > 0


def test_a_removed_rule_says_who_still_names_it(house: House, tmp_path: Path) -> None:
    campaign = tmp_path / "thanks.yaml"
    campaign.write_text(
        f"id: thanks\nwhen: {{segment: {BIG}, enters: true}}\nsteps: [tag: thanked]\n"
    )
    ran = house.shoal("campaigns", "apply", campaign)
    assert f"segment '{BIG}' is no rule of this store" in ran.out
    assert f"segment '{BIG}' is no rule of this" in house.shoal("campaigns", "check", campaign).out
    house.said("apply", LIBRARY)
    house.later()
    assert "is no rule" not in house.shoal("campaigns", "check", campaign).out
    assert "is no rule" not in house.shoal("campaigns", "apply", campaign).out
    removed = house.said("remove", BIG, "--json").json
    assert removed["named_by"] == ["thanks"]
    house.later()
    assert BIG not in house.said("list").out
    gone = house.shoal("segments", "show", "rule.big_spender")
    assert gone.code == 2
    wrong = house.shoal("segments", "remove", "rule.slipping")
    assert (wrong.code, "did you mean 'rule.slipping_away'" in wrong.err) == (2, True)


def test_campaigns_leave_rules_to_segments_and_say_so(house: House, tmp_path: Path) -> None:
    ran = house.shoal("campaigns", "check", LIBRARY)
    assert ran.code == 0
    assert "big_spenders.yaml: is a rule segment, left to `shoal segments plan`" in ran.out
    empty = tmp_path / "empty"
    empty.mkdir()
    refused = house.shoal("segments", "plan", empty)
    assert refused.code == 2
    assert "expected a folder `rules`" in refused.err
