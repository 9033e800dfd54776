"""Campaigns ask for a store's own features, as they are declared at the moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace as replaced
from datetime import timedelta
from pathlib import Path
from time import sleep

import numpy as np
import pytest
from msgspec.structs import replace

from campaigns.campaign import Campaign, load_campaign
from campaigns.check import Known, lost_features
from campaigns.errors import InvalidCampaign
from campaigns.explanation import findings
from campaigns.facts import fact_named
from connectors.events import moment
from segmentation.constructed import Constructed, Declared
from tests.worker.driving import Driver, Houses, coupon_campaign
from worker import models, own_features
from worker.audience import facts_for
from worker.campaign_files import known_of, read_files
from worker.campaign_reports import waiting_in_vain
from worker.database import reading, transaction
from worker.explaining import snapshot
from worker.own_features import consequences, hardly_known, touched

PER_ORDER = Constructed("per_order", "ratio", ("monetary_value", "orders"))
ASKS = coupon_campaign("big", "{event: order_completed}", "if: {own.per_order: {at_least: 50}}")


def declare(driver: Driver, *own: Constructed) -> None:
    with transaction(driver.kit.engine) as connection:
        own_features.declare(connection, driver.number, Declared(own), 0, "a test")


def campaign(text: str = ASKS) -> Campaign:
    return load_campaign(text, "big.yaml")


def test_a_campaign_acts_for_whom_the_stores_own_feature_says(
    houses: Houses, postgres_houses: Houses
) -> None:
    for its in (houses, postgres_houses):
        with its() as driver:
            declare(driver, PER_ORDER)
            driver.run(ASKS)
            driver.tell(driver.order("o1", "ann", 9000), driver.order("o2", "bea", 1000))
            reached = driver.values(models.actions, "customer", kind="coupon")
            assert reached == [driver.customer("customer_id", "ann")]
            # Bea's second order makes 55 an order of it.
            driver.tell(driver.order("o3", "bea", 10_000))
            assert driver.customer("customer_id", "bea") in driver.values(
                models.actions, "customer", kind="coupon"
            )


def test_what_is_no_longer_declared_is_unknown_of_everybody(houses: Houses) -> None:
    with houses() as driver:
        declare(driver, PER_ORDER)
        driver.run(ASKS)
        declare(driver)
        driver.tell(driver.order("o1", "ann", 9000))
        assert driver.values(models.actions, "customer", kind="coupon") == []
        with reading(driver.kit.engine) as connection:
            batch = snapshot(connection, driver.shop(), [driver.customer("customer_id", "ann")])
            facts = facts_for(connection, batch, campaign(), [])
        assert np.isnan(facts.column("own.per_order")).all()
        (found,) = findings(campaign().condition, facts, 0)
        assert "per order" in str(found)
        assert list(touched(driver.shop(), {"per_order": "removed"})) == [
            "big asks for own.per_order, which is gone: unknown of everybody."
        ]
        (vain,) = waiting_in_vain(driver.shop(), frozenset())
        assert "big is live and waits in vain, if.own.per_order" in vain
        assert waiting_in_vain(driver.shop(), frozenset({"per_order"})) == []
        assert "as it is defined now" in next(touched(driver.shop(), {"per_order": "changed"}))
        assert list(touched(driver.shop(), {"per_order": "same", "other": "removed"})) == []


def test_a_file_that_asks_for_what_is_not_declared_is_refused(
    houses: Houses, tmp_path: Path
) -> None:
    file = tmp_path / "big.yaml"
    file.write_text(ASKS.replace("per_order", "per_ordr"))
    with houses() as driver:
        shop = driver.shop()
        known = known_of(shop, frozenset({"per_order"}))
        with pytest.raises(InvalidCampaign, match=r"did you mean 'own\.per_order'"):
            read_files([file], known)
        # Where no store is known, nobody can say.
        assert read_files([file], Known()).campaigns
        file.write_text(ASKS)
        assert read_files([file], known).campaigns
    assert list(lost_features(campaign(), Known(own=frozenset({"per_order"})))) == []


def test_own_names_are_told_apart_from_the_catalogues() -> None:
    found = fact_named("own.per_order")
    assert found is not None
    assert (found.kind, found.phrase) == ("number", "per order")
    assert fact_named("own.Per") is None
    assert fact_named("per_order") is None


def test_a_segment_by_rule_that_asks_for_what_is_gone_is_told_of(houses: Houses) -> None:
    with houses() as driver:
        driver.rule("big", "{own.per_order: {at_least: 50}}")
        assert waiting_in_vain(driver.shop(), frozenset({"per_order"})) == []
        (vain,) = waiting_in_vain(driver.shop(), frozenset({"per_item"}))
    assert vain.startswith("Segment rule.big asks in vain, if.own.per_order: is not declared")


def test_groups_that_were_gone_back_to_are_learned_anew_after_their_time(houses: Houses) -> None:
    with houses() as driver:
        shop = driver.shop()
        until = moment(shop.now) + timedelta(days=28)
        model = replace(shop.model, kind="kmeans", features=("orders", "recency_days"))
        for held, said in ((None, "with the next pass"), (until, f"after {until:%Y-%m-%d}, until")):
            there = replaced(shop, model=replace(model, held_until=held))
            (told,) = consequences(there, Declared())
            assert f"a refit is due and comes {said}" in told


def test_two_who_apply_at_once_get_a_version_each(postgres_houses: Houses) -> None:
    other = replace(PER_ORDER, name="other")
    with postgres_houses() as driver, ThreadPoolExecutor() as pool:
        with transaction(driver.kit.engine) as connection:
            own_features.declare(connection, driver.number, Declared((PER_ORDER,)), 0, "first")
            second = pool.submit(declare, driver, other)
            # It has read that there is no version yet, and waits for this one.
            sleep(0.5)
        second.result()
        with reading(driver.kit.engine) as connection:
            assert own_features.own_names(connection, driver.number) == {"other"}
            assert len(own_features.versions(connection, driver.number)) == 2


def test_what_few_customers_have_is_said_before_groups_are_learned_from_it() -> None:
    declared = Declared((PER_ORDER,), ("orders", "per_order", "age"))
    columns = {
        "orders": np.ones(4),
        "per_order": np.array([1.0, 2.0, np.nan, np.nan]),
        "age": np.array([30.0, np.nan, np.nan, np.nan]),
    }
    (told,) = hardly_known(declared, columns)
    assert told.startswith("age is known of 25% of those who have ordered; to learning all others")
    assert told.endswith("(unknown: median).")
    assert list(hardly_known(declared, {name: np.empty(0) for name in columns})) == []
