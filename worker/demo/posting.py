"""Sending to one place and waiting where it asks for patience, as stores and pages do."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass, field
from threading import local
from typing import Final
from urllib.parse import urlsplit

_TRIES: Final = 30
_MORE: Final = frozenset({429, 500, 502, 503})


@dataclass
class Post:
    """Keep-alive connections to one place, one a thread."""

    url: str
    _own: local = field(default_factory=local)

    def send(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        """The status of a request; tried again while the other side asks for patience."""
        for _ in range(_TRIES):
            status, wait = self._once(path, body, headers)
            if status and status not in _MORE:
                return status
            time.sleep(wait)
        message = f"{self.url}{path} does not take what is sent (status {status})"
        raise ConnectionError(message)

    def browsed(self, key: str, messages: list[bytes]) -> int:
        """The status of a batch of pages' messages, sent with the store's browser key."""
        body = b'{"batch":[' + b",".join(messages) + b"]}"
        return self.send(
            "/v1/batch", body, {"content-type": "text/plain", "authorization": f"Bearer {key}"}
        )

    def _once(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, float]:
        connection = getattr(self._own, "connection", None)
        if connection is None:
            place = urlsplit(self.url).netloc
            connection = self._own.connection = http.client.HTTPConnection(place, timeout=20)
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return 0, 0.2
        return answer.status, float(answer.headers.get("retry-after") or 0.2)


def is_accepted(status: int) -> bool:
    """Whether it was answered 2xx."""
    return bool(http.client.OK <= status < http.client.MULTIPLE_CHOICES)
