"""The track API's calls as the door and a replay read them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec

from connectors.attributes import declared_attributes
from connectors.errors import MalformedPayload
from connectors.events import BROWSER_TYPES, Event, microseconds
from connectors.generic.messages import Rejection, Sender, Translated
from connectors.generic.track import read_batch, read_call
from connectors.protocol import StoreConfig
from worker.dead_letters import TRACK, Letter, letter_id
from worker.sealing import Sealer

Verb = Literal["batch", "track", "identify", "page", "screen", "alias"]
VERBS: Final[tuple[Verb, ...]] = ("batch", "track", "identify", "page", "screen", "alias")
# Whom a browser may speak of.
_CLAIMS: Final = frozenset({"anonymous_id", "cart"})
_INDEX: Final = re.compile(r"batch\[(\d+)\]")


class Call(msgspec.Struct, frozen=True):
    """One request to ``/v1``, or one message of it that was not taken."""

    verb: Verb
    body: bytes
    received_at: datetime


class _Items(msgspec.Struct, frozen=True):
    batch: list[msgspec.Raw]
    sentAt: msgspec.Raw = msgspec.Raw(b"null")  # noqa: N815 - the name on the wire


def sender_of(store: StoreConfig, *, is_server: bool) -> Sender:
    """Who a request with one of a store's keys is."""
    declared = declared_attributes(store.options)
    return Sender(store.id, store.currency, is_server, store.time_zone, declared)


def translate(sender: Sender, call: Call) -> Translated:
    """Events and rejections of a call.

    Raises
    ------
    MalformedPayload
        If the body is not JSON of the call's form.
    """
    if call.verb == "batch":
        read = read_batch(call.body, sender, call.received_at)
    else:
        read = read_call(call.body, call.verb, sender, call.received_at)
    if not sender.is_server and not all(map(is_claim, read.events)):
        # Whatever a translation lets through, a public key says no more than this (I11).
        message = "events: the browser key takes browse events of anonymous visitors only"
        raise MalformedPayload(message)
    return read


def index_of(rejection: Rejection) -> int:
    """Which message of a batch was not taken; 0 for a single call."""
    found = _INDEX.match(rejection.place)
    return int(found.group(1)) if found else 0


def rejected_letters(
    sealer: Sealer, store: str, call: Call, rejections: Sequence[Rejection]
) -> list[Letter]:
    """Dead letters of the messages that were not taken, each readable by itself."""
    items = msgspec.json.decode(call.body, type=_Items) if call.verb == "batch" else None
    letters = []
    for rejection in rejections:
        body = call.body
        if items is not None:
            one = _Items([items.batch[index_of(rejection)]], items.sentAt)
            body = msgspec.json.encode(one)
        clear = msgspec.msgpack.encode(Call(call.verb, body, call.received_at))
        letters.append(
            Letter(
                letter_id(TRACK, store, body),
                store,
                TRACK,
                f"{_INDEX.sub('message', rejection.place)}: {rejection.reason}",
                microseconds(call.received_at),
                sealer.seal_bytes(store, clear),
            )
        )
    return letters


def replayed_events(store: StoreConfig, clear: bytes) -> tuple[Event, ...]:
    """The events of a dead letter of a server key.

    Raises
    ------
    MalformedPayload
        If it cannot be taken still.
    """
    call = msgspec.msgpack.decode(clear, type=Call)
    read = translate(sender_of(store, is_server=True), call)
    for rejection in read.rejections:
        message = f"{rejection.place}: {rejection.reason}"
        raise MalformedPayload(message)
    return read.events


def is_claim(event: Event) -> bool:
    """Whether an event says no more than a public key may: somebody unnamed looked around."""
    return (
        event.source == "browser"
        and event.type in BROWSER_TYPES
        and event.body is None
        and not event.personal
        and all(kind in _CLAIMS for kind, _ in event.identities)
    )
