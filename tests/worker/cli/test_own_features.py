"""A store's own features through the console on both databases: declared, learned from, told."""

from __future__ import annotations

import getpass
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import func, select, update

from segmentation.features import NAMES
from segmentation.model import SegmentModel
from segmentation.recipe import FEATURES
from tests.worker.cli.conftest import Shoal, added
from tests.worker.cli.test_segment_versions import House, house
from worker import models
from worker.database import reading, transaction

__all__ = ["house"]

FILE = """
features:
  spend_trend: {trend: revenue, fast: 30d, slow: 90d}
  basket: {ratio: [monetary_value, distinct_products], log: true, name: {en: a basket, zh: 购物篮}}
learn_from: [recency_days, orders, monetary_value, spend_trend, basket]
"""

UNLEARNED = """
  looks: {ratio: [views, orders], name: {en: views an order, zh: 每单浏览}}
learn_from"""


def features(house: House, *words: object) -> Any:
    ran = house.shoal("features", *words, "--json")
    assert ran.code == 0, ran.err
    return ran.json


def test_groups_are_learned_from_what_a_file_declares(house: House, tmp_path: Path) -> None:
    file = tmp_path / "features.yaml"
    file.write_text(FILE)
    planned = features(house, "plan", file)
    assert [(one["name"], one["change"]) for one in planned["features"]] == [
        ("basket", "new"),
        ("spend_trend", "new"),
    ]
    assert all(one["known"] > 0.9 for one in planned["features"])
    assert features(house, "show")["versions"] == []
    assert features(house, "apply", file)["version"] == 1
    assert features(house, "apply", file)["version"] == 1

    first = house.learned()
    assert first.features == ("recency_days", "orders", "monetary_value", "spend_trend", "basket")
    assert {one.name for one in first.constructed} == {"spend_trend", "basket"}
    # The drain judged everybody by it, and the report of the version read the same columns.
    groups = {group.id for group in first.groups}
    assert set(house.groupings().values()) <= groups
    assert len(set(house.groupings().values())) > 4

    _selection_is_told(house, first)
    _is_told_in_chinese(house, file)
    _samples_are_said_to_be_samples(house, file)
    _a_rule_is_shown_beside_them(house, tmp_path)
    file.write_text(FILE.replace("30d", "7d"))
    said = features(house, "apply", file)
    assert said["features"] == {"basket": "same", "spend_trend": "changed"}
    assert "with another spend_trend: a refit is due" in said["sentences"][0]
    versions = features(house, "show")["versions"]
    assert [one["version"] for one in versions] == [2, 1]
    assert all(one["by"] for one in versions)
    house.days(1)
    # Whoever looks now is told by the definition that the groups were found in.
    with reading(house.kit.engine) as connection:
        buyer = connection.execute(select(models.customers.c.id).limit(1)).scalar_one()
    why = house.shoal("customers", "explain", buyer, "--json")
    assert why.code == 0, why.err
    second = house.learned()
    assert second.scaled_at == 2
    assert {one.of for one in second.constructed if one.kind == "trend"} == {
        ("revenue_7d", "revenue_90d")
    }


def _selection_is_told(house: House, model: SegmentModel) -> None:
    found = features(house, "select")
    used = [one for one in found["selection"]["features"] if one["is_used"]]
    assert {one["feature"] for one in used} == set(model.features)
    assert all(0 < one["moves"] < 1 and 0 < one["variance"] < 1 for one in used)
    assert found["learn_from"] == f"learn_from: [{', '.join(found['selection']['keep'])}]"
    assert features(house, "select") == found
    table = house.shoal("features", "select").out
    assert "What carries the groups" in table
    assert "spend_trend" in table


