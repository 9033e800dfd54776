"""Who a customer is: from the coarse attributes of the row into the record of the features.

The attributes are the truth, and the record follows them wherever they change: with a customer's
description, a file's word, a merge, and when records are computed again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final, get_args

import msgspec

from connectors.demographics import DEMOGRAPHICS, coarse
from connectors.events import Source
from connectors.records import Customer
from segmentation.demographics import FEMALE, MALE, OTHER, Person, describe
from worker.batch import Batch
from worker.legible import decoded

_OWN_WORD: Final = frozenset(get_args(Source))  # any other source is a file of another tool's
_GENDERS: Final = {"female": FEMALE, "male": MALE, "other": OTHER}
Attributes = Mapping[str, str | float | bool]


def describe_people(batch: Batch) -> None:
    """Bring the records of those up to date of whom the batch says who they are, or who merged."""
    final = batch.directory.final
    told = {
        final(one.customer)
        for one in batch.subjects
        if one.customer and isinstance(one.event.body, Customer)
    }
    told |= {final(loser) for loser in batch.directory.merged}
    for customer in sorted(told & batch.roster.row.keys()):
        person = batch.roster.person(customer)
        row = batch.roster.row[customer]
        describe(batch.roster.records, row, person_of(person.attributes))


@lru_cache(maxsize=4096)
def person_of(attributes: str) -> Person:
    """What a record keeps of a row's attributes (a JSON object); nothing of what is none."""
    said = coarse(decoded(attributes) or {})
    level = said.get("education")
    return Person(
        birth_year=int(said.get("birth_year", 0)),
        household_size=int(said.get("household_size", 0)),
        education=0 if level is None else int(level) + 1,
        gender=_GENDERS.get(str(said.get("gender", "")), 0),
        income_band=int(said.get("income_band", 0)),
    )


def with_source(said: Attributes, source: str, at: datetime) -> dict[str, str | float | bool]:
    """Attributes, and beside each coarse one its source and date: ``gender.from``, ``.at``."""
    found = dict(said)
    for name in DEMOGRAPHICS:
        if name in said:
            found |= {f"{name}.from": source, f"{name}.at": at.isoformat()}
    return found


def united_attributes(older: str, newer: str) -> str:
    """Two rows' attributes as one: the newer profile's stand, of coarse ones the newest own word.

    A profile may be the newer for another field's sake.
    """
    known: dict[str, str | float | bool] = msgspec.json.decode(older or "{}")
    both = known | msgspec.json.decode(newer or "{}")
    return filled_in(msgspec.json.encode(both).decode(), known)


def filled_in(attributes: str, said: Attributes) -> str:
    """A row's attributes with what an older description of the store's own adds to them.

    Parameters
    ----------
    said
        With sources and dates (:func:`with_source`). Of each coarse attribute the newest own word
        stands, so that it does not matter which description comes first; others are left alone.
    """
    known: dict[str, str | float | bool] = msgspec.json.decode(attributes or "{}")
    for name in DEMOGRAPHICS:
        source, since = f"{name}.from", f"{name}.at"
        if said.get(source) not in _OWN_WORD or not {name, since} <= said.keys():
            continue
        # Without a source it is of an earlier version of Shoal: the store's own, of some time.
        is_undated = name in known and source not in known
        is_own = known.get(source) in _OWN_WORD and since in known
        if not is_undated and not (is_own and str(known[since]) >= str(said[since])):
            known |= {one: said[one] for one in (name, source, since)}
    return msgspec.json.encode(known).decode()
