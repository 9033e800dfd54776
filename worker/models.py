"""Every table: the truth that survives any crash.

Times are int64 microseconds since 1970 UTC, money int64 minor units of the store's currency, so
that both databases compare and add them alike. ``store`` is the store's number, not its text id.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

PREFIX: Final = "shoal_"
metadata: Final = MetaData()


def _table(name: str, *parts: Column[object] | Index) -> Table:
    return Table(PREFIX + name, metadata, *parts)


def _key(name: str, kind: type[Text | BigInteger | Integer]) -> Column[object]:
    return Column(name, kind, primary_key=True, autoincrement=False)


def _text(name: str, default: str = "") -> Column[object]:
    return Column(name, Text, nullable=False, default=default, server_default=default)


def _number(name: str, default: int = 0) -> Column[object]:
    return Column(name, BigInteger, nullable=False, default=default, server_default=str(default))


def _maybe(name: str) -> Column[object]:
    return Column(name, BigInteger, nullable=True)


def _flag(name: str) -> Column[object]:
    return Column(name, Boolean, nullable=False, default=False, server_default="0")


def _bytes(name: str) -> Column[object]:
    return Column(name, LargeBinary, nullable=True)


# What is set once for the whole installation (number of partitions, salts by key fingerprint).
meta = _table("meta", _key("name", Text), _text("value"))

# A merchant's shop. `clock` is `wall` or `log`; in a log's replay `now` is its business time.
stores = _table(
    "stores",
    _key("number", Integer),
    Column("id", Text, nullable=False, unique=True),
    _text("platform"),
    _text("url"),
    _text("name"),
    _text("currency"),
    _text("time_zone", "UTC"),
    _text("options", "{}"),
    _bytes("secrets"),
    _number("partition"),
    _text("clock", "wall"),
    _number("now"),
    _number("ticked_at"),  # business time of the last ageing
    _text("browser_key"),
    _text("server_key_hash"),
    _text("origins", "*"),
    _text("paused"),  # why pushes are stopped; empty: they are not
    _number("poison"),  # unfoldable events in a row; over 20 sets the store's events aside
    _number("last_customer"),
    _number("model"),  # version of the segment model that its customers were last judged by
    _number("created_at"),
)

# How far each partition's stream has been committed: `position` is Redis' own text.
cursors = _table(
    "cursors", _key("partition", Integer), _text("position", "0-0"), _number("moved_at")
)

# The event log. The id begins with the producer's time, so that the index grows at its end.
events = _table(
    "events",
    Column("id", LargeBinary, primary_key=True),
    _number("store"),
    _number("customer"),  # 0: nobody's (catalogue); a merged customer's is read through the pointer
    _text("type"),
    _number("at"),
    _number("received_at"),
    _text("source"),
    _bytes("body"),  # msgpack: allow-listed properties, offset, the fact's key
    Index("ix_shoal_events_customer_at", "customer", "at"),
    Index("ix_shoal_events_store_type_at", "store", "type", "at"),
)

# One row a person or visitor. `record` is segmentation.running's packed state; `products` the
# exact set of bought products (sorted uint64); `orders … segment` are copied out for previews.
customers = _table(
    "customers",
    _key("id", BigInteger),
    _number("store"),
    _bytes("record"),
    _bytes("products"),
    _number("orders"),
    _number("revenue"),
    _maybe("last_order"),
    _maybe("last_seen"),
    _text("segment"),  # stage; empty: none yet
    _text("grouping"),  # learned group's lasting id, e.g. at_risk.gift_buyers
    _number("segment_since"),
    _number("segment_changes"),  # how many there were: numbers the entries
    _text("platform_id"),
    _flag("is_known"),  # told us who they are: a platform id or an e-mail; else a visitor
    _text("attributes", "{}"),
    _text("consents", "{}"),
    _text("time_zone"),
    _flag("is_suppressed"),
    _number("profile_version"),
    _maybe("merged_into"),
    _number("created_at"),
    Index("ix_shoal_customers_store_segment", "store", "segment", "last_order", "orders"),
    Index("ix_shoal_customers_merged_into", "merged_into"),
)

# Key -> customer. An e-mail's key is its blind index.
identities = _table(
    "identities",
    _key("store", Integer),
    _key("kind", Text),
    _key("key", Text),
    _number("customer"),
    _number("since"),
    Index("ix_shoal_identities_customer", "customer"),
)

# The one place of personal data: sealed, beside the id of the key that seals it.
profiles = _table(
    "profiles", _key("customer", BigInteger), _number("store"), _text("key_id"), _bytes("sealed")
)

orders = _table(
    "orders",
    _key("store", Integer),
    _key("order_id", Text),
    _number("customer"),
    _number("version"),
    _text("status"),
    _flag("is_counted"),
    _number("at"),
    _number("value"),
    _number("discount"),
    _number("items"),
    _number("slot", -1),  # category slot and local time as they were folded
    _number("utc_offset"),
    _text("currency"),
    _bytes("lines"),  # msgpack [[product_id, quantity, value], …]
    _text("coupons", "[]"),
    Index("ix_shoal_orders_customer", "customer"),
    Index("ix_shoal_orders_store_at", "store", "at"),
)

refunds = _table(
    "refunds",
    _key("store", Integer),
    _key("refund_id", Text),
    _text("order_id"),
    _number("customer"),
    _number("version"),
    _number("at"),
    _number("value"),
    _text("currency"),
    _flag("is_void"),
    Index("ix_shoal_refunds_customer", "customer"),
)

carts = _table(
    "carts",
    _key("store", Integer),
    _key("token", Text),
    _number("customer"),
    _number("version"),
    _number("value"),
    _flag("is_checkout"),
    _maybe("ordered_at"),
    _bytes("lines"),
    Index("ix_shoal_carts_customer", "customer"),
)

products = _table(
    "products",
    _key("store", Integer),
    _key("product_id", Text),
    _number("version"),
    _text("title"),
    _number("price"),
    _text("category"),
    _maybe("stock"),
    _flag("is_available"),
)

# Sixteen slots of category affinity, given out as categories appear.
categories = _table("categories", _key("store", Integer), _key("name", Text), _number("slot"))

# Events whose subject is not known yet (a refund before its order).
unowned = _table(
    "unowned",
    Column("event", LargeBinary, primary_key=True),
    _number("store"),
    _text("kind"),
    _text("key"),
    _number("at"),
    _bytes("body"),
    Index("ix_shoal_unowned_key", "store", "kind", "key"),
)

# What will be due: cart | delay | schedule | date. Fired by the drain, inside its transaction.
timers = _table(
    "timers",
    _key("store", Integer),
    _key("kind", Text),
    _key("key", Text),
    _number("partition"),
    _number("customer"),
    _text("campaign"),
    _text("occasion"),
    _number("due_at"),
    _number("since"),  # business time of what set it (a cart's last change, a decision)
    Index("ix_shoal_timers_due", "partition", "due_at"),
)

# The cause is one of event, time, model, import, rule.
segment_changes = _table(
    "segment_changes",
    _key("customer", BigInteger),
    _key("number", BigInteger),
    _number("store"),
    _number("at"),
    _text("segment_before"),
    _text("segment_after"),
    _text("group_before"),
    _text("group_after"),
    _text("cause"),
    _number("model"),
    Index("ix_shoal_segment_changes_store_at", "store", "at"),
)

# A campaign is in one of four states: shadow, live, paused, removed.
campaigns = _table(
    "campaigns",
    _key("store", Integer),
    _key("id", Text),
    _number("version"),
    _text("state", "shadow"),
    _number("started_at"),
    _text("body"),
)
campaign_versions = _table(
    "campaign_versions",
    _key("store", Integer),
    _key("id", Text),
    _key("version", Integer),
    _text("body"),
    _number("made_at"),
    _text("made_by"),
)
policies = _table(
    "policies", _key("store", Integer), _key("segment", Text), _number("version"), _text("body")
)

# Settled occasions: fire, holdout, or a hold for good; the mode is live or shadow. Of the holds
# that settle nothing only the last one a customer is kept, below.
decisions = _table(
    "decisions",
    _key("store", Integer),
    _key("campaign", Text),
    _key("customer", BigInteger),
    _key("occasion", Text),
    _number("version"),
    _number("model"),
    _number("at"),
    _text("outcome"),
    _text("mode"),
    _text("reason"),
    _text("detail", "{}"),
    _text("segment"),  # in which it was decided: the group, else the stage
    _number("cost"),
    Index("ix_shoal_decisions_customer", "customer"),
    Index("ix_shoal_decisions_campaign_at", "store", "campaign", "at"),
)
holds = _table(
    "holds",
    _key("store", Integer),
    _key("campaign", Text),
    _key("customer", BigInteger),
    _text("occasion"),
    _number("version"),
    _number("at"),
    _text("reason"),
    _text("detail", "{}"),
    _flag("is_final"),  # `otherwise: drop`: never for this occasion
    _number("times"),
    Index("ix_shoal_holds_customer", "customer"),
)

# The outbox. An action is due, sending, done, refused, withdrawn or unknown; it is of the kind
# coupon, revoke, recommend, tag, webhook or look_up.
actions = _table(
    "actions",
    _key("key", Text),
    _number("store"),
    _text("campaign"),
    _number("version"),
    _number("customer"),
    _text("occasion"),
    _number("step"),
    _text("kind"),
    _text("payload", "{}"),
    _text("state", "due"),
    _text("reason"),
    _number("cost"),
    _number("made_at"),  # business time
    _number("due_at"),  # business time
    _maybe("expires_at"),  # business time
    _number("accepted_at"),  # operating time at which the webhook behind it was accepted
    _number("try_at"),  # operating time of the next try; also the claim's lease
    _number("tries"),
    _maybe("finished_at"),  # operating time
    Index("ix_shoal_actions_open", "state", "store", "due_at"),
    Index("ix_shoal_actions_customer", "customer"),
    Index("ix_shoal_actions_campaign", "store", "campaign", "state"),
)

codes = _table(
    "codes",
    _key("store", Integer),
    _key("code", Text),
    _text("action"),
    _text("campaign"),
    _number("customer"),
    _maybe("redeemed_at"),
    _text("order_id"),
)

# Of segments or of products. Immutable; the highest version is in force.
models = _table(
    "models",
    _key("store", Integer),
    _key("kind", Text),
    _key("version", Integer),
    _text("body"),
    _number("published_at"),
    _number("customers_read"),
    _text("report", "{}"),
)
learning = _table("learning", _key("store", Integer), _number("wanted_at"), _number("learned_at"))

# Open until replayed. The whole body is sealed.
dead_letters = _table(
    "dead_letters",
    Column("id", LargeBinary, primary_key=True),
    _text("store"),
    _text("kind"),  # webhook | track | event | action
    _text("reason"),
    _number("at"),
    _text("state", "open"),
    _bytes("sealed"),
    Index("ix_shoal_dead_letters_store", "store", "state"),
)

# Keyed hashes of who was erased, so that a redelivery does not bring the person back.
erasures = _table("erasures", _key("store", Integer), _key("hash", Text), _number("at"))

# Counts that the status page and `doctor` show, moved in the transaction that makes them true.
tallies = _table(
    "tallies", _key("store", Integer), _key("name", Text), _key("label", Text), _number("count")
)

# How far a file has been replayed.
replays = _table(
    "replays", _key("store", Integer), _key("file", Text), _number("position"), _number("at")
)
