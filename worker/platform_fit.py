"""What a campaign asks for and its store's platform cannot do, said before anything fires."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from campaigns.campaign import Campaign, campaign_steps
from campaigns.errors import Problem
from campaigns.steps import CouponStep, RecommendStep, Step, TagStep
from connectors.errors import ConnectorError
from connectors.mistakes import blaming
from connectors.protocol import (
    Connector,
    LimitsCoupons,
    SupportsCoupons,
    SupportsRecommendations,
    SupportsSegments,
)
from connectors.records import Coupon, exponent
from worker.lines import line_to
from worker.runtime import Kit
from worker.stores import Store

_ANY = datetime(2000, 1, 1, tzinfo=UTC)


def misfits(kit: Kit, store: Store, campaign: Campaign) -> tuple[Problem, ...]:
    """Each thing that pushing this campaign to this store would be refused for; asks nobody.

    A store without an address, or whose connector cannot be made, is not judged here.
    """
    if not store.url:
        return ()
    try:
        connector = line_to(kit, store).connector
    except ConnectorError:
        return ()
    said = {one: None for step in campaign_steps(campaign) for one in _of(step, connector, store)}
    return tuple(Problem("steps", f"store {store.id} ({store.platform}): {one}") for one in said)


def _of(step: Step, connector: Connector, store: Store) -> Iterator[str]:
    match step:
        case CouponStep() if not isinstance(connector, SupportsCoupons):
            yield "it takes no coupons"
        case CouponStep() if isinstance(connector, LimitsCoupons):
            with blaming(store.platform, "unfit"):
                problem = connector.unfit(_sample(step, store.currency))
            if problem:
                yield f"the coupon will be refused: {problem}"
        case RecommendStep() if not isinstance(connector, SupportsRecommendations):
            yield "it takes no recommendations"
        case TagStep() if not isinstance(connector, SupportsSegments):
            yield "it takes no tags"


def _sample(step: CouponStep, currency: str) -> Coupon:
    def minor(amount: Decimal | None) -> int | None:
        return None if amount is None else int(amount.scaleb(exponent(currency)))

    return Coupon(
        code="",
        marker="",
        customer_id="",
        currency=currency,
        valid_from=_ANY,
        valid_until=_ANY + step.valid_for,
        percent_off=step.percent_off,
        amount_off=minor(step.amount_off),
        minimum_spend=minor(step.minimum_spend) or 0,
        maximum_discount=minor(step.maximum_discount),
    )
