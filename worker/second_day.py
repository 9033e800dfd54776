"""What `shoal doctor` asks of an installation that has run for a while."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import redis
from sqlalchemy import Engine

from connectors.events import microseconds
from worker import backup, cursors, notices, process_clock, rotation
from worker.database import reading
from worker.errors import SecretKeyMissing
from worker.findings import Finding
from worker.sealing import key_ids
from worker.secret_key import secret_keys
from worker.settings import Settings
from worker.troubles import troubles

# Each is a finding of its own already, or of each store.
_SAID_ELSEWHERE: Final = frozenset({"disk", "redis", "store_paused", "dead_letters"})
_OLD: Final = 7 * 86_400  # seconds since a backup


def second_day(engine: Engine, client: redis.Redis, settings: Settings) -> Iterator[Finding]:
    """Lag, refused pushes, keys, backups, and whether somebody is told."""
    wall = microseconds(process_clock.now())
    with reading(engine) as connection:
        found = troubles(connection, client, settings, wall)
        known = notices.notices(connection)
        sealed = rotation.sealed_by(connection)
        has_events = any(one != "0-0" for one in cursors.positions(connection).values())
    for one in found:
        if one.kind not in _SAID_ELSEWHERE:
            check = f"{one.kind} {one.subject}".replace("_", " ")
            yield Finding(check, is_ok=False, said=f"{one.said}: {one.advice}")
    yield from _keys(settings, sealed)
    if engine.dialect.name == "sqlite" and has_events:
        yield _backup(engine, wall)
    yield _told(settings, [one for one in known.values() if one.tries])


def _keys(settings: Settings, sealed: dict[str, int]) -> Iterator[Finding]:
    try:
        there = key_ids(secret_keys(settings))
    except SecretKeyMissing:
        return  # a finding of its own
    missing = sorted(sealed.keys() - set(there))
    if missing:
        count = sum(sealed[key] for key in missing)
        said = f"{count} things were sealed with {', '.join(missing)}: put that key back"
        yield Finding("sealed data", is_ok=False, said=said)
    elif sealed.keys() - {there[0]}:
        said = "older keys have sealed some of it still: `shoal keys reseal`"
        yield Finding("sealed data", is_ok=False, said=said)


def _backup(engine: Engine, wall: int) -> Finding:
    last = backup.last_backup(engine)
    place = Path(last.file) if last else None
    if place is None or not place.exists():
        said = "none is known here: `shoal backup FILE`, then keep the file elsewhere"
        return Finding("backup", is_ok=True, said=said)
    days = (wall / 1e6 - place.stat().st_mtime) / 86_400
    said = f"{place} is {days:.0f} days old"
    is_old = days * 86_400 > _OLD
    return Finding("backup", is_ok=not is_old, said=f"{said}: make another" if is_old else said)


def _told(settings: Settings, failing: list[notices.Notice]) -> Finding:
    if not settings.notify_url:
        return Finding("notices", is_ok=True, said="nobody is told of troubles: SHOAL_NOTIFY_URL")
    if failing:
        said = (
            f"{len(failing)} could not be told, tried {max(one.tries for one in failing)} times: "
            "does SHOAL_NOTIFY_URL answer with 2xx, and is it public or in SHOAL_PRIVATE_HOSTS?"
        )
        return Finding("notices", is_ok=False, said=said)
    is_signed = "signed" if settings.notify_secret else "not signed: SHOAL_NOTIFY_SECRET"
    return Finding("notices", is_ok=True, said=f"troubles are told, {is_signed}")
