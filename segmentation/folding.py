"""A batch of facts into records, two records into one, and the two recomputations."""

from __future__ import annotations

from segmentation.facts import Facts
from segmentation.record import Ints, Recompute, Records


def fold(records: Records, facts: Facts) -> Recompute:
    """Add facts to records, in place; say which records now need the log.

    The result does not depend on the order of facts nor on how they are split into batches:
    integers exactly, decayed sums to rounding. Facts must be distinct: filter redeliveries first.
    A cancelled or edited order is not an addition: use :func:`purchases`.
    ``distinct_products`` is the caller's (:func:`segmentation.record.united`).

    Raises
    ------
    FactRefused
        If a fact is out of bounds; nothing is folded then.
    """
    raise NotImplementedError


def purchases(records: Records, facts: Facts) -> None:
    """Compute the purchase part of all given records anew, in place, and clear their need of it.

    Parameters
    ----------
    records
        The customers to recompute; one without facts ends with no purchases.
    facts
        All their present orders and refunds; kinds ORDER and REFUND only.

    Raises
    ------
    FactRefused
        If a fact is out of bounds or of another kind; nothing is changed then.
    """
    raise NotImplementedError


def browsing(records: Records, row: Ints, at: Ints) -> None:
    """Compute the sessions of all given records anew, in place, and clear their need of it.

    Parameters
    ----------
    records
        The customers to recompute; one without acts ends with no session.
    row, at
        Their views, searches, carts and checkouts: index into records, microseconds since 1970.
    """
    raise NotImplementedError


def merge(a: Records, b: Records) -> tuple[Records, Recompute]:
    """Each record of ``a`` and its fellow in ``b`` as one, and which of those need the log.

    Neither is changed. ``distinct_products`` of the result is that of the larger side until the
    caller sets it from the united set.
    """
    raise NotImplementedError
