"""A store's two keys: long random numbers, so a plain SHA-256 of one cannot be guessed back."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

BROWSER_PREFIX: Final = "pk_"
SERVER_PREFIX: Final = "sk_"


def new_browser_key() -> str:
    """A key for pages."""
    return BROWSER_PREFIX + secrets.token_hex(16)


def new_server_key() -> str:
    """A key for servers."""
    return SERVER_PREFIX + secrets.token_hex(32)


def key_hash(key: str) -> str:
    """What is kept of a server key."""
    return hashlib.sha256(key.encode()).hexdigest()
