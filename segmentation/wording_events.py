"""Plain words for what customers do: the names of events in conditions."""

from __future__ import annotations

from typing import Final

from segmentation.wording import Words, message

_EVENTS: Final = {
    "page_viewed": message("page viewed"),
    "product_viewed": message("product viewed"),
    "products_searched": message("products searched"),
    "product_added": message("product added"),
    "product_removed": message("product removed"),
    "cart_viewed": message("cart viewed"),
    "cart_updated": message("cart updated"),
    "checkout_started": message("checkout started"),
    "order_updated": message("order updated"),
    "order_completed": message("order completed"),
    "order_cancelled": message("order cancelled"),
    "order_refunded": message("order refunded"),
    "coupon_redeemed": message("coupon redeemed"),
    "customer_updated": message("customer updated"),
    "product_reviewed": message("product reviewed"),
    "survey_answered": message("survey answered"),
    "complaint_opened": message("complaint opened"),
    "ticket_closed": message("ticket closed"),
    "campaign_contacted": message("campaign contacted"),
    "message_opened": message("message opened"),
    "message_clicked": message("message clicked"),
    "custom": message("custom"),
}


def event_words(words: Words, event: str) -> str:
    """What an event is called, without quotes; one that has no words by its own name."""
    known = _EVENTS.get(event)
    return words.say(known) if known else event.replace("_", " ")


def has_words(event: str) -> bool:
    """Whether an event has words of its own."""
    return event in _EVENTS
