"""What has been used of a campaign's limits: before a batch, and by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Usage:
    """What one campaign, its customers and their segments have used before this batch.

    Only decisions of the campaign's present mode count for ``decided``, ``uses``, ``spent`` and
    ``this_hour`` (shadow decisions in shadow, live ones when live), fires and holdouts alike: a
    held-out customer uses the campaign's limits as if it had been reached.

    Attributes
    ----------
    decided
        Pairs (customer, occasion) that already have a fire, a holdout or a final hold.
    uses
        Customer -> ascending times (int microseconds) of this campaign's fires and holdouts.
        Needed back to :func:`campaigns.limits.memory_of`; a missing customer has none.
    contacts
        Customer -> ascending times of live fires of *all other* campaigns, as far back as the
        longest frequency cap in force.
    spent
        Sum of costs (minor units) of this campaign's decisions in the budget's period up to now.
    segment_spent
        Policy's segment -> sum of costs over all campaigns in that policy's budget period.
    this_hour
        Number of this campaign's fires and holdouts since the current clock hour (UTC) began.
    """

    decided: AbstractSet[tuple[int, str]] = frozenset()
    uses: Mapping[int, Sequence[int]] = field(default_factory=dict)
    contacts: Mapping[int, Sequence[int]] = field(default_factory=dict)
    spent: int = 0
    segment_spent: Mapping[str, int] = field(default_factory=dict)
    this_hour: int = 0


@dataclass(slots=True)
class UsageDelta:
    """What a batch used on top of a :class:`Usage`; same names, only the additions.

    ``contacts`` counts fires only, for the other campaigns decided after this one in the same
    transaction; ``uses`` counts fires and holdouts of this campaign.
    """

    decided: set[tuple[int, str]] = field(default_factory=set)
    uses: dict[int, list[int]] = field(default_factory=dict)
    contacts: dict[int, list[int]] = field(default_factory=dict)
    spent: int = 0
    segment_spent: dict[str, int] = field(default_factory=dict)
    this_hour: int = 0
