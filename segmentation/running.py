"""The same numbers as ``segmentation.batch``, kept one batch of facts at a time.

The door to six files: ``record`` (layout), ``facts`` (what comes in), ``folding`` (a batch into
records, two records into one, recomputing from the log), ``windows`` (what depends on order),
``sentiment`` (what customers say) and ``derivation`` (features out). Only numpy is imported.

A drain does::

    records = unpack(rows)                      # the customers this batch touches
    needs = fold(records, facts)                # every fact exactly once, in any order
    chosen = np.flatnonzero(needs.purchases)    # rare: a window did not reach back far enough
    again = records[chosen]
    purchases(again, facts_of_all_their_orders_and_refunds)   # row: index into ``chosen``
    records[chosen] = again
    columns = derive(records, now)
    rows = pack(records)
"""

from __future__ import annotations

from segmentation.derivation import derive
from segmentation.facts import FactKind, Facts, unfoldable
from segmentation.folding import browsing, fold, merge, purchases
from segmentation.record import (
    BLOCKS,
    NEVER,
    RECORD,
    SCHEMA,
    Recompute,
    Records,
    empty,
    pack,
    pending,
    product_key,
    united,
    unpack,
)

__all__ = [
    "BLOCKS",
    "NEVER",
    "RECORD",
    "SCHEMA",
    "FactKind",
    "Facts",
    "Recompute",
    "Records",
    "browsing",
    "derive",
    "empty",
    "fold",
    "merge",
    "pack",
    "pending",
    "product_key",
    "purchases",
    "unfoldable",
    "united",
    "unpack",
]
