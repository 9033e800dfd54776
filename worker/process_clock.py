"""The wall clock: the only place that reads it. Everything else is handed its `now`."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Operating time: the wall's, aware UTC."""
    return datetime.now(UTC)
