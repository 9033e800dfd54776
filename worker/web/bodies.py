"""Reading a request's body, never more of it than its limit; gzip too."""

from __future__ import annotations

import zlib
from typing import Final

from starlette.requests import ClientDisconnect, Request

from worker.web.refusals import Refusal

WEBHOOK: Final = 1_048_576  # bytes
BATCH: Final = 512_000
_GZIP: Final = 16 + zlib.MAX_WBITS


async def body_of(request: Request, limit: int) -> bytes:
    """The raw body.

    Raises
    ------
    Refusal
        ``too_large`` as soon as more than ``limit`` bytes are announced or have come.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise too_large(limit)
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise too_large(limit)
            parts.append(part)
    except ClientDisconnect:
        raise unreadable(what="body ended early", expected="the whole of it") from None
    return b"".join(parts)


def plain(body: bytes, encoding: str, limit: int) -> bytes:
    """A body as it was before ``Content-Encoding``; unpacks no more than the limit.

    Raises
    ------
    Refusal
        If it is too large, damaged, or of another encoding than gzip.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return body
    if name != "gzip":
        raise Refusal(
            reason="bad_encoding",
            what="encoding is not read",
            where="header content-encoding",
            expected="gzip or none",
        )
    unpacker = zlib.decompressobj(_GZIP)
    try:
        clear = unpacker.decompress(body, limit + 1)
    except zlib.error:
        raise unreadable(what="not gzip", expected="gzip as announced") from None
    if len(clear) > limit:
        raise too_large(limit)
    if not unpacker.eof:
        raise unreadable(what="gzip ended early", expected="the whole of it")
    return clear


def too_large(limit: int) -> Refusal:
    """The refusal of a body beyond its limit."""
    return Refusal(
        reason="too_large",
        what="body is too large",
        where="body",
        expected=f"at most {limit} bytes",
    )


def unreadable(*, what: str, expected: str) -> Refusal:
    """The refusal of a body that cannot be read."""
    return Refusal(reason="unreadable", what=what, where="body", expected=expected)
