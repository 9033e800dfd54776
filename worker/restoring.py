"""`shoal restore`: a backup into an empty place, whole or not at all, then reconciled.

The cursors are set to the beginning: whatever the Redis that is there still holds is read, and what
had been applied stops at the event log. What the stores told since the backup is read again from
themselves (worker.walking, cause ``import``); until that has ended nothing is pushed, since a cart
may have been ordered meanwhile.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tarfile
from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, text, update
from sqlalchemy.engine import URL

from connectors.events import microseconds
from worker import backup_file, models, process_clock, restored, stores, stream, walks
from worker.backup import shoal_tables
from worker.backup_file import SQLITE_MEMBER, Manifest
from worker.database import VERSION_TABLE, database_url, open_engine, reading, transaction
from worker.errors import BackupRefused, SecretKeyMissing
from worker.holding import holding
from worker.restored_rows import fill
from worker.sealing import key_ids
from worker.secret_key import FILE as KEY_FILE
from worker.secret_key import secret_keys
from worker.settings import Settings, make_home

# Before the backup: what had been received but not drained may be gone with its Redis.
BEFORE: Final = timedelta(hours=1)
# What a start writes by itself, and a restore replaces.
_BY_ITSELF: Final = frozenset({models.meta.name, models.cursors.name})


def restore(settings: Settings, path: Path) -> Manifest:
    """Put a backup into the empty database of these settings; what its manifest says.

    Raises
    ------
    BackupRefused
        If the file is not whole, the place not empty, a key missing or another one, or the tables
        are of a newer version. Nothing was changed.
    HomeHeld
        If `shoal up` works in this home.
    """
    with backup_file.opened(path) as (tar, manifest):
        _check_keys(settings, manifest, path)
        _check_revision(manifest, path)
        make_home(settings)
        with holding(settings):
            url = database_url(settings)
            put = _into_sqlite if url.get_backend_name() == "sqlite" else _into_postgresql
            put(url, tar, manifest, path)
    return manifest


def _check_keys(settings: Settings, manifest: Manifest, path: Path) -> None:
    needed = {*manifest.keys.sealed, manifest.keys.finds}
    try:
        there = key_ids(secret_keys(settings))
    except SecretKeyMissing:
        msg = (
            f"{path}: it was sealed with {_named(needed)}, and no key is here: put the keys of the "
            f"installation that was backed up into SHOAL_SECRET_KEY or {settings.home / KEY_FILE}. "
            "A new key opens nothing of it"
        )
        raise BackupRefused(msg) from None
    missing = sorted(needed - set(there))
    if missing or there[-1] != manifest.keys.finds:
        msg = (
            f"{path}: key {', '.join(missing) or 'none'} is missing, addresses are found "
            f"with {manifest.keys.finds}; here are {', '.join(there)}: expected the keys of the "
            f"installation that was backed up, in SHOAL_SECRET_KEY or {settings.home / KEY_FILE}"
        )
        raise BackupRefused(msg)


def _named(keys: Iterable[str]) -> str:
    names = sorted(keys)
    return f"key{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _check_revision(manifest: Manifest, path: Path) -> None:
    from worker.migrations.run import known_revisions  # noqa: PLC0415 - Alembic is slow to import

    known = known_revisions()
    if manifest.revision not in known:
        msg = (
            f"{path}: its tables are at revision {manifest.revision}, known here are "
            f"{', '.join(known)}: restore it with Shoal {manifest.versions['shoal']} or newer"
        )
        raise BackupRefused(msg)


def _into_sqlite(url: URL, tar: tarfile.TarFile, manifest: Manifest, path: Path) -> None:
    place = Path(str(url.database)).absolute()
    _check_empty_file(url, place)
    draft = place.with_name(f".{place.name}.restoring-{os.getpid()}")
    drafts = [draft, *(draft.with_name(draft.name + end) for end in ("-wal", "-shm"))]
    try:
        if manifest.kind == "sqlite":
            with backup_file.unpacked(tar, SQLITE_MEMBER, path) as file, draft.open("xb") as out:
                shutil.copyfileobj(file, out)
        draft.touch(mode=0o600)
        draft.chmod(0o600)
        engine = open_engine(URL.create("sqlite", database=str(draft)))
        with transaction(engine) as connection:
            if manifest.kind != "sqlite":
                _migrate(connection, manifest.revision)
                fill(connection, tar, manifest, path)
            _reconcile(connection, manifest)
        engine.dispose()
        with closing(sqlite3.connect(draft)) as one_file:
            one_file.execute("PRAGMA journal_mode = DELETE")
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(place)
        folder = os.open(place.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    finally:
        for left in drafts:
            left.unlink(missing_ok=True)


def _check_empty_file(url: URL, place: Path) -> None:
    if not place.exists():
        return
    engine = open_engine(url)
    try:
        with reading(engine) as connection:
            _check_empty(connection)
    finally:
        engine.dispose()
    for end in ("-wal", "-shm"):
        if place.with_name(place.name + end).exists():
            msg = f"{place} is in use: stop what uses it, then restore"
            raise BackupRefused(msg)


def _into_postgresql(url: URL, tar: tarfile.TarFile, manifest: Manifest, path: Path) -> None:
    engine = open_engine(url)
    try:
        with transaction(engine) as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(7304118)"))
            _check_empty(connection)
            # The tables of another revision go, and of this one those that a start has filled.
            for name in (*shoal_tables(connection), VERSION_TABLE):
                connection.execute(text(f"DROP TABLE IF EXISTS {name}"))
            _migrate(connection, manifest.revision)
            fill(connection, tar, manifest, path)
            _reconcile(connection, manifest)
    finally:
        engine.dispose()


def _check_empty(connection: Connection) -> None:
    for name in shoal_tables(connection):
        if name in _BY_ITSELF:
            continue
        found = connection.execute(text(f"SELECT 1 FROM {name} LIMIT 1")).first()  # noqa: S608 - a table of ours
        if found is not None:
            where = connection.engine.url.render_as_string(hide_password=True)
            msg = (
                f"database {where} is not empty ({name} has rows): expected an empty one; "
                "nothing was changed"
            )
            raise BackupRefused(msg)


def _migrate(connection: Connection, revision: str) -> None:
    from worker.migrations.run import run_migrations  # noqa: PLC0415 - Alembic is slow to import

    run_migrations(connection, revision)


def _reconcile(connection: Connection, manifest: Manifest) -> None:
    """Bring the tables up to date, read every stream from its beginning and every store again."""
    _migrate(connection, "head")
    now = microseconds(process_clock.now())
    connection.execute(update(models.cursors).values(position=stream.START))
    for store in stores.list_stores(connection):
        if store.clock != "wall" or not store.url:
            continue  # a log goes on from where it was; without an address nobody can be asked
        before = walks.walk_of(connection, store.number, "backfill")
        since = manifest.made_at - BEFORE // timedelta(microseconds=1)
        if before is not None and before.next_at:
            since = min(since, before.since)
        walks.begin_backfill(connection, store.number, since, now)
        restored.mark(connection, store, manifest.made_at, now)
