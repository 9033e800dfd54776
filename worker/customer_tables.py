"""Tables of facts: stores, the event log, customers, their orders and segments, timers."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Text

from worker.tables import blob, flag, key, maybe, number, table, text

# What is set once for the whole installation (number of partitions, salts by key fingerprint).
meta = table("meta", key("name", Text), text("value"))

# A merchant's shop. `clock` is `wall` or `log`; in a log's replay `now` is its business time.
stores = table(
    "stores",
    key("number", Integer),
    Column("id", Text, nullable=False, unique=True),
    text("platform"),
    text("url"),
    text("name"),
    text("currency"),
    text("time_zone", "UTC"),
    text("options", "{}"),
    blob("secrets"),
    number("partition"),
    text("clock", "wall"),
    number("now"),
    number("ticked_at"),  # business time of the last ageing
    text("browser_key"),
    text("server_key_hash"),
    text("origins", "*"),
    text("paused"),  # why pushes are stopped; empty: they are not
    number("poison"),  # unfoldable events in a row; over 20 sets the store's events aside
    number("last_customer"),
    number("model"),  # version of the segment model that its customers were last judged by
    number("created_at"),
    text("webhook_addresses"),  # every one that it was asked to send to, separated by blanks
)

# Reading a store's own lists: `backfill` once, `poll` again and again. `resume` is the connector's
# word; `next_at` is when to go on (0: it is done); `since` is the oldest change that is asked for.
walks = table(
    "walks",
    key("store", Integer),
    key("kind", Text),
    number("since"),
    text("resume"),
    number("every"),  # microseconds between two polls; 0: once
    number("next_at"),
    number("began_at"),
    number("done_at"),
    number("brought"),  # events of this round
    number("expected"),
    number("failures"),  # in a row
    text("problem"),
    Index("ix_shoal_walks_next_at", "next_at"),
)

# How far each partition's stream has been committed: `position` is Redis' own text.
cursors = table("cursors", key("partition", Integer), text("position", "0-0"), number("moved_at"))

# The event log. The id begins with the producer's time, so that the index grows at its end.
events = table(
    "events",
    Column("id", LargeBinary, primary_key=True),
    number("store"),
    number("customer"),  # 0: nobody's (catalogue); a merged customer's is read through the pointer
    text("type"),
    number("at"),
    number("received_at"),
    text("source"),
    blob("body"),  # msgpack: allow-listed properties, offset, the fact's key
    Index("ix_shoal_events_customer_at", "customer", "at"),
    Index("ix_shoal_events_store_type_at", "store", "type", "at"),
)

# One row a person or visitor. `record` is segmentation.running's packed state; `products` the
# exact set of bought products (sorted uint64); `orders … segment` are copied out for previews.
customers = table(
    "customers",
    key("id", BigInteger),
    number("store"),
    blob("record"),
    blob("products"),
    number("orders"),
    number("revenue"),
    maybe("last_order"),
    maybe("last_seen"),
    text("segment"),  # stage; empty: none yet
    text("grouping"),  # learned group's lasting id, e.g. at_risk.gift_buyers
    number("segment_since"),
    number("segment_changes"),  # how many there were: numbers the entries
    text("platform_id"),
    flag("is_known"),  # told us who they are: a platform id or an e-mail; else a visitor
    text("attributes", "{}"),
    text("consents", "{}"),
    text("time_zone"),
    flag("is_suppressed"),
    number("profile_version"),
    maybe("merged_into"),
    number("created_at"),
    Index("ix_shoal_customers_store_segment", "store", "segment", "last_order", "orders"),
    Index("ix_shoal_customers_merged_into", "merged_into"),
)

# Key -> customer. An e-mail's key is its blind index.
identities = table(
    "identities",
    key("store", Integer),
    key("kind", Text),
    key("key", Text),
    number("customer"),
    number("since"),
    Index("ix_shoal_identities_customer", "customer"),
)

# The one place of personal data: sealed, beside the id of the key that seals it.
profiles = table(
    "profiles", key("customer", BigInteger), number("store"), text("key_id"), blob("sealed")
)

orders = table(
    "orders",
    key("store", Integer),
    key("order_id", Text),
    number("customer"),
    number("version"),
    text("status"),
    flag("is_counted"),
    number("at"),
    number("value"),
    number("discount"),
    number("items"),
    number("slot", -1),  # category slot and local time as they were folded
    number("utc_offset"),
    text("currency"),
    blob("lines"),  # msgpack [[product_id, quantity, value], …]
    text("coupons", "[]"),
    Index("ix_shoal_orders_customer", "customer"),
    Index("ix_shoal_orders_store_at", "store", "at"),
)

refunds = table(
    "refunds",
    key("store", Integer),
    key("refund_id", Text),
    text("order_id"),
    number("customer"),
    number("version"),
    number("at"),
    number("value"),
    text("currency"),
    flag("is_void"),
    text("reason"),  # why goods came back; empty: nobody says
    number("reason_version"),
    Index("ix_shoal_refunds_customer", "customer"),
)

carts = table(
    "carts",
    key("store", Integer),
    key("token", Text),
    number("customer"),
    number("version"),
    number("value"),
    flag("is_checkout"),
    maybe("ordered_at"),
    blob("lines"),
    Index("ix_shoal_carts_customer", "customer"),
)

products = table(
    "products",
    key("store", Integer),
    key("product_id", Text),
    number("version"),
    text("title"),
    number("price"),
    text("category"),
    maybe("stock"),
    flag("is_available"),
)

# Sixteen slots of category affinity, given out as categories appear.
categories = table("categories", key("store", Integer), key("name", Text), number("slot"))

# Events whose subject is not known yet (a refund before its order).
unowned = table(
    "unowned",
    Column("event", LargeBinary, primary_key=True),
    number("store"),
    text("kind"),
    text("key"),
    number("at"),
    blob("body"),
    Index("ix_shoal_unowned_key", "store", "kind", "key"),
)

# What will be due: cart | delay | schedule | date. Fired by the drain, inside its transaction.
timers = table(
    "timers",
    key("store", Integer),
    key("kind", Text),
    key("key", Text),
    number("partition"),
    number("customer"),
    text("campaign"),
    text("occasion"),
    number("due_at"),
    number("since"),  # business time of what set it (a cart's last change, a decision)
    Index("ix_shoal_timers_due", "partition", "due_at"),
)

# The cause is one of event, time, model, import, rule.
segment_changes = table(
    "segment_changes",
    key("customer", BigInteger),
    key("number", BigInteger),
    number("store"),
    number("at"),
    text("segment_before"),
    text("segment_after"),
    text("group_before"),
    text("group_after"),
    text("cause"),
    number("model"),
    Index("ix_shoal_segment_changes_store_at", "store", "at"),
)
