"""A client that costs far less than the door.

Its bytes are made beforehand; on each of many connections one request follows the other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

CONNECTIONS: Final = 32


@dataclass(frozen=True)
class Sent:
    """What became of requests."""

    accepted: int
    refused: int
    seconds: float
    client_cpu_seconds: float


def request(path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """One POST as it goes over the wire."""
    told = {"host": "127.0.0.1", "content-length": str(len(body)), **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def send_all(port: int, requests: Sequence[bytes]) -> Sent:
    """Send requests to a port of this machine, the next one when the one before was answered."""
    return asyncio.run(_send_all(port, requests))


async def _send_all(port: int, requests: Sequence[bytes]) -> Sent:
    loop = asyncio.get_running_loop()
    left = iter(requests)
    senders = []
    for _ in range(min(CONNECTIONS, len(requests))):
        _, sender = await loop.create_connection(lambda: _Sender(left, loop), "127.0.0.1", port)
        senders.append(sender)
    begun, cpu = time.perf_counter(), time.process_time()
    for sender in senders:
        sender.send_next()
    await asyncio.gather(*(sender.ended for sender in senders))
    return Sent(
        accepted=sum(sender.accepted for sender in senders),
        refused=sum(sender.refused for sender in senders),
        seconds=time.perf_counter() - begun,
        client_cpu_seconds=time.process_time() - cpu,
    )


class _Sender(asyncio.Protocol):
    """One connection, kept alive. Its answers have a length and fit into memory."""

    def __init__(self, left: Iterator[bytes], loop: asyncio.AbstractEventLoop) -> None:
        self._left = left
        self._told = b""
        self.accepted = 0
        self.refused = 0
        self.ended: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._wire = transport

    def send_next(self) -> None:
        """Send one more, or hang up."""
        request_ = next(self._left, None)
        if request_ is None:
            self._wire.close()
        elif isinstance(self._wire, asyncio.Transport):
            self._wire.write(request_)

    def data_received(self, data: bytes) -> None:
        """Read an answer; once it is whole, send the next request."""
        self._told += data
        head, found, body = self._told.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self._told = b""
        if head.startswith(b"HTTP/1.1 2"):
            self.accepted += 1
        else:
            self.refused += 1
        self.send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Say that this was all; a request without an answer was not taken."""
        self.refused += exc is not None
        if not self.ended.done():
            self.ended.set_result(None)


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0
