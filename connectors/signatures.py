"""How a sender proves who it is: HMAC-SHA256 in hex or base64, and Standard Webhooks.

Every comparison takes constant time. Where secrets rotate, any of several may have signed.
Source of the second half: Standard Webhooks specification 1.0, https://www.standardwebhooks.com.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from connectors.errors import SignatureMismatch

TOLERANCE: Final = timedelta(minutes=5)
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what secrets begin with, not one


def hmac_sha256(secret: str | bytes, message: bytes) -> bytes:
    """Thirty-two bytes: HMAC-SHA256 of a message under a secret."""
    key = secret if isinstance(secret, bytes) else secret.encode()
    return hmac.new(key, message, hashlib.sha256).digest()


def base64_signature(secret: str | bytes, message: bytes) -> str:
    """The digest in base64, as Shopify, WooCommerce and the sandbox send it."""
    return base64.b64encode(hmac_sha256(secret, message)).decode()


def hex_signature(secret: str | bytes, message: bytes) -> str:
    """The digest in lower-case hex, as Shopware sends it."""
    return hmac_sha256(secret, message).hex()


def is_same(expected: str, claimed: str) -> bool:
    """Whether two signatures are equal, in constant time and whatever characters a claim has."""
    return hmac.compare_digest(_bytes(expected), _bytes(claimed))


def require_base64(secrets: Iterable[str], message: bytes, claimed: str) -> None:
    """Let a message pass only if one of the secrets signed it (base64).

    Raises
    ------
    SignatureMismatch
        If none did, or there is no secret to compare with.
    """
    _require([base64_signature(secret, message) for secret in secrets if secret], [claimed])


def require_hex(secrets: Iterable[str], message: bytes, claimed: str) -> None:
    """Let a message pass only if one of the secrets signed it (hex, either case).

    Raises
    ------
    SignatureMismatch
        If none did, or there is no secret to compare with.
    """
    expected = [hex_signature(secret, message) for secret in secrets if secret]
    _require(expected, [claimed.lower()])


def standard_headers(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of Standard Webhooks for a body.

    Parameters
    ----------
    secret
        ``whsec_`` and base64, or any other text, which is then taken as it is.
    message_id
        The same on every retry of one message; no full stop inside.
    at
        Aware time of this attempt.
    """
    stamp = str(int(at.timestamp()))
    signature = base64_signature(_standard_key(secret), _standard_content(message_id, stamp, body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature}",
    }


def require_standard(
    secrets: Iterable[str], headers: Mapping[str, str], body: bytes, now: datetime
) -> None:
    """Let a Standard Webhook pass only if signed by one of the secrets within five minutes of now.

    Raises
    ------
    SignatureMismatch
        If a header lacks, the time is off, or no signature of the list fits.
    """
    stamp = headers.get("webhook-timestamp", "")
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > len("253402300799"):
        message = "header webhook-timestamp: expected seconds since 1970"
        raise SignatureMismatch(message)
    if abs(now - _seconds(int(stamp))) > TOLERANCE:
        message = "header webhook-timestamp: more than 5 minutes from now"
        raise SignatureMismatch(message)
    content = _standard_content(headers.get("webhook-id", ""), stamp, body)
    expected = [base64_signature(_standard_key(each), content) for each in secrets if each]
    listed = headers.get("webhook-signature", "").split(" ")
    _require(expected, [each.removeprefix("v1,") for each in listed if each.startswith("v1,")])


def _require(expected: list[str], claimed: list[str]) -> None:
    matches = [is_same(ours, theirs) for ours in expected for theirs in claimed]
    if not any(matches):
        message = "signature: not made with this store's secret"
        raise SignatureMismatch(message)


def _standard_key(secret: str) -> bytes:
    if not secret.startswith(SECRET_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        return secret.encode()


def _standard_content(message_id: str, stamp: str, body: bytes) -> bytes:
    return b".".join((_bytes(message_id), stamp.encode(), body))


def _bytes(header: str) -> bytes:
    # Headers come from strangers: what is not text must be compared too, not stumbled over.
    return header.encode("utf-8", "surrogatepass")


def _seconds(stamp: int) -> datetime:
    try:
        return datetime.fromtimestamp(stamp, UTC)
    except (OverflowError, OSError, ValueError):
        return datetime.min.replace(tzinfo=UTC)
