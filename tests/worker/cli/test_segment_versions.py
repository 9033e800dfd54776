"""Versions, drift, the way back and groups anew, through the console on both databases."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.engine import URL

from connectors.events import moment
from segmentation.model import SegmentModel, from_json
from segmentation.record import DAY
from tests.worker import log_store
from tests.worker.cli.conftest import Shoal, added
from worker import bulk, installation, models
from worker.database import open_engine, reading, transaction
from worker.learning import learn
from worker.replay import Target, tick
from worker.runtime import Kit, close_kit, open_kit
from worker.settings import settings_from


@dataclass
class House:
    """A store filled with the shipped log, on the log's time, and its commands."""

    shoal: Shoal
    kit: Kit
    target: Target
    now: int = log_store.END

    def days(self, number: int) -> None:
        """Let that many days pass; each ages everybody."""
        for _ in range(number):
            self.now += DAY
            tick(self.kit, self.target, self.now)

    def learned(self) -> SegmentModel:
        """What the next pass of learning publishes, and the drain has taken in."""
        row = (self.target.number, self.now, 0)
        with transaction(self.kit.engine) as connection:
            bulk.upsert(connection, models.learning, ("store", "wanted_at", "learned_at"), [row])
        model = learn(self.kit, self.target.number)
        assert model is not None
        self.days(1)
        return model

    def groupings(self) -> dict[int, str]:
        people = models.customers.c
        with reading(self.kit.engine) as connection:
            rows = connection.execute(select(people.id, people.grouping).where(people.orders > 0))
            return {row.id: row.grouping for row in rows}

    def said(self, *words: str) -> Any:
        ran = self.shoal("segments", *words, "--json")
        assert ran.code == 0, ran.err
        return ran.json

    def body(self, version: int) -> SegmentModel:
        columns = models.models.c
        query = select(columns.body).where(columns.kind == "segments", columns.version == version)
        with reading(self.kit.engine) as connection:
            return from_json(connection.execute(query).scalar_one())

    def causes(self, version: int) -> set[str]:
        moves = models.segment_changes.c
        with reading(self.kit.engine) as connection:
            rows = connection.execute(select(moves.cause).where(moves.model == version))
            return set(rows.scalars())


@pytest.fixture
def house(shoal: Shoal, at_valkey: str, at_database: URL) -> Iterator[House]:
    assert at_valkey
    engine = open_engine(at_database)
    with transaction(engine) as connection:
        installation.partitions(connection, 2)
    engine.dispose()
    keys = added(shoal, "shop", "--clock", "log")
    kit = replace(open_kit(settings_from(os.environ)), send=lambda _task, _number: None)
    log_store.fill(kit.engine, "shop", one_in=6)
    with reading(kit.engine) as connection:
        number = connection.execute(select(models.stores.c.number)).scalar_one()
    yield House(shoal, kit, Target(int(number), "shop", int(keys["partition"])))
    close_kit(kit)


@pytest.mark.invariant("I5")
def test_one_command_goes_back_and_learning_leaves_it_so(house: House) -> None:
    first = house.learned()
    at_first = house.groupings()
    assert house.said("drift")["drift"] is not None
    house.days(6)
    second = house.learned()
    assert second.centroids != first.centroids
    rows = house.said("versions")["versions"]
    assert [(row["version"], row["is_in_force"], row["by"]) for row in rows] == [
        (2, True, "learning"),
        (1, False, "learning"),
    ]
    read = [row["customers_read"] for row in rows]
    assert read[1] == len(at_first)
    assert 0 < read[0] <= len(at_first) // 50

    went = house.said("rollback", "1", "--for", "20d")
    assert (went["version"], went["report"]["by"]) == (3, "rollback")
    back = house.body(3)
    assert back.centroids == first.centroids
    assert back.held_until == moment(house.now + 20 * DAY)
    house.days(1)
    assert house.causes(3) <= {"model", "time"}
    assert house.body(1) == first
    assert house.learned().centroids == first.centroids
    house.days(20)
    after = house.learned()
    assert (after.held_until, after.centroids == first.centroids) == (back.held_until, False)
    assert {group.id for group in after.groups} == {group.id for group in first.groups}


def test_groups_anew_are_told_first_and_end_what_is_held(house: House) -> None:
    house.learned()
    house.days(1)
    tried = house.said("refit", "--dry-run")
    assert (tried["version"], tried["is_published"]) == (2, False)
    assert tried["report"]["refit"]["gain"] < 0.01
    said = tried["report"]["sentences"]
    assert any("changed group by themselves" in one for one in said)
    assert not any("a refit may help" in one or "is called for" in one for one in said)
    assert len(house.said("versions")["versions"]) == 1
    house.said("refit")
    house.days(1)
    house.said("rollback", "1")
    house.days(1)
    house.said("refit")
    newest = house.body(4)
    assert (newest.held_until, newest.scaled_at) == (None, 4)
    assert [row["by"] for row in house.said("versions")["versions"]] == [
        "refit",
        "rollback",
        "refit",
        "learning",
    ]


def test_what_cannot_be_is_refused_with_a_way_out(house: House) -> None:
    assert "no learned groups yet" in house.shoal("segments", "refit").err
    assert house.said("drift")["sentences"] == ["only learned groups drift"]
    house.learned()
    ran = house.shoal("segments", "rollback", "7")
    assert (ran.code, "version 7: expected one from 1 to 1, as" in ran.err) == (2, True)
    ran = house.shoal("segments", "rollback", "1", "--for", "soon")
    assert (ran.code, "30s, 15m, 12h, 7d or 2w" in ran.err) == (2, True)
    assert "no refit is called for" in house.shoal("segments", "drift").out
    _is_told_in_chinese(house)


def _is_told_in_chinese(house: House) -> None:
    """Nothing but ids and numbers is left in Latin letters."""
    drift = house.shoal("segments", "drift", "--language", "zh").out
    assert "无需重新寻找分群" in drift
    assert "距最近一次下单" in drift
    assert set(re.findall(r"[A-Za-z_]{2,}", drift)) == {*house.body(1).features}
    versions = house.shoal("segments", "versions", "--language", "zh").out
    assert "自动学习" in versions
    assert set(re.findall(r"[A-Za-z]{2,}", versions)) == {"shop", "kmeans", "UTC"}
    tried = house.shoal("segments", "refit", "--dry-run", "--language", "zh").out
    assert "没有发布任何内容" in tried
    assert set(re.findall(r"[A-Za-z]{2,}", tried)) <= {"shoal", "segments", "refit"}
    went = house.shoal("segments", "refit", "--language", "zh", "--json").json
    assert any("位客户换了阶段" in one for one in went["report"]["sentences"])
    refused = house.shoal("segments", "drift", "--language", "fr")
    assert (refused.code, "expected one of en, zh" in refused.err) == (2, True)
