"""Looking around: pages, products, searches, carts, and a shop's own events."""

from __future__ import annotations

from typing import Any, Final

from connectors.events import LOGGED_PROPERTIES, Event
from connectors.generic.messages import BrowseProperties, Unfit, part, text
from connectors.generic.story import (
    Story,
    Telling,
    context_email,
    known_currency,
    minor,
    pieces,
    told,
)

_LONGEST: Final = 200  # characters of a free property
# Segment's names for what we keep under another.
_CAMPAIGN_NAMES: Final = ("campaign", "campaign_id")


def page_event(story: Story) -> Event:
    """A page that was shown. Its address and title are not kept."""
    return told(story, Telling(personal={"email": context_email(story)}))


def browse_event(story: Story) -> Event:
    """A product, search or cart that was looked at or changed.

    Raises
    ------
    Unfit
        If an event about a product names none.
    """
    said = part(story.message.properties, BrowseProperties, "properties")
    product = text(said.product_id) or text(said.sku)
    if product is None and story.meaning.way == "product":
        place, reason = "properties.product_id", "required"
        raise Unfit(place, reason)
    cart = text(said.cart_id)
    properties: dict[str, Any] = {
        "product_id": product,
        "category": said.category,
        "cart_id": cart,
        "currency": said.currency and known_currency(said.currency, story),
    }
    if said.quantity is not None:
        properties["quantity"] = pieces(said.quantity, "properties.quantity")
    if said.price is not None:
        many = properties.get("quantity", 1)
        code = known_currency(said.currency, story)
        properties["value"] = minor(said.price * many, code, "properties.price")
    personal = {"email": context_email(story)}
    return told(story, Telling(properties=properties, keys=(("cart", cart),), personal=personal))


def custom_event(story: Story) -> Event:
    """An event of the shop's own, or an opened message; scalars of the allow-list are kept."""
    said: dict[str, Any] = part(story.message.properties, dict[str, Any], "properties")
    kept = {name: _scalar(value) for name, value in said.items() if name in LOGGED_PROPERTIES}
    if story.meaning.type == "custom":
        kept["event"] = story.message.event
    campaign = next((said[name] for name in _CAMPAIGN_NAMES if name in said), None)
    kept["campaign"] = _scalar(campaign)
    # Ours alone: a shop's number under this name could be anything.
    kept.pop("utc_offset", None)
    cart = text(kept.get("cart_id"))
    personal = {"email": context_email(story, said.get("email"))}
    return told(story, Telling(properties=kept, keys=(("cart", cart),), personal=personal))


def _scalar(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_LONGEST]
    return value if isinstance(value, int | float | bool) else None
