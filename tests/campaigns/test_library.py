"""Ready campaigns load, and their warnings are the ones we know."""

from importlib import resources

import pytest

from campaigns.campaign import Campaign, load_campaign
from campaigns.check import Known, warnings
from campaigns.library import READY, ready_campaigns, ready_text
from campaigns.policy import load_policy

UNTOLD = "steps: a coupon, but no step that tells the customer of it (a webhook can)"


@pytest.mark.parametrize("campaign", ready_campaigns(), ids=READY)
def test_only_known_warnings(campaign: Campaign) -> None:
    known = Known(groups=frozenset(), attributes=frozenset(), currency="EUR")
    expected = [] if campaign.id == "welcome" else [UNTOLD]
    assert [str(problem) for problem in warnings(campaign, known)] == expected
    assert campaign.description


def test_every_file_is_listed_under_its_id() -> None:
    files = {
        file.name.removesuffix(".yaml")
        for file in resources.files("campaigns.library").iterdir()
        if file.name.endswith(".yaml")
    }
    assert files == set(READY) == {campaign.id for campaign in ready_campaigns()}


def test_only_the_birthday_has_no_control_group_and_says_why() -> None:
    assert [c.id for c in ready_campaigns() if c.holdout == 0] == ["birthday"]
    assert "# No control group" in ready_text("birthday")


def checked(text: str, known: Known | None = None) -> list[str]:
    head = "id: a\nsteps: [{tag: x}]\n"
    campaign = load_campaign(head + text, "a.yaml")
    return [str(problem) for problem in warnings(campaign, known or Known())]


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            "when: {segment: at_risk.gift_buyer, enters: true}",
            (
                "when.segment: segment 'at_risk.gift_buyer' is not in the model in force, so "
                "nobody is in it; did you mean 'at_risk.gift_buyers'?"
            ),
        ),
        (
            "when: {event: order_completed}\nif: {attribute.sise: L}",
            (
                "if.attribute.sise: attribute 'sise' is not declared, so it is never known; "
                "did you mean 'size'?"
            ),
        ),
        (
            "when: {event: order_completed}\nif: {cart.value: {at_least: 5}}",
            "if.cart.value: is known only to triggers that carry it, so never here",
        ),
        (
            "when: {event: order_completed}\nlimits: {budget: {amount: 5, currency: USD, per: 1d}}",
            "limits.budget.currency: is in USD, the store sells in EUR: nothing will fire",
        ),
        (
            "when: {event: order_completed}\nholdout: 0",
            "holdout: without a control group nobody can say what it brought",
        ),
    ],
)
def test_warnings(text: str, warning: str) -> None:
    known = Known(
        groups=frozenset({"at_risk.gift_buyers"}),
        attributes=frozenset({"size"}),
        currency="EUR",
        policies={"lost": load_policy("segment: lost\n", "p")},
    )
    assert checked(text, known) == [warning]


def test_what_is_not_known_is_not_judged() -> None:
    assert checked("when: {segment: at_risk.any, enters: true}\nif: {attribute.x: 1}") == []
