"""The store's clock and how it writes times."""

from __future__ import annotations

from datetime import UTC, datetime


def written(at: datetime | None = None) -> str:
    """A time (now, if none is given) as text that sorts as times do."""
    return (at or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def normalised(text: str) -> str:
    """A time that somebody else wrote, as this store writes it.

    Raises
    ------
    ValueError
        If it is not ISO 8601 with a zone.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        message = "expected a time with its zone"
        raise ValueError(message)
    return written(at)
