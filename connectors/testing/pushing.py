"""What writing to the platform promises."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from connectors.errors import Conflict
from connectors.protocol import SupportsCoupons, SupportsRecommendations, SupportsSegments
from connectors.records import Coupon, Membership, Recommendation
from connectors.testing.stage import Stage


class PushContract:
    """What writing to the platform promises."""

    def test_pushing_a_coupon_twice_makes_one(self, stage: Stage) -> None:
        """The second push reads it back and is content."""
        connector, coupon = _coupons(stage)
        connector.push_coupon(coupon)
        connector.push_coupon(coupon)
        if stage.coupons_in_store is not None:
            assert stage.coupons_in_store(coupon.code) == 1

    def test_a_code_with_other_terms_is_a_conflict(self, stage: Stage) -> None:
        """And so is one of a stranger: without our marker, nothing is ours."""
        connector, coupon = _coupons(stage)
        connector.push_coupon(coupon)
        later = coupon.valid_until + timedelta(days=1)
        for other in (
            msgspec.structs.replace(coupon, valid_until=later),
            msgspec.structs.replace(coupon, minimum_spend=coupon.minimum_spend + 100),
            msgspec.structs.replace(coupon, marker=f"{coupon.marker}x"),
        ):
            with pytest.raises(Conflict):
                connector.push_coupon(other)

    def test_revoking_takes_ours_alone(self, stage: Stage) -> None:
        """A stranger's code stays; ours goes, and going twice is done."""
        connector, coupon = _coupons(stage)
        connector.push_coupon(coupon)
        with pytest.raises(Conflict):
            connector.revoke_coupon(coupon.code, f"{coupon.marker}x")
        connector.revoke_coupon(coupon.code, coupon.marker)
        connector.revoke_coupon(coupon.code, coupon.marker)
        connector.revoke_coupon("NO-SUCH-CODE", coupon.marker)

    def test_tags_and_recommendations_can_be_repeated(self, stage: Stage) -> None:
        """The second time changes nothing."""
        connector, coupon = stage.connector, stage.coupon
        if coupon is None:
            pytest.skip("this stage names no customer to push to")
        for _ in range(2):
            if isinstance(connector, SupportsSegments):
                connector.push_membership(Membership(coupon.customer_id, "shoal:vip"))
                connector.push_membership(Membership(coupon.customer_id, "shoal:vip", False))
            if isinstance(connector, SupportsRecommendations):
                connector.push_recommendation(Recommendation(coupon.customer_id, "x", ("1", "2")))


def _coupons(stage: Stage) -> tuple[SupportsCoupons, Coupon]:
    connector = stage.connector
    if not isinstance(connector, SupportsCoupons) or stage.coupon is None:
        pytest.skip("this platform takes no personal coupons")
    return connector, stage.coupon
