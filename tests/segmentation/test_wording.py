"""Numbers, names and sentences as people say them, in both languages."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from segmentation.explain_segments import Difference
from segmentation.surrogate import Bound, Fidelity, Rule
from segmentation.wording import Words, date, number, share
from segmentation.wording_features import label, said, told_amount, typical_amount
from segmentation.wording_groups import segment_words
from segmentation.wording_segments import (
    bound_words,
    causes_words,
    difference_words,
    fidelity_words,
    regrouping_words,
    rule_words,
)

EN, ZH = Words("en", "GBP", {3: "Tea"}), Words("zh", "GBP", {3: "茶"})
DAY = datetime(2011, 12, 9, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value", "english", "chinese"),
    [
        ("recency_days", 1.0, "1 day", "1 天"),
        ("monetary_value", 1234.4, "£1,234", "£1,234"),
        ("discount_share", 0.253, "25%", "25%"),
        ("browsing_seconds", 90.0, "1.5 minutes", "1.5 分钟"),
        ("browsing_seconds", 9000.0, "2.5 hours", "2.5 小时"),
        ("ticket_hours_mean", 30.0, "30 hours", "30 小时"),
        ("preferred_hour", 23.999, "0:00", "0:00"),
        ("preferred_weekday", 6.2, "Sunday", "星期日"),
        ("rating_mean", 4.24, "4.2 of 5 stars", "4.2 星（满分 5 星）"),  # noqa: RUF001 - Chinese
        ("last_order_at", DAY.timestamp() * 1e6, "9 December 2011", "2011年12月9日"),
        ("age", 41.0, "41 years", "41 岁"),
        ("orders", np.nan, "–", "–"),  # noqa: RUF001 - a dash
    ],
)
def test_amounts_have_their_units(name: str, value: float, english: str, chinese: str) -> None:
    assert told_amount(EN, name, value) == english
    assert told_amount(ZH, name, value) == chinese


def test_one_is_one() -> None:
    assert said(EN, "orders", 1) == "1 order"
    assert said(EN, "orders", 2) == "2 orders"
    assert said(EN, "orders", 1.4) == "1.4 orders"
    assert said(ZH, "orders", 1) == "下过 1 单"
    assert said(EN, "distinct_products", 1) == "1 product in all"


def test_a_typical_gap_of_nobody_is_not_told_in_days() -> None:
    assert typical_amount(EN, "gap_days_mean", 0.1) == "mostly none yet"
    assert typical_amount(EN, "gap_days_mean", 14.0) == "14 days"
    assert typical_amount(EN, "recency_days", 0.1) == "0.1 days"


def test_facts_are_parts_of_sentences() -> None:
    assert said(EN, "recency_days", 12) == "last order 12 days ago"
    assert said(ZH, "recency_days", 12) == "最近一次下单在 12 天前"
    assert said(EN, "gap_days_mean", np.nan) == "no second order yet"
    assert said(EN, "rating_mean", np.nan) == "average rating given unknown"
    assert said(EN, "category_share_3", 0.5) == "share of category Tea: 50%"
    assert said(ZH, "category_share_3", 0.5) == "类目“茶”的占比为 50%"
    assert label(ZH, "category_share_4") == "类目“4 号”的占比"
    assert label(EN, "views_30d") == "recent views (halving every 30 days)"
    assert [said(ZH, "gender_male", value) for value in (1.0, 0.0)] == ["男性", "非男性"]
    assert said(EN, "my_own_ratio", 3) == "my own ratio: 3"


def test_numbers_are_short() -> None:
    assert [number(value) for value in (0.04, 2.0, 2.26, 12.6, 12345.0)] == [
        *("0", "2", "2.3", "13", "12,345")
    ]
    assert [share(value) for value in (0.0, 0.004, 0.07, 1.0, np.nan)] == [
        *("0%", "0.4%", "7%", "100%", "–")  # noqa: RUF001 - a dash
    ]
    assert told_amount(Words("en", "SEK"), "monetary_value", -5.0) == "-5 SEK"
    assert date(EN, DAY) == "9 December 2011"


def test_groups_are_named_from_their_ids() -> None:
    assert segment_words(ZH, "at_risk.big_baskets") == "流失风险客户 · 客单价高"
    assert segment_words(EN, "at_risk.all") == segment_words(EN, "at_risk") == "At risk"
    assert segment_words(EN, "lost.everyday_2") == "Lost · everyday 2"
    assert segment_words(ZH, "") == "未分群"
    assert segment_words(ZH, "lost.tea_lovers") == "流失客户 · tea lovers"


def test_a_segment_is_told_beside_the_shop() -> None:
    found = Difference("orders", 9.0, 2.0, is_mean=False, effect=1.0)
    assert difference_words(EN, found) == "orders: 9 here, 2 in the shop"
    assert difference_words(ZH, found) == "订单数：本群 9，全店 2"  # noqa: RUF001 - Chinese
    means = Difference("refund_share", 0.2, 0.01, is_mean=True, effect=1.0)
    told = "share of sales refunded: 20% here on average, 1% in the shop"
    assert difference_words(EN, means) == told


def test_rules_are_told_with_their_bounds() -> None:
    bounds = (Bound("orders", above=5), Bound("recency_days", 30, 90))
    assert rule_words(EN, Rule(bounds, 1200, 1000)) == (
        "orders above 5 and time since the last order above 30 days up to 90 days: "
        "1,000 of 1,200 such customers belong here"
    )
    assert bound_words(ZH, bounds[1]) == "距最近一次下单超过 30 天 且不超过 90 天"
    seldom = Bound("gap_days_mean", up_to=30, takes_unknown=True)
    assert bound_words(EN, seldom) == (
        "usual time between orders up to 30 days (or no second order yet)"
    )
    assert bound_words(ZH, Bound("monetary_value", up_to=500)) == "累计消费不超过 £500"
    assert rule_words(EN, Rule((), 3, 3)).startswith("everybody: 3 of 3")


def test_the_trees_worth_is_told() -> None:
    told, about = fidelity_words(EN, Fidelity(1024, 0.83, 0.9, float("nan")))
    assert "83% of 1,024 customers left out" in told
    assert about.startswith("For this segment: 90% of those whom the rules name")
    assert "1,024" in fidelity_words(ZH, Fidelity(1024, 0.83, 0.9, 0.8))[0]


def test_changes_are_told_by_cause() -> None:
    assert causes_words(EN, {"time": 3, "event": 1200}) == (
        "1,200 by what they did, 3 as time passed"
    )
    assert causes_words(ZH, {}) == "无"
    assert regrouping_words(EN, "", "lost.often") == "Lost · buy often is a new group"
    assert regrouping_words(EN, "lost.often", "") == "Lost · buy often has no successor"
    assert regrouping_words(ZH, "lost.often", "new.often") == (
        "“流失客户 · 购买频繁”现为“新客户 · 购买频繁”"
    )
