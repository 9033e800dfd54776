"""What a report computes by itself: sizes counted back, flows, the map, questions, the light."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import numpy as np
import plotly.graph_objects as go
import pytest

from campaigns.library import READY
from segmentation.drift import Drift
from segmentation.features import BY_NAME
from segmentation.model import empty_model
from segmentation.rules import STAGES
from segmentation.surrogate import Fidelity, Node, Surrogate
from segmentation.wording import Words
from segmentation.wording_report import (
    advice_words,
    axis_words,
    closeness_words,
    health_words,
    light_words,
    mark_words,
    short_date,
)
from worker.reporting import figures, sampling
from worker.reporting.advice import CAMPAIGNS
from worker.reporting.content import Advice, Axis, Flow, Flows, Picture, StageFigures
from worker.reporting.counting import Moves
from worker.reporting.counting_back import flows, history
from worker.reporting.health import light
from worker.reporting.look import COLOURS, LIGHTS, SIGNS, SYMBOLS, tint
from worker.reporting.mapping import MOST, picture
from worker.reporting.plots import note, script_json
from worker.reporting.questions import Answer, Question, asked

NOW: Final = 1_323_475_200_000_000  # 2011-12-10
MOVES: Final = (
    Moves(0, "event", 2, "", "new", 3, 0),
    Moves(2, "time", 2, "loyal", "at_risk", 4, 4),
    Moves(5, "model", 2, "lost", "loyal", 10, 10),
    Moves(9, "event", 1, "at_risk", "loyal", 2, 2),
)
SIZES: Final = {"new": 5, "loyal": 20, "at_risk": 10, "lost": 1}


def test_sizes_are_counted_back_day_by_day() -> None:
    found = history(SIZES, MOVES)
    assert found is not None
    assert found.days == tuple(range(9, -1, -1))
    # From nine days ago until today.
    assert found.sizes["new"] == (2,) * 9 + (5,)
    assert found.sizes["loyal"] == (14, 14, 14, 14, 24, 24, 24, 20, 20, 20)
    assert found.sizes["at_risk"] == (6,) * 7 + (10,) * 3
    assert found.sizes["lost"] == (11,) * 4 + (1,) * 6
    assert found.sizes["champions"] == (0,) * 10


def test_what_was_erased_leaves_no_size_below_nothing() -> None:
    found = history(
        {}, [Moves(1, "event", 1, "", "new", 2, 0), Moves(3, "event", 1, "", "new", 1, 0)]
    )
    assert found is not None
    assert found.sizes["new"] == (0, 0, 0, 0)
    assert history({"new": 5}, []) is None


def test_only_large_moves_by_others_are_marked() -> None:
    found = history(SIZES, MOVES)
    assert found is not None
    assert [(one.ago, one.version, one.customers) for one in found.marks] == [(5, 2, 10)]
    few = history({"loyal": 1_000}, MOVES)
    assert few is not None
    assert few.marks == ()


def test_whole_weeks_are_counted_by_what_customers_did() -> None:
    found = history(SIZES, [*MOVES, Moves(13, "time", 1, "new", "lost", 9, 9)])
    assert found is not None
    assert found.weekly == pytest.approx((11 / 36, 4 / 36))


def test_flows_are_made_by_customers_themselves() -> None:
    assert flows(MOVES, 7).flows == (Flow("loyal", "at_risk", 4), Flow("", "new", 3))
    assert Flow("at_risk", "loyal", 2) in flows(MOVES, 30).flows
    assert flows([Moves(1, "event", 1, "loyal", "loyal", 2, 2)], 7).flows == ()


def columns(rows: int, seed: int = 0) -> dict[str, np.ndarray]:
    chance = np.random.default_rng(seed)
    rich = chance.normal(size=rows)
    return {
        "orders": np.exp(rich + 2),
        "monetary_value": np.exp(2 * rich + 5),
        "recency_days": np.exp(0.8 * chance.normal(size=rows) + 3),
        "gap_days_mean": np.where(np.arange(rows) % 3, 30.0, np.nan),
    }


def test_the_map_lies_along_what_differs_most() -> None:
    told = columns(200)
    found = picture(empty_model(), told, ["loyal"] * 200)
    assert found is not None
    assert set(found.right.more) == {"orders", "monetary_value"}
    assert np.corrcoef(found.x, np.log(told["monetary_value"]))[0, 1] > 0.95
    assert 0.6 < found.explained < 0.9


def test_the_map_draws_few_and_nobody_without_a_stage() -> None:
    stages = ["", *["new"] * (MOST + 10)]
    found = picture(empty_model(), columns(len(stages)), stages)
    assert found is not None
    assert len(found.stages) == len(found.x) == len(found.y) == MOST
    assert set(found.stages) == {"new"}
    assert picture(empty_model(), columns(2), ["new", "new"]) is None
    alike = {name: np.ones(5) for name in columns(5)}
    assert picture(empty_model(), alike, ["new"] * 5) is None


def test_questions_that_part_nobody_are_left_out() -> None:
    leaf = [Node((5, 1)), Node((3, 0)), Node((0, 7))]
    nodes = (
        Node((8, 8), "orders", 3.0, 1, 2),
        Node((8, 1), "gap_days_mean", 11.0, 3, 4),
        leaf[2],
        leaf[0],
        leaf[1],
    )
    tree = Surrogate(
        1, ("new.all", "loyal.all"), nodes, {"orders": 0.0, "gap_days_mean": 0.0}, ((1, 0), (0, 1))
    )
    found = asked(tree)
    assert found == Question(
        "orders", 3.0, Answer("new.all", 8, 9), Answer("loyal.all", 7, 7), None
    )
    nodes = (*nodes[:3], Node((1, 5)), leaf[1])
    inner = asked(Surrogate(1, tree.groups, nodes, tree.unknown, tree.tested, ("gap_days_mean",)))
    assert isinstance(inner, Question)
    assert isinstance(inner.yes, Question)
    assert (inner.takes_unknown, inner.yes.takes_unknown) == (None, True)


@pytest.mark.parametrize(
    ("index", "error", "colour"),
    [(0.1, 1.0, "good"), (0.3, 1.0, "look"), (0.1, 1.15, "look"), (0.1, 1.3, "act")],
)
def test_the_light_follows_the_drift(index: float, error: float, colour: str) -> None:
    found = Drift({"orders": index, "recency_days": 0.0}, error, error, 0.1)
    assert light(found) == colour
    said = health_words(Words(), "kmeans", found)
    assert ("There is nothing to do" in said) == (colour == "good")
    assert ("orders" in said) == (index >= 0.25)


def test_many_shifted_features_ask_to_act() -> None:
    assert light(Drift({"orders": 0.3, "recency_days": 2.0, "views": 0.0}, 1, 1, 0)) == "act"
    assert light(None) == "unknown"
    assert "200 customers" in health_words(Words(), "rules", None)
    assert "tomorrow" in health_words(Words(), "kmeans", None)


def test_every_stage_has_advice_and_every_campaign_is_ready() -> None:
    for language in ("en", "zh"):
        words = Words(language)
        assert len({advice_words(words, stage) for stage in STAGES}) == len(STAGES)
        assert len({light_words(words, one) for one in LIGHTS}) == len(SIGNS) == 4
    assert set(CAMPAIGNS.values()) <= set(READY)
    assert set(CAMPAIGNS) <= set(STAGES)


def test_sentences_are_true_to_their_numbers() -> None:
    en = Words("en", "EUR")
    told = [closeness_words(en, Fidelity(90, share, 1, 1)) for share in (0.9, 0.8, 0.5)]
    assert [text.split(":")[0] for text in told] == [
        "You may take them at their word",
        "Take them as a rule of thumb",
        "Take them as a rough sketch only",
    ]
    assert "tried on 90 of your customers" in told[0]
    assert axis_words(en, ("orders", "views"), ("recency_days", "category_share_1")) == (
        "more orders",
        "more: pages and products viewed",
        "last order more recent",
        "less: share of category no. 1",
    )
    day = datetime(2011, 12, 9, tzinfo=UTC)
    assert (short_date(en, day), short_date(Words("zh"), day)) == ("9 Dec", "12月9日")
    assert "older orders" in mark_words(en, day, "import", 3, 1_200)
    assert "9 December 2011: 1,200 of your customers" in mark_words(en, day, "model", 3, 1_200)


def test_every_stage_has_a_colour_and_a_sign_of_its_own() -> None:
    assert len({COLOURS[stage] for stage in STAGES}) == len(set(SYMBOLS.values())) == len(STAGES)
    assert (tint(0.1), tint(-0.1)) == ("transparent", "transparent")
    assert tint(1.0) != tint(-1.0) != tint(-2.0) == tint(-9.0)


def stage(name: str, customers: int, spent: float) -> StageFigures:
    share = customers / 30
    return StageFigures(
        name, customers, share, None, 1, 2, spent, spent / 100, spent * 2, Advice("", "")
    )


def test_plotly_knows_every_part_of_the_pictures() -> None:
    words = Words("zh")
    found = history(SIZES, MOVES)
    assert found is not None
    plane = Picture(
        ("new", "lost", "lost"),
        (0.0, 1.0, 2.0),
        (0.0, 0.1, 0.0),
        Axis(("orders",), ()),
        Axis((), ()),
        0.7,
    )
    drawn: dict[str, Any] = {
        "sizes": figures.sizes(words, found, NOW),
        "weeks": figures.weeks(words, found, NOW),
        "flows": figures.flows(words, flows(MOVES, 30)),
        "map": figures.plane(words, plane),
        "spending": figures.spending(words, [stage("new", 20, 80), stage("lost", 10, 20)]),
    }
    for figure in drawn.values():
        assert go.Figure(figure, skip_invalid=False).data
    bars = {one["name"]: one["x"] for one in drawn["spending"]["data"]}
    assert list(bars.values()) == [[10 / 30, 20 / 30], [0.2, 0.8]]
    sankey = drawn["flows"]["data"][0]
    assert [re.sub(r"\D", "", one) for one in sankey["node"]["label"]] == [
        "3",
        "4",
        "2",
        "2",
        "3",
        "4",
    ]
    assert sorted(sankey["link"]["value"]) == [2, 3, 4]
    assert all(0 < y < 1 for y in sankey["node"]["y"])
    assert len(drawn["sizes"]["layout"]["shapes"]) == 1


def test_no_text_is_read_as_html_or_ends_a_script() -> None:
    evil = "</script><img src=x>\u2028&"
    assert note(evil, 0, 0)["text"] == "&lt;/script&gt;&lt;img src=x&gt;\u2028&amp;"
    told = script_json({"one": {"text": evil}})
    assert re.search("[<>&\u2028]", told) is None
    assert msgspec.json.decode(told) == {"one": {"text": evil}}


def test_a_single_flow_is_drawn_too() -> None:
    figure = figures.flows(Words(), Flows(30, (Flow("", "new", 1),)))
    assert figure["data"][0]["node"]["label"] == ["First order · 1", "New · 1"]


def test_a_cell_tells_a_difference_only_where_middle_and_mean_agree() -> None:
    everybody = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, np.nan])
    of = BY_NAME["orders"]
    assert sampling._cell(of, np.array([8.0, 9, 9]), everybody).effect > 0.5  # noqa: SLF001 - one cell
    skewed = sampling._cell(of, np.array([4.0, 4, 90]), everybody)  # noqa: SLF001 - one cell
    assert (skewed.value, skewed.effect) == (4.0, 0.0)
    none = sampling._cell(of, np.array([4.0, np.nan, np.nan]), everybody)  # noqa: SLF001 - one cell
    assert (np.isnan(none.value), none.effect) == (True, 0.0)
