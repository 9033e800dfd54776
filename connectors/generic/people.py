"""Who somebody is, told by a shop's own server."""

from __future__ import annotations

from typing import Any, Final

from connectors.attributes import BUILT_IN, sorted_attributes
from connectors.demographics import coarse
from connectors.events import Event
from connectors.facts import normalised_email
from connectors.generic.messages import Unfit, part, text
from connectors.generic.story import Story, Telling, first_text, told
from connectors.records import Customer

# Ours -> the names shops send it by.
_PERSONAL: Final = {
    "email": ("email",),
    "phone": ("phone",),
    "first_name": ("first_name", "firstName"),
    "last_name": ("last_name", "lastName"),
    "name": ("name",),
    "birthday": ("birthday",),
}
_ZONES: Final = ("time_zone", "timezone")
_CHANNELS: Final = ("email", "sms", "push")


def identify_event(story: Story) -> Event:
    """A customer's traits: attributes and consents open, names and addresses personal.

    Without ``userId`` it binds an e-mail and an anonymous id and carries no customer.
    """
    traits = _traits(story)
    declared = {**BUILT_IN, **story.sender.declared}
    attributes, hidden = sorted_attributes(traits, declared)
    # As declared where a store declares one of these by itself.
    attributes = coarse(traits, story.times.at) | attributes
    named = {
        ours: first_text(traits.get(name) for name in names) for ours, names in _PERSONAL.items()
    }
    address = traits.get("address")
    if isinstance(address, dict):
        named["address"] = ", ".join(str(each) for each in address.values() if each)
    customer = text(story.message.user_id)
    body = None
    if customer is not None:
        body = Customer(
            customer_id="" if normalised_email(customer) else customer,
            updated_at=story.times.at,
            attributes=attributes,
            consents=_consents(traits.get("consents")),
            time_zone=_zone(story, traits),
        )
    return told(story, Telling(body=body, personal={**hidden, **named}))


def alias_event(story: Story) -> Event:
    """Two ids are one person: ``previousId`` yields to ``userId``; addresses among them bind.

    Raises
    ------
    Unfit
        If one of them lacks.
    """
    customer, previous = text(story.message.user_id), text(story.message.previous_id)
    for place, value in (("userId", customer), ("previousId", previous)):
        if value is None:
            raise Unfit(place, "required in an alias message")
    ids = {"customer_id": customer, "previous_id": previous}
    properties = {} if any(map(normalised_email, ids.values())) else ids
    return told(story, Telling(properties=properties, keys=(("anonymous_id", previous),)))


def _traits(story: Story) -> dict[str, Any]:
    own: dict[str, Any] = part(story.message.traits, dict[str, Any], "traits")
    context = story.message.context
    return {**(context.traits or {}), **own} if context is not None else own


def _consents(said: Any) -> dict[str, bool]:
    if said is None:
        return {}
    if not isinstance(said, dict):
        place, reason = "traits.consents", "expected an object of channel: true or false"
        raise Unfit(place, reason)
    for channel, value in said.items():
        if channel not in _CHANNELS or not isinstance(value, bool):
            place = f"traits.consents.{channel}" if channel in _CHANNELS else "traits.consents"
            reason = f"expected true or false for {', '.join(_CHANNELS)}"
            raise Unfit(place, reason)
    return dict(said)


def _zone(story: Story, traits: dict[str, Any]) -> str | None:
    context = story.message.context
    heard = context.timezone if context is not None else None
    return first_text((*(traits.get(name) for name in _ZONES), heard))
