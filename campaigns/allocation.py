"""Who belongs to a campaign's control group: drawn once for ever by a hash."""

from __future__ import annotations

import hashlib
from typing import Final

_WHOLE: Final = 2**64


def position(salt: str, campaign: str, customer: int) -> float:
    """A customer's place in a campaign, uniform in [0, 1).

    It depends on nothing else, so that occasions, versions and order cannot move anybody; a
    larger share keeps everybody who was in a smaller one.
    """
    key = b"\x00".join((salt.encode(), campaign.encode(), str(customer).encode()))
    digest = hashlib.blake2b(key, digest_size=8, person=b"shoal-arm").digest()
    # 53 bits, so that no place rounds up to 1.
    return (int.from_bytes(digest) >> 11) / (_WHOLE >> 11)


def is_held_out(salt: str, campaign: str, customer: int, share: float) -> bool:
    """Whether a customer is in the control group of that share."""
    return share > 0 and position(salt, campaign, customer) < share
