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
        raise Refusal("unreadable", "body ended early", "body", "the whole of it") from None
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
            "bad_encoding", "encoding is not read", "header content-encoding", "gzip or none"
        )
    unpacker = zlib.decompressobj(_GZIP)
    try:
        clear = unpacker.decompress(body, limit + 1)
    except zlib.error:
        raise Refusal("unreadable", "not gzip", "body", "gzip as announced") from None
    if len(clear) > limit:
        raise too_large(limit)
    if not unpacker.eof:
        raise Refusal("unreadable", "gzip ended early", "body", "the whole of it")
    return clear


def too_large(limit: int) -> Refusal:
    """The refusal of a body beyond its limit."""
    return Refusal("too_large", "body is too large", "body", f"at most {limit} bytes")
