"""What the plugin's webhooks say. Pure: bytes in, events out."""

from __future__ import annotations

from typing import Final

from connectors.decoding import decode
from connectors.errors import MalformedPayload
from connectors.events import Event
from connectors.facts import Heard
from connectors.protocol import LookUp, Received, StoreConfig, Webhook
from connectors.signatures import require_standard
from connectors.vendure.documents import (
    ChangedDocument,
    CustomerDocument,
    Message,
    OrderDocument,
)
from connectors.vendure.mapping import customer_event, deleted_product_event, order_events

VERSION: Final = 1  # of the plugin's messages
_SECRETS: Final = ("webhook_secret", "previous_webhook_secret")


def read(store: StoreConfig, webhook: Webhook) -> Received:
    """Authenticate and translate one webhook (Standard Webhooks 1.0).

    Raises
    ------
    SignatureMismatch
        If neither the store's secret nor its previous one signed these bytes, or not just now.
    MalformedPayload
        If the message is of another version, or not what its type promises.
    """
    secrets = [store.secrets.get(name, "") for name in _SECRETS]
    require_standard(secrets, webhook.headers, webhook.body, webhook.received_at)
    message = decode(webhook.body, Message, "message")
    if message.version != VERSION:
        problem = (
            f"message.version: expected {VERSION}; write the plugin anew with "
            "`shoal store plugin vendure` and restart the store"
        )
        raise MalformedPayload(problem)
    heard = Heard(store.id, webhook.received_at)
    if message.type == "product.changed":
        return _product(message, heard)
    return Received(events=_events(message, heard, store))


def _events(message: Message, heard: Heard, store: StoreConfig) -> tuple[Event, ...]:
    if message.type == "order.changed":
        return order_events(decode(message.data, OrderDocument, "order"), heard, store)
    if message.type == "customer.changed":
        return (customer_event(decode(message.data, CustomerDocument, "customer"), heard, store),)
    return ()


def _product(message: Message, heard: Heard) -> Received:
    document = decode(message.data, ChangedDocument, "product")
    if document.deleted_at is not None:
        return Received(events=(deleted_product_event(document, document.deleted_at, heard),))
    return Received(look_ups=(LookUp("product", document.id, message.timestamp),))
