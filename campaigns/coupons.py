"""Codes of coupons: minted once from a decision's key, and recognised again by a marker."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from campaigns.costs import minor_units
from campaigns.steps import CouponStep
from connectors.records import Coupon

ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
PREFIX: Final = "SHL"
_LENGTH: Final = 12  # characters of 5 bits: a guess hits with 2^-60


@dataclass(frozen=True, slots=True)
class CouponKey:
    """What a code is minted from: a decision and the number of its step."""

    campaign: str
    customer: int
    occasion: str
    step: int


def mint(secret: bytes, key: CouponKey, prefix: str = PREFIX) -> str:
    """The code of a key: prefix, hyphen and twelve characters of ``ALPHABET``, at most 20 in all.

    The same key gives the same code for ever; without the secret nobody can tell another's.
    """
    text = "\x00".join((key.campaign, str(key.customer), key.occasion, str(key.step)))
    number = int.from_bytes(_digest(secret, b"code", text.encode()))
    characters = [ALPHABET[(number >> 5 * place) & 31] for place in range(_LENGTH)]
    return f"{prefix or PREFIX}-{''.join(characters)}"


def marker(secret: bytes, code: str) -> str:
    """Our signature on a code, for the platform's free-text field: ``shoal:`` and 16 hex digits."""
    return f"shoal:{_digest(secret, b'marker', code.encode()).hex()[:16]}"


def is_ours(secret: bytes, code: str, found: str) -> bool:
    """Whether a marker read back from a store is our signature on that code."""
    return hmac.compare_digest(marker(secret, code).encode(), found.encode())


def coupon_terms(
    step: CouponStep, code: tuple[str, str], customer_id: str, currency: str, now: datetime
) -> Coupon:
    """The coupon to push.

    Parameters
    ----------
    step
        Its terms, lowered by policies already.
    code
        The code and its marker.
    customer_id
        The platform's id of the person.
    currency
        The store's; amounts are turned into its minor units.
    now
        Business time at which it becomes valid.
    """
    text, mark = code
    most, amount = step.maximum_discount, step.amount_off
    return Coupon(
        code=text,
        marker=mark,
        customer_id=customer_id,
        currency=currency,
        valid_from=now,
        valid_until=now + step.valid_for,
        percent_off=step.percent_off,
        amount_off=None if amount is None else minor_units(amount, currency),
        minimum_spend=minor_units(step.minimum_spend, currency),
        maximum_discount=None if most is None else minor_units(most, currency),
        title=step.title,
    )


def _digest(secret: bytes, purpose: bytes, text: bytes) -> bytes:
    return hmac.digest(secret, purpose + b"\x00" + text, hashlib.sha256)
