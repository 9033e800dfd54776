"""The report's figures for scripts: what the page tells of stages, groups, drift and the tree."""

from __future__ import annotations

from typing import Any

import msgspec

from worker.reporting.content import Report


def summary(found: Report) -> dict[str, Any]:
    """Everything but the dots of the map and the days between first and last."""
    history, tree = found.history, found.tree
    return {
        "store": found.store,
        "version": found.version,
        "kind": found.kind,
        "customers": found.customers,
        "unsorted": found.unsorted,
        "stages": msgspec.to_builtins(found.stages),
        "days": len(history.days) if history else 0,
        "marks": msgspec.to_builtins(history.marks) if history else [],
        "weekly": list(history.weekly) if history else [],
        "flows": msgspec.to_builtins(found.flows),
        "groups": msgspec.to_builtins(found.profiles.groups),
        "own": [
            {
                "id": one.segment.id,
                "customers": one.customers,
                "entered": one.entered,
                "left": one.left,
            }
            for one in found.own
        ],
        "tree": msgspec.to_builtins(tree.fidelity) if tree else None,
        "health": msgspec.to_builtins(found.health),
    }
