"""Tables of segments by rule: what the rules are, who is in, and who came and went."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, Text

from worker.tables import flag, key, number, table, text

# A rule that was removed keeps its row, with an empty body.
rules = table(
    "rules",
    key("store", Integer),
    key("id", Text),
    number("version"),
    number("judged"),  # version that its members were last found by; not above 0: to be asked
    text("body"),
)
rule_versions = table(
    "rule_versions",
    key("store", Integer),
    key("id", Text),
    key("version", Integer),
    text("body"),
    number("made_at"),
    text("made_by"),
)

# Who is in, and who was: the number of changes stays, so that a next entry gets one of its own.
# A predicted segment's members stand here, too.
memberships = table(
    "memberships",
    key("store", Integer),
    key("segment", Text),
    key("customer", BigInteger),
    flag("is_in"),
    number("since"),
    number("number"),
    Index("ix_shoal_memberships_customer", "customer"),
)

# The cause is one of event, time, model, import, rule.
membership_changes = table(
    "membership_changes",
    key("segment", Text),
    key("customer", BigInteger),
    key("number", BigInteger),
    number("store"),
    number("at"),
    flag("entered"),
    text("cause"),
    number("version"),  # of the rule
    Index("ix_shoal_membership_changes_store_at", "store", "segment", "at"),
    Index("ix_shoal_membership_changes_customer", "customer"),
)
