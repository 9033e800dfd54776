"""How many events a second the drain applies, beside what Celery alone would do with them.

Everything is preloaded, then Celery workers with two processes work it off: Shoal's own drain with
the six ready campaigns live, one task an event, and celery-batches of 500. Events per second are
from the first doorbell to the last commit, and what came out is checked afterwards. The door and
the idle stack are measured too. ``README.md`` beside this file says what each figure is and how
to point it at PostgreSQL.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from typing import Any, Final

from benchmarks import draining, idling, receiving, rivalry, stream_events
from benchmarks.workers import PROCESSES

STORES: Final = 8
IDLE_SECONDS: Final = 30.0
# Publishing a task costs more than most of working it off: rivals get a part of the stream.
_TASKS_OF: Final = 10
_BATCHES_OF: Final = 4
_WEBHOOKS_OF: Final = 20
_BROWSED_OF: Final = 2


def figures(count: int, stores: int, idle_seconds: float) -> dict[str, Any]:
    """Everything, one after the other, because it shares one machine."""
    names = [f"store{number}" for number in range(stores)]
    events = stream_events.stream(names, count, datetime.now(UTC))
    # Between its rivals, because other work on the machine comes and goes.
    tasks = rivalry.measure(events[: count // _TASKS_OF], in_batches=False)
    many = draining.measure(count, names)
    batches = rivalry.measure(events[: count // _BATCHES_OF], in_batches=True)
    single = draining.measure(count, names[:1])
    speed = many["events_per_second"]
    return many | {
        "events": count,
        "one_store": {name: single[name] for name in ("events_per_second", "result_is_right")},
        "task_per_event": tasks,
        "celery_batches": batches,
        "ratio": round(speed / tasks["events_per_second"], 1),
        "ratio_batches": round(speed / batches["events_per_second"], 1),
        "receive": receiving.measure(count // _WEBHOOKS_OF, count // _BROWSED_OF),
        "idle_cpu_percent": idling.measure(idle_seconds),
        "workers": PROCESSES,
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="kept for symmetry: always JSON")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--stores", type=int, default=STORES)
    parser.add_argument("--idle-seconds", type=float, default=IDLE_SECONDS)
    given = parser.parse_args()
    print(json.dumps(figures(given.events, given.stores, given.idle_seconds)))


if __name__ == "__main__":
    main()
