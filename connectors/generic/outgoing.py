"""Telling somebody else: one signed webhook out, by the Standard Webhooks specification."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import httpx
import msgspec

from connectors.client import post_bytes
from connectors.signatures import standard_headers


class Target(msgspec.Struct, frozen=True):
    """Where a webhook goes. ``repr`` hides the address and the secret."""

    store: str
    url: str
    secret: str

    def __repr__(self) -> str:
        return f"Target(store={self.store!r})"


class Outgoing(msgspec.Struct, frozen=True):
    """What it says: ``id`` is the same on every retry, ``type`` dotted, ``data`` JSON."""

    id: str
    type: str
    at: datetime
    data: dict[str, Any]


def outgoing_body(message: Outgoing) -> bytes:
    """The exact bytes to sign and send."""
    payload = {"type": message.type, "timestamp": message.at, "data": message.data}
    return msgspec.json.encode(payload)


def post_webhook(http: httpx.Client, target: Target, message: Outgoing, now: datetime) -> None:
    """Sign and post a message; any 2xx is done.

    Parameters
    ----------
    http
        Sends it.
    target, message
        Where and what.
    now
        The time of this attempt; receivers refuse what is more than five minutes off.

    Raises
    ------
    PlatformError
        What went wrong, naming the host only.
    """
    body = outgoing_body(message)
    headers = standard_headers(target.secret, message.id, now, body)
    content = {**headers, "content-type": "application/json"}
    post_bytes(http, target.url, body, content, store=target.store)
