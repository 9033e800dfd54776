"""What is compared on: a shop's customers now, some weeks ago, and 90 days ago."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
import numpy as np

from segmentation.choosing.methods import Reduction
from segmentation.constructed import Constructed
from segmentation.rules import Columns, Floats, Indices

SMALL: Final = 5_000
"""Customers that methods of quadratic cost and all repetitions see at most."""

LEAST_CUSTOMERS: Final = 100


@dataclass(frozen=True)
class Aged:
    """Some of the customers as they were at an earlier time.

    Attributes
    ----------
    rows
        Their places among the snapshot's customers.
    columns
        Their features then.
    """

    rows: Indices
    columns: Columns


@dataclass(frozen=True)
class Snapshot:
    """Customers with an order, as arrays in parallel.

    Attributes
    ----------
    columns
        Their features now.
    small
        Places of those that quadratic methods and repetitions see.
    weeks
        The small ones one week ago, two weeks ago, …; those who had ordered by then.
    past, spend
        All of them 90 days ago, and what each spent since, in any unit; None if that is not known.
    notes
        What could not be had, in sentences.
    """

    columns: Columns
    small: Indices
    now: datetime
    weeks: tuple[Aged, ...] = ()
    past: Aged | None = None
    spend: Floats | None = None
    notes: tuple[str, ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """What to compare: methods (`METHODS`), numbers of groups, reductions, from which features.

    ``constructed`` defines those of the features that are the shop's own.
    """

    methods: tuple[str, ...]
    ks: tuple[int, ...]
    reductions: tuple[Reduction, ...]
    features: tuple[str, ...]
    seed: int = 0
    constructed: tuple[Constructed, ...] = ()


def small_rows(customers: int, seed: int) -> Indices:
    """At most `SMALL` places among so many customers, by lot, in ascending order."""
    order = np.random.default_rng(seed).permutation(customers)
    return np.sort(order[:SMALL])
