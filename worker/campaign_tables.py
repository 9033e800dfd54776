"""Tables of acts: campaigns, decisions, the outbox, models, dead letters and counts."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Text

from worker.tables import blob, flag, key, maybe, number, table, text

# A campaign is in one of four states: shadow, live, paused, removed.
campaigns = table(
    "campaigns",
    key("store", Integer),
    key("id", Text),
    number("version"),
    text("state", "shadow"),
    number("started_at"),
    text("body"),
)
campaign_versions = table(
    "campaign_versions",
    key("store", Integer),
    key("id", Text),
    key("version", Integer),
    text("body"),
    number("made_at"),
    text("made_by"),
)
policies = table(
    "policies", key("store", Integer), key("segment", Text), number("version"), text("body")
)

# Settled occasions: fire, holdout, or a hold for good; the mode is live or shadow. Of the holds
# that settle nothing only the last one a customer is kept, below.
decisions = table(
    "decisions",
    key("store", Integer),
    key("campaign", Text),
    key("customer", BigInteger),
    key("occasion", Text),
    number("version"),
    number("model"),
    number("at"),
    text("outcome"),
    text("mode"),
    text("reason"),
    text("detail", "{}"),
    text("segment"),  # in which it was decided: the group, else the stage
    number("cost"),
    Index("ix_shoal_decisions_customer", "customer"),
    Index("ix_shoal_decisions_campaign_at", "store", "campaign", "at"),
)
holds = table(
    "holds",
    key("store", Integer),
    key("campaign", Text),
    key("customer", BigInteger),
    text("occasion"),
    number("version"),
    number("at"),
    text("reason"),
    text("detail", "{}"),
    flag("is_final"),  # `otherwise: drop`: never for this occasion
    number("times"),
    Index("ix_shoal_holds_customer", "customer"),
)

# The outbox. An action is due, sending, done, refused, withdrawn or unknown; it is of the kind
# coupon, revoke, recommend, tag, webhook or look_up.
actions = table(
    "actions",
    key("key", Text),
    number("store"),
    text("campaign"),
    number("version"),
    number("customer"),
    text("occasion"),
    number("step"),
    text("kind"),
    text("payload", "{}"),
    text("state", "due"),
    text("reason"),
    number("cost"),
    number("made_at"),  # business time
    number("due_at"),  # business time
    maybe("expires_at"),  # business time
    number("accepted_at"),  # operating time at which the webhook behind it was accepted
    number("try_at"),  # operating time of the next try; also the claim's lease
    number("tries"),
    maybe("finished_at"),  # operating time
    Index("ix_shoal_actions_open", "state", "store", "due_at"),
    Index("ix_shoal_actions_customer", "customer"),
    Index("ix_shoal_actions_campaign", "store", "campaign", "state"),
)

codes = table(
    "codes",
    key("store", Integer),
    key("code", Text),
    text("action"),
    text("campaign"),
    number("customer"),
    maybe("redeemed_at"),
    text("order_id"),
)

# Of segments, of products or of a store's own features: immutable, the highest version is in force.
# Of candidates only the last comparison is kept.
models = table(
    "models",
    key("store", Integer),
    key("kind", Text),
    key("version", Integer),
    text("body"),
    number("published_at"),
    number("customers_read"),
    text("report", "{}"),
)
# What the ageing pass has added up under the model in force (segmentation.sums), as JSON.
group_sums = table("group_sums", key("store", Integer), text("body"))
learning = table("learning", key("store", Integer), number("wanted_at"), number("learned_at"))

# Open until replayed. The whole body is sealed.
dead_letters = table(
    "dead_letters",
    Column("id", LargeBinary, primary_key=True),
    text("store"),
    text("kind"),  # webhook | track | event | action
    text("reason"),
    number("at"),
    text("state", "open"),
    blob("sealed"),
    Index("ix_shoal_dead_letters_store", "store", "state"),
)

# Keyed hashes of who was erased, so that a redelivery does not bring the person back.
erasures = table("erasures", key("store", Integer), key("hash", Text), number("at"))

# Counts that the status page and `doctor` show, moved in the transaction that makes them true.
tallies = table(
    "tallies", key("store", Integer), key("name", Text), key("label", Text), number("count")
)

# How far a file has been replayed.
replays = table(
    "replays", key("store", Integer), key("file", Text), number("position"), number("at")
)
