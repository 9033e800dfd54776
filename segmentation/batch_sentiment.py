"""What customers say, in plain pandas: a part of the definition in ``segmentation.batch``."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from connectors.records import FAULTS
from segmentation.features import MOOD_HALF_LIFE

_DAY: Final = pd.Timedelta(days=1)
# Sums that are 0 where nothing was said; the rest is undefined then.
COUNTED: Final = (
    *("reviews", "surveys", "complaints", "tickets", "refunds", "returns"),
    f"complaints_{MOOD_HALF_LIFE}d",
)


def sentiment(events: pd.DataFrame, refunds: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Reviews, answers, complaints, tickets and returns of each customer, by ``customer_id``.

    ``events`` have a ``value`` where any of these kinds is among them, ``refunds`` a ``reason``
    where one is known (empty: none).
    """
    kinds = ("review", "survey", "complaint", "ticket")
    all_said = events[events["kind"].isin(kinds)]
    if "value" not in all_said:
        all_said = all_said.assign(value=0)
    said = {kind: all_said[all_said["kind"] == kind] for kind in kinds}
    columns = {f"{kind}s": table["customer_id"].value_counts() for kind, table in said.items()}
    columns["rating_mean"] = _mean(said["review"]) / 100
    columns[f"rating_{MOOD_HALF_LIFE}d"] = _faded_mean(said["review"], as_of) / 100
    columns["satisfaction"] = _mean(said["survey"]) / 1_000_000
    fading = _weights(said["complaint"], as_of)
    columns[f"complaints_{MOOD_HALF_LIFE}d"] = fading.groupby(
        said["complaint"]["customer_id"]
    ).sum()
    timed = said["ticket"][said["ticket"]["value"] >= 0]
    columns["ticket_hours_mean"] = _mean(timed) / 3600
    return pd.DataFrame(columns | _returns(refunds))


def _returns(refunds: pd.DataFrame) -> dict[str, pd.Series]:
    who = refunds["customer_id"]
    reason = refunds["reason"] if "reason" in refunds else pd.Series("", index=refunds.index)
    is_return = reason != ""
    return {
        "refunds": who.value_counts(),
        "returns": who[is_return].value_counts(),
        "return_fault_share": reason[is_return].isin(FAULTS).groupby(who).mean(),
    }


def _mean(table: pd.DataFrame) -> pd.Series:
    return table.groupby("customer_id")["value"].mean()


def _faded_mean(table: pd.DataFrame, as_of: pd.Timestamp) -> pd.Series:
    weights = _weights(table, as_of)
    who = table["customer_id"]
    return (weights * table["value"]).groupby(who).sum() / weights.groupby(who).sum()


def _weights(table: pd.DataFrame, as_of: pd.Timestamp) -> pd.Series:
    age: pd.Series[pd.Timedelta] = as_of - table["at"]
    return pd.Series(np.exp2(-(age / _DAY) / MOOD_HALF_LIFE), index=table.index, dtype="float64")
