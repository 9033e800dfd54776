"""Everything that a report says, read of one store in a few queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection

from segmentation.rules import STAGES
from worker.reporting import counting, sampling
from worker.reporting.advice import advice
from worker.reporting.content import Flows, Report, StageFigures, Typical
from worker.reporting.counting import Sales, Size
from worker.reporting.counting_back import DAYS, flows, history
from worker.reporting.health import health
from worker.reporting.mapping import picture
from worker.shop import Shop

_SPANS: Final = (30, 90)  # days over which flows are told


def gathered(connection: Connection, shop: Shop) -> Report:
    """The report of a store as it is now; an empty store has one, too."""
    sizes, sales = counting.sizes(connection, shop), counting.sales(connection, shop)
    moves = counting.moves(connection, shop, DAYS)
    found = sampling.sample(connection, shop)
    by_stage, by_group = _sums(sizes)
    return Report(
        store=shop.id,
        currency=shop.currency,
        now=shop.now,
        version=shop.model.version,
        kind=shop.model.kind,
        rules=shop.model.rules,
        customers=sum(one.customers for one in sizes),
        unsorted=by_stage.get("", 0),
        stages=_stages(shop, sizes, sales, sampling.typical(found)),
        history=history(by_stage, moves),
        flows=_worth_telling([flows(moves, days) for days in _SPANS]),
        picture=picture(shop.model, found.columns, found.stages),
        profiles=sampling.profiles(shop, found, by_group),
        tree=sampling.tree(connection, shop, found),
        own=tuple(counting.own_segments(connection, shop)),
        health=health(connection, shop, moves),
    )


def _sums(sizes: Sequence[Size]) -> tuple[dict[str, int], dict[str, int]]:
    by_stage: Counter[str] = Counter()
    by_group: Counter[str] = Counter()
    for one in sizes:
        by_stage[one.stage] += one.customers
        by_group[one.group] += one.customers
    return dict(by_stage), dict(by_group)


def _stages(
    shop: Shop, sizes: Sequence[Size], sales: Sequence[Sales], typical: Mapping[str, Typical]
) -> tuple[StageFigures, ...]:
    everybody = max(sum(one.customers for one in sizes), 1)
    spent = sum(one.spent for one in sales)
    sold = {one.stage: one for one in sales}
    found = []
    for stage in STAGES:
        its = [one for one in sizes if one.stage == stage]
        sale = sold.get(stage, Sales(stage, 0, 0, 0.0))
        customers = sum(one.customers for one in its)
        found.append(
            StageFigures(
                id=stage,
                customers=customers,
                share=customers / everybody,
                typical=typical.get(stage),
                buyers=sale.buyers,
                orders=sale.orders,
                spent=sale.spent,
                spent_share=sale.spent / spent if spent else 0.0,
                spent_in_all=sum(one.spent for one in its),
                advice=advice(shop, stage),
            )
        )
    return tuple(found)


def _worth_telling(found: Sequence[Flows]) -> tuple[Flows, ...]:
    """Without those in which nothing happened, or nothing but what a shorter one tells."""
    told: list[Flows] = []
    for one in found:
        if one.flows and (not told or told[-1].flows != one.flows):
            told.append(one)
    return tuple(told)
