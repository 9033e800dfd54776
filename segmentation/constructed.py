"""Features of a shop's own, made of those in the catalogue: ratios, squares and trends.

What a shop wants a catalogue's feature itself to be read by (`prepare` in the file) travels the
same way: as a definition that is the feature, prepared otherwise.

Declared in a file without code (`shoal features apply`), kept as values, and carried by each model
that was learned from them: editing a definition changes nothing that a model sees. Numpy alone, on
whole columns, so that a batch, a record and a table give the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from segmentation.errors import UnknownFeature
from segmentation.features import (
    BY_NAME,
    NAMES,
    Feature,
    Impute,
    Range,
    Scaled,
    Transform,
    Unit,
    feature,
)

Kind = Literal["ratio", "square", "trend", "catalogue"]
Floats = NDArray[np.float64]

RESERVED: Final = frozenset(
    {
        *("segment", "group", "time_zone", "is_suppressed", "customer_id"),
        *("all", "any", "not", "did", "did_not", "rule", "rules", "consent", "attribute"),
    }
)
"""Words that mean something else where features are named."""

MADE_OF: Final = tuple(name for name in NAMES if BY_NAME[name].unit not in {"time", "hour", "day"})
"""What may be divided or squared: a moment or a place on a circle may not."""

_FARTHEST: Final = 1e30
"""No quotient or square is farther from 0: a divisor may be a sum that halved for ten years."""

_SAME: Final = frozenset({"count", "share", "rank", "stars", "times", "ratio"})


class Constructed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One feature of a shop's own.

    ``of`` are the catalogue's: a ratio's two, the one that is squared, or a trend's fast and slow
    sum, whose half-lives are ``factor`` apart. ``transform``, ``clip``, ``impute``, ``outliers``
    and ``scaling`` are as in `Feature`. One of the kind ``catalogue`` is the feature of its name,
    by another preparation. ``en`` and ``zh`` are what people call it, ``meaning`` a
    sentence; '': they are made from the definition.
    """

    name: str
    kind: Kind
    of: tuple[str, ...]
    factor: float = 1.0
    transform: Transform = "none"
    clip: Range | None = None
    impute: Impute = "median"
    outliers: Range | None = None
    scaling: Scaled = "standardise"
    en: str = ""
    zh: str = ""
    meaning: str = ""


class Declared(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a shop's file says: its own features, and what its groups are learned from.

    ``learn_from`` is empty where the file leaves it to the default; ``prepare`` are features of
    the catalogue that models of the shop read otherwise.
    """

    features: tuple[Constructed, ...] = ()
    learn_from: tuple[str, ...] = ()
    prepare: tuple[Constructed, ...] = ()


def entry(name: str, constructed: Iterable[Constructed] = ()) -> Feature:
    """A feature of the catalogue or of a shop's own.

    Raises
    ------
    UnknownFeature
        If it is neither; the message names the nearest.
    """
    own = {one.name: one for one in constructed}
    if name in own:
        return as_feature(own[name])
    if name not in BY_NAME:
        raise UnknownFeature(name, (*NAMES, *own))
    return BY_NAME[name]


def as_feature(one: Constructed) -> Feature:
    """How a model reads it, and its unit."""
    return Feature(
        one.name,
        _unit(one),
        one.meaning or meaning_of(one),
        transform=one.transform,
        clip=one.clip,
        impute=one.impute,
        outliers=one.outliers,
        scaling=one.scaling,
    )


def meaning_of(one: Constructed) -> str:
    """The definition as a sentence."""
    match one.kind:
        case "ratio":
            return f"`{one.of[0]}` divided by `{one.of[1]}`; undefined without."
        case "square":
            return f"`{one.of[0]}` multiplied by itself."
        case "catalogue":
            return BY_NAME[one.name].meaning
        case _:
            return f"`{one.of[0]}` over `{one.of[1]}`, each by its half-life; 1: as always."


def _unit(one: Constructed) -> Unit:
    units = [feature(name).unit for name in one.of]
    if one.kind == "catalogue":
        return units[0]
    if one.kind == "trend":
        return "times"
    if one.kind == "square":
        return "ratio"
    # Money an order is money, and days an order are days; orders a day are no days.
    return units[0] if units[1] in _SAME and units[0] not in _SAME else "ratio"


def evaluated(one: Constructed, columns: Mapping[str, Floats]) -> Floats:
    """Its column from those it is made of; NaN where one of them is or the divisor is 0."""
    first = columns[one.of[0]]
    if one.kind == "catalogue":
        return first
    with np.errstate(over="ignore"):
        if one.kind == "square":
            found = first * first
        else:
            below = columns[one.of[1]]
            found = np.full(len(first), np.nan)
            np.divide(first, below, out=found, where=below != 0)
            found *= one.factor
    return np.clip(found, -_FARTHEST, _FARTHEST)


def completed(
    columns: Mapping[str, Floats], constructed: Iterable[Constructed]
) -> Mapping[str, Floats]:
    """The columns and those of these definitions, whatever stood under their names before."""
    made = {one.name: evaluated(one, columns) for one in constructed}
    return {**columns, **made} if made else columns


def made_of(names: Iterable[str], constructed: Iterable[Constructed]) -> tuple[str, ...]:
    """The catalogue's features that these names need, each once."""
    own = {one.name: one.of for one in constructed}
    return tuple(dict.fromkeys(base for name in names for base in own.get(name, (name,))))


def used(declared: Declared, names: Iterable[str]) -> tuple[Constructed, ...]:
    """What the shop declares of those names, in the names' order: what travels with a model."""
    own = {one.name: one for one in (*declared.features, *declared.prepare)}
    return tuple(own[name] for name in names if name in own)


def is_same(before: Sequence[Constructed], after: Sequence[Constructed]) -> bool:
    """Whether two sets of definitions give the same numbers to a model.

    Words make no difference, nor does a catalogue's feature that is prepared as it always is.
    """
    return {_plain(one) for one in before if _tells(one)} == {
        _plain(one) for one in after if _tells(one)
    }


def _tells(one: Constructed) -> bool:
    return one.kind != "catalogue" or as_feature(one) != BY_NAME[one.name]


def _plain(one: Constructed) -> Constructed:
    return msgspec.structs.replace(one, en="", zh="", meaning="")


def to_json(declared: Declared) -> str:
    """A shop's declarations as JSON."""
    return msgspec.json.encode(declared).decode()


def from_json(body: str) -> Declared:
    """Read what `to_json` wrote; raises `msgspec.ValidationError` for anything else."""
    return msgspec.json.decode(body, type=Declared)
