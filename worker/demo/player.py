"""The player: ``python -m worker.demo.player``, a process that knows only addresses and keys.

It reads one JSON line of what to play, then sends a few days for each further line it reads and
says what it sent. What it sent it also writes down, for the verifier.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from connectors.sandbox.webhooks import signed_headers
from worker.demo.playlist import Day, Delivery, Playlist, playlist
from worker.demo.posting import Post, is_accepted
from worker.demo.protocol import serve

_THREADS: Final = 3
IN_A_BATCH: Final = 800  # messages of pages; about 250 bytes each


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to play and where."""

    store: str
    door: str
    shop: str
    browser_key: str
    webhook_secret: str
    shop_key: str
    seed: int
    events: int
    days_a_step: int
    sent: str
    drop: bool


@dataclass(slots=True)
class Counts:
    """What was answered 2xx, by the player's own count."""

    sent: int = 0
    distinct: int = 0
    repeated: int = 0
    broken: int = 0
    refused: int = 0


class Player:
    """Sends days and counts."""

    def __init__(self, order: Order, played: Playlist) -> None:
        self._order = order
        size, days = order.days_a_step, played.days
        self._steps = [days[start : start + size] for start in range(0, len(days), size)]
        self.steps = len(self._steps)
        self.about = {"events": len(played), "customers": len(played.accounts)}
        self._door = Post(order.door)
        self._pool = ThreadPoolExecutor(_THREADS)
        self._file = Path(order.sent).open("ab")  # noqa: SIM115 - closed at the process's end
        self._seen: set[str] = set()
        self._dropped = "" if not order.drop else _to_drop(played.days)
        self.counts = Counts()

    def step(self, number: int) -> dict[str, Any]:
        """Send the days of a step; when the last one ends, and the counts."""
        days = self._steps[number]
        for day in days:
            self.play(day)
        counts = {name: getattr(self.counts, name) for name in Counts.__slots__}
        return {"end": days[-1].end, **counts}

    def play(self, day: Day) -> None:
        """Send one day: what others refer to, then pages, then the rest."""
        self._webhooks(day.first)
        for start in range(0, len(day.pages), IN_A_BATCH):
            self._batch(day.pages[start : start + IN_A_BATCH])
        self._webhooks(day.rest)

    def _webhooks(self, deliveries: Sequence[Delivery]) -> None:
        for one, status in zip(deliveries, self._pool.map(self._webhook, deliveries), strict=True):
            self._note(one, status)

    def _webhook(self, one: Delivery) -> int:
        if one.key == self._dropped:
            return 202  # --sabotage drop: counted, and thrown away
        secret = "somebody else's" if one.is_forged else self._order.webhook_secret
        headers = signed_headers(secret, one.topic, one.body, one.key)
        return self._door.send(f"/webhooks/{self._order.store}", one.body, headers)

    def _batch(self, pages: Sequence[Delivery]) -> None:
        status = self._door.browsed(self._order.browser_key, [one.body for one in pages])
        for one in pages:
            self._note(one, status)

    def _note(self, one: Delivery, status: int) -> None:
        counts = self.counts
        if not is_accepted(status):
            counts.refused += 1
            return
        counts.sent += 1
        if one.key in self._seen:
            counts.repeated += 1
            return
        self._seen.add(one.key)
        counts.distinct += 1
        counts.broken += one.is_broken
        if not one.is_broken:
            topic = json.dumps(one.topic).encode()
            self._file.write(b'{"topic":%b,"document":%b}\n' % (topic, one.body))

    def close(self) -> None:
        """Write down everything."""
        self._file.close()
        self._pool.shutdown()


def _to_drop(days: Sequence[Day]) -> str:
    """An order in the middle that is sent once."""
    keys = [one.key for day in days for one in day.rest]
    middle = [
        one.key
        for day in days[len(days) // 2 :]
        for one in day.rest
        if one.topic == "order.paid"
        and keys.count(one.key) == 1
        and not (one.is_broken or one.is_forged)
    ]
    return next(iter(middle), "")


def _stock(order: Order, played: Playlist) -> None:
    """Give the store its customers, as it had them before Shoal came."""
    post = Post(order.shop)
    headers = {"content-type": "application/json", "authorization": f"Bearer {order.shop_key}"}
    for start in range(0, len(played.accounts), 500):
        part = [
            {**one, "updated_at": one["updated_at"].isoformat()}
            for one in played.accounts[start : start + 500]
        ]
        body = json.dumps({"customers": part}).encode()
        post.send("/admin/import", body, headers)


def player(told: dict[str, Any]) -> Player:
    """Whoever plays what the demo asks for, the store stocked."""
    order = Order(**told)
    played = playlist(order.seed, order.events)
    _stock(order, played)
    return Player(order, played)


if __name__ == "__main__":
    serve(player)
