"""The connector of a sandbox store: what it reads from, and writes to, the store's admin API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from connectors.client import PlatformClient
from connectors.connecting import ShopFacts, Subscription
from connectors.decoding import decode
from connectors.errors import Conflict, MalformedPayload, PlatformUnavailable, RequestRefused
from connectors.events import Event
from connectors.facts import Heard
from connectors.pagination import Page, by_cursor
from connectors.protocol import LookUp, Received, StoreConfig, Webhook
from connectors.records import Coupon, Membership, Recommendation
from connectors.sandbox import webhooks
from connectors.sandbox.documents import (
    CouponDocument,
    PageDocument,
    RemovedDocument,
    ShopDocument,
    TargetsDocument,
)
from connectors.sandbox.mapping import coupon_document

T = TypeVar("T")
_PAGE_SIZE: Final = "250"
# In the order a backfill needs them: what others refer to comes first.
_LISTS: Final = (
    ("product", "products"),
    ("customer", "customers"),
    ("order", "orders"),
    ("refund", "refunds"),
    ("cart", "carts"),
)


def sandbox_connector(store: StoreConfig, http: httpx.Client) -> SandboxConnector:
    """A connector for one sandbox store, speaking through a client."""
    headers = {"authorization": f"Bearer {store.secrets.get('api_key', '')}"}
    return SandboxConnector(store, PlatformClient(store, http, headers))


@dataclass(frozen=True)
class SandboxConnector:
    """Everything a sandbox store can do: coupons, segments (as tags), recommendations."""

    store: StoreConfig
    client: PlatformClient

    def read(self, webhook: Webhook) -> Received:
        """See :func:`connectors.sandbox.webhooks.read`."""
        return webhooks.read(self.store, webhook)

    def look_up(self, wanted: LookUp) -> tuple[Event, ...]:
        """Read one thing by its id; empty if it is gone."""
        path = f"/admin/{dict(_LISTS)[wanted.kind]}/{_part(wanted.key)}"
        document = self._found(path)
        if document is None:
            return ()
        heard = Heard(self.store.id, datetime.now(UTC))
        return (self._event(wanted.kind, msgspec.json.encode(document), heard, path),)

    def changes(self, since: datetime) -> Iterator[Event]:
        """Products, customers, orders, refunds and carts changed since then."""
        for kind, name in _LISTS:
            path = f"/admin/{name}"
            for raw in by_cursor(partial(self._page, path, since)):
                yield self._event(kind, raw, Heard(self.store.id, datetime.now(UTC), "poll"), path)

    def push_coupon(self, coupon: Coupon) -> None:
        """Create the code; if it exists, see whether it is ours and the same."""
        wanted = coupon_document(coupon)
        answer = self.client.request("POST", "/admin/coupons", json=wanted)
        if answer.status == httpx.codes.CONFLICT:
            self._require_same(wanted)
        elif answer.status == httpx.codes.UNPROCESSABLE_ENTITY:
            problem = f"the store refused the coupon: {_reason(answer.body)}"
            raise RequestRefused(problem, **self._place("POST", "/admin/coupons"), status=422)

    def revoke_coupon(self, code: str, marker: str) -> None:
        """Disable the code if it carries our marker; a missing one is done."""
        found = self._coupon(code)
        if found is None or found.is_disabled:
            return
        path = f"/admin/coupons/{_part(code)}"
        if found.note != marker:
            problem = f"coupon {code!r} does not carry our marker"
            raise Conflict(problem, **self._place("DELETE", path))
        self.client.request("DELETE", path)

    def push_membership(self, membership: Membership) -> None:
        """Set or drop a tag of the customer."""
        method = "PUT" if membership.is_member else "DELETE"
        path = f"/admin/customers/{_part(membership.customer_id)}/tags/{_part(membership.name)}"
        self._write(method, path)

    def push_recommendation(self, recommendation: Recommendation) -> None:
        """Replace the products shown to the customer."""
        path = f"/admin/customers/{_part(recommendation.customer_id)}/recommendations"
        body = {"campaign": recommendation.campaign, "products": recommendation.products}
        self._write("PUT", path, body)

    def shop_facts(self) -> ShopFacts:
        """Ask the store who it is."""
        told = self._read("/admin/shop", ShopDocument)
        return ShopFacts(told.name, told.currency, told.time_zone)

    def subscriptions(self) -> tuple[Subscription, ...]:
        """The sandbox sends everything to each address that was registered."""
        sent = self._read("/admin/webhooks", TargetsDocument)
        return tuple(Subscription("everything", address=one.url) for one in sent.items)

    def wanted_subscriptions(self, address: str) -> tuple[Subscription, ...]:
        """One for everything; the sandbox has one version."""
        return (Subscription("everything", address=address),)

    def subscribe(self, address: str) -> tuple[Subscription, ...]:
        """Register an address."""
        self._write("POST", "/admin/webhooks", {"url": address})
        return (Subscription("everything", address=address),)

    def unsubscribe(self, address: str) -> int:
        """Take an address back."""
        path = "/admin/webhooks"
        body = self.client.request("DELETE", path, json={"url": address}).body
        return self._decoded(body, RemovedDocument, "DELETE", path).removed

    def _read(self, path: str, kind: type[T]) -> T:
        return self._decoded(self.client.request("GET", path).body, kind, "GET", path)

    def _decoded(self, body: Any, kind: type[T], method: str, path: str) -> T:
        try:
            return decode(msgspec.json.encode(body), kind, "answer")
        except MalformedPayload as error:
            problem = f"unreadable answer: {error}"
        raise PlatformUnavailable(problem, **self._place(method, path))

    def _write(self, method: str, path: str, body: Any = None) -> None:
        answer = self.client.request(method, path, json=body)
        if answer.status >= httpx.codes.BAD_REQUEST:
            problem = f"the store refused: {_reason(answer.body)}"
            raise RequestRefused(problem, **self._place(method, path), status=answer.status)

    def _require_same(self, wanted: CouponDocument) -> None:
        found = self._coupon(wanted.code)
        # A title is for people's eyes and may be edited in the store.
        if found is None or msgspec.structs.replace(found, title=wanted.title) != wanted:
            problem = f"coupon {wanted.code!r} exists with other terms or without our marker"
            raise Conflict(problem, **self._place("POST", "/admin/coupons"), status=409)

    def _coupon(self, code: str) -> CouponDocument | None:
        path = f"/admin/coupons/{_part(code)}"
        document = self._found(path)
        if document is None:
            return None
        try:
            return decode(msgspec.json.encode(document), CouponDocument, "coupon")
        except MalformedPayload as error:
            raise self._unreadable(path, error) from None

    def _found(self, path: str) -> Any:
        try:
            return self.client.request("GET", path).body
        except RequestRefused as refusal:
            if refusal.status == httpx.codes.NOT_FOUND:
                return None
            raise

    def _page(self, path: str, since: datetime, cursor: str | None) -> Page[msgspec.Raw]:
        params = {"updated_since": since.astimezone(UTC).isoformat(), "limit": _PAGE_SIZE}
        if cursor is not None:
            params["cursor"] = cursor
        body = self.client.request("GET", path, params=params).body
        try:
            page = decode(msgspec.json.encode(body), PageDocument, "page")
        except MalformedPayload as error:
            raise self._unreadable(path, error) from None
        return Page(page.items, page.next)

    def _event(self, kind: str, raw: bytes | msgspec.Raw, heard: Heard, path: str) -> Event:
        try:
            return webhooks.entry_event(kind, raw, heard, self.store)
        except MalformedPayload as error:
            raise self._unreadable(path, error) from None

    def _unreadable(self, path: str, error: Exception) -> PlatformUnavailable:
        return PlatformUnavailable(f"unreadable answer: {error}", **self._place("GET", path))

    def _place(self, method: str, path: str) -> dict[str, Any]:
        return {"store": self.store.id, "method": method, "path": path}


def _part(key: str) -> str:
    # A dot alone would be taken for a step up the path.
    return quote(key, safe="").replace(".", "%2E")


def _reason(body: Any) -> str:
    said = body.get("error") if isinstance(body, dict) else None
    return str(said)[:200] if said else "no reason given"
