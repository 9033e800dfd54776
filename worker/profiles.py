"""What a store says of a person: attributes and consents in the row, the rest sealed apart."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from connectors.events import microseconds
from connectors.records import Customer
from worker import bulk, models, unreadable
from worker.batch import Batch, Subject
from worker.describing import describe_people, filled_in, with_source
from worker.hearsay import take_hearsay, with_own_word
from worker.merges import united_json
from worker.sealing import Sealer


def record_people(
    connection: Connection, batch: Batch, sealer: Sealer
) -> dict[int, dict[str, str]]:
    """Bring rows and sealed profiles up to date; opened profiles of those who changed, by id."""
    for customer, platform_id in batch.directory.platform_ids.items():
        final = batch.directory.final(customer)
        if final in batch.roster.row and not batch.roster.look(final).platform_id:
            batch.roster.person(final).platform_id = platform_id
    for customer in batch.directory.known:
        final = batch.directory.final(customer)
        if final in batch.roster.row and not batch.roster.look(final).is_known:
            batch.roster.person(final).is_known = True
    current = {id(subject) for subject in batch.subjects if _is_current(batch, subject)}
    describe_people(batch)
    return _record_profiles(connection, batch, sealer, current)


def _is_current(batch: Batch, subject: Subject) -> bool:
    """Write what a customer's newest description says; whether it is one."""
    body = subject.event.body
    if not isinstance(body, Customer) or not subject.customer:
        return False
    person = batch.roster.person(batch.directory.final(subject.customer))
    unreadable.clear(batch, person)
    if body.heard_from:
        take_hearsay(person, body)
        return False
    version = microseconds(body.updated_at)
    said = with_source(body.attributes, subject.event.source, body.updated_at)
    if version <= person.profile_version:
        person.attributes = filled_in(person.attributes, said)
        return False
    person.profile_version = version
    person.attributes = united_json(person.attributes, _json(said))
    person.consents = with_own_word(person.consents, body.consents)
    person.time_zone = body.time_zone or person.time_zone
    if body.is_suppressed is not None:
        person.is_suppressed = body.is_suppressed
    return True


def _json(values: object) -> str:
    return msgspec.json.encode(values).decode()


def _record_profiles(
    connection: Connection, batch: Batch, sealer: Sealer, current: set[int]
) -> dict[int, dict[str, str]]:
    """A current description overrules what was known; any other event only fills gaps."""
    about = [
        (batch.directory.final(subject.customer), subject)
        for subject in batch.subjects
        if subject.event.sealed and subject.customer
    ]
    merged = {
        customer: batch.directory.final(customer)
        for customer in batch.directory.merged
        if customer not in batch.directory.created
    }
    wanted = sorted({customer for customer, _ in about} | set(merged) | set(merged.values()))
    if not wanted:
        return {}
    rows = bulk.select_keys(connection, models.profiles, ("customer", "sealed"), "customer", wanted)
    stored = {row[0]: sealer.open(batch.shop.id, bytes(row[1])) for row in rows}
    profiles = {key: dict(value) for key, value in stored.items()}
    for loser, winner in merged.items():
        profiles[winner] = profiles.pop(loser, {}) | profiles.get(winner, {})
    for customer, subject in about:
        said = sealer.open(batch.shop.id, subject.event.sealed)
        known = profiles.get(customer, {})
        profiles[customer] = known | said if id(subject) in current else said | known
    changed = {key: one for key, one in profiles.items() if one and one != stored.get(key)}
    _write(connection, batch, sealer, changed)
    _forget(connection, sorted(merged.keys() & stored.keys()))
    return changed


def _write(
    connection: Connection, batch: Batch, sealer: Sealer, profiles: dict[int, dict[str, str]]
) -> None:
    bulk.upsert(
        connection,
        models.profiles,
        ("customer", "store", "key_id", "sealed"),
        [
            (customer, batch.shop.number, sealer.key_id, sealer.seal(batch.shop.id, profile))
            for customer, profile in sorted(profiles.items())
        ],
    )


def _forget(connection: Connection, customers: Sequence[int]) -> None:
    for customer in customers:
        connection.execute(models.profiles.delete().where(models.profiles.c.customer == customer))
