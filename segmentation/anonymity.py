"""A table in which nobody stands in a group smaller than k by what others may know of them.

k-anonymity by local recoding (Samarati, *Protecting respondents' identities in microdata release*,
IEEE TKDE 13, 2001): where fewer than k rows say the same in every quasi-identifier, those rows are
generalised one column and one step at a time, and what stays alone at the end is left out. Pure:
values in, values out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

ANY: Final = "*"
UNKNOWN: Final = "unknown"
LEAST: Final = 10  # k
_WIDEST: Final = 1 << 62
Ints = npt.NDArray[np.int64]
Step = Callable[[str], str]


@dataclass(frozen=True)
class Identifier:
    """One quasi-identifier of every row, with what each of its values becomes step by step.

    Attributes
    ----------
    name
        Of the column.
    labels
        Every label of every level; ``ANY`` is the last.
    above
        Shape (labels,): the place of what a label becomes one step on; ``ANY`` becomes itself.
    rows
        Shape (n,): each row's label at the finest level.
    """

    name: str
    labels: tuple[str, ...]
    above: Ints
    rows: Ints


@dataclass(frozen=True)
class Anonymous:
    """What may be told of each row.

    Attributes
    ----------
    identifiers
        As they were given.
    places
        Of each, shape (n,): the place of the label that may be told; of rows that are not kept it
        means nothing.
    kept
        Shape (n,), bool: which rows stand in a group of at least k.
    """

    identifiers: tuple[Identifier, ...]
    places: tuple[Ints, ...]
    kept: npt.NDArray[np.bool_]

    def labels(self, chosen: Ints | None = None) -> dict[str, list[str]]:
        """By name, what may be told of these rows (None: of all), in their order."""
        return {
            one.name: [one.labels[at] for at in (places if chosen is None else places[chosen])]
            for one, places in zip(self.identifiers, self.places, strict=True)
        }

    @property
    def widened(self) -> dict[str, int]:
        """By name, how many kept rows say less than they could."""
        return {
            one.name: int(np.count_nonzero((places != one.rows) & self.kept))
            for one, places in zip(self.identifiers, self.places, strict=True)
        }

    @property
    def left_out(self) -> int:
        """How many rows are not kept; always fewer than k."""
        return int(np.count_nonzero(~self.kept))


def identifier(name: str, values: Sequence[str], steps: Sequence[Step] = ()) -> Identifier:
    """A quasi-identifier of these values, which ``steps`` widen one after the other, then ``ANY``.

    ``UNKNOWN`` is a value like any other, which only the last step widens.
    """
    distinct, rows = np.unique(np.asarray(values, dtype=np.str_), return_inverse=True)
    level = {str(label): at for at, label in enumerate(distinct)}
    labels, above = list(level), list(range(len(level)))
    for step in steps:
        into = {label: label if label == UNKNOWN else step(label) for label in level}
        # A step that says the same is none: the label itself goes on to the next.
        wider = {label: at for label, at in level.items() if into[label] == label}
        for label, at in level.items():
            if into[label] not in wider:
                wider[into[label]] = len(labels)
                labels.append(into[label])
                above.append(len(above))
            above[at] = wider[into[label]]
        level = wider
    for at in level.values():
        above[at] = len(labels)
    return Identifier(
        name, (*labels, ANY), np.array([*above, len(labels)], np.int64), rows.astype(np.int64)
    )


def anonymised(identifiers: Sequence[Identifier], least: int = LEAST) -> Anonymous:
    """Widen what fewer than ``least`` rows say alike, and leave out what stays alone.

    Each round widens one column of the rows that stand in too small a group: the one in which they
    differ most. Identical input gives identical output.
    """
    if not identifiers:
        message = "no quasi-identifiers: expected at least one column"
        raise ValueError(message)
    now = [one.rows.copy() for one in identifiers]
    while True:
        small = _group_sizes(identifiers, now) < least
        chosen = _most_different(identifiers, now, small)
        if chosen is None:
            break
        column = now[chosen]
        column[small] = identifiers[chosen].above[column[small]]
    return Anonymous(tuple(identifiers), tuple(now), ~small)


def _most_different(
    identifiers: Sequence[Identifier], now: Sequence[Ints], small: npt.NDArray[np.bool_]
) -> int | None:
    """The column to widen; None when nothing is small, or nothing is left to widen."""
    counts = []
    for one, column in zip(identifiers, now, strict=True):
        there = np.unique(column[small])
        # One value may still have to go: what is left of a group can join others at the top.
        counts.append(0 if not (there != len(one.labels) - 1).any() else len(there))
    best = int(np.argmax(counts))
    return best if counts[best] else None


def _group_sizes(identifiers: Sequence[Identifier], now: Sequence[Ints]) -> Ints:
    """How many rows say the same as each row, shape (n,)."""
    if not len(now[0]):
        return np.zeros(0, np.int64)
    key, width = np.zeros(len(now[0]), np.int64), 1
    for one, column in zip(identifiers, now, strict=True):
        if width * len(one.labels) >= _WIDEST:
            _, key = np.unique(key, return_inverse=True)
            width = len(key)
        key = key * len(one.labels) + column
        width *= len(one.labels)
    _, inverse, counts = np.unique(key, return_inverse=True, return_counts=True)
    sizes: Ints = counts[inverse]
    return sizes
