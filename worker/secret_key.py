"""The file of the secret key, made at the first start when the environment brings none."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from worker.errors import SecretKeyMissing, SettingError
from worker.sealing import split_keys
from worker.settings import Settings, make_home

FILE: Final = "secret.key"
LOSS: Final = (
    "A secret key was made: {path}\n"
    "Keep a copy in a safe place. It seals names and e-mail addresses; losing it loses them."
)


def secret_keys(settings: Settings) -> str:
    """What the environment brings, else what the file holds.

    Raises
    ------
    SecretKeyMissing
        If there is neither; `shoal up` makes the file, other commands do not.
    """
    if settings.secret_key:
        return settings.secret_key
    path = settings.home / FILE
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        msg = f"no secret key: set SHOAL_SECRET_KEY, or let `shoal up` make {path}"
        raise SecretKeyMissing(msg) from None


def add_secret_key(settings: Settings) -> list[str]:
    """Put a new key before those of the file; all keys, the new one first.

    Raises
    ------
    SecretKeyMissing
        If there is no file.
    SettingError
        If the keys come from the environment, where only its owner can put one.
    """
    path = settings.home / FILE
    if settings.secret_key:
        msg = (
            "SHOAL_SECRET_KEY holds the keys: put a new one (`openssl rand -hex 32`) and a comma "
            "before them, start every process anew, then run `shoal keys reseal`"
        )
        raise SettingError(msg)
    keys = [secrets.token_hex(32), *split_keys(secret_keys(settings))]
    _write(draft := path.with_name(f"{FILE}.{os.getpid()}"), ",".join(keys))
    draft.replace(path)
    return keys


def ensure_secret_key(settings: Settings) -> Path | None:
    """Make the key file if there is no key yet; its path if it was made now.

    Made under another name and linked, so that of two that start at once one wins whole and
    nobody reads half a key. Never made beside an existing database of another machine: with
    ``SHOAL_DATABASE_URL`` the key must come from the environment or lie in the file already.
    """
    path = settings.home / FILE
    if settings.secret_key or path.exists():
        return None
    if not settings.is_embedded_database:
        msg = "SHOAL_DATABASE_URL is set, so SHOAL_SECRET_KEY must be: others may share its data"
        raise SecretKeyMissing(msg)
    make_home(settings)
    draft = path.with_name(f"{FILE}.{os.getpid()}")
    _write(draft, secrets.token_hex(32))
    try:
        os.link(draft, path)
    except FileExistsError:
        return None
    finally:
        draft.unlink()
    return path


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
