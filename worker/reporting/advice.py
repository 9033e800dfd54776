"""Which ready campaign fits a stage, and what the store has made of it."""

from __future__ import annotations

from typing import Final

from worker.reporting.content import Advice
from worker.shop import Shop

CAMPAIGNS: Final = {
    "champions": "vip-early-access",
    "loyal": "birthday",
    "promising": "abandoned-checkout",
    "new": "second-order",
    "at_risk": "win-back",
}
"""Of `campaigns.library`. Those who have left get a word of advice, and no campaign."""


def advice(shop: Shop, stage: str) -> Advice:
    """The campaign for a stage, and its state in the store: shadow, live, paused or '' (absent)."""
    campaign = CAMPAIGNS.get(stage, "")
    states = {one.campaign.id: one.state for one in shop.campaigns}
    return Advice(campaign, states.get(campaign, ""))
