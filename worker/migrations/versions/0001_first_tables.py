"""The first tables, written out: no later change of worker.models changes this revision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SHORT: Final = sa.Integer
LONG: Final = sa.BigInteger
TEXT: Final = sa.Text
BYTES: Final = sa.LargeBinary


def upgrade() -> None:
    """Make every table and index."""
    _installation()
    _log()
    _customers()
    _purchases()
    _campaigns()
    _decisions()
    _outbox()


def _installation() -> None:
    """What is set once, stores, how far each stream was read, what stores sell."""
    op.create_table("shoal_meta", *_keys(name=TEXT), *_texts("value"))
    op.create_table(
        "shoal_stores",
        *_keys(number=SHORT),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        *_texts("platform", "url", "name", "currency", time_zone="UTC", options="{}"),
        *_unknown(BYTES, "secrets"),
        *_numbers("partition"),
        *_texts(clock="wall"),
        *_numbers("now", "ticked_at"),
        *_texts("browser_key", "server_key_hash", origins="*", paused=""),
        *_numbers("poison", "last_customer", "model", "created_at"),
    )
    op.create_table(
        "shoal_cursors", *_keys(partition=SHORT), *_texts(position="0-0"), *_numbers("moved_at")
    )
    op.create_table("shoal_categories", *_keys(store=SHORT, name=TEXT), *_numbers("slot"))
    op.create_table(
        "shoal_products",
        *_keys(store=SHORT, product_id=TEXT),
        *_numbers("version"),
        *_texts("title"),
        *_numbers("price"),
        *_texts("category"),
        *_unknown(LONG, "stock"),
        *_flags("is_available"),
    )


def _log() -> None:
    """The event log, what waits for its owner, what could not be applied, who was erased."""
    op.create_table(
        "shoal_events",
        sa.Column("id", BYTES, primary_key=True),
        *_numbers("store", "customer"),
        *_texts("type"),
        *_numbers("at", "received_at"),
        *_texts("source"),
        *_unknown(BYTES, "body"),
    )
    op.create_index("ix_shoal_events_customer_at", "shoal_events", ["customer", "at"])
    op.create_index("ix_shoal_events_store_type_at", "shoal_events", ["store", "type", "at"])
    op.create_table(
        "shoal_unowned",
        sa.Column("event", BYTES, primary_key=True),
        *_numbers("store"),
        *_texts("kind", "key"),
        *_numbers("at"),
        *_unknown(BYTES, "body"),
    )
    op.create_index("ix_shoal_unowned_key", "shoal_unowned", ["store", "kind", "key"])
    op.create_table(
        "shoal_dead_letters",
        sa.Column("id", BYTES, primary_key=True),
        *_texts("store", "kind", "reason"),
        *_numbers("at"),
        *_texts(state="open"),
        *_unknown(BYTES, "sealed"),
    )
    op.create_index("ix_shoal_dead_letters_store", "shoal_dead_letters", ["store", "state"])
    op.create_table("shoal_erasures", *_keys(store=SHORT, hash=TEXT), *_numbers("at"))


def _customers() -> None:
    """People, how they are found, their sealed profiles, how they moved."""
    op.create_table(
        "shoal_customers",
        *_keys(id=LONG),
        *_numbers("store"),
        *_unknown(BYTES, "record", "products"),
        *_numbers("orders", "revenue"),
        *_unknown(LONG, "last_order", "last_seen"),
        *_texts("segment", "grouping"),
        *_numbers("segment_since", "segment_changes"),
        *_texts("platform_id"),
        *_flags("is_known"),
        *_texts(attributes="{}", consents="{}", time_zone=""),
        *_flags("is_suppressed"),
        *_numbers("profile_version"),
        *_unknown(LONG, "merged_into"),
        *_numbers("created_at"),
    )
    op.create_index("ix_shoal_customers_merged_into", "shoal_customers", ["merged_into"])
    op.create_index(
        "ix_shoal_customers_store_segment",
        "shoal_customers",
        ["store", "segment", "last_order", "orders"],
    )
    op.create_table(
        "shoal_identities", *_keys(store=SHORT, kind=TEXT, key=TEXT), *_numbers("customer", "since")
    )
    op.create_index("ix_shoal_identities_customer", "shoal_identities", ["customer"])
    op.create_table(
        "shoal_profiles",
        *_keys(customer=LONG),
        *_numbers("store"),
        *_texts("key_id"),
        *_unknown(BYTES, "sealed"),
    )
    op.create_table(
        "shoal_segment_changes",
        *_keys(customer=LONG, number=LONG),
        *_numbers("store", "at"),
        *_texts("segment_before", "segment_after", "group_before", "group_after", "cause"),
        *_numbers("model"),
    )
    op.create_index("ix_shoal_segment_changes_store_at", "shoal_segment_changes", ["store", "at"])


def _purchases() -> None:
    """Orders, refunds and carts, by their natural keys."""
    op.create_table(
        "shoal_orders",
        *_keys(store=SHORT, order_id=TEXT),
        *_numbers("customer", "version"),
        *_texts("status"),
        *_flags("is_counted"),
        *_numbers("at", "value", "discount", "items", slot="-1", utc_offset="0"),
        *_texts("currency"),
        *_unknown(BYTES, "lines"),
        *_texts(coupons="[]"),
    )
    op.create_index("ix_shoal_orders_customer", "shoal_orders", ["customer"])
    op.create_index("ix_shoal_orders_store_at", "shoal_orders", ["store", "at"])
    op.create_table(
        "shoal_refunds",
        *_keys(store=SHORT, refund_id=TEXT),
        *_texts("order_id"),
        *_numbers("customer", "version", "at", "value"),
        *_texts("currency"),
        *_flags("is_void"),
    )
    op.create_index("ix_shoal_refunds_customer", "shoal_refunds", ["customer"])
    op.create_table(
        "shoal_carts",
        *_keys(store=SHORT, token=TEXT),
        *_numbers("customer", "version", "value"),
        *_flags("is_checkout"),
        *_unknown(LONG, "ordered_at"),
        *_unknown(BYTES, "lines"),
    )
    op.create_index("ix_shoal_carts_customer", "shoal_carts", ["customer"])


def _campaigns() -> None:
    """Campaigns with every version, policies, and what will be due."""
    op.create_table(
        "shoal_campaigns",
        *_keys(store=SHORT, id=TEXT),
        *_numbers("version"),
        *_texts(state="shadow"),
        *_numbers("started_at"),
        *_texts("body"),
    )
    op.create_table(
        "shoal_campaign_versions",
        *_keys(store=SHORT, id=TEXT, version=SHORT),
        *_texts("body"),
        *_numbers("made_at"),
        *_texts("made_by"),
    )
    op.create_table(
        "shoal_policies", *_keys(store=SHORT, segment=TEXT), *_numbers("version"), *_texts("body")
    )
    op.create_table(
        "shoal_timers",
        *_keys(store=SHORT, kind=TEXT, key=TEXT),
        *_numbers("partition", "customer"),
        *_texts("campaign", "occasion"),
        *_numbers("due_at", "since"),
    )
    op.create_index("ix_shoal_timers_due", "shoal_timers", ["partition", "due_at"])


def _decisions() -> None:
    """Settled occasions, and the last hold of a customer."""
    op.create_table(
        "shoal_decisions",
        *_keys(store=SHORT, campaign=TEXT, customer=LONG, occasion=TEXT),
        *_numbers("version", "model", "at"),
        *_texts("outcome", "mode", "reason", detail="{}", segment=""),
        *_numbers("cost"),
    )
    op.create_index(
        "ix_shoal_decisions_campaign_at", "shoal_decisions", ["store", "campaign", "at"]
    )
    op.create_index("ix_shoal_decisions_customer", "shoal_decisions", ["customer"])
    op.create_table(
        "shoal_holds",
        *_keys(store=SHORT, campaign=TEXT, customer=LONG),
        *_texts("occasion"),
        *_numbers("version", "at"),
        *_texts("reason", detail="{}"),
        *_flags("is_final"),
        *_numbers("times"),
    )
    op.create_index("ix_shoal_holds_customer", "shoal_holds", ["customer"])


def _outbox() -> None:
    """What is to be pushed, whose codes are, what was learned, counted and played."""
    op.create_table(
        "shoal_actions",
        *_keys(key=TEXT),
        *_numbers("store"),
        *_texts("campaign"),
        *_numbers("version", "customer"),
        *_texts("occasion"),
        *_numbers("step"),
        *_texts("kind", payload="{}", state="due", reason=""),
        *_numbers("cost", "made_at", "due_at"),
        *_unknown(LONG, "expires_at"),
        *_numbers("accepted_at", "try_at", "tries"),
        *_unknown(LONG, "finished_at"),
    )
    op.create_index("ix_shoal_actions_campaign", "shoal_actions", ["store", "campaign", "state"])
    op.create_index("ix_shoal_actions_customer", "shoal_actions", ["customer"])
    op.create_index("ix_shoal_actions_open", "shoal_actions", ["state", "store", "due_at"])
    op.create_table(
        "shoal_codes",
        *_keys(store=SHORT, code=TEXT),
        *_texts("action", "campaign"),
        *_numbers("customer"),
        *_unknown(LONG, "redeemed_at"),
        *_texts("order_id"),
    )
    op.create_table(
        "shoal_models",
        *_keys(store=SHORT, kind=TEXT, version=SHORT),
        *_texts("body"),
        *_numbers("published_at", "customers_read"),
        *_texts(report="{}"),
    )
    op.create_table("shoal_learning", *_keys(store=SHORT), *_numbers("wanted_at", "learned_at"))
    op.create_table("shoal_tallies", *_keys(store=SHORT, name=TEXT, label=TEXT), *_numbers("count"))
    op.create_table("shoal_replays", *_keys(store=SHORT, file=TEXT), *_numbers("position", "at"))


def _keys(**kinds: Any) -> list[sa.Column[Any]]:
    key: dict[str, Any] = {"primary_key": True, "autoincrement": False}
    return [sa.Column(name, kind, **key) for name, kind in kinds.items()]


def _texts(*names: str, **defaults: str) -> list[sa.Column[Any]]:
    return _filled(sa.Text, dict.fromkeys(names, "") | defaults)


def _numbers(*names: str, **defaults: str) -> list[sa.Column[Any]]:
    return _filled(sa.BigInteger, dict.fromkeys(names, "0") | defaults)


def _flags(*names: str) -> list[sa.Column[Any]]:
    return _filled(sa.Boolean, dict.fromkeys(names, "0"))


def _filled(kind: Any, defaults: Mapping[str, str]) -> list[sa.Column[Any]]:
    return [
        sa.Column(name, kind, nullable=False, server_default=default)
        for name, default in defaults.items()
    ]


def _unknown(kind: Any, *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=True) for name in names]
