"""Of how many customers it is known who they are, field by field, whose word that is and how old.

Said wherever such a field is used: a condition on ages reaches only those whose age is known, and
a group that gender tells apart is told apart by those who said it. A sample is read here;
`worker.quality` counts everybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, select

from campaigns.campaign import Campaign
from campaigns.conditions import needed_columns
from campaigns.rule_segments import RuleSegment
from segmentation.constructed import Constructed, made_of
from segmentation.wording import Words, message, share
from segmentation.wording_report import together
from worker import models
from worker.drawing import drawn, ids_of, is_buyer
from worker.legible import decoded
from worker.own_features import declared_features
from worker.shop import Shop
from worker.wording import sample_words

_PAGE: Final = 500
_COARSE: Final = ("birth_year", "gender", "income_band", "education", "household_size")
# Feature or condition -> the attribute that it is made of.
FIELDS: Final = {
    "age": "birth_year",
    "gender_female": "gender",
    "gender_male": "gender",
    **{name: name for name in ("income_band", "education", "household_size")},
    **{f"attribute.{name}": name for name in (*_COARSE, "occupation", "region")},
}
_NAMES: Final = {
    "birth_year": message("age"),
    "gender": message("gender"),
    "income_band": message("income"),
    "education": message("education"),
    "household_size": message("household"),
    "occupation": message("occupation"),
    "region": message("region"),
}


class KnownField(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One field: the share of customers of whom it is known, and of these by whose word.

    ``sources`` are the greatest first ('': kept before sources were); ``latest`` is the newest
    day on which anybody said it, '' if none is kept. ``read`` are the customers that were looked
    at, of so many ``customers`` with an order.
    """

    field: str
    known: float
    sources: tuple[tuple[str, float], ...] = ()
    latest: str = ""
    read: int = 0
    customers: int = 0


def used_fields(names: Iterable[str], own: Sequence[Constructed] = ()) -> tuple[str, ...]:
    """The demographic fields that features or conditions of these names are made of."""
    found = (FIELDS[name] for name in made_of(names, own) if name in FIELDS)
    return tuple(dict.fromkeys(found))


def known_fields(
    connection: Connection, shop: Shop, fields: Sequence[str]
) -> tuple[KnownField, ...]:
    """Each field's completeness among at most 4,096 customers with an order, drawn by lot."""
    if not fields:
        return ()
    buyers = ids_of(connection, is_buyer(shop.number))
    told = _attributes(connection, drawn(buyers))
    return tuple(_one(field, told, len(buyers)) for field in fields)


def _attributes(connection: Connection, ids: list[int]) -> list[Mapping[str, Any]]:
    people, found = models.customers.c, list[Mapping[str, Any]]()
    for start in range(0, len(ids), _PAGE):
        rows = connection.execute(
            select(people.attributes).where(people.id.in_(ids[start : start + _PAGE]))
        ).scalars()
        found += [decoded(row) or {} for row in rows]
    return found


def _one(field: str, told: Sequence[Mapping[str, Any]], customers: int) -> KnownField:
    known = [one for one in told if field in one]
    sources = Counter(str(one.get(f"{field}.from", "")) for one in known)
    days = [str(one[f"{field}.at"])[:10] for one in known if f"{field}.at" in one]
    return KnownField(
        field,
        len(known) / len(told) if told else 0.0,
        tuple((name, count / len(known)) for name, count in sources.most_common()),
        max(days, default=""),
        len(told),
        customers,
    )


def field_words(words: Words, field: str) -> str:
    """What a field is called."""
    return words.say(_NAMES[field])


def sentence(words: Words, found: KnownField) -> str:
    """How complete a field is, for people, and on how many that was counted."""
    told = [_how_known(words, found), sample_words(words, found.read, found.customers)]
    return together(words, filter(None, told))


def _how_known(words: Words, found: KnownField) -> str:
    said = {"field": field_words(words, found.field), "known": share(found.known)}
    sources = [name for name, _ in found.sources if name]
    if not sources:
        return words.say("Known of {known} of those who have ordered: {field}.", **said)
    return words.say(
        "Known of {known} of those who have ordered: {field} (source: {sources}; latest {day}).",
        sources=words.enumerated(sources),
        day=found.latest,
        **said,
    )


def asks(
    askers: Iterable[Campaign | RuleSegment], own: Sequence[Constructed] = ()
) -> dict[str, tuple[str, ...]]:
    """The demographic fields that conditions ask for, by their campaign's or rule's id; no others.

    ``own`` are the store's own features, which may be made of such fields.
    """
    fields = {}
    for one in askers:
        names = sorted(needed_columns(one.condition))
        fields[one.id] = used_fields([name.removeprefix("own.") for name in names], own)
    return {name: its for name, its in fields.items() if its}


def asked(
    connection: Connection,
    shop: Shop,
    askers: Iterable[Campaign | RuleSegment],
    words: Words | None = None,
) -> list[tuple[str, str]]:
    """Of each campaign or rule that asks for such a field, its id and how complete that is."""
    fields = asks(askers, declared_features(connection, shop.number).features)
    every = tuple(dict.fromkeys(field for its in fields.values() for field in its))
    found = {one.field: one for one in known_fields(connection, shop, every)}
    return [
        (name, sentence(words or Words(), found[field]))
        for name, its in fields.items()
        for field in its
    ]
