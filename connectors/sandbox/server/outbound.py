"""Signed webhooks, sent by threads of their own and tried again when nobody listens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import itertools
import json
import queue
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

RETRIES: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_PATIENCE: Final = 5.0  # seconds for an answer
_ACCEPTED: Final = 300  # below it


@dataclass(frozen=True)
class Delivery:
    """One request to send: where, what, and how often it was tried."""

    url: str
    body: bytes
    headers: dict[str, str]
    tries: int = 0


class Webhooks:
    """The targets that were registered and what is on its way to them."""

    def __init__(self, secret: str, senders: int = 4) -> None:
        self.secret = secret
        self.targets: list[str] = []
        self.counts: Counter[str] = Counter()
        self._order = itertools.count()
        self._due: queue.PriorityQueue[tuple[float, int, Delivery]] = queue.PriorityQueue()
        for _ in range(senders):
            threading.Thread(target=self._run, daemon=True).start()

    def announce(self, topic: str, document: dict[str, Any]) -> None:
        """Send a document to every target; its event id is the same on every try."""
        body = json.dumps(document, separators=(",", ":")).encode()
        headers = {
            "content-type": "application/json",
            "x-sandbox-topic": topic,
            "x-sandbox-event-id": uuid.uuid4().hex,
            "x-sandbox-signature": self._signature(body),
        }
        for url in self.targets:
            self.send(Delivery(url, body, headers))

    def send(self, delivery: Delivery, wait: float = 0.0) -> None:
        """Put a delivery on its way."""
        if delivery.tries == 0:
            self.counts["pending"] += 1
        self._due.put((time.monotonic() + wait, next(self._order), delivery))

    def _signature(self, body: bytes) -> str:
        digest = hmac.new(self.secret.encode(), body, hashlib.sha256).digest()
        return base64.b64encode(digest).decode()

    def _run(self) -> None:
        kept: dict[str, http.client.HTTPConnection] = {}
        while True:
            due, number, delivery = self._due.get()
            early = due - time.monotonic()
            if early > 0:
                self._due.put((due, number, delivery))
                time.sleep(min(early, 0.05))
                continue
            self._settle(delivery, _status(kept, delivery))

    def _settle(self, delivery: Delivery, status: int) -> None:
        self.counts["attempts"] += 1
        if 0 < status < _ACCEPTED:
            self.counts["delivered"] += 1
        elif delivery.tries < len(RETRIES):
            self.send(replace(delivery, tries=delivery.tries + 1), RETRIES[delivery.tries])
            return
        else:
            self.counts["failed"] += 1
        self.counts["pending"] -= 1


def _status(kept: dict[str, http.client.HTTPConnection], delivery: Delivery) -> int:
    parts = urlsplit(delivery.url)
    connection = kept.pop(parts.netloc, None) or _connection(parts.scheme, parts.netloc)
    headers = {**delivery.headers, "x-sandbox-delivery-id": uuid.uuid4().hex}
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    try:
        connection.request("POST", path, delivery.body, headers)
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return 0
    kept[parts.netloc] = connection
    return response.status


def _connection(scheme: str, place: str) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    return kind(place, timeout=_PATIENCE)
