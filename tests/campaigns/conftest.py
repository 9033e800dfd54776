from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from campaigns.campaign import load_campaign
from campaigns.decisions import Decided, Usage, Wakes, World, decide
from campaigns.facts import Facts
from campaigns.policy import load_policy
from connectors.events import microseconds, moment

NOON = microseconds(moment(0).replace(year=2026, month=3, day=10, hour=12))
BASE = "id: win-back\nwhen: {segment: at_risk, enters: true}\nholdout: 0\n"


@pytest.fixture(name="now")
def _now() -> int:
    return NOON


@pytest.fixture(name="run")
def _run() -> Callable[..., Decided]:
    """Decide a campaign text for customers 1..n, each with the same facts unless given."""

    def run(  # noqa: PLR0913 -- a test names only what differs
        text: str,
        *,
        customers: Sequence[int] = (1,),
        facts: Mapping[str, Any] | None = None,
        policies: Sequence[str] = (),
        occasions: Sequence[str] | None = None,
        at: int = NOON,
        **world: Any,
    ) -> Decided:
        if "steps" not in text and "by_segment" not in text:
            text += "steps: [{tag: quiet}]\n"
        rows = len(customers)
        columns = {
            "segment": "at_risk",
            "group": "",
            "memberships": None,
            "is_suppressed": False,
            "time_zone": "",
            "average_order_value": np.nan,
            **(facts or {}),
        }
        arrays = {
            name: np.asarray(value) if np.ndim(value) else np.full(rows, value)
            for name, value in columns.items()
        }
        found = [load_policy(policy, "policy.yaml") for policy in policies]
        wakes = Wakes(
            np.array(customers, np.int64),
            np.arange(rows),
            list(occasions or [f"entry:{place}" for place in range(rows)]),
            np.full(rows, at),
        )
        base = World(NOON, Facts(rows, arrays), Usage(), "salt")
        return decide(
            load_campaign(BASE + text, "campaign.yaml"),
            7,
            {policy.segment: policy for policy in found},
            wakes,
            replace(base, **world),
        )

    return run
