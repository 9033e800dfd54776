"""Every table: the truth that survives any crash.

The door to `customer_tables` and `campaign_tables`.

Times are int64 microseconds since 1970 UTC, money int64 minor units of the store's currency, so
that both databases compare and add them alike. ``store`` is the store's number, not its text id.
"""

from __future__ import annotations

from worker.campaign_tables import (
    actions,
    campaign_versions,
    campaigns,
    codes,
    dead_letters,
    decisions,
    erasures,
    group_sums,
    holds,
    learning,
    models,
    policies,
    replays,
    tallies,
)
from worker.customer_tables import (
    carts,
    categories,
    cursors,
    customers,
    events,
    identities,
    meta,
    orders,
    products,
    profiles,
    refunds,
    segment_changes,
    stores,
    timers,
    unowned,
    walks,
)
from worker.membership_tables import membership_changes, memberships, rule_versions, rules
from worker.quality_tables import contradictions
from worker.tables import PREFIX, metadata

__all__ = [
    "PREFIX",
    "actions",
    "campaign_versions",
    "campaigns",
    "carts",
    "categories",
    "codes",
    "contradictions",
    "cursors",
    "customers",
    "dead_letters",
    "decisions",
    "erasures",
    "events",
    "group_sums",
    "holds",
    "identities",
    "learning",
    "membership_changes",
    "memberships",
    "meta",
    "metadata",
    "models",
    "orders",
    "policies",
    "products",
    "profiles",
    "refunds",
    "replays",
    "rule_versions",
    "rules",
    "segment_changes",
    "stores",
    "tallies",
    "timers",
    "unowned",
    "walks",
]
