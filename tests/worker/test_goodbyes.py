"""A store that let us go is paused, in the transaction that read so."""

from __future__ import annotations

from connectors.events import Event, event_id
from tests.worker.driving import START, Houses
from worker.database import reading
from worker.stores import load_store


def goodbye(said: str) -> Event:
    return Event(
        id=event_id("shop", "store_disconnected", START, said),
        store="shop",
        type="store_disconnected",
        at=START,
        received_at=START,
        properties={"event": said},
    )


def test_pushes_stop_and_the_reason_says_what_to_do(houses: Houses) -> None:
    with houses() as driver:
        driver.tell(goodbye("app/uninstalled"))
        with reading(driver.kit.engine) as connection:
            store = load_store(connection, "shop")
        assert "app/uninstalled" in store.paused
        assert "shoal store remove shop --erase" in store.paused
        driver.tell(goodbye("app/uninstalled"))
        assert driver.tally("duplicates") == 1
