"""What people are told of a cause: a rule that is new is not one that was edited."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import update

from segmentation.constructed import Constructed, Declared
from segmentation.wording import Words
from segmentation.wording_report import mark_words
from tests.segmentation.snapshot import MODELS
from tests.worker.driving import HOUR, START, Driver
from tests.worker.log_store import fill
from tests.worker.test_segment_reports import here, judge, moves, publish
from worker import models, own_features, rule_files, segment_versions
from worker.customer_reports import why
from worker.database import reading, transaction
from worker.reporting import counting
from worker.rule_reports import about_rule
from worker.runtime import Kit
from worker.segment_reports import about
from worker.stores import AddedStore
from worker.told_causes import of_rule

OFTEN = "rule.often"


def told(driver: Driver) -> tuple[dict[str, int], dict[str, int]]:
    with reading(driver.kit.engine) as connection:
        return of_rule(connection, driver.shop(), OFTEN, 0)


def words(driver: Driver, language: str) -> tuple[str, str]:
    with reading(driver.kit.engine) as connection:
        found = about_rule(connection, driver.shop(), OFTEN, Words(language))
    assert set(found["entered"]) | set(found["left"]) <= {"event", "time", "rule"}
    return found["entered_words"], found["left_words"]


@pytest.fixture
def often(driver: Driver) -> Driver:
    """Three customers of whom two have ordered twice, and a rule that asks for it."""
    driver.tell(*(driver.order(f"o{n}", f"c{n % 3}") for n in range(5)))
    driver.rule("often", "{orders: {at_least: 2}}")
    driver.drain()
    return driver


def test_a_new_rule_an_edited_one_and_a_removed_one_are_told_apart(often: Driver) -> None:
    assert told(often) == ({"new_rule": 2}, {})
    assert words(often, "en") == ("2 as the rule was new", "none")
    assert words(often, "zh")[0] == "2 位因规则新建"
    often.rule("often", "{orders: {at_most: 1}}")
    often.drain()
    assert told(often) == ({"new_rule": 2, "rule": 1}, {"rule": 2})
    edited = "by an edit of the rule, or of what it asks for"
    assert words(often, "en") == (f"2 as the rule was new, 1 {edited}", f"2 {edited}")
    with transaction(often.kit.engine) as connection:
        rule_files.remove_rule(connection, often.shop(), OFTEN, 0, "a test")
    often.drain()
    assert told(often)[1] == {"rule": 2, "removed_rule": 1}
    often.rule("often", "{orders: {at_least: 1}}")
    often.drain()
    assert told(often)[0] == {"new_rule": 5, "rule": 1}
    often.tell(often.order("o9", "dan"))
    assert told(often)[0] == {"new_rule": 5, "rule": 1, "event": 1}


def test_a_feature_that_is_defined_otherwise_makes_no_rule_new(driver: Driver) -> None:
    def declare(of: str) -> None:
        one = Constructed("mine", "square", (of,))
        with transaction(driver.kit.engine) as connection:
            own_features.declare(connection, driver.shop().number, Declared((one,)), 0, "a test")

    declare("orders")
    driver.tell(*(driver.order(f"o{n}", f"c{n % 3}") for n in range(5)))
    driver.rule("often", "{own.mine: {at_least: 4}}")
    driver.drain()
    assert told(driver) == ({"new_rule": 2}, {})
    declare("items_per_order")
    driver.pass_time(HOUR)
    assert told(driver) == ({"new_rule": 2}, {"rule": 2})
    declare("monetary_value")
    driver.pass_time(HOUR)
    entered, _ = told(driver)
    assert entered == {"new_rule": 2, "rule": 3}


def test_a_way_back_is_not_told_as_learning(kit: Kit, shop: AddedStore) -> None:
    fill(kit.engine, "shop", one_in=24)
    first = MODELS["kmeans"]()
    publish(kit, shop.number, first, {})
    publish(kit, shop.number, msgspec.structs.replace(MODELS["mixture"](), version=2), {})
    groups = judge(kit, here(kit))
    with reading(kit.engine) as connection:
        model, report = segment_versions.rolled_back(connection, here(kit), 1, timedelta(days=1))
    segment_versions.publish(kit, here(kit), model, report)
    who, old = next(iter(groups.items()))
    new = next(one.id for one in first.groups if one.stage != old.partition(".")[0])
    moves(kit, shop.number, [(who, 9, "", old, "event"), (who, 2, old, new, "model")])
    moved = models.segment_changes
    with transaction(kit.engine) as connection:
        connection.execute(update(moved).where(moved.c.cause == "model").values(model=3))
    en, zh = Words(), Words("zh")
    with reading(kit.engine) as connection:
        changes = why(connection, here(kit), who, en)["changes"]
        told = about(connection, here(kit), new, en)["changes"]
        chinese = about(connection, here(kit), new, zh)["changes"]
        (mark,) = [one for one in counting.moves(connection, here(kit), 30) if one.ago == 2]
    assert [(one["cause"], one["cause_words"]) for one in changes] == [
        ("event", "by what they did"),
        ("model", "as you went back to earlier groups"),
    ]
    assert (told["entered"], told["entered_words"]) == (
        {"model": 1},
        "1 as you went back to earlier groups",
    )
    assert chinese["entered_words"] == "1 位因您退回到先前的分群"
    sentence = mark_words(en, START, mark.cause, mark.version, 900)
    assert "because you went back to earlier groups (as version 3)" in sentence
    assert "learned anew" not in sentence
    assert "退回到先前的分群" in mark_words(zh, START, mark.cause, mark.version, 900)
