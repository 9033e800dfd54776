"""`shoal customers import`: attributes, consents and suppressions of a file into a store.

Each row becomes an event of the store with the cause `import`, which triggers nothing; names and
addresses are sealed before they go into the stream. A row's event has the same id each time, so a
file that is read again, or again from where it was cut off, changes nothing twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from connectors.attributes import declared_attributes, sorted_attributes
from connectors.demographics import coarse
from connectors.events import Event, event_id, microseconds, moment
from connectors.records import Customer
from worker import bulk, models, pipeline, stream
from worker.customer_columns import (
    CHANNELS,
    PERSONAL,
    WHO,
    Meaning,
    consent,
    has_left,
    is_suppressed,
    meaning_of,
)
from worker.database import reading
from worker.order_files import zone_of
from worker.runtime import Kit
from worker.sealing import seal_events
from worker.sheets import Row, Sheet, open_sheet, rows
from worker.shop import load_shops
from worker.stores import load_store
from worker.trying import dates
from worker.trying.asking import Wishes, date_order

_AT_A_TIME: Final = 1_000
_SHOWN: Final = 100  # rejected rows that are named one by one
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Rejected(ValueError):
    """A row that cannot be taken, and why."""


@dataclass
class Report:
    """What became of a file's rows; ``rejected`` are (line, reason), the first hundred.

    ``left_out`` are the columns that mean nothing to the store.
    """

    store: str
    source: str
    rows: int = 0
    taken: int = 0
    already: int = 0
    rejected_rows: int = 0
    rejected: list[tuple[int, str]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, what: str) -> None:
        """Count one more."""
        self.counts[what] = self.counts.get(what, 0) + 1


@dataclass(frozen=True, slots=True)
class _Reader:
    """What turning rows into events needs."""

    store: str
    zone: Any
    declared: Mapping[str, str]
    meaning: Meaning
    order: dates.Order
    now: datetime
    received_at: datetime


def import_customers(
    kit: Kit,
    path: Path,
    store_id: str,
    wishes: Wishes,
    on_bytes: Callable[[int], None] = lambda _: None,
) -> Report:
    """Take a file's customers into a store; what was taken and what was not.

    ``wishes`` say the columns and the order of day and month where the file does not.

    Raises
    ------
    ShoalError
        If the file cannot be used or there is no such store.
    """
    with reading(kit.engine) as connection:
        store = load_store(connection, store_id)
        wall = microseconds(kit.clock())
        shop = load_shops(connection, {store.id}, store.partition, wall)[store.id]
    declared = declared_attributes(msgspec.json.decode(store.options, type=dict[str, str]))
    sheet = open_sheet(path)
    meaning = meaning_of(sheet, wishes.mapping, tuple(declared))
    order = _date_order(sheet, meaning, wishes)
    reader = _Reader(
        store.id,
        zone_of(store.time_zone),
        declared,
        meaning,
        order,
        # Before its log begins a store has no time of its own yet.
        moment(shop.now) if shop.is_on_log_time and shop.now else kit.clock(),
        kit.clock(),
    )
    report = Report(store.id, meaning.source, notes=[meaning.note] if meaning.note else [])
    taken = set(meaning.places.values())
    report.left_out = [name for at, name in enumerate(sheet.header) if at not in taken]
    found = _events(rows(sheet, on_bytes), reader, report)
    while part := list(islice(found, _AT_A_TIME)):
        _take(kit, store.partition, part, report)
    return report


def _take(kit: Kit, partition: int, events: Sequence[Event], report: Report) -> None:
    """Append what is new and drain it; whoever else drains may do it as well."""
    ids = sorted({event.id for event in events})
    with reading(kit.engine) as connection:
        known = {
            bytes(row[0]) for row in bulk.select_keys(connection, models.events, ("id",), "id", ids)
        }
    new = {event.id: event for event in events if event.id not in known}
    report.already += len(events) - len(new)
    report.taken += len(new)
    if new:
        sealed = seal_events(kit.sealer, new.values())
        stream.append(kit.redis, partition, sealed, backlog=kit.settings.backlog)
        pipeline.drain(kit, partition)


def _events(found: Iterator[Row], reader: _Reader, report: Report) -> Iterator[Event]:
    for row in found:
        report.rows += 1
        try:
            event = _event(row.cells, reader)
        except Rejected as rejected:
            report.rejected_rows += 1
            if len(report.rejected) < _SHOWN:
                report.rejected.append((row.line, str(rejected)))
            continue
        _count(event, report)
        for name in _not_understood(row.cells, event, reader):
            report.add(f"{name} not understood, left out")
        yield event


def _not_understood(cells: Sequence[str], event: Event, reader: _Reader) -> Iterator[str]:
    """The columns on who somebody is whose cells say something, and nothing that is known."""
    kept = event.body.attributes if isinstance(event.body, Customer) else {}
    for name in WHO:
        place = reader.meaning.places.get(name)
        ours = "birth_year" if name == "age" else name
        if place is not None and cells[place].strip() and ours not in kept:
            yield name


def _count(event: Event, report: Report) -> None:
    if not isinstance(event.body, Customer):
        return
    for channel in CHANNELS:
        said = event.body.consents.get(channel)
        if said is not None:
            report.add(f"consent to {channel}: {'yes' if said else 'no'}")
    if event.body.is_suppressed:
        report.add("never to be contacted")


def _event(cells: Sequence[str], reader: _Reader) -> Event:
    if not cells:
        message = "it has more cells than the header has names"
        raise Rejected(message)
    said = {ours: cells[at].strip() for ours, at in reader.meaning.places.items()}
    customer, address = _who(said)
    consents, consented_at = _consents(said, reader)
    attributes, hidden = sorted_attributes(_typed(said, reader.declared), reader.declared)
    attributes = coarse(said, reader.now) | attributes
    body = Customer(
        customer_id=customer,
        updated_at=reader.now,
        attributes=attributes,
        consents=consents,
        time_zone=said.get("time_zone") or None,
        is_suppressed=is_suppressed(said.get("suppressed", "")),
        heard_from=reader.meaning.source,
        consented_at=consented_at,
    )
    named = {**said, "email": address}
    personal = {name: named[name] for name in ("email", *PERSONAL) if named.get(name)}
    keys = (("customer_id", customer), ("email", address))
    first = min(consented_at.values(), default=_EPOCH)
    return Event(
        id=event_id(reader.store, "customer_updated", max(first, _EPOCH), _digest(said)),
        store=reader.store,
        type="customer_updated",
        at=reader.now,
        received_at=reader.received_at,
        source="import",
        identities=tuple((kind, key) for kind, key in keys if key),
        body=body,
        personal={**hidden, **personal},
    )


def _who(said: Mapping[str, str]) -> tuple[str, str]:
    """The platform's id and the e-mail; an id that is an address is kept as an e-mail only."""
    customer, address = said.get("customer_id", "").lstrip("'"), said.get("email", "")
    if "@" in customer:
        customer, address = "", address or customer
    if not customer and not address:
        message = "it names neither an id nor an e-mail"
        raise Rejected(message)
    if address and not _ADDRESS.fullmatch(address):
        message = "its e-mail is no address"
        raise Rejected(message)
    return customer, address


