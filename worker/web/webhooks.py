"""`POST /webhooks/{store}`: authenticate, translate, append, answer."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

import msgspec
from starlette.responses import Response

from connectors.errors import ConnectorFailed, MalformedPayload, SignatureMismatch
from connectors.events import microseconds
from connectors.mistakes import blaming
from connectors.protocol import Connector, Reply, Webhook
from worker import letter_stream
from worker.dead_letters import WEBHOOK, Letter, letter_id
from worker.probing import answer_to
from worker.receiving import received_events
from worker.sealing import Sealer
from worker.web.desk import Desk, accept, redis_or_refusal
from worker.web.directory import OpenStore
from worker.web.refusals import Refusal

_NO_CONNECTOR: Final = 60  # seconds
_ACCEPTED: Final = Reply(status=202)
# Ours to nobody: never kept, not even sealed.
_UNKEPT: Final = frozenset({"cookie"})


def known_store(desk: Desk, name: str) -> OpenStore:
    """The store of an address.

    Raises
    ------
    Refusal
        404 if there is none.
    """
    found = desk.directory.store(name)
    if found is None:
        near = get_close_matches(name, desk.directory.snapshot.stores, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise Refusal(
            reason="unknown_store",
            what="no such store",
            where="path /webhooks/{store}",
            expected=f"the id of a store as `shoal store list` shows it{hint}",
        )
    return found


class Probe(msgspec.Struct, frozen=True):
    """What :mod:`worker.probing` sends."""

    nonce: str
    signature: str


def take_probe(desk: Desk, body: bytes) -> Response:
    """The answer to a probe of our own.

    Raises
    ------
    Refusal
        401 if this installation did not sign it.
    """
    try:
        probe = msgspec.json.decode(body, type=Probe)
        word = answer_to(desk.kit.sealer, probe.nonce, probe.signature)
    except (msgspec.DecodeError, TypeError):
        word = ""
    if not word:
        raise Refusal(
            reason="bad_signature",
            what="not a probe of this installation",
            where="body",
            expected="what `shoal store check` sends",
        )
    return Response(msgspec.json.encode({"word": word}), media_type="application/json")


def take_webhook(desk: Desk, found: OpenStore, headers: Mapping[str, str], body: bytes) -> Response:
    """The answer to one webhook, once everything it brought is in the stream.

    Raises
    ------
    Refusal
        401 if it is not signed by this store, 503 if it cannot be taken now.
    """
    webhook = Webhook(headers, body, desk.kit.clock())
    store = found.store
    try:
        connector = _connector(found)
        with blaming(store.platform, "read"):
            received = connector.read(webhook)
    except SignatureMismatch:
        raise Refusal(
            reason="bad_signature",
            what="signature does not fit",
            where="headers",
            expected="a body signed with this store's secret",
        ) from None
    except (MalformedPayload, ConnectorFailed) as problem:
        with redis_or_refusal(desk):
            letter = _letter(desk.kit.sealer, store.id, webhook, str(problem))
            letter_stream.keep(desk.kit.redis, [letter])
        return _answer(_ACCEPTED)
    events = received_events(desk.kit.sealer, store.id, received, webhook.received_at)
    accept(desk, store.partition, events)
    desk.counters.webhooks.labels(store.platform).inc()
    return _answer(received.reply or _ACCEPTED)


def _connector(found: OpenStore) -> Connector:
    if found.connector is None:
        raise Refusal(
            reason="no_connector",
            what="this store's platform has no working connector here",
            where="path /webhooks/{store}",
            expected="the same request once `shoal doctor` is content",
            retry_after=_NO_CONNECTOR,
        )
    return found.connector


def _letter(sealer: Sealer, store: str, webhook: Webhook, reason: str) -> Letter:
    headers = {name: text for name, text in webhook.headers.items() if name not in _UNKEPT}
    clear = msgspec.msgpack.encode(Webhook(headers, webhook.body, webhook.received_at))
    return Letter(
        letter_id(WEBHOOK, store, webhook.body),
        store,
        WEBHOOK,
        reason,
        microseconds(webhook.received_at),
        sealer.seal_bytes(store, clear),
    )


def _answer(reply: Reply) -> Response:
    kind = reply.content_type if reply.body else None
    return Response(reply.body, reply.status, media_type=kind)
