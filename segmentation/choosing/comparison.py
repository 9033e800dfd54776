"""Run every candidate on a snapshot of a shop's customers, measure it, and say which to take."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from segmentation.choosing.candidates import Candidate, Comparison
from segmentation.choosing.methods import METHODS, Found
from segmentation.choosing.recommendation import best_to_carry, recommended
from segmentation.choosing.snapshots import LEAST_CUSTOMERS, Plan, Snapshot
from segmentation.choosing.trials import Trials
from segmentation.errors import NotEnoughCustomers

OnStep = Callable[[str, int, int], None]
"""Told the candidate that is next, how many are done and how many there are."""


def compare(
    snapshot: Snapshot, plan: Plan, on_step: OnStep = lambda _name, _done, _all: None
) -> Comparison:
    """Every candidate with its figures, and the one to take.

    Raises
    ------
    NotEnoughCustomers
        If there are fewer than `LEAST_CUSTOMERS`, or fewer than ten for each of the most groups.
    """
    there, needed = len(snapshot.small), max(LEAST_CUSTOMERS, 10 * max(plan.ks, default=0))
    if there < needed:
        raise NotEnoughCustomers(there, needed)
    fields = [Trials(snapshot, plan, how) for how in plan.reductions]
    total = sum(len(field.specs) for field in fields)
    measured_: list[tuple[Trials, Candidate, Found]] = []
    for field in fields:
        for spec in field.specs:
            on_step(spec.id, len(measured_), total)
            measured_.append((field, *field.measured(spec)))
    candidates = _with_carriers(measured_, plan, lambda name: on_step(name, total, total))
    best = recommended(candidates)
    curve = fields[0].curve if {"dbscan"} & set(plan.methods) else ()
    return Comparison(
        tuple(candidates),
        best.id,
        best.reason,
        len(snapshot.columns["orders"]),
        there,
        snapshot.notes,
        curve,
    )


def _with_carriers(
    found: Sequence[tuple[Trials, Candidate, Found]], plan: Plan, on_carry: Callable[[str], None]
) -> list[Candidate]:
    """The best candidate of each method that cannot predict gets its classifier."""
    chosen = set()
    for method in plan.methods:
        if not METHODS[method].predicts:
            its = [candidate for _, candidate, _ in found if candidate.spec.method == method]
            if best := best_to_carry(its):
                chosen.add(best.id)
    done = []
    for field, candidate, groups in found:
        if candidate.id in chosen:
            on_carry(f"{candidate.id}: classifiers")
            done.append(field.carried(candidate, groups))
        else:
            done.append(candidate)
    return done
