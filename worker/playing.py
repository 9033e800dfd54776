"""`shoal replay`: a file into a store, with a progress bar, from where it was cut off."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from rich.progress import Progress

from worker import order_files, replay
from worker.database import reading
from worker.errors import SettingError
from worker.runtime import Kit
from worker.stores import load_store


def replay_file(
    kit: Kit, path: Path, store_id: str, mapping: str, *, quiet: bool
) -> dict[str, Any]:
    """Play a purchase log; what was played and what was left out.

    Raises
    ------
    ShoalError
        If the file or the mapping cannot be used, or the store keeps the wall's time.
    """
    names = order_files.read_mapping(mapping)
    with reading(kit.engine) as connection:
        store = load_store(connection, store_id)
        target = replay.target_of(connection, store.id)
    if store.clock != "log":
        message = (
            f"store {store.id} keeps the wall's time: a log is played into a store added with "
            "`shoal store add ID --clock log`"
        )
        raise SettingError(message)
    log = order_files.read_log(path, names, order_files.zone_of(store.time_zone))
    order_files.refuse_future(path, log, kit.clock())
    file = replay.fingerprint(path)
    events = order_files.order_events(log, store.id, store.currency, kit.clock())
    with reading(kit.engine) as connection:
        done = replay.progress(connection, store.number, file)
    with Progress(disable=quiet or not sys.stdout.isatty(), transient=True) as bar:
        task = bar.add_task(f"Playing {path.name}", total=len(events), completed=done)

        def on_step(played: int) -> None:
            bar.update(task, completed=done + played)
            replay.note_progress(kit, store.number, file, done + played)

        replay.play(kit, target, events[done:], on_step=on_step)
    return {
        "store": store.id,
        "events": len(events),
        "skipped": done,
        "customers": int(log.lines["customer"].nunique()),
        "rejected": log.rejected,
        "missing": [f"{one}: no {order_files.NEEDED_FOR[one]}" for one in log.missing],
    }
