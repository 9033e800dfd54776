"""Personal data: sealed for one store, found by a blind index, opened after a change of key."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.events import Event
from worker.errors import CannotOpen, SecretKeyMissing
from worker.sealing import key_id_of, seal_events, sealer_from
from worker.secret_key import ensure_secret_key, secret_keys
from worker.settings import settings_from

OLD, NEW = "old key of sixteen and more", "new key of sixteen and more"
ANA = {"email": "ana@example.org", "name": "Ana"}
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.invariant("I9")
def test_what_is_sealed_is_opened_and_shows_nothing() -> None:
    sealer = sealer_from(NEW)
    sealed = sealer.seal("shop", ANA)
    assert sealer.open("shop", sealed) == ANA
    assert b"ana" not in sealed.lower()
    assert sealer.seal("shop", ANA) != sealed
    assert key_id_of(sealed) == sealer.key_id
    assert NEW not in repr(sealer)


def test_nothing_seals_to_nothing() -> None:
    assert sealer_from(NEW).seal("shop", {}) == b""
    assert sealer_from(NEW).open("shop", b"") == {}


def test_another_store_cannot_open_it() -> None:
    sealer = sealer_from(NEW)
    with pytest.raises(CannotOpen, match="another store, or damaged"):
        sealer.open("other", sealer.seal("shop", ANA))


def test_one_flipped_bit_is_found() -> None:
    sealer = sealer_from(NEW)
    sealed = bytearray(sealer.seal("shop", ANA))
    sealed[-1] ^= 1
    with pytest.raises(CannotOpen):
        sealer.open("shop", bytes(sealed))


def test_after_a_change_of_key_the_old_is_opened_and_addresses_are_found() -> None:
    before, after = sealer_from(OLD), sealer_from(f"{NEW},{OLD}")
    assert after.open("shop", before.seal("shop", ANA)) == ANA
    assert after.blind("shop", ANA["email"]) == before.blind("shop", ANA["email"])
    assert key_id_of(after.seal("shop", ANA)) == after.key_id != before.key_id
    with pytest.raises(CannotOpen, match=f"sealed with key {after.key_id}"):
        before.open("shop", after.seal("shop", ANA))


def test_the_blind_index_knows_the_address_in_any_writing_and_one_store_only() -> None:
    sealer = sealer_from(NEW)
    assert sealer.blind("shop", " Ana@Example.ORG ") == sealer.blind("shop", "ana@example.org")
    assert sealer.blind("other", "ana@example.org") != sealer.blind("shop", "ana@example.org")
    assert sealer_from(OLD).blind("shop", "ana@example.org") != sealer.blind(
        "shop", "ana@example.org"
    )


@pytest.mark.invariant("I9")
def test_an_event_is_sealed_as_it_is_written() -> None:
    sealer = sealer_from(NEW)
    event = Event(
        id=b"i" * 16,
        store="shop",
        type="customer_updated",
        at=NOW,
        received_at=NOW,
        identities=(("email", ANA["email"]), ("customer_id", "7")),
        personal=ANA,
    )
    (written,) = seal_events(sealer, [event])
    assert written.personal == {}
    assert written.identities == (
        ("email", sealer.blind("shop", ANA["email"])),
        ("customer_id", "7"),
    )
    assert sealer.open("shop", written.sealed) == ANA


@pytest.mark.parametrize("keys", ["", " , ", "short"])
def test_a_missing_or_short_key_is_refused(keys: str) -> None:
    with pytest.raises(SecretKeyMissing, match="SHOAL_SECRET_KEY"):
        sealer_from(keys)


def test_the_key_file_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    settings = settings_from({"SHOAL_HOME": str(tmp_path / "home")})
    with pytest.raises(SecretKeyMissing, match="shoal up"):
        secret_keys(settings)
    made = ensure_secret_key(settings)
    assert made is not None
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    key = secret_keys(settings)
    assert len(key) == 64
    assert ensure_secret_key(settings) is None
    assert secret_keys(settings) == key
    assert [path.name for path in made.parent.iterdir()] == ["secret.key"]


def test_a_shared_database_needs_a_shared_key(tmp_path: Path) -> None:
    settings = settings_from(
        {"SHOAL_HOME": str(tmp_path), "SHOAL_DATABASE_URL": "postgresql://db/shoal"}
    )
    with pytest.raises(SecretKeyMissing, match="SHOAL_DATABASE_URL"):
        ensure_secret_key(settings)
