"""Ready campaigns, to copy and to change."""

from __future__ import annotations

from importlib import resources
from typing import Final

from campaigns.campaign import Campaign, load_campaign

READY: Final = (
    "welcome",
    "second-order",
    "win-back",
    "abandoned-checkout",
    "vip-early-access",
    "birthday",
)


def ready_text(name: str) -> str:
    """The file of a ready campaign, comments included.

    Raises
    ------
    FileNotFoundError
        If there is none of that name.
    """
    return resources.files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")


def ready_campaigns() -> tuple[Campaign, ...]:
    """All ready campaigns."""
    return tuple(load_campaign(ready_text(name), f"{name}.yaml") for name in READY)
