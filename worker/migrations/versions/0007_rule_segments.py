"""Segments by rule: the rules, who is in, and who came and went."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default="0")


def _key(name: str, kind: type[sa.Text | sa.Integer]) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def upgrade() -> None:
    """Add the tables; there was no rule before."""
    op.create_table(
        "shoal_rules",
        _key("store", sa.Integer),
        _key("id", sa.Text),
        _number("version"),
        _number("judged"),
        _text("body"),
    )
    op.create_table(
        "shoal_rule_versions",
        _key("store", sa.Integer),
        _key("id", sa.Text),
        _key("version", sa.Integer),
        _text("body"),
        _number("made_at"),
        _text("made_by"),
    )
    op.create_table(
        "shoal_memberships",
        _key("store", sa.Integer),
        _key("segment", sa.Text),
        _key("customer", sa.BigInteger),
        _flag("is_in"),
        _number("since"),
        _number("number"),
    )
    op.create_index("ix_shoal_memberships_customer", "shoal_memberships", ["customer"])
    op.create_table(
        "shoal_membership_changes",
        _key("segment", sa.Text),
        _key("customer", sa.BigInteger),
        _key("number", sa.BigInteger),
        _number("store"),
        _number("at"),
        _flag("entered"),
        _text("cause"),
        _number("version"),
    )
    changes = "shoal_membership_changes"
    op.create_index("ix_shoal_membership_changes_store_at", changes, ["store", "segment", "at"])
    op.create_index("ix_shoal_membership_changes_customer", changes, ["customer"])
