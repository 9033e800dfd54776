"""A real Vendure as a venue: its own process, in another time, on a month of the log."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Thread
from time import monotonic, sleep
from typing import Final

import httpx

from connectors.events import microseconds
from worker import stream, walks
from worker.database import transaction
from worker.demo import sabotage
from worker.demo.guests import Guest, guest, pipe_of
from worker.demo.quiet import PATIENCE, NeverQuiet
from worker.demo.vendure.packages import Packages
from worker.demo.vendure.programme import catalogue, programme
from worker.demo.vendure.proof import proof
from worker.demo.vendure.sabotage import double_promotion
from worker.demo.vendure.shopping import Api
from worker.demo.vendure.store import MERCHANT, READY, SECRET, SERVER, VendureStore
from worker.demo.venue import Venue, Words
from worker.demo.wanted import STORE, Wanted
from worker.errors import ServiceUnreachable
from worker.process_clock import now
from worker.runtime import Kit
from worker.store_plugin import write_plugin
from worker.stores import NewStore
from worker.supervisor import Stack
from worker.walking import walk_to_end

_WORDS: Final = Words(
    title="A month of a real shop's purchases, played in a real Vendure",
    after="Played. Now the store's own books are held against ours …",
    ending="A month in a real Vendure",
    source="The store is a real Vendure 3.7.3, the purchases are real (UCI Online Retail II, CC BY "
    "4.0) and moved to the last 30 days; visits, carts left, birthdays and consents are made up.",
)
_OPTIONS: Final = {
    "recommendations": "shoalRecommendations",
    "attributes": "birthday:personal",
    "consents": "email:newsletter",
}
_UNSETTLED: Final = "{ jobs(options: {take: 1, filter: {isSettled: {eq: false}}}) { totalItems } }"
_BEFORE: Final = timedelta(days=2)  # the store is that much older than what happens in it
_LOOK: Final = 0.02  # seconds
_BOOT: Final = 120.0  # seconds for one answer of a store that may be busy


@contextmanager
def vendure_venue(packages: Packages, wanted: Wanted, outer: Stack, door: str) -> Iterator[Venue]:
    """A Vendure with our plugin and the window's products, for the length of the block.

    Raises
    ------
    ServiceUnreachable
        In its words, if it does not start.
    """
    folder, today = wanted.folder / "vendure", now()
    write_plugin("vendure", folder / "shoal-plugin")
    played = programme(wanted.seed, wanted.events, today)
    (folder / "products.csv").write_text(catalogue(played.prices), encoding="utf-8")
    with httpx.Client(timeout=_BOOT) as http:
        store = VendureStore(packages.folder, folder, f"{door}/webhooks/{STORE}", http)
        begins = microseconds(played.window.start - _BEFORE) // 1_000
        environment = store.environment(
            {
                "CATALOGUE": str(folder / "products.csv"),
                "CURRENCY": "GBP",
                "TAX": "0",
                "CLOCK": str(begins),
                "DROP": "1" if wanted.sabotage == "drop" else "",
            }
        )
        with guest(outer, "vendure", [packages.node, str(SERVER)], environment) as process:
            _await_ready(process)
            merchant = store.merchant()
            order = {"shop": store.url, "now": today.isoformat()}
            yield Venue(
                new=_new(store),
                player="worker.demo.vendure.player",
                order=order,
                words=_WORDS,
                proof=lambda there, its: proof(merchant, there, its),
                sabotages={
                    "double": lambda _: double_promotion(merchant),
                    "skew": lambda there: sabotage.skew_feature(there.kit, there.target.number),
                },
                open_house=_reader(microseconds(played.window.start - 2 * _BEFORE)),
                quiet=lambda: await_settled(merchant, process),
                visit=f"Vendure's admin API: {store.url}/admin-api, as {' with '.join(MERCHANT)}",
            )


def _await_ready(process: Guest) -> None:
    """Read what the store says while it starts; of what it says afterwards a thread takes care."""
    lines = pipe_of(process.process.stdout)
    last = ""
    for line in lines:
        if line.strip() == READY:
            Thread(target=lambda: deque(lines, 0), name="vendure", daemon=True).start()
            return
        last = line.strip() or last
    said = process.complaint if process.log.stat().st_size else last
    message = f"Vendure did not start: {said}"
    raise ServiceUnreachable(message)


def _new(store: VendureStore) -> NewStore:
    return NewStore(
        id=STORE,
        name="Online Retail II",
        platform="vendure",
        url=store.url,
        currency="GBP",
        clock="log",
        options=_OPTIONS,
        secrets={"api_key": store.api_key(), "webhook_secret": SECRET},
    )


def _reader(since: int) -> Callable[[Kit, int], None]:
    """Reads what the store held before: an import tells nobody of its products."""

    def read(kit: Kit, store: int) -> None:
        stream.ring(kit.redis, stream.walk_bell(store))  # or the sweeper would have it read, too
        with transaction(kit.engine) as connection:
            walks.begin_backfill(connection, store, since, microseconds(kit.clock()))
        walk_to_end(kit, store)

    return read


def await_settled(merchant: Api, process: Guest) -> bool:
    """Wait until the store's own queue is empty; whether it was not.

    Raises
    ------
    NeverQuiet
        If it does not come to rest.
    ServiceUnreachable
        If the store is gone.
    """
    end, looks = monotonic() + PATIENCE, 0
    while unsettled(merchant, process):
        looks += 1
        if monotonic() > end:
            message = f"after {PATIENCE:g} s Vendure still has jobs to do: {process.complaint}"
            raise NeverQuiet(message)
        sleep(_LOOK)
    return looks > 0


def unsettled(merchant: Api, process: Guest) -> int:
    """How many jobs the store has yet to do."""
    try:
        return int(merchant(_UNSETTLED)["jobs"]["totalItems"])
    except httpx.TransportError:
        message = f"Vendure ended before its time: {process.complaint}"
        raise ServiceUnreachable(message) from None
