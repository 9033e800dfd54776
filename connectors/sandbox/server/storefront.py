"""The page a visitor sees: it tells Shoal what is looked at, with the public browser key."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

from connectors.sandbox.server.clock import written
from connectors.sandbox.server.outbound import Delivery, Webhooks
from connectors.sandbox.server.shelves import Refused


class Storefront:
    """Where browse events go: Shoal's address and this store's browser key."""

    def __init__(self, webhooks: Webhooks) -> None:
        self.url = ""
        self._key = ""
        self._webhooks = webhooks

    def join(self, wanted: dict[str, Any]) -> None:
        """Remember Shoal's address (``url``) and the browser ``key``."""
        self.url = str(wanted.get("url", "")).rstrip("/")
        self._key = str(wanted.get("key", ""))

    def browse(self, wanted: dict[str, Any]) -> int:
        """Send page events to Shoal's ``/v1/batch`` and return how many.

        Each of ``events`` holds ``event``, ``visitor``, ``properties`` and perhaps ``timestamp``.

        Raises
        ------
        Refused
            422 before :meth:`join`.
        """
        if not self.url:
            raise Refused(422, "nobody listens: POST /_shoal first")
        batch = [_message(each) for each in wanted.get("events", [])]
        secret = base64.b64encode(f"{self._key}:".encode()).decode()
        headers = {"content-type": "application/json", "authorization": f"Basic {secret}"}
        body = json.dumps({"batch": batch}).encode()
        self._webhooks.send(Delivery(f"{self.url}/v1/batch", body, headers))
        return len(batch)


def _message(each: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "track",
        "event": each["event"],
        "anonymousId": each["visitor"],
        "messageId": each.get("messageId") or uuid.uuid4().hex,
        "timestamp": each.get("timestamp") or written(),
        "properties": each.get("properties", {}),
    }
