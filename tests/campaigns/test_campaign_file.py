"""Files: what they become, and what they say when they are wrong."""

import json
from datetime import timedelta
from decimal import Decimal

import hypothesis.strategies as st
import pytest
from hypothesis import given

from campaigns.campaign import campaign_identity, campaign_text, load_campaign, offers
from campaigns.errors import InvalidCampaign
from campaigns.policy import campaign_order, load_policy, policy_identity, policy_text
from campaigns.steps import CouponStep
from campaigns.triggers import EventTrigger, ScheduleTrigger, passes

WHOLE = """
id: win-back
when: {segment: at_risk, enters: true}
if:
  recency_days: {at_least: 60}
  orders: {at_least: 3}
  consent.email: true
  did_not: {event: order_completed, within: 4w}
steps:
  - coupon: {percent_off: 15, minimum_spend: 30.50, valid_for: 14d}
  - recommend: {strategy: bought_together, count: 4}
  - tag: {name: comeback, remove: true}
  - segment: Friends
  - webhook: {url: "https://example.com/hook", secret: shop}
by_segment: {at_risk: {coupon: {amount_off: 5, valid_for: 2w}}, others: skip}
limits:
  cooldown: 30d
  per_customer: 2
  quiet_hours: 21:00-09:00
  budget: {amount: 500, currency: EUR, per: 30d}
holdout: 0.2
goal: {event: order_completed, within: 10d}
"""
HEAD = "id: a\nwhen: {event: order_completed}\n"
TAG = "steps: [{tag: x}]\n"


def problems(text: str) -> list[str]:
    with pytest.raises(InvalidCampaign) as caught:
        load_campaign(text, "campaign.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_a_whole_file() -> None:
    campaign = load_campaign(WHOLE, "win-back.yaml")
    coupon = campaign.steps[0]
    assert isinstance(coupon, CouponStep)
    assert coupon.valid_for == timedelta(days=14)
    assert coupon.minimum_spend == Decimal("30.5")
    assert campaign.holdout == 0.2
    assert len(offers(campaign, "at_risk")) == 6
    assert offers(campaign, "lost") == "skip"


def test_the_canonical_text_reads_back_and_ignores_layout() -> None:
    campaign = load_campaign(WHOLE, "a")
    text = campaign_text(campaign)
    assert load_campaign(text, "b") == campaign
    assert campaign_text(load_campaign(text, "b")) == text
    same = WHOLE.replace("14d", "2w").replace("30.50", "30.5") + "# a remark"
    assert campaign_identity(load_campaign(same, "c")) == campaign_identity(campaign)
    other = WHOLE.replace("at_least: 60", "at_least: 61")
    assert campaign_identity(load_campaign(other, "d")) != campaign_identity(campaign)


@pytest.mark.parametrize(
    "when",
    [
        "{event: custom, where: {event: spin}}",
        "{event: product_viewed, where: {category: [a, b], value: {at_least: 3}}}",
        "{segment: champions, leaves: true}",
        "{segment: at_risk.gift_buyers, enters: true}",
        '{schedule: {every: day, at: "09:00"}}',
        "{schedule: {every: week, on: monday, at: 21:30}}",
        '{schedule: {every: week, on: sunday, at: "09:00"}}',
        '{schedule: {every: month, on: 31, at: "09:00"}}',
        '{date: birthday, at: "09:00", offset_days: -7}',
        "{cart_abandoned: {after: 1h}}",
        "{checkout_abandoned: {after: 90m}}",
    ],
)
def test_every_trigger_reads_back(when: str) -> None:
    campaign = load_campaign(f"id: a\nwhen: {when}\n{TAG}", "a")
    assert load_campaign(campaign_text(campaign), "b") == campaign


def test_a_weekday_is_a_number() -> None:
    text = "id: a\nwhen: {schedule: {every: week, on: sunday, at: 21:30}}\n" + TAG
    trigger = load_campaign(text, "a").trigger
    assert isinstance(trigger, ScheduleTrigger)
    assert (trigger.on, trigger.at.hour) == (6, 21)


def test_three_mistakes_are_three_problems() -> None:
    text = (
        "id: win-back\nwhen: {segment: at_rsk, enters: true}\n"
        "if: {recency_dys: {at_least: 60}}\n"
        "steps: [{tag: x}, {coupon: {percent_off: 150, valid_for: 14d}}]\n"
    )
    with pytest.raises(InvalidCampaign) as caught:
        load_campaign(text, "win-back.yaml")
    assert str(caught.value) == (
        "win-back.yaml: 3 problems\n"
        "  when.segment: expected one of champions, loyal, promising, new, at_risk, hibernating, "
        "lost, found 'at_rsk'; did you mean 'at_risk'?\n"
        "  if.recency_dys: expected a known name, found 'recency_dys'; "
        "did you mean 'recency_days'?\n"
        "  steps[1].coupon.percent_off: expected a number above 0 and up to 100, found 150"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("steps: [{message: {channel: email}}]", "steps[0].message: 'message' is not yet built"),
        ("steps: [{wait_until: {}}]", "steps[0].wait_until: 'wait_until' is not yet built"),
        ("steps: [{branch: []}]", "steps[0].branch: 'branch' is not yet built"),
        (
            "steps: [{coupn: {}}]",
            (
                "steps[0].coupn: expected one of coupon, recommend, tag, segment, webhook, "
                "found 'coupn'; did you mean 'coupon'?"
            ),
        ),
        (
            "steps: [{coupon: {valid_for: 1d}}]",
            "steps[0].coupon: expected either percent_off or amount_off",
        ),
        (
            "steps: [{coupon: {amount_off: 5}}]",
            "steps[0].coupon.valid_for: is missing",
        ),
        (
            "steps: [{webhook: {url: 'http://example.com', secret: shop}}]",
            "steps[0].webhook.url: expected an https:// address, found 'http://example.com'",
        ),
        ("steps: []", "steps: expected a list with at least one entry, found []"),
        ("", "steps: expected at least one step, here or in by_segment"),
        (
            TAG + "limits: {quiet_hours: '9-21'}",
            "limits.quiet_hours: expected hours like \"21:00-09:00\", found '9-21'",
        ),
        (
            TAG + "limits: {per_customer: {times: 2, otherwise: delay}}",
            "limits.per_customer.otherwise: delay needs `per`: without it the wait would never end",
        ),
        (
            TAG + "limits: {cooldown: 30 days}",
            (
                "limits.cooldown: expected a duration like 30d, 12h, 90m or 2w "
                "(1 minute to 3,660 days), found '30 days'"
            ),
        ),
        (TAG + "holdout: true", "holdout: expected a number from 0 to 0.9, found True"),
        (
            TAG + "if: {orders: {at_leas: 3}}",
            (
                "if.orders.at_leas: expected one of at_least, at_most, more_than, less_than, "
                "between, equals, not_equals, in, not_in, is_known, found 'at_leas'; "
                "did you mean 'at_least'?"
            ),
        ),
        (
            TAG + "if: {did: {event: order_completed, within: 91d}}",
            "if.did.within: expected a duration like 7d or 2w (1 day to 90 days), found '91d'",
        ),
        (
            TAG + "if: {did: {event: order_completed, within: 36h}}",
            "if.did.within: expected whole days like 7d, found '36h'",
        ),
        (
            TAG + "if: {any: [{orders: {between: [5, 1]}}]}",
            "if.any[0].orders.between: expected two numbers, the smaller first, found [5, 1]",
        ),
        (
            TAG + "if: {did: {event: coupon_redeemed, within: 7d}}",
            "if.did.event: 'coupon_redeemed' is not yet built",
        ),
        (
            TAG + "if: {first_order_at: 5}",
            "if.first_order_at: is a moment; conditions ask for days; did you mean 'tenure_days'?",
        ),
    ],
)
def test_one_mistake_is_named(text: str, problem: str) -> None:
    assert problems(HEAD + text) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("id: a\nid: b\n", "line 2: cannot be read: 'id' stands there twice"),
        ("id: &x a\nwhen: *x\n", "line 2: cannot be read: anchors are not allowed"),
        ("id: [a\n", "line 2: cannot be read: expected ',' or ']', but got '<stream end>'"),
        ("- a\n", "expected a mapping with `id:` and so on"),
        ("", "expected a mapping with `id:` and so on"),
        ("[" * 3000, "is nested too deeply"),
        ("a" * 70_000, "expected at most 65536 characters, found 70000"),
        ("id: !!python/object:os.system x\n", None),
    ],
)
def test_what_is_no_campaign_at_all(text: str, problem: str | None) -> None:
    found = problems(text)
    assert problem is None or found == [problem]


