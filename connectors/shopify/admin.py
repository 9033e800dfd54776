"""One call of the Admin API: a document and its variables in, a typed answer or one error out.

Shopify answers 200 to nearly everything. What an answer is, is decided in this order: the HTTP
status, then ``errors``, then whether ``data`` is what we asked for; the mutations' own
``userErrors`` are the caller's.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import httpx
import msgspec

from connectors.client import Answer, PlatformClient
from connectors.decoding import mistake
from connectors.errors import (
    AccessDenied,
    PlatformError,
    PlatformUnavailable,
    RequestRefused,
)
from connectors.protocol import StoreConfig
from connectors.shopify import faults
from connectors.shopify.bucket import RESERVE, Bucket, Cost
from connectors.shopify.queries import Operation
from connectors.shopify.setting import API_VERSION, GRAPHQL_PATH, problem_of_address
from connectors.shopify.tokens import Tokens

T = TypeVar("T")
_LONGEST_NAP: Final = 30.0  # seconds


@dataclass(slots=True)
class Heard:
    """What answers said beside their data.

    Attributes
    ----------
    version
        The API version that really answered: Shopify serves the oldest it still has in the place
        of one that has ended.
    withheld
        Personal fields that were refused: name → why.
    """

    version: str = API_VERSION
    withheld: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Admin:
    """The Admin API of one store."""

    store: StoreConfig
    http: httpx.Client = field(repr=False)
    tokens: Tokens
    bucket: Bucket = field(default_factory=Bucket, repr=False)
    heard: Heard = field(default_factory=Heard)

    def run(self, operation: Operation, variables: Mapping[str, Any], kind: type[T]) -> T:
        """Run one document.

        Raises
        ------
        OutOfPoints
            If its points are not there yet, before anything is sent, or if Shopify says so.
        AccessDenied
            If credentials or a scope are missing, or the shop is closed to us.
        RequestRefused, PlatformUnavailable
            As the client, and for everything else that ``errors`` may say.
        """
        return self._run(operation, variables, kind, 0.0)

    def run_patiently(
        self, operation: Operation, variables: Mapping[str, Any], kind: type[T], patience: float
    ) -> T:
        """The same, waiting for points where there are none, and leaving some to others.

        Parameters
        ----------
        patience
            Seconds to wait at most; beyond them ``OutOfPoints`` is raised.
        """
        until = time.monotonic() + patience
        while True:
            try:
                return self._run(operation, variables, kind, RESERVE)
            except faults.OutOfPoints as limit:
                wait = min(limit.retry_after or 1.0, _LONGEST_NAP)
                if time.monotonic() + wait > until:
                    raise
            time.sleep(wait)

    def refused(self, operation: Operation, problem: str, status: int = 0) -> RequestRefused:
        """The error for what the shop understood and refused."""
        return RequestRefused(f"{operation.name}: {problem}", **self.place(), status=status)

    def place(self) -> dict[str, Any]:
        """Where every call of this API goes."""
        return {"store": self.store.id, "method": "POST", "path": GRAPHQL_PATH}

    def _run(
        self, operation: Operation, variables: Mapping[str, Any], kind: type[T], reserve: float
    ) -> T:
        problem = problem_of_address(self.store)
        if problem:
            raise AccessDenied(problem, store=self.store.id, path="address")  # nobody was called
        cost = self.bucket.points(operation)
        wait = self.bucket.take(cost, time.monotonic(), reserve)
        if wait:
            raise faults.OutOfPoints(wait, **self.place())
        charged = None
        try:
            answer = self._answer({"query": operation.text, "variables": dict(variables)})
            charged = _cost(answer.body)
        finally:
            self.bucket.settle(operation, cost, charged, time.monotonic())
        self.heard.version = answer.headers.get("x-shopify-api-version", "") or self.heard.version
        return self._data(operation, answer, charged, kind)

    def _answer(self, body: Mapping[str, Any]) -> Answer:
        token = self.tokens.current()
        try:
            return self._posted(body, token)
        except AccessDenied as denied:
            is_stale = denied.status == httpx.codes.UNAUTHORIZED
            if not is_stale or not self.tokens.refuse(token):
                raise
        return self._posted(body, self.tokens.current())

    def _posted(self, body: Mapping[str, Any], token: str) -> Answer:
        client = PlatformClient(self.store, self.http, {"x-shopify-access-token": token})
        closed = ""
        try:
            return client.request("POST", GRAPHQL_PATH, json=body)
        except RequestRefused as refusal:
            closed, status = faults.CLOSED.get(refusal.status, ""), refusal.status
            if not closed:
                raise
        raise AccessDenied(closed, **self.place(), status=status)

    def _data(self, operation: Operation, answer: Answer, cost: Cost | None, kind: type[T]) -> T:
        if answer.status >= httpx.codes.BAD_REQUEST:
            raise self.refused(operation, "refused", answer.status)
        body = answer.body if isinstance(answer.body, dict) else {}
        problem = faults.first_fault(body, self.heard.withheld)
        if problem is not None:
            raise self._error(operation, problem, cost)
        try:
            return msgspec.convert(body.get("data"), kind)
        except msgspec.ValidationError as error:
            place, reason = mistake(error)
        unreadable = f"{operation.name}: unreadable answer: {place or 'data'}: {reason}"
        if self.heard.version != API_VERSION:
            unreadable += f" (API version {self.heard.version[:20]}, this reads {API_VERSION})"
        raise PlatformUnavailable(unreadable, **self.place(), status=answer.status)

    def _error(self, operation: Operation, fault: faults.Fault, cost: Cost | None) -> PlatformError:
        text = f"{operation.name}: {fault.text}"
        if fault.code == faults.THROTTLED:
            return faults.OutOfPoints(_wait(operation, cost), **self.place())
        if fault.code in faults.DENIED:
            return AccessDenied(text, **self.place())
        if fault.code in faults.PASSING:
            return PlatformUnavailable(text, **self.place())
        refusal = faults.REFUSALS.get(fault.code, RequestRefused)
        return refusal(text, **self.place())


def _cost(body: Any) -> Cost | None:
    extensions = body.get("extensions") if isinstance(body, dict) else None
    said = extensions.get("cost") if isinstance(extensions, dict) else None
    try:
        return msgspec.convert(said, Cost)
    except msgspec.ValidationError:
        return None


def _wait(operation: Operation, cost: Cost | None) -> float | None:
    """Seconds until the points of a throttled document are there."""
    if cost is None:
        return None
    status = cost.throttle_status
    asked = cost.requested_query_cost or operation.cost
    return max(asked - status.currently_available, 0.0) / max(status.restore_rate, 1.0)
