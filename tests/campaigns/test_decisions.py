"""One test a reason, in the order in which they are asked."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from campaigns.decisions import Decided, Decision, Usage
from campaigns.errors import MissingFact
from campaigns.explanation import decision_sentences, reason_sentence
from campaigns.reasons import REASONS
from connectors.events import moment

Run = Callable[..., Decided]
DAY = 86_400_000_000
HOUR = 3_600_000_000
COUPON = "steps: [{coupon: {amount_off: 5, valid_for: 7d}}]\n"


def only(decided: Decided) -> Decision:
    (decision,) = decided.decisions
    # Whatever was decided can be said.
    assert "{" not in reason_sentence(decision.reason, decision.detail)
    return decision


def test_fires_with_its_steps_and_cost(run: Run, now: int) -> None:
    decided = run(COUPON)
    decision = only(decided)
    assert (decision.outcome, decision.reason, decision.mode) == ("fire", "fired", "live")
    assert (decision.campaign, decision.version, decision.customer) == ("win-back", 7, 1)
    assert decision.cost == 500
    assert not decision.is_estimate
    assert len(decision.steps) == 1
    assert decision.is_final
    delta = decided.delta
    assert delta.uses == {1: [now]}
    assert delta.contacts == {1: [now]}
    assert (delta.spent, delta.this_hour, delta.decided) == (500, 1, {(1, "entry:0")})


@pytest.mark.invariant("I7")
def test_held_out_reserves_alike_but_contacts_nobody(run: Run) -> None:
    decided = run(
        COUPON + "limits: {budget: {amount: 50, currency: EUR, per: 1d}}\n",
        customers=list(range(1, 11)),
        policies=["segment: at_risk\nholdout: 0.9\n"],
    )
    arms = [decision.outcome for decision in decided.decisions]
    assert arms.count("holdout") > 5
    assert decided.delta.spent == 5000
    assert len(decided.delta.uses) == 10
    assert len(decided.delta.contacts) == arms.count("fire")
    held = next(d for d in decided.decisions if d.outcome == "holdout")
    assert held.reason == "held_out"
    assert held.steps
    assert reason_sentence(held.reason, held.detail).endswith("control group (90%).")


def test_shadow_contacts_nobody(run: Run) -> None:
    decided = run("", state="shadow")
    assert only(decided).mode == "shadow"
    assert only(decided).outcome == "fire"
    assert decided.delta.contacts == {}


def test_already_decided_before_or_in_this_batch(run: Run) -> None:
    before = run("", usage=Usage(decided={(1, "entry:0")}))
    assert only(before).reason == "already_decided"
    twice = run("", customers=[1, 1], occasions=["a", "a"])
    assert [d.reason for d in twice.decisions] == ["fired", "already_decided"]


@pytest.mark.parametrize("state", ["paused", "removed"])
def test_a_campaign_that_is_off(run: Run, state: str) -> None:
    assert only(run("", state=state)).reason == state


def test_before_start(run: Run, now: int) -> None:
    assert only(run("", started_at=now + 1)).reason == "before_start"
    assert only(run("", started_at=now)).reason == "fired"


def test_stale(run: Run, now: int) -> None:
    assert only(run("", at=now - DAY)).reason == "fired"
    late = only(run("", at=now - 2 * DAY))
    assert late.reason == "stale"
    assert late.detail == {"age": "2 days", "limit": "1 day"}


def test_condition_names_what_failed(run: Run) -> None:
    text = "if: {orders: {at_least: 3}, recency_days: {at_least: 60}}\n"
    decision = only(run(text, facts={"orders": 5.0, "recency_days": 10.0}))
    assert decision.reason == "condition"
    assert decision.detail == {"condition": "days since the last order is at least 60"}


def test_a_missing_column_is_our_fault(run: Run) -> None:
    with pytest.raises(MissingFact, match="'orders' was not fetched"):
        run("if: {orders: 1}\n")


def test_suppressed(run: Run) -> None:
    assert only(run("", facts={"is_suppressed": True})).reason == "suppressed"


@pytest.mark.parametrize(
    ("consent", "reason"), [(1.0, "fired"), (0.0, "no_consent"), (np.nan, "no_consent")]
)
def test_consent(run: Run, consent: float, reason: str) -> None:
    found = run(
        "limits: {consent: {channel: email, otherwise: drop}}\n", facts={"consent.email": consent}
    )
    assert only(found).reason == reason
    assert only(found).is_final  # dropped, or fired


def test_segment_skipped_and_no_steps(run: Run) -> None:
    text = "by_segment: {champions: {tag: vip}, at_risk: skip}\n"
    assert only(run(text)).reason == "segment_skipped"
    assert only(run(text, facts={"segment": "lost"})).reason == "no_steps"


def test_the_group_comes_before_its_stage(run: Run) -> None:
    text = "by_segment: {at_risk: skip, at_risk.gift_buyers: {tag: gifts}}\n"
    decision = only(run(text, facts={"group": "at_risk.gift_buyers"}))
    assert (decision.outcome, decision.segment) == ("fire", "at_risk.gift_buyers")


def test_not_received(run: Run) -> None:
    found = only(run(COUPON, policies=["segment: at_risk\nmay_receive: [recommend]\n"]))
    assert reason_sentence(found.reason, found.detail) == (
        "Segment at_risk may not receive a coupon; only recommend."
    )
    nothing = only(run(COUPON, policies=["segment: everyone\ndiscount_at_most: 0\n"]))
    assert nothing.reason == "not_received"


def test_a_policy_lowers_the_discount_and_is_named(run: Run) -> None:
    text = "steps: [{coupon: {percent_off: 30, valid_for: 7d}}]\n"
    policy = "segment: at_risk\ndiscount_at_most: {percent: 20, amount: 12}\n"
    decision = only(run(text, policies=[policy]))
    assert (decision.cost, decision.is_estimate) == (1200, False)
    assert decision.detail["lowered_by"] == "segment at_risk"
    said = decision_sentences(decision.reason, decision.detail)
    assert said[1] == "The discount was lowered to what segment at_risk allows."


def test_an_unbounded_percentage_is_an_estimate(run: Run) -> None:
    text = "steps: [{coupon: {percent_off: 10, minimum_spend: 30, valid_for: 7d}}]\n"
    assert only(run(text)).cost == 300
    own = only(run(text, facts={"average_order_value": 80.0}, average_order_value=5000))
    assert (own.cost, own.is_estimate) == (800, True)


def test_cooldown(run: Run, now: int) -> None:
    text = "limits: {cooldown: {for: 30d, otherwise: delay}}\n"
    rested = run(text, usage=Usage(uses={1: [now - 30 * DAY]}))
    assert only(rested).outcome == "fire"
    tired = only(run(text, usage=Usage(uses={1: [now - 29 * DAY]})))
    assert (tired.reason, tired.until) == ("cooldown", now + DAY)
    assert tired.detail["ago"] == "29 days"


def test_per_customer(run: Run, now: int) -> None:
    before = Usage(uses={1: [now - 9 * DAY, now - 8 * DAY]})
    assert only(run("limits: {per_customer: 2}\n", usage=before)).reason == "per_customer"
    text = "limits: {per_customer: {times: 2, per: 9d, otherwise: delay}}\n"
    assert only(run(text, usage=before)).outcome == "fire"
    text = "limits: {per_customer: {times: 2, per: 10d, otherwise: delay}}\n"
    assert only(run(text, usage=before)).until == now + DAY


def test_frequency_cap_names_the_strictest(run: Run, now: int) -> None:
    text = "limits: {frequency_cap: {times: 3, per: 7d}}\n"
    before = Usage(contacts={1: [now - 3 * DAY, now - 2 * DAY, now - DAY]})
    policy = "segment: at_risk\nfrequency_cap: {times: 1, per: 2d, otherwise: delay}\n"
    decision = only(run(text, policies=[policy], usage=before))
    assert decision.reason == "frequency_cap"
    assert decision.detail["by"] == "segment at_risk"
    # Both must let go, not only the one that is named.
    assert decision.until == now + 4 * DAY


def test_at_most_per_hour_waits_for_the_next(run: Run, now: int) -> None:
    found = run("limits: {at_most_per_hour: 2}\n", customers=[1, 2], usage=Usage(this_hour=1))
    assert [d.reason for d in found.decisions] == ["fired", "at_most_per_hour"]
    assert found.decisions[1].until == now + HOUR


def test_budget_is_exact_within_the_batch(run: Run) -> None:
    text = COUPON + "limits: {budget: {amount: 12, currency: EUR, per: 30d}}\n"
    found = run(text, customers=[1, 2, 3], usage=Usage(spent=200))
    assert [d.reason for d in found.decisions] == ["fired", "fired", "budget"]
    assert reason_sentence("budget", found.decisions[2].detail) == (
        "12.00 EUR of 12 EUR in 30 days is used; this would cost up to 5.00 EUR "
        "(set by the campaign)."
    )


def test_a_segment_budget_counts_all_campaigns(run: Run) -> None:
    policy = "segment: at_risk\nbudget: {amount: 10, currency: EUR, per: 30d}\n"
    found = run(
        COUPON, policies=[policy], customers=[1, 2], usage=Usage(segment_spent={"at_risk": 400})
    )
    assert [d.reason for d in found.decisions] == ["fired", "budget"]
    assert found.decisions[1].detail["by"] == "segment at_risk"
    assert found.delta.segment_spent == {"at_risk": 500}


def test_budget_in_another_currency_fires_nothing(run: Run) -> None:
    text = COUPON + "limits: {budget: {amount: 12, currency: EUR, per: 30d}}\n"
    assert only(run(text, currency="GBP")).reason == "budget_currency"


def test_quiet_hours_in_the_customers_zone_else_the_stores(run: Run, now: int) -> None:
    text = 'limits: {quiet_hours: "21:00-09:00"}\n'
    found = run(
        text,
        customers=[1, 2, 3],
        facts={"time_zone": np.array(["America/New_York", "", "Mars/Base"])},
        zone="Asia/Tokyo",
    )
    first, second, third = found.decisions
    # Noon UTC is 08:00 in New York (summer time began two days before) and 21:00 in Tokyo.
    assert first.until == now + HOUR
    assert (second.reason, second.until) == ("quiet_hours", now + 12 * HOUR)
    assert third.detail == second.detail
    assert (
        "waits until 2026-03-10 13:00 UTC"
        in decision_sentences(
            first.reason, first.detail, first.otherwise, moment(first.until or 0)
        )[1]
    )


def test_quiet_hours_of_two_owners_are_waited_out_together(run: Run, now: int) -> None:
    text = 'limits: {quiet_hours: "11:00-13:00"}\n'
    policy = 'segment: everyone\nquiet_hours: "13:00-14:00"\n'
    assert only(run(text, policies=[policy])).until == now + 2 * HOUR
    text = 'limits: {quiet_hours: "13:00-14:00"}\n'
    policy = 'segment: everyone\nquiet_hours: "11:00-13:00"\n'
    assert only(run(text, policies=[policy])).until == now + 2 * HOUR


def test_a_drop_settles_the_occasion_within_the_batch(run: Run) -> None:
    text = "limits: {suppression: {otherwise: drop}}\n"
    found = run(text, customers=[1, 1], occasions=["a", "a"], facts={"is_suppressed": True})
    assert [d.reason for d in found.decisions] == ["suppressed", "already_decided"]


def test_every_reason_was_seen_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [reason for reason in REASONS if f'"{reason}"' not in text] == []


def test_the_world_is_not_changed(run: Run) -> None:
    usage = Usage(uses={2: [5]})
    before = replace(usage)
    run("", usage=usage)
    assert usage == before
