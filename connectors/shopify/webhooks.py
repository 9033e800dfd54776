"""What Shopify's webhooks say. Pure: bytes in, events out.

Headers are not signed, so nothing that matters rests on them alone: a topic decides only how the
signed body is read, and what erases or closes is compared with the shop that the body names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, Literal, TypeVar

import msgspec

from connectors.decoding import decode
from connectors.errors import MalformedPayload
from connectors.events import Event, event_id
from connectors.facts import Heard, who
from connectors.protocol import LookUp, Received, StoreConfig, Webhook
from connectors.shopify import mapping
from connectors.shopify.documents import (
    CartDocument,
    CheckoutDocument,
    CustomerDocument,
    EmailConsentDocument,
    MergeDocument,
    NamedDocument,
    OrderDocument,
    OrderEditedDocument,
    PrivacyDocument,
    RefundDocument,
    ShopRedactionDocument,
    SmsConsentDocument,
    TouchedDocument,
    UninstalledDocument,
    VariantDocument,
    number_of,
)
from connectors.shopify.setting import API_VERSION, shop_domain, webhook_secrets
from connectors.signatures import require_base64

T = TypeVar("T")
_Kind = Literal["order", "refund", "customer", "product"]
_NOT_OURS: Final = Received()


class Delivery(msgspec.Struct, frozen=True):
    """One authentic webhook.

    ``at`` is when it was triggered, the same on every retry; the receipt where it is not said.
    """

    store: StoreConfig
    heard: Heard
    body: bytes
    at: datetime

    def read(self, kind: type[T], name: str) -> T:
        """The body as one of our documents."""
        return decode(self.body, kind, name)


def read(store: StoreConfig, webhook: Webhook) -> Received:
    """Authenticate and translate one webhook. A topic that we do not read brings nothing.

    Raises
    ------
    SignatureMismatch
        If none of the app's secrets signed these bytes.
    MalformedPayload
        If it is another shop's, or its topic promises something else than it holds.
    """
    signature = header(webhook.headers, "hmac-sha256")
    require_base64(webhook_secrets(store), webhook.body, signature)
    _require_shop(store, header(webhook.headers, "shop-domain"), "header x-shopify-shop-domain")
    reader = _READERS.get(header(webhook.headers, "topic").lower())
    if reader is None:
        return _NOT_OURS
    heard = Heard(store.id, webhook.received_at)
    delivery = Delivery(store, heard, webhook.body, _triggered_at(webhook))
    problem = ""
    try:
        return reader(delivery)
    except MalformedPayload as error:
        problem = str(error)
    # A later version may have moved what we look for: then the letter says so.
    raise MalformedPayload(problem + _of_version(header(webhook.headers, "api-version")))


def header(headers: Mapping[str, str], name: str) -> str:
    """A header by its old name (``x-shopify-topic``) or its new one (``shopify-topic``)."""
    return headers.get(f"x-shopify-{name}") or headers.get(f"shopify-{name}", "")


def _require_shop(store: StoreConfig, named: str | None, place: str) -> None:
    """One app serves several shops with one secret: a signature does not say whose it is."""
    ours = shop_domain(store)
    if named and ours and named.lower() != ours:
        message = f"{place}: expected {ours}, this is another shop's"
        raise MalformedPayload(message)


def _triggered_at(webhook: Webhook) -> datetime:
    text = header(webhook.headers, "triggered-at")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return webhook.received_at
    return webhook.received_at if at.tzinfo is None else at.astimezone(UTC)


def _of_version(version: str) -> str:
    known = not version or version == API_VERSION
    return "" if known else f" (payload of version {version[:20]}, this reads {API_VERSION})"


def _order(delivery: Delivery) -> Received:
    document = delivery.read(OrderDocument, "order")
    return _one(mapping.order_event(document, delivery.heard, delivery.store))


def _edited_order(delivery: Delivery) -> Received:
    edit = delivery.read(OrderEditedDocument, "orders/edited").order_edit
    return _look_up("order", str(edit.order_id), edit.committed_at or edit.created_at, delivery)


def _refund(delivery: Delivery) -> Received:
    document = delivery.read(RefundDocument, "refund")
    event = mapping.refund_event(document, delivery.heard, delivery.store)
    if event is None:
        return _look_up("refund", document.key, document.created_at, delivery)
    gave_nothing = getattr(event.body, "value", 0) == 0
    return _NOT_OURS if gave_nothing else _one(event)


def _customer(delivery: Delivery) -> Received:
    document = delivery.read(CustomerDocument, "customer")
    return _one(mapping.customer_event(document, delivery.heard, delivery.store))


def _deleted_customer(delivery: Delivery) -> Received:
    key = delivery.read(NamedDocument, "customers/delete").key
    return _one(mapping.deleted_customer_event(key, delivery.at, delivery.heard))


def _merge(delivery: Delivery) -> Received:
    document = delivery.read(MergeDocument, "customers/merge")
    if document.status.lower() != "completed":
        return _NOT_OURS
    kept = number_of(document.admin_graphql_api_customer_kept_id)
    gone = number_of(document.admin_graphql_api_customer_deleted_id)
    event = _happening(delivery, "customers_merged", f"{kept}|{gone}")
    ids = {"customer_id": kept, "previous_id": gone}
    whose = who([("customer_id", kept)])
    return _one(msgspec.structs.replace(event, identities=whose, properties=ids))


def _consent(delivery: Delivery) -> Received:
    key = delivery.read(EmailConsentDocument, "consent").customer_id
    return _look_up("customer", str(key), None, delivery)


def _sms_consent(delivery: Delivery) -> Received:
    key = delivery.read(SmsConsentDocument, "consent").id
    return _look_up("customer", str(key), None, delivery)


def _cart(delivery: Delivery) -> Received:
    document = delivery.read(CartDocument, "cart")
    return _one(mapping.cart_event(document, delivery.heard, delivery.store))


def _checkout(delivery: Delivery) -> Received:
    document = delivery.read(CheckoutDocument, "checkout")
    if document.completed_at is not None:
        return _NOT_OURS  # its order says the rest
    return _one(mapping.checkout_event(document, delivery.heard))


def _product(delivery: Delivery) -> Received:
    document = delivery.read(TouchedDocument, "product")
    return _look_up("product", document.key, document.updated_at, delivery)


def _deleted_product(delivery: Delivery) -> Received:
    key = delivery.read(TouchedDocument, "products/delete").key
    return _one(mapping.deleted_product_event(key, delivery.at, delivery.heard))


def _variant(delivery: Delivery) -> Received:
    document = delivery.read(VariantDocument, "variant")
    return _look_up("product", str(document.product_id), document.updated_at, delivery)


def _redaction(delivery: Delivery) -> Received:
    document = delivery.read(PrivacyDocument, "customers/redact")
    _require_shop(delivery.store, document.shop_domain, "customers/redact.shop_domain")
    orders = [("order", str(number)) for number in document.orders_to_redact]
    people = who([("customer_id", _id_of(document)), *orders], document.customer.email)
    event = _happening(delivery, "customer_erased", str(people))
    return _one(msgspec.structs.replace(event, identities=people))


def _data_request(delivery: Delivery) -> Received:
    document = delivery.read(PrivacyDocument, "customers/data_request")
    _require_shop(delivery.store, document.shop_domain, "customers/data_request.shop_domain")
    people = who([("customer_id", _id_of(document))], document.customer.email)
    event = _happening(delivery, "data_requested", str(people))
    return _one(msgspec.structs.replace(event, identities=people))


def _uninstalled(delivery: Delivery) -> Received:
    named = delivery.read(UninstalledDocument, "app/uninstalled").myshopify_domain
    return _disconnected(delivery, "app/uninstalled", named)


def _shop_redaction(delivery: Delivery) -> Received:
    named = delivery.read(ShopRedactionDocument, "shop/redact").shop_domain
    return _disconnected(delivery, "shop/redact", named)


def _disconnected(delivery: Delivery, topic: str, shop: str | None) -> Received:
    _require_shop(delivery.store, shop, f"{topic}: shop")
    event = _happening(delivery, "store_disconnected", topic)
    return _one(msgspec.structs.replace(event, properties={"event": topic}))


def _id_of(document: PrivacyDocument) -> str | None:
    return str(document.customer.id) if document.customer.id else None


def _one(event: Event) -> Received:
    return Received(events=(event,))


def _look_up(kind: _Kind, key: str, version: datetime | None, delivery: Delivery) -> Received:
    at = version.astimezone(UTC) if version else delivery.at
    return Received(look_ups=(LookUp(kind, key, at),))


def _happening(delivery: Delivery, kind: str, key: str) -> Event:
    return Event(
        id=event_id(delivery.store.id, kind, delivery.at, key),
        store=delivery.store.id,
        type=kind,
        at=delivery.at,
        received_at=delivery.heard.received_at,
        source=delivery.heard.source,
    )


_Reader = Callable[[Delivery], Received]
_READERS: Final[dict[str, _Reader]] = {
    **{
        f"orders/{verb}": _order
        for verb in ("create", "updated", "paid", "cancelled", "fulfilled", "partially_fulfilled")
    },
    "orders/edited": _edited_order,
    "refunds/create": _refund,
    **{f"customers/{verb}": _customer for verb in ("create", "update", "enable", "disable")},
    "customers/delete": _deleted_customer,
    "customers/merge": _merge,
    "customers_email_marketing_consent/update": _consent,
    "customers_whats_app_marketing_consent/update": _consent,
    "customers_marketing_consent/update": _sms_consent,
    "carts/create": _cart,
    "carts/update": _cart,
    "checkouts/create": _checkout,
    "checkouts/update": _checkout,
    "products/create": _product,
    "products/update": _product,
    "products/delete": _deleted_product,
    "variants/in_stock": _variant,
    "variants/out_of_stock": _variant,
    "customers/redact": _redaction,
    "customers/data_request": _data_request,
    "shop/redact": _shop_redaction,
    "app/uninstalled": _uninstalled,
}
