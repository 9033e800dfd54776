"""The last comparison of a store, kept so that what it showed can be promoted.

A row of `models` of a kind of its own: figures and models, nothing of any customer. It goes with
the store, lies in its backups, and the next comparison takes its place.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

from sqlalchemy import Connection, delete, func, select

from segmentation.choosing.candidates import (
    MOST_GROUPS,
    Candidate,
    Comparison,
    from_json,
    to_json,
)
from segmentation.choosing.methods import METHODS
from segmentation.errors import IncompatibleModel
from worker import bulk, models
from worker.errors import ShoalError
from worker.shop import Shop

KIND: Final = "candidates"


class UnknownCandidate(ShoalError):
    """No candidate of that id in the last comparison, or none that can be published."""

    exit_code = 2


def keep(connection: Connection, shop: Shop, found: Comparison, wall: int) -> None:
    """Store a comparison in place of the one before, so that what it showed can be promoted."""
    columns = models.models.c
    mine = (columns.store == shop.number) & (columns.kind == KIND)
    last = connection.execute(select(func.max(columns.version)).where(mine)).scalar()
    connection.execute(delete(models.models).where(mine))
    names = ("store", "kind", "version", "body", "published_at", "customers_read")
    row = (shop.number, KIND, int(last or 0) + 1, to_json(found), wall, found.customers)
    bulk.insert_missing(connection, models.models, names, [row])


def kept(connection: Connection, shop: Shop) -> Comparison | None:
    """The store's last comparison; None if there is none that this version can read."""
    columns = models.models.c
    body = connection.execute(
        select(columns.body).where(columns.store == shop.number, columns.kind == KIND)
    ).scalar()
    try:
        return None if body is None else from_json(body)
    except IncompatibleModel:
        return None


def publishable(found: Comparison | None, name: str) -> Candidate:
    """The candidate to publish.

    Raises
    ------
    UnknownCandidate
        If nothing was compared, nothing of that name was, or nothing carries it.
    """
    if found is None:
        message = "nothing has been compared yet: `shoal segments compare`"
        raise UnknownCandidate(message)
    there = {one.id: one for one in found.candidates}
    if name not in there:
        near = get_close_matches(name, there, 1)
        hint = f"; did you mean {near[0]!r}?" if near else "; `shoal segments compare` shows them"
        message = f"candidate {name!r}: the last comparison has none of that id{hint}"
        raise UnknownCandidate(message)
    one = there[name]
    if one.model is None:
        raise UnknownCandidate(_unpublishable(one))
    return one


def _unpublishable(one: Candidate) -> str:
    if METHODS[one.spec.method].predicts or not 1 < one.figures.groups <= MOST_GROUPS:
        return (
            f"candidate {one.id}: {one.figures.groups} groups: expected from 2 to {MOST_GROUPS} "
            "to be published"
        )
    alone = f"--methods {one.spec.method} --reduce {one.spec.reduction}"
    if one.spec.k:
        alone += f" --k {one.spec.k}"
    return (
        f"candidate {one.id}: {METHODS[one.spec.method].title} cannot say where the next customer "
        "belongs, and a classifier was trained only for the best candidate of each method; "
        f"`shoal segments compare {alone}` trains one for the best of those"
    )
