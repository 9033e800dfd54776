"""One push for each kind of action, through the store's connector.

Every push can be repeated without a second effect: the connector knows our marker, a tag and a
recommendation replace what was there, an outgoing webhook carries the action's lasting id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

import httpx
import msgspec

from connectors.addresses import STRICT, Guard
from connectors.client import Message, post_message
from connectors.errors import Permanent, RequestRefused
from connectors.events import Event
from connectors.protocol import (
    Connector,
    LookUp,
    StoreConfig,
    SupportsCoupons,
    SupportsRecommendations,
    SupportsSegments,
)
from connectors.records import Coupon, Membership, Recommendation
from connectors.signatures import standard_headers
from worker.claims import Claimed

T = TypeVar("T")


class Unreadable(Permanent):
    """An action whose payload is not what its kind promises."""


class Revocation(msgspec.Struct, frozen=True):
    """A code of ours to make unusable."""

    code: str
    marker: str


class Outgoing(msgspec.Struct, frozen=True):
    """A Standard Webhook: ``data`` is its whole body, ``secret`` names one of the store's."""

    url: str
    secret: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """An open line to one store; ``guard`` says which private hosts webhooks may reach."""

    store: StoreConfig
    connector: Connector
    http: httpx.Client = field(repr=False)
    guard: Guard = STRICT


def push(line: Line, action: Claimed, now: datetime) -> tuple[Event, ...]:
    """Push one action; the events that it brought back (of a look-up; else none).

    Parameters
    ----------
    now
        Operating time, for signatures.

    Raises
    ------
    PlatformError
        ``Unreadable`` if the payload cannot be read, else what the connector raises.
    """
    effect = _PUSHES.get(action.kind)
    if effect is None:
        problem = f"no push for actions of the kind {action.kind!r}"
        raise Unreadable(problem, store=line.store.id)
    return effect(line, action, now)


def _push_coupon(line: Line, action: Claimed, _now: datetime) -> tuple[Event, ...]:
    _coupons(line).push_coupon(_payload(line, action, Coupon))
    return ()


def _revoke_coupon(line: Line, action: Claimed, _now: datetime) -> tuple[Event, ...]:
    wanted = _payload(line, action, Revocation)
    _coupons(line).revoke_coupon(wanted.code, wanted.marker)
    return ()


def _push_recommendation(line: Line, action: Claimed, _now: datetime) -> tuple[Event, ...]:
    if not isinstance(line.connector, SupportsRecommendations):
        raise _unable(line, "recommendations")
    line.connector.push_recommendation(_payload(line, action, Recommendation))
    return ()


def _push_membership(line: Line, action: Claimed, _now: datetime) -> tuple[Event, ...]:
    if not isinstance(line.connector, SupportsSegments):
        raise _unable(line, "tags or segments")
    line.connector.push_membership(_payload(line, action, Membership))
    return ()


def _send_webhook(line: Line, action: Claimed, now: datetime) -> tuple[Event, ...]:
    outgoing = _payload(line, action, Outgoing)
    secret = line.store.secrets.get(outgoing.secret)
    if not secret:
        problem = f"secret {outgoing.secret!r} is not among the store's secrets"
        raise RequestRefused(problem, store=line.store.id, method="POST")
    body = msgspec.json.encode(outgoing.data)
    headers = standard_headers(secret, message_id(action.key), now, body)
    headers["content-type"] = "application/json"
    message = Message(outgoing.url, body, headers)
    post_message(line.http, message, store=line.store.id, guard=line.guard)
    return ()


def _look_up(line: Line, action: Claimed, _now: datetime) -> tuple[Event, ...]:
    return line.connector.look_up(_payload(line, action, LookUp))


def message_id(key: str) -> str:
    """The id that an action's webhook carries on every try; the standard forbids full stops."""
    return "msg_" + hashlib.blake2b(key.encode(), digest_size=16).hexdigest()


def _payload(line: Line, action: Claimed, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(action.payload, type=kind)
    except (msgspec.ValidationError, msgspec.DecodeError):
        problem = f"action of the kind {action.kind!r}: payload is not a {kind.__name__}"
    # Raised outside the handler: the decoder's words may quote the payload.
    raise Unreadable(problem, store=line.store.id)


def _coupons(line: Line) -> SupportsCoupons:
    if not isinstance(line.connector, SupportsCoupons):
        raise _unable(line, "coupons")
    return line.connector


def _unable(line: Line, what: str) -> RequestRefused:
    return RequestRefused(f"platform {line.store.platform} has no {what}", store=line.store.id)


_PUSHES: Final[Mapping[str, Callable[[Line, Claimed, datetime], tuple[Event, ...]]]] = {
    "coupon": _push_coupon,
    "revoke": _revoke_coupon,
    "recommend": _push_recommendation,
    "tag": _push_membership,
    "webhook": _send_webhook,
    "look_up": _look_up,
}
