"""Sealing: personal data is encrypted before it is written, and found again by a blind index.

AES-256-GCM (NIST SP 800-38D) under keys that HKDF-SHA-256 (RFC 5869) derives from
``SHOAL_SECRET_KEY``. A sealed value is: version (1 byte) · key id (4) · nonce (12) · ciphertext and
tag; the store's id is authenticated with it, so one store's data cannot be opened as another's.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from connectors.events import Event
from worker.errors import CannotOpen, SecretKeyMissing

_VERSION: Final = b"\x01"
_ID: Final = slice(1, 5)
_NONCE: Final = slice(5, 17)
_SEALED: Final = slice(17, None)
_INDEX_BYTES: Final = 16
LEAST_KEY: Final = 16  # characters; what we make ourselves has 64


@dataclass(frozen=True)
class Sealer:
    """The keys of one installation, ready for use. Never pickled, never shown.

    Attributes
    ----------
    key_id
        Eight hexadecimal digits that name the key which seals now.
    """

    key_id: str
    _ciphers: dict[bytes, AESGCM] = field(repr=False)
    _index_key: bytes = field(repr=False)
    _source: Callable[[], str] | None = field(default=None, repr=False)

    def seal(self, store: str, personal: Mapping[str, str]) -> bytes:
        """Fields of a person, sealed for one store; empty when there are none."""
        return self.seal_bytes(store, msgspec.msgpack.encode(personal)) if personal else b""

    def open(self, store: str, sealed: bytes) -> dict[str, str]:
        """What was sealed for a store.

        Raises
        ------
        CannotOpen
            If the key is not here, the store is another one or the bytes are damaged.
        """
        if not sealed:
            return {}
        return msgspec.msgpack.decode(self.open_bytes(store, sealed), type=dict[str, str])

    def seal_bytes(self, store: str, clear: bytes) -> bytes:
        """Any bytes (a dead letter's body, a secret), sealed for one store."""
        key_id, nonce = bytes.fromhex(self.key_id), os.urandom(12)
        return b"".join(
            (_VERSION, key_id, nonce, self._ciphers[key_id].encrypt(nonce, clear, store.encode()))
        )

    def open_bytes(self, store: str, sealed: bytes) -> bytes:
        """The bytes that were sealed; raises :class:`CannotOpen` as :meth:`open` does."""
        cipher = self._ciphers.get(sealed[_ID]) or self._learnt(sealed[_ID])
        if sealed[:1] != _VERSION or cipher is None:
            wanted = key_id_of(sealed)
            msg = (
                f"store {store}: sealed with key {wanted}, which is not in SHOAL_SECRET_KEY "
                f"(there: {', '.join(sorted(key.hex() for key in self._ciphers))})"
            )
            raise CannotOpen(msg)
        try:
            return cipher.decrypt(sealed[_NONCE], sealed[_SEALED], store.encode())
        except InvalidTag:
            msg = f"store {store}: sealed for another store, or damaged"
            raise CannotOpen(msg) from None

    def _learnt(self, key_id: bytes) -> AESGCM | None:
        """The cipher of a key that was made after this process began, if it can be known."""
        if self._source is not None:
            self._ciphers.update(_ciphers_of(split_keys(self._source())))
        return self._ciphers.get(key_id)

    def blind(self, store: str, address: str) -> str:
        """An address's keyed hash in one store, by which it is found without being stored."""
        text = unicodedata.normalize("NFC", address).strip().casefold()
        message = b"\x00".join((store.encode(), text.encode()))
        return hmac.digest(self._index_key, message, "sha256")[:_INDEX_BYTES].hex()


def sealer_from(secret_keys: str, source: Callable[[], str] | None = None) -> Sealer:
    """The sealer for ``SHOAL_SECRET_KEY``: one key, or several separated by commas.

    The first seals, every one opens, the last (the installation's first) is the blind index's, so
    that addresses are still found after a change of key. ``source`` is asked again when something
    turns up that none of them sealed.

    Raises
    ------
    SecretKeyMissing
        If there is no key, or one is shorter than sixteen characters.
    """
    keys = split_keys(secret_keys)
    if not keys:
        msg = (
            "SHOAL_SECRET_KEY is not set: personal data cannot be sealed. Make one with: "
            "python -c 'import secrets; print(secrets.token_hex(32))'"
        )
        raise SecretKeyMissing(msg)
    if any(len(key) < LEAST_KEY for key in keys):
        msg = f"SHOAL_SECRET_KEY: each key needs {LEAST_KEY} characters or more"
        raise SecretKeyMissing(msg)
    index_key = _derived(keys[-1], b"shoal blind index")
    return Sealer(_key_id(keys[0]).hex(), _ciphers_of(keys), index_key, source)


def split_keys(secret_keys: str) -> list[str]:
    """The keys of ``SHOAL_SECRET_KEY``, the one that seals first."""
    return [key.strip() for key in secret_keys.split(",") if key.strip()]


def key_ids(secret_keys: str) -> list[str]:
    """What names these keys without telling them, eight hexadecimal digits each, in order."""
    return [_key_id(key).hex() for key in split_keys(secret_keys)]


def key_id_of(sealed: bytes) -> str:
    """The id of the key that sealed these bytes."""
    return sealed[_ID].hex()


def seal_events(sealer: Sealer, events: Iterable[Event]) -> list[Event]:
    """Events as they may be written: personal fields sealed, e-mail addresses blind."""
    return [_sealed_event(sealer, event) for event in events]


def _sealed_event(sealer: Sealer, event: Event) -> Event:
    if not event.personal and not any(kind == "email" for kind, _ in event.identities):
        return event
    return msgspec.structs.replace(
        event,
        identities=tuple(
            (kind, sealer.blind(event.store, key) if kind == "email" else key)
            for kind, key in event.identities
        ),
        personal={},
        sealed=sealer.seal(event.store, event.personal) or event.sealed,
    )


def _ciphers_of(keys: Iterable[str]) -> dict[bytes, AESGCM]:
    return {_key_id(key): AESGCM(_derived(key, b"shoal sealing")) for key in keys}


def _derived(key: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(key.encode())


def _key_id(key: str) -> bytes:
    return hashlib.blake2b(_derived(key, b"shoal key id"), digest_size=4).digest()