def _is_told_in_chinese(house: House, file: Path) -> None:
    """Nothing but names of features, commands and a person is left in Latin letters."""
    known = {*NAMES, "spend_trend", "basket", "shop", "shoal", "segments", "refit", "dry-run"}
    out = file.parent / "all.csv"
    written = house.shoal("features", "export", "--out", out, "--language", "zh").out
    assert "位客户" in written
    assert "个特征" in written
    assert "没有任何年龄" in written
    known |= {"UTC", "K-means", "all", "learn_from", getpass.getuser()}
    for words in (("show",), ("select",), ("plan", file), ("apply", file)):
        ran = house.shoal("features", *words, "--language", "zh")
        assert ran.code == 0, ran.err
        told = set(re.findall(r"[A-Za-z_][A-Za-z_0-9-]+", ran.out))
        assert told - known == set(), ran.out
    assert "购物篮" not in house.shoal("features", "show").out
    assert "`revenue_30d` over" in " ".join(house.shoal("features", "show").out.split())
    refused = house.shoal("features", "select", "--language", "fr")
    assert (refused.code, "expected one of en, zh" in refused.err) == (2, True)


def _samples_are_said_to_be_samples(house: House, file: Path) -> None:
    assert "drawn by lot" not in house.shoal("features", "show").out
    whole = features(house, "show")
    assert whole["read"] == whole["customers"] > 150
    assert whole["known"] == {"basket": 1.0, "spend_trend": 1.0}
    with pytest.MonkeyPatch.context() as fewer:
        fewer.setattr("worker.drawing.SAMPLE", 120)
        fewer.setattr("worker.selecting.MOST", 130)
        counted = f"of {whole['customers']} customers with an order, drawn by lot."
        for words in (("show",), ("plan", file)):
            assert f"Counted on 120 {counted}" in house.shoal("features", *words).out
        assert f"Counted on 130 {counted}" in house.shoal("features", "select").out
        chinese = house.shoal("features", "show", "--language", "zh").out
        assert "根据随机抽取的 120 位统计" in chinese


def _a_rule_is_shown_beside_them(house: House, folder: Path) -> None:
    rule = folder / "rules" / "spenders.yaml"
    rule.parent.mkdir()
    rule.write_text("segment: rule.spenders\nname: Spenders\nif: {monetary_value: {at_least: 300}}")
    assert house.shoal("segments", "apply", rule.parent).code == 0
    house.days(1)
    shown = house.shoal("segments", "show", "rule.spenders", "--json")
    assert shown.code == 0, shown.err
    assert {"basket", "monetary_value"} & {one["feature"] for one in shown.json["profile"]}


def _a_rule_says_of_how_many_it_knows(house: House, folder: Path, expected: str) -> None:
    folder.mkdir()
    (folder / "women.yaml").write_text("segment: rule.women\nname: Women\nif: {gender_female: 1}")
    planned = house.shoal("segments", "plan", folder)
    assert (planned.code, expected in planned.out) == (0, True), planned
    assert house.shoal("segments", "apply", folder).code == 0
    assert expected in house.shoal("segments", "show", "rule.women").out


def _a_rule_names_what_no_group_was_learned_from(house: House, folder: Path) -> None:
    (folder / "lookers.yaml").write_text(
        "segment: rule.lookers\nname: Lookers\nif: {own.looks: {at_least: 3}}"
    )
    assert house.shoal("segments", "apply", folder).code == 0
    assert "每单浏览" in house.shoal("segments", "show", "rule.lookers", "--language", "zh").out
    assert "views an order is at least 3" in house.shoal("segments", "show", "rule.lookers").out


def _say_gender(house: House) -> float:
    """Let a file have said it of every second customer; the share of buyers that this is."""
    people = models.customers.c
    said = {"gender": "female", "gender.from": "import", "gender.at": "2011-11-05T00:00:00+00:00"}
    is_told = people.id % 2 == 0
    values = {"attributes": json.dumps(said)}
    with transaction(house.kit.engine) as connection:
        connection.execute(update(models.customers).where(is_told).values(**values))
        buyers = select(func.count()).where(people.orders > 0)
        known = connection.execute(buyers.where(is_told)).scalar_one()
        return float(known / connection.execute(buyers).scalar_one())


