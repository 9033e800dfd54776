"""Plain words for the reasons for which the gate lets an event not pass."""

from __future__ import annotations

from typing import Final

from segmentation.wording import Words, message

_REASONS: Final = {
    "unknown_currency": message("unknown currency"),
    "negative_total": message("negative total"),
    "impossible_date": message("impossible date"),
    "impossible_age": message("impossible age"),
    "bot_burst": message("burst of a program"),
    "test_order": message("test order"),
    "shared_identity": message("shared identity"),
    "foreign_currency": message("foreign currency"),
}


def reason_words(words: Words, reason: str) -> str:
    """A reason of `worker.quality_checks.REASONS`; any other as it is."""
    known = _REASONS.get(reason)
    return words.say(known) if known else reason
