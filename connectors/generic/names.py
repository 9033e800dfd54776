"""Which of our types an event's name means. Segment's e-commerce specification v2, and e-mail's."""

from __future__ import annotations

from typing import Final

import msgspec


class Meaning(msgspec.Struct, frozen=True):
    """What a message is about.

    Attributes
    ----------
    type
        Ours (:data:`connectors.events.EVENT_TYPES`).
    way
        How it is translated.
    status
        Of the order, where the name says it.
    is_track
        Whether the message is a ``track`` (its name decided) or another call.
    """

    type: str
    way: str
    status: str = ""
    is_track: bool = True


EVENT_NAMES: Final[dict[str, Meaning]] = {
    "Page Viewed": Meaning("page_viewed", "page"),
    "Product List Viewed": Meaning("page_viewed", "page"),
    "Product Viewed": Meaning("product_viewed", "product"),
    "Products Searched": Meaning("products_searched", "browse"),
    "Product Added": Meaning("product_added", "product"),
    "Product Removed": Meaning("product_removed", "product"),
    "Cart Viewed": Meaning("cart_viewed", "browse"),
    "Checkout Started": Meaning("checkout_started", "checkout"),
    "Order Completed": Meaning("order_updated", "order", "paid"),
    "Order Updated": Meaning("order_updated", "order"),
    "Order Cancelled": Meaning("order_updated", "order", "cancelled"),
    "Order Refunded": Meaning("order_refunded", "refund"),
    "Product Reviewed": Meaning("product_reviewed", "review"),
    "Survey Answered": Meaning("survey_answered", "survey"),
    "Complaint Opened": Meaning("complaint_opened", "complaint"),
    "Ticket Closed": Meaning("ticket_closed", "ticket"),
    "Email Opened": Meaning("message_opened", "custom"),
    "Email Link Clicked": Meaning("message_clicked", "custom"),
}
_CUSTOM: Final = Meaning("custom", "custom")
_SPELLINGS: Final = {name.casefold(): meaning for name, meaning in EVENT_NAMES.items()}


def event_meaning(name: str) -> Meaning:
    """What an event's name means; case and underscores do not matter, unknown ones are custom."""
    exact = EVENT_NAMES.get(name)
    if exact is not None:
        return exact
    return _SPELLINGS.get(" ".join(name.casefold().replace("_", " ").split()), _CUSTOM)
