"""docs/campaigns.md names everything that a file or a decision can hold."""

from pathlib import Path

import pytest

from campaigns.campaign import CAMPAIGN
from campaigns.facts import FACTS
from campaigns.limits import LIMITS
from campaigns.operators import OPERATORS
from campaigns.policy import POLICY
from campaigns.reasons import REASONS
from campaigns.steps import STEP
from segmentation.features import BY_NAME

PAGE = (Path(__file__).parents[2] / "docs" / "campaigns.md").read_text(encoding="utf-8")
NAMES = [
    *CAMPAIGN.fields,
    *(name for name in FACTS if name not in BY_NAME),
    *LIMITS.fields,
    *OPERATORS,
    *POLICY.fields,
    *STEP.kinds,
]


@pytest.mark.parametrize("name", sorted(set(NAMES)))
def test_the_page_names_it(name: str) -> None:
    assert f"`{name}`" in PAGE or f"{name}:" in PAGE


@pytest.mark.parametrize("reason", REASONS)
def test_the_page_says_each_reason(reason: str) -> None:
    assert f"| `{reason}` | {REASONS[reason]} |" in PAGE
