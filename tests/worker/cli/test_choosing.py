"""Comparing, promoting, and what becomes of it, through the console on both databases."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import Row, Table, select
from sqlalchemy.engine import URL

from connectors.events import microseconds
from segmentation.model import from_json
from tests.worker import log_store
from tests.worker.cli.conftest import Shoal, added
from worker import bulk, installation, models, pipeline
from worker.database import open_engine, reading, transaction
from worker.learning import learn
from worker.runtime import Kit, close_kit, open_kit
from worker.settings import settings_from

SMALL = ("--k", "4", "--methods", "kmeans,ward", "--reduce", "pca")
CAMPAIGN = "id: told\nwhen: {{segment: {segment}, enters: true}}\nsteps: [tag: told]\n"


@dataclass
class House:
    """A store filled with the shipped log, its commands, and its drain."""

    shoal: Shoal
    kit: Kit
    partition: int
    number: int

    def rows(self, table: Table, *columns: str) -> list[Row[Any]]:
        with reading(self.kit.engine) as connection:
            return list(connection.execute(select(*(table.c[name] for name in columns))))

    def groupings(self) -> dict[int, str]:
        rows = self.rows(models.customers, "id", "grouping", "orders")
        return {row.id: row.grouping for row in rows if row.orders}

    def versions(self, kind: str) -> list[int]:
        rows = self.rows(models.models, "kind", "version")
        return sorted(row.version for row in rows if row.kind == kind)

    def promoted(self, candidate: str) -> Any:
        ran = self.shoal("segments", "promote", candidate, "--yes", "--json")
        assert ran.code == 0, ran.err
        pipeline.drain(self.kit, self.partition)
        return ran.json


def with_partitions(url: URL) -> None:
    """What `shoal up` writes at its first start."""
    engine = open_engine(url)
    with transaction(engine) as connection:
        installation.partitions(connection, 2)
    engine.dispose()


@contextmanager
def lived_in(shoal: Shoal, url: URL, one_in: int) -> Iterator[House]:
    with_partitions(url)
    keys = added(shoal, "shop", "--clock", "log")
    kit = replace(open_kit(settings_from(os.environ)), send=lambda _task, _number: None)
    log_store.fill(kit.engine, "shop", one_in)
    with reading(kit.engine) as connection:
        number = connection.execute(select(models.stores.c.number)).scalar_one()
    yield House(shoal, kit, int(keys["partition"]), int(number))
    close_kit(kit)


@pytest.fixture
def house(shoal: Shoal, at_valkey: str, at_database: URL) -> Iterator[House]:
    """On each of both databases in turn."""
    assert at_valkey
    with lived_in(shoal, at_database, 6) as made:
        yield made


@pytest.fixture
def cottage(
    shoal: Shoal, at_valkey: str, sqlite_url: URL, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    """A smaller one, on SQLite alone: for what no database makes a difference to."""
    assert at_valkey
    monkeypatch.setenv("SHOAL_DATABASE_URL", sqlite_url.render_as_string(hide_password=False))
    with lived_in(shoal, sqlite_url, 12) as made:
        yield made


def test_what_is_compared_is_promoted_and_learned_on(house: House, tmp_path: Path) -> None:
    ran = house.shoal("segments", "compare", *SMALL, "--json")
    assert ran.code == 0, ran.err
    assert [one["id"] for one in ran.json["candidates"]] == ["kmeans-4-pca", "ward-4-pca"]
    assert ran.json["customers"] == len(house.groupings())
    assert ran.json["notes"] == []
    for one in ran.json["candidates"]:
        told = one["figures"]
        assert None not in (told["weeks"], told["bootstrap"], told["spend"], told["shape"]["error"])

    first = house.promoted("kmeans-4-pca")
    assert (first["version"], first["is_told"]) == (1, True)
    after = house.groupings()
    sizes = {group["id"]: group["customers"] for group in first["groups"]}
    assert {group: list(after.values()).count(group) for group in sizes} == sizes
    causes = {row.cause for row in house.rows(models.segment_changes, "cause")}
    assert causes == {"model"}

    # A campaign and a policy name a group each; then the groups become others.
    largest, *_, least = sorted(sizes, key=lambda group: -sizes[group])
    (tmp_path / "segments").mkdir()
    (tmp_path / "told.yaml").write_text(CAMPAIGN.format(segment=largest))
    (tmp_path / "segments" / "one.yaml").write_text(f"segment: {least}\nmay_receive: [tag]\n")
    assert house.shoal("campaigns", "apply", "told.yaml", "segments").code == 0
    second = house.promoted("ward-4-pca")
    before, after = after, house.groupings()
    for one in second["touched"]:
        assert one == one | counted(one["segment"], before, after)
    assert {one["kind"] for one in second["touched"]} == {"campaign", "policy"}
    went_on = [set(sizes) & {group["id"], *group["formerly"]} for group in second["groups"]]
    assert sum(map(bool, went_on)) >= 2
    moved = sum(1 for who, group in after.items() if before[who] != group)
    assert sum(one["customers"] for one in second["moves"]) <= moved
    assert house.rows(models.decisions, "campaign") == []

    learned = learned_on(house)
    assert learned == {"kind": "carried", "version": 3, "candidate": "ward-4-pca"}
    assert house.groupings() == after
    look_back(house)
    assert house.versions("candidates") == [1]


def look_back(house: House) -> None:
    """What the commands beside say of a carried version that learning went on from."""
    assert "ward-4-pca is carried" in house.shoal("segments", "refit").err
    assert "no ageing pass under this version" in house.shoal("segments", "drift").out
    told = house.shoal("segments", "versions", "--json").json["versions"]
    assert [row["by"] for row in told] == ["learning", "promotion", "promotion"]


def counted(segment: str, before: dict[int, str], after: dict[int, str]) -> dict[str, int]:
    """Members of a stage or group before and after, and who came and went."""
    was = {who for who, group in before.items() if segment in {group, group.partition(".")[0]}}
    now = {who for who, group in after.items() if segment in {group, group.partition(".")[0]}}
    came, went = len(now - was), len(was - now)
    return {"before": len(was), "after": len(now), "enter": came, "leave": went}


def learned_on(house: House) -> dict[str, Any]:
    """What the next pass of learning publishes."""
    with transaction(house.kit.engine) as connection:
        wanted = microseconds(house.kit.clock())
        names = ("store", "wanted_at", "learned_at")
        bulk.upsert(connection, models.learning, names, [(house.number, wanted, 0)])
    model = learn(house.kit, house.number)
    assert model is not None
    pipeline.drain(house.kit, house.partition)
    return {"kind": model.kind, "version": model.version, "candidate": model.candidate}


def test_promoted_means_go_on_with_their_number_of_groups(cottage: House) -> None:
    ran = cottage.shoal(
        "segments", "compare", "--k", "3", "--methods", "kmeans", "--reduce", "none"
    )
    assert ran.code == 0, ran.err
    assert "1 candidate: shape" in ran.out
    assert "kmeans-3" in ran.out
    first = cottage.promoted("kmeans-3")
    assert learned_on(cottage) == {"kind": "kmeans", "version": 2, "candidate": "kmeans-3"}
    rows = cottage.rows(models.models, "kind", "version", "body")
    newest = from_json(next(row.body for row in rows if (row.kind, row.version) == ("segments", 2)))
    assert {group.id for group in newest.groups} == {group["id"] for group in first["groups"]}


def test_a_promotion_is_shown_and_asked_for(
    cottage: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    cottage.shoal("segments", "compare", "--k", "3", "--methods", "kmeans", "--reduce", "none")
    monkeypatch.setattr("sys.stdin", io.StringIO())  # nobody answers
    ran = cottage.shoal("segments", "promote", "kmeans-3")
    assert ran.code == 1
    assert "Who moves" in ran.out
    assert cottage.versions("segments") == []


def test_a_comparison_and_a_promotion_are_told_in_chinese(
    cottage: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--k", "3", "--methods", "kmeans,dbscan", "--reduce", "none", "--language", "zh")
    compared = cottage.shoal("segments", "compare", *words)
    assert compared.code == 0, compared.err
    assert "可用" in compared.out
    monkeypatch.setattr("sys.stdin", io.StringIO())  # nobody answers
    asked = cottage.shoal("segments", "promote", "kmeans-3", "--language", "zh")
    assert (asked.code, "谁会移动" in asked.out) == (1, True)
    known = {"kmeans", "dbscan", "means", "DBSCAN", "Calinski", "Harabasz", "Davies", "Bouldin"}
    known |= {"shoal", "segments", "promote", "all", "shop", "machine", "tree", "forest", "network"}
    known |= {"champions", "loyal", "promising", "new", "risk", "hibernating", "lost"}
    for told in (compared.out, asked.out):
        plain = re.sub(r"\w+\.\w+|\[y/N\].*", "", told)
        assert set(re.findall("[A-Za-z]{3,}", plain)) - known == set(), told


def test_of_two_promotions_at_once_one_is_refused(
    cottage: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    cottage.shoal("segments", "compare", "--k", "3,4", "--methods", "kmeans", "--reduce", "none")

    def meanwhile(*_question: object, **_options: object) -> bool:
        assert cottage.shoal("segments", "promote", "kmeans-4", "--yes").code == 0
        return True

    monkeypatch.setattr("typer.confirm", meanwhile)
    ran = cottage.shoal("segments", "promote", "kmeans-3")
    assert ran.code == 2
    assert "version 1 was published meanwhile" in ran.err
    assert cottage.versions("segments") == [1]


REFUSED: list[tuple[tuple[str, ...], str]] = [
    (("compare", "--methods", "kmeens"), "--methods 'kmeens': expected some of kmeans, minibatch"),
    (("compare", "--methods", "kmeens"), "did you mean 'kmeans'?"),
    (("compare", "--reduce", "pac"), "--reduce 'pac': expected some of none, pca, factors; did"),
    (("compare", "--k", "2..40"), "--k '2..40': expected numbers from 2 to 12"),
    (("compare", "--k", "many"), "--k 'many': expected numbers from 2 to 12"),
    (("compare", "--k", "1,3"), "--k '1,3': expected numbers from 2 to 12"),
    (("compare",), "0 customers with an order: expected at least 120 to compare groups up to 12"),
    (("promote", "kmeans-3"), "nothing has been compared yet: `shoal segments compare`"),
]


@pytest.mark.parametrize(("words", "said"), REFUSED)
def test_what_cannot_be_is_refused_in_a_sentence(
    shoal: Shoal, store: Any, words: tuple[str, ...], said: str
) -> None:
    assert store
    ran = shoal("segments", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_candidates_that_cannot_be_published_say_what_to_do(cottage: House) -> None:
    every: Callable[..., Any] = cottage.shoal
    methods = ("--methods", "ward,dbscan", "--reduce", "none")
    told = every("segments", "compare", "--k", "3,4", *methods, "--json").json["candidates"]
    uncarried = next(one["id"] for one in told if one["id"][:4] == "ward" and not one["tried"])
    ran = every("segments", "promote", uncarried, "--yes")
    assert ran.code == 2
    assert f"`shoal segments compare --methods ward --reduce none --k {uncarried[-1]}`" in ran.err
    ran = every("segments", "promote", "wart-3", "--yes")
    assert (ran.code, "did you mean 'ward-3'?" in ran.err) == (2, True)
    alone = [one for one in told if one["figures"]["groups"] < 2]
    for one in alone:
        ran = every("segments", "promote", one["id"], "--yes")
        assert "expected from 2 to 12 to be published" in ran.err


def test_redis_that_is_not_there_delays_a_promotion_only(
    cottage: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    cottage.shoal("segments", "compare", "--k", "3", "--methods", "kmeans", "--reduce", "none")
    monkeypatch.setenv("SHOAL_REDIS_URL", "redis://127.0.0.1:9/0")
    with pytest.raises(redis.RedisError):
        redis.Redis(port=9).ping()
    ran = cottage.shoal("segments", "promote", "kmeans-3", "--yes")
    assert ran.code == 0, ran.err
    assert "customers move when `shoal up` runs" in ran.out
