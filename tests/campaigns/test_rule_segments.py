"""Rule files: what they may say, what is refused with its place, and what they are written as."""

from __future__ import annotations

import jsonschema
import numpy as np
import pytest
import yaml

from campaigns.campaign import load_campaign, offers
from campaigns.conditions import Every, Not, Test, mask
from campaigns.errors import InvalidCampaign
from campaigns.facts import Facts
from campaigns.policy import load_policy, policies_of
from campaigns.rule_segments import load_rule, rule_identity, rule_text
from campaigns.schema import rule_schema
from campaigns.steps import TagStep

VIP = """
segment: rule.vip
name: {en: Big spenders, zh: 大客户}
description: Whoever spent a lot and was here lately.
if:
  monetary_value: {at_least: 500}
  did: {event: order_completed, within: 90d}
"""
SCHEMA = jsonschema.Draft202012Validator(rule_schema())


def refused(text: str) -> str:
    with pytest.raises(InvalidCampaign) as found:
        load_rule(text, "rules/vip.yaml")
    return str(found.value)


def test_a_rule_is_read_and_written_back_the_same() -> None:
    rule = load_rule(VIP, "rules/vip.yaml")
    assert load_rule(rule_text(rule), "again") == rule
    assert rule_identity(rule) == rule_identity(load_rule(rule_text(rule), "again"))
    segment = rule.segment(3)
    assert (segment.id, segment.kind, segment.version) == ("rule.vip", "rule", 3)
    assert (segment.name_in("zh"), segment.name_in("en")) == ("大客户", "Big spenders")
    SCHEMA.validate(yaml.safe_load(VIP))


def test_a_bare_name_is_its_english_one() -> None:
    rule = load_rule("segment: rule.a\nname: Regulars\nif: {orders: {at_least: 3}}", "a.yaml")
    assert rule.segment(1).names == (("en", "Regulars"),)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("segment: vip", "segment: expected an id like `rule.vip`"),
        ("segment: Rule.VIP", "did you mean 'rule.vip'"),
        ("segment: champions", "segment: expected an id like `rule.vip`"),
        ("segment: predicted.churn.high", "is not yet built"),
        ("name: ''", "name: expected a text of 1 to 60 characters"),
        ("name: {de: Groß}", "name.de: expected one of en, zh"),
        ("nam: x", "nam: expected one of segment, name, if, description"),
    ],
)
def test_a_wrong_line_is_said_with_its_place(change: str, said: str) -> None:
    data = {**yaml.safe_load(VIP), **yaml.safe_load(change)}
    assert said in refused(yaml.safe_dump(data, allow_unicode=True))
    with pytest.raises(jsonschema.ValidationError):
        SCHEMA.validate(data)


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("{order.value: {at_least: 5}}", "if.order.value: is known only to the event"),
        ("{segment: rule.other}", "if.segment: names the segment of a rule, 'rule.other'"),
        (
            "{any: [{orders: 1}, {not: {segment: {not_in: [lost, rule.vip]}}}]}",
            "names the segment of a rule, 'rule.vip'",
        ),
        ("{ordrs: 1}", "if.ordrs: expected a known name, found 'ordrs'; did you mean 'orders'"),
        ("{}", "if: expected a mapping"),
    ],
)
def test_a_rule_asks_only_what_is_always_known(condition: str, said: str) -> None:
    assert said in refused(f"segment: rule.a\nname: A\nif: {condition}")


def test_all_problems_are_told_at_once() -> None:
    assert "3 problems" in refused("segment: x\nif: {orders: {at_leas: 1}}")


def test_campaign_conditions_may_ask_for_rule_segments_beside_stages() -> None:
    facts = Facts(
        4,
        {
            "segment": np.array(["champions", "lost", "", "new"], object),
            "group": np.array(["", "", "", "new.all"], object),
            "memberships": np.fromiter([(), ("rule.vip",), ("rule.vip", "rule.b"), ()], object),
        },
    )
    vip = Test("segment", "equals", "rule.vip")
    assert mask(vip, facts).tolist() == [False, True, True, False]
    either = Test("segment", "in", ("rule.vip", "champions"))
    assert mask(either, facts).tolist() == [True, True, True, False]
    # Everybody is in a rule's segment or not; of stages that is known only after an order.
    assert mask(Test("segment", "not_equals", "rule.vip"), facts).tolist() == [
        True,
        False,
        False,
        1,
    ]
    assert mask(Test("segment", "not_in", ("rule.b", "new")), facts).tolist() == [
        1,
        1,
        False,
        False,
    ]
    assert mask(Every((Not(vip), Test("segment", "equals", "new"))), facts).tolist() == [0, 0, 0, 1]


def test_a_policy_of_a_rules_segment_has_no_budget_yet() -> None:
    policy = load_policy("segment: rule.vip\ndiscount_at_most: 10", "segments/rule.vip.yaml")
    assert policies_of({"rule.vip": policy}, "lost", "", ("rule.vip",)) == (policy,)
    assert policies_of({"rule.vip": policy}, "lost") == ()
    budget = "segment: rule.vip\nbudget: {amount: 5, currency: EUR, per: 30d}"
    with pytest.raises(InvalidCampaign, match="budget: is not yet built for a segment by rule"):
        load_policy(budget, "segments/rule.vip.yaml")


def test_of_several_rules_the_first_by_id_gives_the_steps() -> None:
    campaign = load_campaign(
        "id: a\nwhen: {event: order_completed}\n"
        "by_segment: {rule.b: {tag: b}, rule.c: {tag: c}, lost: {tag: lost}, others: {tag: rest}}",
        "a.yaml",
    )
    told = [offers(campaign, "lost", "", rules) for rules in (("rule.c", "rule.b"), ("rule.x",))]
    assert told == [(TagStep("b"),), (TagStep("lost"),)]


def test_a_band_of_a_prediction_is_refused_as_not_built() -> None:
    when = "id: a\nwhen: {segment: predicted.churn.high, enters: true}\nsteps: [tag: x]"
    with pytest.raises(InvalidCampaign, match=r"'predicted\.churn\.high' is not yet built"):
        load_campaign(when, "a.yaml")


def test_a_file_that_is_no_mapping_is_told_how_a_rule_begins() -> None:
    assert "expected a mapping with `segment:`" in refused("- a\n")