def _digest(said: Mapping[str, str]) -> bytes:
    return msgspec.json.encode(sorted(said.items()))


def _consents(
    said: Mapping[str, str], reader: _Reader
) -> tuple[dict[str, bool], dict[str, datetime]]:
    """Yes or no by channel, and since when; what is unknown is not there."""
    found: dict[str, bool] = {}
    since: dict[str, datetime] = {}
    for channel in CHANNELS:
        answer = consent(said.get(f"consent.{channel}", ""))
        text = said.get(f"consent.{channel}.at", "")
        if answer is None:
            continue
        found[channel] = answer
        if text:
            at = dates.time_of(text, reader.order, reader.zone)
            if at is None or at > reader.received_at:
                problem = "is in the future" if at else "cannot be read"
                message = f"the date of its consent to {channel} {problem}"
                raise Rejected(message)
            since[channel] = at
    if has_left(said.get("suppressed", "")):
        found["email"] = False
        since.pop("email", None)
    return found, since


def _typed(said: Mapping[str, str], declared: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, kind in declared.items():
        text = said.get(name, "")
        if not text:
            continue
        if kind == "number":
            try:
                values[name] = float(text.replace(",", "."))
            except ValueError:
                message = f"its {name} is no number"
                raise Rejected(message) from None
        elif kind == "flag":
            answer = consent(text)
            if answer is not None:
                values[name] = answer
        else:
            values[name] = text
    return values


def _date_order(sheet: Sheet, meaning: Meaning, wishes: Wishes) -> dates.Order:
    """Day or month first, over all consents' dates."""
    places = [at for ours, at in meaning.places.items() if ours.endswith(".at")]
    if not places:
        return "year-first"
    texts = [row.cells[at].strip() for row in rows(sheet) if row.cells for at in places]
    said = [text for text in dict.fromkeys(texts) if text]
    return date_order(dates.reading_of(said), next(iter(said), ""), wishes)
