"""`POST /v1/batch`, `track`, `identify`, `page`, `screen`, `alias`: Segment's format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from starlette.responses import Response

from connectors.errors import MalformedPayload
from connectors.generic.messages import Rejection
from worker import letter_stream
from worker.limits import Limiter, network
from worker.sealing import seal_events
from worker.tracking import Call, Verb, index_of, rejected_letters, translate
from worker.web.bodies import BATCH, plain
from worker.web.credentials import Holder, cors_headers, holder_of, is_allowed, key_in_body
from worker.web.desk import Desk, accept, redis_or_refusal
from worker.web.refusals import Refusal, json_answer

_MOST_LISTED: Final = 100


@dataclass(frozen=True)
class Request:
    """One call as it came, its body read."""

    verb: Verb
    key: str
    origin: str
    address: str
    encoding: str
    body: bytes


def within_address_limit(desk: Desk, address: str) -> None:
    """Let an address in, or say when it may come back.

    Raises
    ------
    Refusal
        429.
    """
    _within(desk.addresses, network(address), "address")


def take_call(desk: Desk, request: Request) -> Response:
    """The answer to one call, once everything accepted of it is in the stream.

    Raises
    ------
    Refusal
        With the status that fits; nothing of the call was taken.
    """
    body = plain(request.body, request.encoding, BATCH)
    holder = holder_of(desk.directory, request.key or key_in_body(body))
    _within(desk.keys, holder.name, "key")
    cors = _cors(holder, request.origin)
    call = Call(request.verb, body, desk.kit.clock())
    try:
        read = translate(holder.sender, call)
    except MalformedPayload as problem:
        where, _, expected = str(problem).partition(": ")
        raise Refusal(
            reason="unreadable",
            what="body cannot be read",
            where=where,
            expected=expected or "JSON as docs/api.md describes it",
        ) from None
    # Letters first: sent again after a failure they are the same, events without an id are not.
    _keep_rejected(desk, holder, call, read.rejections)
    accept(desk, holder.store.partition, seal_events(desk.kit.sealer, read.events))
    kind = "server" if holder.sender.is_server else "browser"
    desk.counters.batch_events.labels(kind).inc(len(read.events))
    desk.counters.rejected.labels("event").inc(len(read.rejections))
    return _answer(call, len(read.events), read.rejections, cors)


def _within(limiter: Limiter, name: str, what: str) -> None:
    wait = limiter.wait(name, monotonic())
    if wait:
        raise Refusal(
            reason="rate",
            what=f"too many requests with this {what}",
            where=what,
            expected=f"at most {limiter.rate:g} a second",
            retry_after=wait,
        )


def _cors(holder: Holder, origin: str) -> dict[str, str]:
    # A server key has no business in a page: no page may read what is answered to it.
    if holder.sender.is_server or not origin:
        return {}
    if not is_allowed(origin, holder.store.origins):
        raise Refusal(
            reason="foreign_origin",
            what="this page's origin may not use the key",
            where="header origin",
            expected="one of the store's origins (`shoal store list`)",
        )
    return cors_headers(origin, holder.store.origins)


def _keep_rejected(desk: Desk, holder: Holder, call: Call, rejections: Sequence[Rejection]) -> None:
    """A server's mistakes are kept; anybody can make mistakes with a public key."""
    if not rejections or not holder.sender.is_server:
        return
    with redis_or_refusal(desk):
        letters = rejected_letters(desk.kit.sealer, holder.store.id, call, rejections)
        letter_stream.keep(desk.kit.redis, letters)


def _answer(
    call: Call, accepted: int, rejections: Sequence[Rejection], cors: dict[str, str]
) -> Response:
    listed = [
        {"index": index_of(one), "where": one.place, "expected": one.reason}
        for one in rejections[:_MOST_LISTED]
    ]
    told: dict[str, Any] = {"accepted": accepted, "rejected": listed}
    if len(rejections) > _MOST_LISTED:
        told["rejected_in_all"] = len(rejections)
    if call.verb == "batch" or not rejections:
        return json_answer(told, 202, cors)
    only = rejections[0]
    told["error"] = {"what": "not taken", "where": only.place, "expected": only.reason}
    return json_answer(told, 400, cors)
