"""Alembic revisions, for both databases."""
