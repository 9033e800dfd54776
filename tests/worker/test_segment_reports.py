"""A segment of the shipped log, told: how it differs, by which rules, who came and went."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from sqlalchemy import select, update

from segmentation.model import SegmentModel, assign, to_json
from segmentation.record import DAY
from segmentation.surrogate import fidelity
from segmentation.wording import Words
from tests.segmentation.snapshot import MODELS
from tests.worker.log_store import END, fill
from worker import bulk, models, segment_versions
from worker.customer_reports import why
from worker.database import reading, transaction
from worker.drawing import features_of, ids_of, is_buyer
from worker.learning import learn
from worker.runtime import Kit
from worker.segment_reports import about
from worker.segment_telling import lines
from worker.shop import Shop, load_shops
from worker.stores import AddedStore
from worker.surrogates import KIND, keep_tree, kept_tree, learn_tree

ONE_IN = 16
AT_RISK = "at_risk.big_baskets"


def here(kit: Kit) -> Shop:
    with reading(kit.engine) as connection:
        return load_shops(connection, {"shop"}, -1, END)["shop"]


def publish(kit: Kit, store: int, model: SegmentModel, moved: dict[str, Any]) -> None:
    names = ("store", "kind", "version", "body", "published_at", "customers_read", "report")
    report = msgspec.json.encode({"moved": moved, "sentences": []}).decode()
    row = (store, "segments", model.version, to_json(model), 1, 300, report)
    with transaction(kit.engine) as connection:
        bulk.insert_missing(connection, models.models, names, [row])


def judge(kit: Kit, shop: Shop) -> dict[int, str]:
    """Put everybody where the model says, as the drain does; their groups by id."""
    people = models.customers.c
    with transaction(kit.engine) as connection:
        ids = ids_of(connection, is_buyer(shop.number))
        columns = features_of(connection, shop, ids)
        groups = assign(shop.model, columns).tolist()
        for customer, group in zip(ids, groups, strict=True):
            its = shop.model.groups[group]
            values = {"grouping": its.id, "segment": its.stage}
            connection.execute(
                update(models.customers).where(people.id == customer).values(**values)
            )
    return {one: shop.model.groups[at].id for one, at in zip(ids, groups, strict=True)}


def moves(kit: Kit, store: int, rows: list[tuple[int, int, str, str, str]]) -> None:
    """(customer, days ago, group before, group after, cause) as recorded changes."""
    columns = (
        *("customer", "number", "store", "at", "segment_before", "segment_after"),
        *("group_before", "group_after", "cause", "model"),
    )
    made = [
        (one, number, store, END - ago * DAY, old.split(".")[0], new.split(".")[0], old, new, by, 1)
        for number, (one, ago, old, new, by) in enumerate(rows)
    ]
    with transaction(kit.engine) as connection:
        bulk.upsert(connection, models.segment_changes, columns, made)


@pytest.fixture
def judged(kit: Kit, shop: AddedStore) -> tuple[Kit, Shop, dict[int, str]]:
    """A sixteenth of the log's customers in the groups of a k-means model, with its tree."""
    fill(kit.engine, "shop", ONE_IN)
    publish(kit, shop.number, MODELS["kmeans"](), {"born": [AT_RISK, "lost.one_order"]})
    its = here(kit)
    learn_tree(kit, its)
    return kit, its, judge(kit, its)


def test_a_segment_is_told(judged: tuple[Kit, Shop, dict[int, str]]) -> None:
    kit, shop, groups = judged
    members = [one for one, group in groups.items() if group == AT_RISK]
    moved = [
        (members[0], 3, "loyal.big_baskets", AT_RISK, "time"),
        (members[1], 5, "", AT_RISK, "event"),
        (members[2], 6, AT_RISK, "lost.one_order", "time"),
        (members[2], 60, "", AT_RISK, "event"),
    ]
    moves(kit, shop.number, moved)
    with reading(kit.engine) as connection:
        found = about(connection, shop, AT_RISK, Words("en", "GBP"))
        chinese = about(connection, shop, AT_RISK, Words("zh", "GBP"))
        stage = about(connection, shop, "at_risk", Words())
        columns = features_of(connection, shop, members)
        everybody = features_of(connection, shop, list(groups))
    assert (found["customers"], found["shop"]) == (len(members), len(groups))
    assert stage["customers"] == len(members)
    first = found["profile"][0]
    assert first["here"] == np.median(columns[first["feature"]])
    assert first["shop"] == np.median(everybody[first["feature"]])
    assert found["changes"]["entered"] == {"event": 1, "time": 1}
    assert found["changes"]["left"] == {"time": 1}
    assert (found["changes"]["before"], found["changes"]["now"]) == (len(members) - 1, len(members))
    assert [one["after"] for one in found["changes"]["regrouped"]] == [AT_RISK]
    assert set(found["typical"]) <= set(members)
    assert len(found["typical"]) == 3
    assert found["tree"]["fidelity"]["customers"] == round(len(groups) / 4)
    assert found["tree"]["agreement_now"] > 0.6
    text = "\n".join(lines(Words("en", "GBP"), found))
    assert f"{len(members)} customers" in text
    assert "1 by what they did, 1 as time passed" in text
    assert "At risk · big baskets is a new group" in text
    assert "进入：1 位因自身行为、1 位因时间推移" in "\n".join(lines(Words("zh"), chinese))  # noqa: RUF001 - Chinese


