"""What the door says no with: a status, and JSON that names what, where and what was expected."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Final

import msgspec
from starlette.responses import Response

# Metric label of each refusal -> status.
STATUSES: Final[dict[str, int]] = {
    "unreadable": 400,
    "unknown_key": 401,
    "bad_signature": 401,
    "foreign_origin": 403,
    "unknown_path": 404,
    "unknown_store": 404,
    "wrong_method": 405,
    "too_large": 413,
    "bad_encoding": 415,
    "rate": 429,
    "failed": 500,
    "no_redis": 503,
    "backlog": 503,
    "no_connector": 503,
}


class Refusal(Exception):
    """A request that is not taken.

    Parameters
    ----------
    reason
        A key of ``STATUSES``.
    what, where, expected
        In words that quote nothing secret or personal.
    retry_after
        Seconds to wait before the same request may succeed; 0: it will not by waiting.
    """

    def __init__(
        self, *, reason: str, what: str, where: str, expected: str, retry_after: float = 0
    ) -> None:
        super().__init__(f"{where}: {what}")
        self.reason = reason
        self.what = what
        self.where = where
        self.expected = expected
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        """The HTTP status."""
        return STATUSES[self.reason]


def refused(refusal: Refusal, headers: Mapping[str, str] | None = None) -> Response:
    """The answer to a refused request."""
    told = dict(headers or {})
    if refusal.retry_after:
        told["retry-after"] = str(ceil(refusal.retry_after))
    if refusal.reason == "unknown_key":
        told["www-authenticate"] = 'Basic realm="shoal"'
    error = {"what": refusal.what, "where": refusal.where, "expected": refusal.expected}
    return json_answer({"error": error}, refusal.status, told)


def json_answer(body: object, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in JSON that nobody may cache."""
    told = {**(headers or {}), "cache-control": "no-store"}
    return Response(msgspec.json.encode(body), status, told, "application/json")
