"""Groups get the stage their centre speaks for, a lasting id and a name."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from segmentation.clustering import learn
from segmentation.model import Group
from segmentation.naming import Profile, described, named, stages
from segmentation.rules import STAGES, Columns, RuleSet
from tests.segmentation.test_clustering import NOW, shop

# recency, orders, money, tenure, gap, relative: recency, orders, money, tenure
PLACES = {
    "champions": (8, 22, 9000, 650, 28, -1.3, 2.0, 1.7, 0.6),
    "loyal": (18, 6.4, 1600, 430, 79, -0.95, 0.55, 0.4, 0.15),
    "promising": (90, 3.2, 500, 460, 100, 0.0, -0.2, -0.4, 0.2),
    "new": (20, 1.1, 300, 25, 2, -0.9, -0.9, -0.6, -2.4),
    "at_risk": (228, 5, 900, 520, 99, 0.6, 0.3, 0.2, 0.4),
    "hibernating": (230, 1.1, 110, 330, 0, 0.8, -1.0, -0.6, 0.1),
    "between": (50, 4.8, 1000, 440, 90, -0.5, 0.2, 0.1, 0.2),
    "lost": (423, 1.1, 310, 423, 0, 1.2, -1.0, -1.0, 0.2),
}
LEARNED = ("recency_days", "orders", "monetary_value", "tenure_days", "gap_days_mean")


def profile(order: tuple[str, ...] = STAGES, **relative: list[float]) -> Profile:
    rows = np.array([PLACES[stage] for stage in order], dtype=np.float64)
    typical: Columns = {name: rows[:, at] for at, name in enumerate(LEARNED)}
    far = {name: rows[:, 5 + at] for at, name in enumerate(LEARNED[:4])}
    traits = {name: np.array(values) for name, values in relative.items()}
    weights = tuple(float(100 - at) for at in range(len(order)))
    return Profile(typical, {**far, **traits}, weights, RuleSet(gap_days=72))


def nobody(count: int) -> list[Group | None]:
    return [None] * count


def test_each_kind_of_customer_gets_its_stage_in_any_order() -> None:
    order = tuple(reversed(STAGES))
    assert stages(profile(order), [None] * 7) == order
    assert stages(profile(), [None] * 7) == STAGES


def test_a_stage_without_such_customers_stays_empty() -> None:
    found = stages(profile(("champions", "loyal", "loyal", "loyal")), [None] * 4)
    assert found == ("champions", "loyal", "loyal", "loyal")


def test_a_group_keeps_its_stage_until_another_fits_clearly_better() -> None:
    order = ("champions", "between", "new")
    between = profile(order)
    assert stages(between, [None] * 3)[1] == "loyal"
    assert stages(between, ["champions", "promising", "new"])[1] == "promising"
    assert stages(between, ["champions", "lost", "new"])[1] == "loyal"


@pytest.mark.invariant("I5")
def test_an_heir_keeps_id_and_name_whatever_its_traits_are_now() -> None:
    old = Group("loyal.browsers", "loyal", "Loyal · browse a lot", ("new.x",), 3.0)
    first, second = named(profile(("champions", "loyal"), items_per_order=[0, 3]), [None, old])
    assert (second.id, second.name, second.formerly) == (old.id, old.name, old.formerly)
    assert second.weight == 99
    assert first.stage == "champions"


def test_a_group_that_leaves_its_stage_takes_a_new_id_and_keeps_the_old_one_on_record() -> None:
    old = Group("lost.browsers", "lost", "Lost · browse a lot", ("new.x",))
    found = named(profile(("loyal",)), [old])[0]
    assert found.stage == "loyal"
    assert found.id.startswith("loyal.")
    assert found.formerly == ("new.x", "lost.browsers")


def test_a_group_that_comes_back_to_a_stage_takes_its_old_id_again() -> None:
    away = Group("lost.everyday", "lost", "Lost", ("loyal.send_back",))
    found = named(profile(("loyal",)), [away])[0]
    assert (found.id, found.name) == ("loyal.send_back", "Loyal · often send back")
    assert found.formerly == ("lost.everyday",)


@pytest.mark.invariant("I5")
def test_an_id_that_another_group_had_is_not_given_away() -> None:
    away = Group("lost.everyday", "lost", "Lost", ("loyal.few_items",))
    order = ("loyal", "lost")
    found = named(profile(order, items_per_order=[-3, 0]), [None, away])
    assert found[0].stage == "loyal"
    assert found[0].id != "loyal.few_items"


def test_the_most_marked_trait_gives_the_name() -> None:
    found = named(profile(("loyal",), average_order_value=[0.9], items_per_order=[-1.4]), nobody(1))
    assert found[0].id == "loyal.few_items"
    assert found[0].name == "Loyal · few items at once"


def test_features_that_the_groups_were_not_learned_from_can_name_them() -> None:
    found = named(profile(("loyal",), discount_share=[2.5]), nobody(1))
    assert found[0].id == "loyal.bargain_hunters"


@pytest.mark.parametrize(("browsers", "told"), [(1, set()), (150, {"views"})])
def test_a_feature_that_hardly_anybody_has_names_nobody(browsers: int, told: set[str]) -> None:
    people = shop(600)
    views = np.zeros(600)
    views[:browsers] = 50.0
    model = learn(people, None, now=NOW)
    found = described(model, {**people, "views": views})
    assert {"views"} & found.relative.keys() == told


def test_nothing_marked_is_everyday() -> None:
    place = profile(("between",), average_order_value=[0.3], items_per_order=[-0.3])
    assert named(place, nobody(1))[0].id == "loyal.everyday"


def test_ids_differ_within_a_stage_and_from_ids_in_use_before() -> None:
    kept = Group("loyal.few_items", "loyal", "Loyal", ("loyal.big_baskets",))
    found = named(
        profile(
            ("loyal",) * 4,
            items_per_order=[-2, -2, -2, -2],
            average_order_value=[1.9, 1.9, 1.9, 1.9],
        ),
        [kept, None, None, None],
    )
    ids = [group.id for group in found]
    assert len(set(ids)) == 4
    assert ids[0] == "loyal.few_items"
    assert "loyal.big_baskets" not in ids


def test_the_greatest_group_chooses_its_name_first() -> None:
    alike = profile(("loyal", "loyal"), items_per_order=[-2, -2])
    second, first = named(msgspec.structs.replace(alike, weights=(5.0, 80.0)), nobody(2))
    assert first.id == "loyal.few_items"
    assert second.id != first.id


def test_dozens_of_alike_groups_are_numbered() -> None:
    found = named(profile(("new",) * 12), nobody(12))
    assert len({group.id for group in found}) == 12


@pytest.mark.parametrize("seed", range(3))
def test_names_do_not_depend_on_the_order_of_groups(seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(len(STAGES))
    straight = {group.stage: group.id for group in named(profile(), nobody(7))}
    order = tuple(STAGES[at] for at in shuffled)
    assert {group.stage: group.id for group in named(profile(order), nobody(7))} == straight