def test_a_profile_of_a_sample_says_so(
    judged: tuple[Kit, Shop, dict[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    kit, shop, groups = judged
    with reading(kit.engine) as connection:
        whole = about(connection, shop, AT_RISK, Words())
        monkeypatch.setattr("worker.drawing.SAMPLE", 50)
        found = about(connection, shop, AT_RISK, Words())
    told = f"  Counted on 50 of {len(groups)} customers with an order, drawn by lot."
    assert told in list(lines(Words(), found))
    assert not any("drawn by lot" in line for line in lines(Words(), whole))
    assert (found["read"]["shop"], whole["read"]["shop"]) == (50, len(groups))


def test_a_customer_is_told_by_the_recorded_group(judged: tuple[Kit, Shop, dict[int, str]]) -> None:
    kit, shop, groups = judged
    one = next(iter(groups))
    moves(kit, shop.number, [(one, 3, "", groups[one], "event")])
    with reading(kit.engine) as connection:
        found = why(connection, shop, one, Words("zh", "GBP"))
    assert found["group"] == groups[one]
    assert found["sentence"].startswith(f"属于“{found['name']}”而不是“")
    assert len(found["details"]) >= len(found["explanation"]["reasons"]) > 0
    (change,) = found["changes"]
    assert (change["from_name"], change["cause_words"]) == ("未分群", "因自身行为")
    assert change["day"] == "2011年12月7日"


def test_the_tree_is_kept_until_enough_are_read_or_groups_change(
    judged: tuple[Kit, Shop, dict[int, str]],
) -> None:
    kit, shop, groups = judged
    with reading(kit.engine) as connection:
        columns = features_of(connection, shop, list(groups)[::2])
        assert trees(connection) == [1]
    second = msgspec.structs.replace(shop.model, version=2)
    keep_tree(kit, shop.number, second, columns)
    other = [
        msgspec.structs.replace(group, id=f"{group.stage}.other_{at}", formerly=())
        for at, group in enumerate(second.groups)
    ]
    third = msgspec.structs.replace(second, version=3, groups=tuple(other))
    with reading(kit.engine) as connection:
        kept = kept_tree(connection, shop.number, second)
        assert kept is not None
        assert (kept.version, trees(connection)) == (1, [1])
        assert kept_tree(connection, shop.number, third) is None
    keep_tree(kit, shop.number, third, columns)
    with reading(kit.engine) as connection:
        assert trees(connection) == [1, 3]
        after = kept_tree(connection, shop.number, third)
    assert after is not None
    assert after.groups == tuple(group.id for group in other)


def test_a_learning_pass_keeps_the_tree_of_its_version(kit: Kit, shop: AddedStore) -> None:
    fill(kit.engine, "shop", ONE_IN // 2)
    with transaction(kit.engine) as connection:
        names = ("store", "wanted_at", "learned_at")
        bulk.upsert(connection, models.learning, names, [(shop.number, END, 0)])
    model = learn(kit, shop.number)
    assert model is not None
    assert model.kind == "kmeans"
    with reading(kit.engine) as connection:
        tree = kept_tree(connection, shop.number, model)
    assert tree is not None
    assert tree.version == model.version == 1
    assert fidelity(tree).agreement > 0.5


def test_a_version_published_by_hand_has_its_tree(judged: tuple[Kit, Shop, dict[int, str]]) -> None:
    kit, shop, _ = judged
    others = tuple(
        msgspec.structs.replace(group, id=f"{group.stage}.by_hand_{at}", formerly=())
        for at, group in enumerate(shop.model.groups)
    )
    second = msgspec.structs.replace(shop.model, version=2, groups=others)
    assert segment_versions.publish(kit, shop, second, "{}")
    with reading(kit.engine) as connection:
        tree = kept_tree(connection, shop.number, second)
    assert tree is not None
    assert tree.version == 2


def trees(connection: Any) -> list[int]:
    columns = models.models.c
    rows = connection.execute(select(columns.version).where(columns.kind == KIND))
    return sorted(row.version for row in rows)


def test_a_store_without_a_tree_or_members_says_so(kit: Kit, shop: AddedStore) -> None:
    assert shop.number
    with reading(kit.engine) as connection:
        found = about(connection, here(kit), "lost", Words())
    assert (found["customers"], found["tree"], found["typical"]) == (0, None, [])
    text = list(lines(Words(), found))
    assert "  none yet: they are learned with the next whole look at the shop" in text
    assert text[2] == "0 customers, 0% of the 0 who have ordered"
