"""Signatures: recorded vectors, every byte, and times."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import SignatureMismatch
from connectors.signatures import (
    base64_signature,
    hex_signature,
    require_base64,
    require_hex,
    require_standard,
    standard_headers,
)

VECTORS = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "signature_vectors.json").read_text(encoding="utf-8")
)["vectors"]
NOW = datetime(2026, 9, 1, 8, tzinfo=UTC)


def _vector(platform: str) -> dict[str, Any]:
    return next(
        each for each in VECTORS if (each["platform"], each["kind"]) == (platform, "webhook")
    )


@pytest.mark.parametrize(
    ("platform", "header"),
    [("shopify", "X-Shopify-Hmac-Sha256"), ("woocommerce", "X-WC-Webhook-Signature")],
)
def test_recorded_base64_signatures(platform: str, header: str) -> None:
    vector = _vector(platform)
    body = vector["body"].encode()
    assert base64_signature(vector["secret"], body) == vector["headers"][header]
    require_base64(["rotated away", vector["secret"]], body, vector["headers"][header])


def test_recorded_hex_signature() -> None:
    vector = _vector("shopware")
    claimed = vector["headers"]["shopware-shop-signature"]
    require_hex([vector["shop_secret"]], vector["body"].encode(), claimed.upper())


@pytest.mark.parametrize("prefix", ["", "whsec_"])
def test_recorded_standard_webhook(prefix: str) -> None:
    vector = _vector("bigcommerce")
    secret = prefix + vector["standardwebhooks_secret"] if prefix else vector["client_secret"]
    at = datetime.fromtimestamp(int(vector["headers"]["webhook-timestamp"]), UTC)
    headers = {**vector["headers"]}
    headers["webhook-signature"] = f"v1a,x v1,nonsense {headers['webhook-signature']}"
    require_standard([secret], headers, vector["body"].encode(), at + timedelta(minutes=5))


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_standard_webhook_out_of_time_is_refused(minutes: int) -> None:
    headers = standard_headers("whsec_c2VjcmV0", "msg_1", NOW, b"{}")
    with pytest.raises(SignatureMismatch):
        require_standard(["whsec_c2VjcmV0"], headers, b"{}", NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize("stamp", ["", "-1", "1e9", "٣", "9" * 12, "9" * 400])
def test_nonsense_times_are_refused(stamp: str) -> None:
    headers = {**standard_headers("k", "m", NOW, b""), "webhook-timestamp": stamp}
    with pytest.raises(SignatureMismatch):
        require_standard(["k"], headers, b"", NOW)


@given(st.binary(max_size=200), st.text(min_size=1), st.integers(0, 10_000))
def test_every_byte_counts(body: bytes, secret: str, at: int) -> None:
    secret = secret.encode("utf-8", "replace").decode()
    headers = standard_headers(secret, "msg", NOW, body)
    require_standard([secret], headers, body, NOW)
    position = at % (len(body) + 1)
    other = body[:position] + b"x" + body[position:]
    with pytest.raises(SignatureMismatch):
        require_standard([secret], headers, other, NOW)
    with pytest.raises(SignatureMismatch):
        require_base64([secret], other, base64_signature(secret, body))
    with pytest.raises(SignatureMismatch):
        require_hex([secret], other, hex_signature(secret, body))


@pytest.mark.parametrize("claimed", ["", "ключ", "\udcff", "=" * 1000])
def test_whatever_is_claimed_without_a_secret_is_refused(claimed: str) -> None:
    with pytest.raises(SignatureMismatch):
        require_base64(["", ""], b"", claimed)
    with pytest.raises(SignatureMismatch):
        require_base64(["s"], b"", claimed)