def _exports_have_them(house: House, out: Path) -> None:
    features(house, "export", "--out", out)
    table = pd.read_csv(out)
    kept = table[table["orders"] > 0]
    wanted = kept["monetary_value"] / kept["distinct_products"]
    assert (kept["basket"] - wanted).abs().max() < 1e-6
    assert kept["spend_trend"].between(0, 3).all()
    people = models.customers.c
    with reading(house.kit.engine) as connection:
        its = people.platform_id == str(kept["customer_id"].iloc[0])
        who = connection.execute(select(people.id).where(its)).scalar_one()
    shown = house.shoal("customers", "show", who, "--json").json["features"]
    told = house.shoal("customers", "export", who).json["features"]
    assert shown["basket"] == told["basket"] == pytest.approx(wanted.iloc[0])


def test_own_features_are_compared_exported_and_told(house: House, tmp_path: Path) -> None:
    file = tmp_path / "features.yaml"
    file.write_text(FILE.replace("basket]", "basket, gender_female]"))
    features(house, "apply", file)
    half = _say_gender(house)
    found = house.said("compare", "--k", "4", "--methods", "minibatch", "--reduce", "none")
    assert [one["id"] for one in found["candidates"]] == ["minibatch-4"]
    assert [(one["field"], one["known"]) for one in found["known"]] == [("gender", half)]
    house.said("promote", "minibatch-4", "--yes")
    house.days(1)
    learned = house.body(1)
    assert learned.features[-3:] == ("spend_trend", "basket", "gender_female")
    told = features(house, "plan", file)
    assert "were promoted (minibatch-4)" in told["sentences"][0]
    # The rows say it, the records not yet.
    (few,) = told["sentences"][1:]
    assert few.startswith("gender_female is known of 0% of those who have ordered")
    # The file goes back to the catalogue; the promoted groups stay what they are.
    file.write_text("{}")
    assert features(house, "apply", file)["features"] == {
        "basket": "removed",
        "spend_trend": "removed",
    }
    assert house.learned().constructed == learned.constructed
    # Of these a comparison reads what they were found in, whatever is learned from by default.
    file.write_text("prepare: {average_order_value: {log: false}, recency_days: {log: false}}")
    assert "Preparing average_order_value changes" in features(house, "plan", file)["sentences"][-1]
    profile = house.shoal("segments", "show", learned.groups[0].id, "--language", "zh")
    assert profile.code == 0, profile.err
    assert "50% 已知" in profile.out
    assert "2011-11-05" in profile.out
    assert f"Known of {half:.0%}" in house.shoal("features", "select").out
    with pytest.MonkeyPatch.context() as fewer:
        fewer.setattr("worker.drawing.SAMPLE", 120)
        assert "latest 2011-11-05). Counted on 120 of" in house.shoal("features", "select").out
    _a_rule_says_of_how_many_it_knows(house, tmp_path / "rules", f"Known of {half:.0%}")

    file.write_text(FILE.replace("learn_from", UNLEARNED))
    features(house, "apply", file)
    _exports_have_them(house, tmp_path / "features.csv")
    _a_rule_names_what_no_group_was_learned_from(house, tmp_path / "rules")


@pytest.mark.parametrize(
    "text", ["features: {orders: {square: views}}", "learn_from: [ordrs, orders]"]
)
def test_a_wrong_file_changes_nothing(shoal: Shoal, tmp_path: Path, text: str) -> None:
    added(shoal, "shop")
    file = tmp_path / "features.yaml"
    file.write_text(text)
    ran = shoal("features", "apply", file)
    assert ran.code == 2
    assert str(file) in ran.err
    told = shoal("features", "show", "--json").json
    assert (told["versions"], told["declared"]) == (
        [],
        {"features": [], "learn_from": [], "prepare": []},
    )
    assert "None yet" in shoal("features", "show").out


