"""The table of the gate: which keys were said to lead elsewhere than was known."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Text

from worker.tables import key, number, table

# A day's contradictions between e-mails and customer ids, as keyed hashes; kept for two days.
contradictions: Final = table(
    "contradictions",
    key("name", Text),  # hash of the key that was known, a bar, the day (ordinal)
    key("other", Text),  # hash of what it is said to lead to
    number("store"),
    number("noted_at"),  # operating time
)
