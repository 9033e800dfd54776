"""What a sample of a store's customers says: typical values, profiles, the map, the tree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np
from sqlalchemy import Connection

from segmentation.constructed import entry
from segmentation.explain_segments import differences
from segmentation.features import Feature, signed_log
from segmentation.model import group_indices
from segmentation.rules import NOBODY, STAGES, Columns, Floats, Indices
from segmentation.surrogate import agreement, fidelity
from worker import bulk, models
from worker.drawing import JUDGED_BY, drawn, features_of, ids_of, is_buyer
from worker.reporting.content import Cell, GroupProfile, Profiles, Tree, Typical
from worker.shop import Shop
from worker.surrogates import kept_tree

TOLD: Final = 4
"""Differences told of a group."""


# What fades has no plain number; what we sent to somebody is our doing.
_UNTOLD: Final = re.compile(r"\w+_\d+d|contacts")
_MOSTLY: Final = 0.5  # of a group, without whom there is no middle to tell


class Sample(msgspec.Struct, frozen=True):
    """Customers drawn by lot: features, and in parallel their stages and groups of the model."""

    columns: Columns
    stages: tuple[str, ...]
    groups: Indices


def sample(connection: Connection, shop: Shop) -> Sample:
    """At most `worker.drawing.SAMPLE` customers with an order, the same ones each time."""
    ids = drawn(ids_of(connection, is_buyer(shop.number)))
    names = ("id", "segment", "grouping")
    rows = bulk.select_keys(connection, models.customers, names, "id", ids)
    ordered = sorted(rows, key=lambda row: int(row[0]))
    return Sample(
        features_of(connection, shop, ids),
        tuple(str(row[1]) for row in ordered),
        group_indices(shop.model, [str(row[2]) for row in ordered]),
    )


def typical(found: Sample) -> dict[str, Typical]:
    """Medians of each stage that anybody in the sample is in."""
    stages = np.array(found.stages, dtype=str)
    return {
        stage: Typical(**{name: _median(found.columns[name][rows]) for name in _TYPICAL})
        for stage in STAGES
        if (rows := stages == stage).any()
    }


_TYPICAL: Final = ("recency_days", "orders", "monetary_value")


def profiles(shop: Shop, found: Sample, counted: Mapping[str, int]) -> Profiles:
    """Each group that has customers beside the shop.

    ``counted`` are all customers by the ids of groups that they were given, of any version.
    """
    sizes = group_sizes(shop, counted)
    names, own = shop.model.features or JUDGED_BY, shop.model.constructed
    plain = {name: column for name, column in found.columns.items() if not _UNTOLD.fullmatch(name)}
    everybody, every = max(sum(counted.values()), 1), found.columns
    groups = []
    for at, group in enumerate(shop.model.groups):
        rows = found.groups == at
        if sizes.get(group.id, 0) and rows.any():
            members = {name: column[rows] for name, column in plain.items()}
            told = differences(members, plain, own)[:TOLD]
            cells = tuple(_cell(entry(name, own), every[name][rows], every[name]) for name in names)
            share = sizes[group.id] / everybody
            groups.append(GroupProfile(group.id, sizes[group.id], share, cells, told))
    middles = tuple(_cell(entry(name, own), every[name], every[name]) for name in names)
    order = sorted(groups, key=lambda one: (STAGES.index(one.id.partition(".")[0]), -one.customers))
    waiting = everybody - sum(sizes.values()) - counted.get("", 0)
    return Profiles(waiting if groups else 0, middles if groups else (), tuple(order))


def group_sizes(shop: Shop, counted: Mapping[str, int]) -> dict[str, int]:
    """Sizes by the present ids of groups, from those by the ids that customers were given."""
    sizes: dict[str, int] = {}
    at = group_indices(shop.model, list(counted))
    for index, number in zip(at.tolist(), counted.values(), strict=True):
        if index != NOBODY:
            id_ = shop.model.groups[index].id
            sizes[id_] = sizes.get(id_, 0) + number
    return sizes


def tree(connection: Connection, shop: Shop, found: Sample) -> Tree | None:
    """The tree of the version in force; None before there is one."""
    kept = kept_tree(connection, shop.number, shop.model)
    if kept is None:
        return None
    return Tree(kept, fidelity(kept), agreement(kept, shop.model, found.columns))


def _median(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _cell(of: Feature, here: Floats, everybody: Floats) -> Cell:
    """The middle of those who have a value; none where most have none.

    Where middle and mean lie on different sides of the shop's there is no difference to tell.
    """
    known, all_ = here[~np.isnan(here)], everybody[~np.isnan(everybody)]
    if len(known) <= _MOSTLY * len(here):
        return Cell(of.name, float("nan"), 0.0)
    middle = float(np.median(known))
    further = middle - float(np.median(all_))
    if of.transform == "log":
        known, all_ = signed_log(known), signed_log(all_)
    effect = float(known.mean() - all_.mean()) / (float(all_.std()) or 1.0)
    return Cell(of.name, middle, effect if effect * further > 0 else 0.0)
