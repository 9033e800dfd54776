"""What a store of a million customers costs: ageing, learning, comparing; seconds and memory.

The customers are made up (see `benchmarks.crowds`) and written as the drain would have left them.
Then everything goes the product's own way: `worker.learning_process` learns in a process of its
own, the drain judges everybody by the new model, a tick ages all of them, and `shoal segments
compare` reads its sample.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import numpy as np
import psutil

from benchmarks.crowds import STORE, crowded_store
from benchmarks.installation import database_name, fresh_installation
from benchmarks.machine import memory_watch, say
from connectors.events import microseconds
from connectors.records import exponent
from segmentation import running
from segmentation.model import assign
from segmentation.record import DAY
from worker import bulk, buyers, judging, models
from worker.database import reading, transaction
from worker.learning import sample
from worker.replay import settle
from worker.runtime import Kit
from worker.shop import Shop, load_shops

_NOW: Final = microseconds(datetime(2026, 1, 5, tzinfo=UTC))
_CLI: Final = ("-c", "from worker.cli import main; main()")


def measure(customers: int, compared: int) -> dict[str, Any]:
    """The figures for so many customers, of whom so many are compared."""
    with fresh_installation() as kit:
        number, seconds = _timed(lambda: crowded_store(kit, customers, _NOW))
        figures: dict[str, Any] = {"customers": customers, "database": database_name(kit)}
        figures["written_seconds"] = seconds
        say("learning for the first time")
        figures["first_learning"] = _learning(kit, number)
        say("judging everybody by the first model")
        figures["publish_seconds"] = _timed(lambda: settle(kit, _shop(kit).partition))[1]
        figures |= _ageing(kit)
        say("learning again")
        figures["learning"] = _learning(kit, number)
        settle(kit, _shop(kit).partition)
        say(f"comparing on {compared:,} customers")
        figures["compare"] = _compare(compared)
        return figures


_Found = TypeVar("_Found")


def _timed(work: Callable[[], _Found]) -> tuple[_Found, float]:
    begun = time.perf_counter()
    done = work()
    return done, round(time.perf_counter() - begun, 2)


def _shop(kit: Kit) -> Shop:
    with reading(kit.engine) as connection:
        return load_shops(connection, {STORE}, -1, _NOW)[STORE]


def _learning(kit: Kit, store: int) -> dict[str, float]:
    """One pass in its own process, as the worker runs it."""
    with transaction(kit.engine) as connection:
        wish = (store, _shop(kit).now + DAY * 7 * _shop(kit).model.version, 0)
        bulk.upsert(connection, models.learning, ("store", "wanted_at", "learned_at"), [wish])
    return _watched(("-m", "worker.learning_process", str(store)))


def _watched(arguments: Sequence[str]) -> dict[str, float]:
    """Seconds and peak memory of a Python process that must end well."""
    begun = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, *arguments], env=dict(os.environ), stdout=subprocess.DEVNULL
    )
    with memory_watch([psutil.Process(process.pid)]) as peak:
        if process.wait():
            message = f"{' '.join(arguments)}: ended with {process.returncode}"
            raise SystemExit(message)
        seconds = round(time.perf_counter() - begun, 2)
    return {"seconds": seconds, "peak_memory_mb": round(peak[0], 1)}


def _ageing(kit: Kit) -> dict[str, Any]:
    """Everybody aged by a week, judged and added up, as a tick does; and in arrays alone."""
    shop, own = _shop(kit), psutil.Process()
    with memory_watch([own]) as peak, transaction(kit.engine) as connection:
        say("ageing everybody by a week")
        moved, with_reading = _timed(
            lambda: judging.aged(connection, shop, shop.now + 7 * DAY, None)
        )
        part = sample(connection, shop.number, seed=1)
    records = running.unpack([bytes(row.record) for row in part])
    arrays = _in_arrays(shop, records)
    return {
        "ageing_seconds": with_reading,
        "ageing_us_per_customer_in_arrays": arrays,
        "ageing_moved": len(moved),
        "ageing_peak_memory_mb": round(peak[0], 1),
    }


def _in_arrays(shop: Shop, records: Any) -> float:
    """Deriving and assigning alone, microseconds a customer, the best of five."""
    many = np.concatenate([records] * (buyers.CHUNK // max(len(records), 1) + 1))
    digits = exponent(shop.currency)

    def once() -> object:
        columns = running.derive(many, shop.now + DAY, currency_exponent=digits)
        return assign(shop.model, columns)

    return round(min(_timed(once)[1] for _ in range(5)) / len(many) * 1e6, 2)


def _compare(sample_size: int) -> dict[str, float]:
    command = ("segments", "compare", "--store", STORE, "--sample", str(sample_size), "--json")
    return _watched((*_CLI, *command))


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="kept for symmetry: always JSON")
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--compared", type=int, default=50_000)
    given = parser.parse_args()
    print(json.dumps(measure(given.customers, given.compared)))


if __name__ == "__main__":
    main()