def test_without_learned_groups_there_is_nothing_to_select(shoal: Shoal) -> None:
    added(shoal, "shop")
    ran = shoal("features", "select")
    assert ran.code == 2
    assert "the stages are still by rule" in ran.err


def test_what_nobody_has_yet_is_planned_without_figures(shoal: Shoal, tmp_path: Path) -> None:
    added(shoal, "shop")
    file = tmp_path / "features.yaml"
    file.write_text(FILE)
    ran = shoal("features", "plan", file)
    assert ran.code == 0, ran.err
    assert "0%" in ran.out
    assert "nan" not in ran.out


def sentence(house: House, file: Path, command: str, text: str) -> str:
    """The one sentence that a command says of a file with this text."""
    file.write_text(text)
    (said,) = features(house, command, file)["sentences"]
    return str(said)


def test_a_catalogue_feature_is_prepared_as_the_file_says(house: House, tmp_path: Path) -> None:
    file = tmp_path / "features.yaml"
    file.write_text("prepare: {monetary_value: {log: false, outliers: [0.01, 0.99]}}")
    planned = features(house, "plan", file)
    assert [(one["name"], one["change"]) for one in planned["features"]] == [
        ("monetary_value", "new")
    ]
    features(house, "apply", file)
    first = house.learned()
    assert first.features == FEATURES
    at = FEATURES.index("monetary_value")
    assert (first.transforms[at], first.transforms[at - 1]) == ("none", "log")
    clip = first.clips[at]
    assert clip is not None
    low, high = clip
    assert 0 <= low < high < 100_000
    assert [one.kind for one in first.constructed] == ["catalogue"]
    shown = house.shoal("features", "show").out
    assert "quantiles 0.01" in shown
    # It is no fact of the store's own, and is called as it always was.
    rule = tmp_path / "rule.yaml"
    rule.write_text("segment: rule.x\nname: X\nif: {own.monetary_value: {at_least: 1}}")
    assert house.shoal("segments", "plan", rule).code == 2
    told = house.shoal("segments", "show", first.groups[0].id, "--language", "zh")
    assert (told.code, "累计消费" in told.out) == (0, True), told.err
    # What is said as the catalogue has it is no other preparation.
    usual = "orders: {log: true}, tenure_days: {scale: true, clip: [0, 36500]}"
    cut = "monetary_value: {log: false, outliers: [0.01, 0.99]}"
    kept = sentence(house, file, "plan", f"prepare: {{{cut}, {usual}}}")
    assert kept == "What groups are learned from does not change."
    said = sentence(house, file, "plan", f"prepare: {{{usual}}}")
    assert "with another monetary_value: a refit is due" in said
    said = sentence(
        house, file, "apply", "prepare: {monetary_value: {log: false}, orders: {impute: 1}}"
    )
    assert "with another monetary_value, orders: a refit is due" in said
    file.write_text("{}")
    assert features(house, "apply", file)["features"] == {
        "monetary_value": "removed",
        "orders": "removed",
    }
    house.said("refit")
    house.days(1)
    second = house.body(2)
    assert (second.constructed, second.transforms[at], second.clips[at]) == ((), "log", None)


def test_what_is_prepared_for_nothing_is_said(shoal: Shoal, tmp_path: Path) -> None:
    added(shoal, "shop")
    file = tmp_path / "features.yaml"
    file.write_text("prepare: {age: {impute: 40}, views: {log: false}, orders: {log: false}}")
    idle = "Preparing age, views changes nothing: groups are not learned from that"
    planned = shoal("features", "plan", file).out
    # They are the catalogue's, not of the store's own.
    assert planned.startswith("What the features file of shop says")
    assert idle in planned
    assert idle in shoal("features", "apply", file).out
    chinese = shoal("features", "plan", file, "--language", "zh").out
    assert "对 age、views 的设置不起作用" in chinese
    file.write_text("learn_from: [orders, views]\nprepare: {views: {log: false}}")
    assert "changes nothing" not in shoal("features", "plan", file).out
