"""Whatever comes to the door is taken or refused in words; nothing is our mistake."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import URL

from connectors.sandbox.webhooks import signed_headers
from tests.worker.web.conftest import SECRET, House, order, view
from worker.limits import Limiter
from worker.tracking import VERBS
from worker.web.calls import Request, take_call
from worker.web.refusals import Refusal
from worker.web.webhooks import take_webhook

OFTEN = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NUMBERS = st.integers(-(2**70), 2**70) | st.floats()
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=20)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=8,
)
TOPICS = (
    "order.paid",
    "order.refunded",
    "customer.updated",
    "product.updated",
    "cart.updated",
    "x",
)


@pytest.fixture
def database_url(sqlite_url: URL) -> URL:
    """The door reads no database."""
    return sqlite_url


def spoilt(document: dict[str, Any], changes: list[tuple[int, Any]]) -> dict[str, Any]:
    """A document with other values in some of its places, also inside."""
    found = msgspec.json.decode(msgspec.json.encode(document))
    for place, value in changes:
        target = found
        while True:
            name = sorted(target)[place % len(target)]
            if not isinstance(target[name], dict) or not target[name] or place % 3 == 0:
                break
            target = target[name]
        target[name] = value
    return dict(found)


def encoded(value: object) -> bytes:
    """JSON as a careless sender writes it: NaN and infinities come as such."""
    import json  # noqa: PLC0415 - here alone

    return json.dumps(value).encode("utf-8", "surrogatepass")


CHANGES = st.lists(st.tuples(st.integers(0, 30), ANYTHING), min_size=1, max_size=3)


@OFTEN
@given(
    verb=st.sampled_from(VERBS), changes=CHANGES, whole=st.none() | ANYTHING, server=st.booleans()
)
def test_any_call_is_taken_or_refused(
    house: House, *, verb: Any, changes: list[tuple[int, Any]], whole: Any, server: bool
) -> None:
    told: dict[str, Any] = {
        "context": {"ip": "1.2.3.4", "locale": "de"},
        "traits": {"email": "a@b.c"},
    }
    message = view(userId="c1", **told)
    body = whole if whole is not None else spoilt(message, changes)
    if verb == "batch" and whole is None:
        body = {"batch": [body, message]}
    key = house.store.server_key if server else house.store.browser_key
    request = Request(verb, key, "", "127.0.0.1", "", encoded(body))
    status, expected = 500, "nothing"
    try:
        status = take_call(replace(house.desk, keys=Limiter(1e9)), request).status_code
    except Refusal as refusal:
        status, expected = refusal.status, refusal.expected
    assert status == 202 or 400 <= status < 500
    assert expected


@OFTEN
@given(topic=st.sampled_from(TOPICS), changes=CHANGES, whole=st.none() | ANYTHING)
def test_any_signed_webhook_is_taken(
    house: House, *, topic: str, changes: list[tuple[int, Any]], whole: Any
) -> None:
    """What is signed and cannot be read is kept as a dead letter, never asked for again."""
    body = encoded(whole if whole is not None else spoilt(order(), changes))
    headers = signed_headers(SECRET, topic, body, "happening")
    found = house.desk.directory.snapshot.stores["shop"]
    answer = take_webhook(house.desk, found, headers, body)
    assert 200 <= answer.status_code < 300
