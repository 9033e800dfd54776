"""Events without a natural key, as the columns that the features fold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Connection, select

from connectors.events import microseconds
from segmentation import running
from segmentation.record import Ints
from segmentation.running import FactKind, Facts
from worker import bulk, models, sales
from worker.batch import Batch, utc_offset
from worker.catalogue import NO_SLOT
from worker.opinions import values_of
from worker.roster import admit

# Events that are folded as they come, one fact each.
KINDS: Final = {
    "page_viewed": FactKind.VIEW,
    "product_viewed": FactKind.VIEW,
    "products_searched": FactKind.SEARCH,
    "product_added": FactKind.CART,
    "cart_updated": FactKind.CART,
    "checkout_started": FactKind.CHECKOUT,
    "campaign_contacted": FactKind.CONTACT,
    "message_opened": FactKind.OPEN,
    "message_clicked": FactKind.CLICK,
    "product_reviewed": FactKind.REVIEW,
    "survey_answered": FactKind.SURVEY,
    "complaint_opened": FactKind.COMPLAINT,
    "ticket_closed": FactKind.TICKET,
}
BROWSING_TYPES: Final = tuple(
    name
    for name, kind in KINDS.items()
    if kind in {FactKind.VIEW, FactKind.SEARCH, FactKind.CART, FactKind.CHECKOUT}
)


def note_touches(batch: Batch, slots: Mapping[bytes, int], zone: ZoneInfo | None) -> None:
    """Add the batch's simple events to what is folded."""
    for subject in batch.subjects:
        event = subject.event
        if event.type not in KINDS or not subject.customer:
            continue
        at, slot = microseconds(event.at), slots.get(event.id, NO_SLOT)
        offset = utc_offset(event, zone)
        said = values_of(KINDS[event.type], event.properties)
        batch.facts += [
            (subject.customer, kind, at, value, 0, 0, slot, offset) for kind, value in said
        ]
        if not said:
            batch.count("unreadable", event.type)


def fold_facts(connection: Connection, batch: Batch) -> None:
    """Fold everything noted into the records, and recompute from the log what asks for it."""
    directory, roster = batch.directory, batch.roster
    rows = [
        (roster.row[directory.final(fact[0])], *fact[1:])
        for fact in batch.facts
        if fact[0] and directory.final(fact[0]) in roster.row
    ]
    again = {directory.final(one) for one in batch.recompute}
    if rows:
        facts = Facts.of(rows)
        running.fold(roster.records, facts)
        roster.touched.update(np.unique(facts.row).tolist())
    needs = running.pending(roster.records)
    again |= {roster.people[row].id for row in np.flatnonzero(needs.purchases)}
    if again:
        admit(connection, roster, again)
        _recompute_purchases(connection, batch, sorted(again & roster.row.keys()))
    browsed = np.flatnonzero(needs.browsing)
    if len(browsed):
        _recompute_browsing(connection, batch, browsed)


def _recompute_purchases(connection: Connection, batch: Batch, customers: list[int]) -> None:
    roster = batch.roster
    tuples, products = sales.all_purchases(connection, batch.shop.currency, customers)
    place = {customer: at for at, customer in enumerate(customers)}
    chosen = [roster.row[customer] for customer in customers]
    records = roster.records[chosen]
    running.purchases(records, Facts.of([(place[fact[0]], *fact[1:]) for fact in tuples]))
    for at, customer in enumerate(customers):
        person = roster.person(customer)
        keys = [running.product_key(batch.shop.id, product) for product in products[customer]]
        person.products, size = running.united(b"", keys)
        records["distinct_products"][at] = size
    roster.records[chosen] = records
    batch.count("recomputed", "purchases", len(customers))


def _recompute_browsing(connection: Connection, batch: Batch, chosen: Ints) -> None:
    """Sessions from the log; rows of merged profiles are read through their pointers."""
    roster = batch.roster
    customers = [roster.people[row].id for row in chosen]
    place = {customer: at for at, customer in enumerate(customers)}
    pointers = connection.execute(
        select(models.customers.c.id, models.customers.c.merged_into).where(
            models.customers.c.merged_into.in_(customers)
        )
    )
    place |= {loser: place[winner] for loser, winner in pointers if winner is not None}
    place |= {
        loser: place[final]
        for loser in batch.directory.merged
        if (final := batch.directory.final(loser)) in place
    }
    logged = [
        (place[customer], at)
        for customer, type_, at in bulk.select_keys(
            connection, models.events, ("customer", "type", "at"), "customer", sorted(place)
        )
        if type_ in BROWSING_TYPES
    ]
    table = np.array(logged, np.int64).reshape(-1, 2)
    records = roster.records[chosen]
    running.browsing(records, table[:, 0], table[:, 1])
    roster.records[chosen] = records
    roster.touched.update(chosen.tolist())
    batch.count("recomputed", "browsing", len(customers))
