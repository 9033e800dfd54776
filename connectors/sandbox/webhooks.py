"""What the sandbox's webhooks say. Pure: bytes in, events out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec

from connectors.attributes import declared_attributes
from connectors.decoding import decode
from connectors.events import Event, event_id
from connectors.facts import Heard, who
from connectors.protocol import LookUp, Received, Reply, StoreConfig, Webhook
from connectors.sandbox.documents import (
    CartDocument,
    ChangedDocument,
    CustomerDocument,
    MergeDocument,
    OrderDocument,
    ProductDocument,
    RedactionDocument,
    RefundDocument,
)
from connectors.sandbox.mapping import (
    cart_event,
    customer_event,
    order_event,
    product_event,
    refund_event,
)
from connectors.signatures import base64_signature, require_base64


def read(store: StoreConfig, webhook: Webhook) -> Received:
    """Authenticate and translate one webhook.

    Raises
    ------
    SignatureMismatch
        If neither the store's secret nor its previous one signed these bytes.
    MalformedPayload
        If its topic promises something else than it holds.
    """
    secrets = [
        store.secrets.get(name, "") for name in ("webhook_secret", "previous_webhook_secret")
    ]
    require_base64(secrets, webhook.body, webhook.headers.get("x-sandbox-signature", ""))
    topic = webhook.headers.get("x-sandbox-topic", "")
    reply = _fixed_reply(store)
    if topic == "resource.changed":
        return Received(look_ups=(_look_up(webhook.body),), reply=reply)
    reader = _READERS.get(topic)
    if reader is None:
        return Received(reply=reply)
    heard = Heard(store.id, webhook.received_at)
    return Received(events=(reader(webhook.body, heard, store),), reply=reply)


def signed_headers(secret: str, topic: str, body: bytes, happening: str) -> dict[str, str]:
    """The headers a sandbox store sends with a webhook (for players and tests).

    Parameters
    ----------
    secret
        The store's webhook secret.
    topic, body
        What is sent.
    happening
        The event's id: the same on every redelivery.
    """
    return {
        "content-type": "application/json",
        "x-sandbox-topic": topic,
        "x-sandbox-event-id": happening,
        "x-sandbox-signature": base64_signature(secret, body),
    }


def entry_event(kind: str, raw: bytes | msgspec.Raw, heard: Heard, store: StoreConfig) -> Event:
    """The event of one document of a kind, wherever it was read.

    Raises
    ------
    MalformedPayload
        If the document is not of that kind.
    """
    return _KINDS[kind](raw, heard, store)


def _fixed_reply(store: StoreConfig) -> Reply | None:
    wanted = store.options.get("fixed_reply", "")
    return Reply(body=wanted.encode()) if wanted else None


def _look_up(raw: bytes) -> LookUp:
    document = decode(raw, ChangedDocument, "resource.changed")
    return LookUp(document.resource, document.id, document.updated_at)


def _order(raw: bytes | msgspec.Raw, heard: Heard, _: StoreConfig) -> Event:
    return order_event(decode(raw, OrderDocument, "order"), heard)


def _refund(raw: bytes | msgspec.Raw, heard: Heard, _: StoreConfig) -> Event:
    return refund_event(decode(raw, RefundDocument, "refund"), heard)


def _customer(raw: bytes | msgspec.Raw, heard: Heard, store: StoreConfig) -> Event:
    document = decode(raw, CustomerDocument, "customer")
    return customer_event(document, heard, declared_attributes(store.options))


def _product(raw: bytes | msgspec.Raw, heard: Heard, _: StoreConfig) -> Event:
    return product_event(decode(raw, ProductDocument, "product"), heard)


def _cart(raw: bytes | msgspec.Raw, heard: Heard, _: StoreConfig) -> Event:
    return cart_event(decode(raw, CartDocument, "cart"), heard)


def _merge(raw: bytes | msgspec.Raw, heard: Heard, _: StoreConfig) -> Event:
    document = decode(raw, MergeDocument, "merge")
    ids = {"customer_id": document.id, "previous_id": document.previous_id}
    made = _happening(heard, "customers_merged", document.updated_at, str(sorted(ids.items())))
    return msgspec.structs.replace(
        made, identities=who([("customer_id", document.id)]), properties=ids
    )


def _redaction(raw: bytes | msgspec.Raw, heard: Heard, _: StoreConfig) -> Event:
    document = decode(raw, RedactionDocument, "redaction")
    people = who([("customer_id", document.id)], document.email)
    made = _happening(heard, "customer_erased", document.requested_at, str(people))
    return msgspec.structs.replace(made, identities=people)


def _happening(heard: Heard, kind: str, at: datetime, key: str) -> Event:
    return Event(
        id=event_id(heard.store, kind, at, key),
        store=heard.store,
        type=kind,
        at=at,
        received_at=heard.received_at,
        source=heard.source,
    )


_Reader = Callable[[bytes | msgspec.Raw, Heard, StoreConfig], Event]
_KINDS: Final[dict[str, _Reader]] = {
    "order": _order,
    "refund": _refund,
    "customer": _customer,
    "product": _product,
    "cart": _cart,
}
_TOPICS: Final = {
    "order": ("created", "paid", "updated", "cancelled"),
    "refund": ("created", "updated"),
    "customer": ("created", "updated"),
    "product": ("created", "updated"),
    "cart": ("created", "updated"),
}
_READERS: Final[dict[str, _Reader]] = {
    **{f"{kind}.{verb}": _KINDS[kind] for kind, verbs in _TOPICS.items() for verb in verbs},
    "checkout.created": _cart,
    "checkout.updated": _cart,
    "customer.merged": _merge,
    "customer.redacted": _redaction,
}
