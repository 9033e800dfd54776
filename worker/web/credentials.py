"""Whose key a request to ``/v1`` carries, and from which pages a public one may be used."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from connectors.generic.messages import Sender
from worker.store_keys import BROWSER_PREFIX, SERVER_PREFIX
from worker.stores import Store
from worker.web.directory import Directory
from worker.web.refusals import Refusal

_MAX_AGE: Final = "7200"  # seconds; browsers cap it there


@dataclass(frozen=True)
class Holder:
    """Who holds a key."""

    store: Store
    sender: Sender

    @property
    def name(self) -> str:
        """What the limit on keys knows it by."""
        return f"{'server' if self.sender.is_server else 'browser'}:{self.store.id}"


class _Keyed(msgspec.Struct, frozen=True):
    writeKey: str = ""  # noqa: N815 - the name on the wire


def key_in_headers(headers: Mapping[str, str]) -> str:
    """The key of ``Authorization: Bearer`` or the user name of ``Basic``; empty if none."""
    scheme, _, told = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return told.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(told, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def key_in_body(body: bytes) -> str:
    """``writeKey`` of the body, as pages send it that are being left; empty if none."""
    try:
        return msgspec.json.decode(body, type=_Keyed).writeKey
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def holder_of(directory: Directory, key: str) -> Holder:
    """Who holds a key.

    Raises
    ------
    Refusal
        401 if nobody does; the key is not repeated.
    """
    if key.startswith(SERVER_PREFIX):
        found = directory.by_server_key(key)
        if found is not None:
            return Holder(found.store, found.server)
    elif key.startswith(BROWSER_PREFIX):
        found = directory.by_browser_key(key)
        if found is not None:
            return Holder(found.store, found.browser)
    raise Refusal(
        reason="unknown_key",
        what="key is not known" if key else "no key",
        where="header authorization, or writeKey in the body",
        expected=f"a store's key: {BROWSER_PREFIX}… for pages, {SERVER_PREFIX}… for servers",
    )


def cors_headers(origin: str, allowed: Iterable[str]) -> dict[str, str]:
    """The headers that let a page of an allowed origin read the answer; none for others.

    Credentials are allowed because ``navigator.sendBeacon`` always sends them; there are no
    cookies here that they could carry.
    """
    if not origin or not is_allowed(origin, allowed):
        return {}
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "vary": "Origin",
    }


def preflight_headers(origin: str, allowed: Iterable[str]) -> dict[str, str]:
    """The answer to a browser that asks whether it may send; none: it may not."""
    headers = cors_headers(origin, allowed)
    if headers:
        headers |= {
            "access-control-allow-methods": "POST",
            "access-control-allow-headers": "authorization, content-type, content-encoding",
            "access-control-max-age": _MAX_AGE,
        }
    return headers


def is_allowed(origin: str, allowed: Iterable[str]) -> bool:
    """Whether a page's origin is one of a store's."""
    names = {name.lower().rstrip("/") for name in allowed}
    return "*" in names or origin.lower() in names