@given(st.text(max_size=60))
def test_no_text_does_anything_but_say_so(text: str) -> None:
    problems(text)


def test_filters_on_the_waking_event() -> None:
    text = "{event: product_viewed, where: {category: [a, b], value: {at_least: 3}}}"
    trigger = load_campaign(f"id: a\nwhen: {text}\n{TAG}", "a").trigger
    assert isinstance(trigger, EventTrigger)
    assert passes(trigger, {"category": "b", "value": 3})
    assert not passes(trigger, {"category": "b", "value": 2})
    assert not passes(trigger, {"value": 3})


def test_a_policy_reads_back() -> None:
    text = (
        "segment: at_risk\nmay_receive: [coupon, tag]\ndiscount_at_most: 20\n"
        "frequency_cap: {times: 2, per: 7d}\nbudget: {amount: 9.5, currency: EUR, per: 30d}\n"
        "quiet_hours: 22:00-08:00\nholdout: 0.05\npriority: [win-back, welcome]\n"
    )
    policy = load_policy(text, "at_risk.yaml")
    assert load_policy(policy_text(policy), "b") == policy
    assert policy_identity(policy) == policy_identity(load_policy(policy_text(policy), "b"))
    assert json.loads(policy_text(policy))["discount_at_most"] == {"percent": 20}
    assert campaign_order(["birthday", "welcome", "win-back"], [policy]) == (
        "win-back",
        "welcome",
        "birthday",
    )


def test_a_wrong_policy_says_where() -> None:
    with pytest.raises(InvalidCampaign) as caught:
        load_policy("segment: at_rsk\nmay_recieve: [coupon]\n", "p.yaml")
    assert [problem.nearest for problem in caught.value.problems] == ["may_receive", "at_risk"]
