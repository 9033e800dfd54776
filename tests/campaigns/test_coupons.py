"""Codes are lasting, unlike each other and hard to guess; terms are in minor units."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from campaigns.coupons import CouponKey, coupon_terms, is_ours, marker, mint
from campaigns.steps import CouponStep

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_code_is_lasting_and_looks_right() -> None:
    key = CouponKey("win-back", 7, "entry:1", 0)
    code = mint(b"secret", key, "BACK")
    assert code == mint(b"secret", key, "BACK")
    assert re.fullmatch(r"BACK-[A-HJ-NP-Z2-9]{12}", code)
    assert 8 <= len(mint(b"secret", key, "SHOALS")) <= 20
    assert mint(b"secret", key).startswith("SHL-")


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        (b"other", CouponKey("a", 1, "x", 0)),
        (b"secret", CouponKey("b", 1, "x", 0)),
        (b"secret", CouponKey("a", 2, "x", 0)),
        (b"secret", CouponKey("a", 1, "y", 0)),
        (b"secret", CouponKey("a", 1, "x", 1)),
    ],
)
def test_every_part_of_the_key_counts(secret: bytes, key: CouponKey) -> None:
    assert mint(secret, key) != mint(b"secret", CouponKey("a", 1, "x", 0))


def test_a_hundred_thousand_codes_do_not_clash() -> None:
    codes = {mint(b"secret", CouponKey("a", customer, "x", 0)) for customer in range(100_000)}
    assert len(codes) == 100_000


def test_only_our_marker_is_ours() -> None:
    mark = marker(b"secret", "SHL-A")
    assert is_ours(b"secret", "SHL-A", mark)
    assert not is_ours(b"secret", "SHL-B", mark)
    assert not is_ours(b"other", "SHL-A", mark)
    assert not is_ours(b"secret", "SHL-A", "§")


@pytest.mark.parametrize(("currency", "minor"), [("EUR", 550), ("JPY", 6), ("KWD", 5500)])
@pytest.mark.invariant("I10")
def test_terms_are_in_minor_units(currency: str, minor: int) -> None:
    step = CouponStep(timedelta(days=7), amount_off=Decimal("5.5"), minimum_spend=Decimal("5.5"))
    coupon = coupon_terms(step, ("CODE", "mark"), "c1", currency, NOW)
    assert (coupon.amount_off, coupon.minimum_spend, coupon.percent_off) == (minor, minor, None)
    assert coupon.valid_until - coupon.valid_from == timedelta(days=7)
