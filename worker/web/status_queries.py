"""The whole status as one value: what the page, `/status.json` and a command show."""

from __future__ import annotations

from datetime import datetime

import msgspec
import redis
from sqlalchemy import Connection, select

from connectors.events import microseconds
from worker import cursors, letter_stream, models, stream
from worker.database import reading
from worker.dead_letters import open_letters
from worker.errors import RedisDown
from worker.explaining import Explanation, explain
from worker.people import find_customer
from worker.runtime import Kit
from worker.sealing import Sealer
from worker.shop import Shop, load_shops
from worker.stores import list_stores, load_store
from worker.web.plain_words import trigger_said
from worker.web.status_campaigns import bounds
from worker.web.status_stores import ShownStore, shown_store


class Backlog(msgspec.Struct, frozen=True):
    """What waits in one partition's stream; ``oldest_seconds`` of it."""

    partition: int
    unread: int
    oldest_seconds: float = 0.0


class Status(msgspec.Struct, frozen=True):
    """Everything. ``streams`` is None while Redis is away."""

    at: datetime
    stores: tuple[ShownStore, ...]
    streams: tuple[Backlog, ...] | None
    letters_waiting: int = 0


def status(kit: Kit) -> Status:
    """The status now.

    Raises
    ------
    DatabaseDown, sqlalchemy.exc.SQLAlchemyError
        If the database cannot be read. Redis may be away.
    """
    now = kit.clock()
    with reading(kit.engine) as connection:
        positions = cursors.positions(connection)
        dead = open_letters(connection)
        stores = tuple(
            shown_store(connection, store, microseconds(now), dead, kit.settings.quality_least)
            for store in list_stores(connection)
        )
    try:
        streams = tuple(
            backlog(kit.redis, partition, position, now)
            for partition, position in sorted(positions.items())
        )
        return Status(now, stores, streams, letter_stream.waiting(kit.redis))
    except RedisDown:
        return Status(now, stores, None)


def backlog(client: redis.Redis, partition: int, cursor: str, now: datetime) -> Backlog:
    """What stands in a stream after the committed cursor."""
    oldest = stream.read(client, partition, cursor, 1)
    if not oldest:
        return Backlog(partition, 0)
    # A position begins with the server's own milliseconds.
    age = now.timestamp() - stream.order(oldest[0].position)[0] / 1_000
    return Backlog(partition, stream.unread(client, partition), max(age, 0.0))


def why(connection: Connection, sealer: Sealer, asked: tuple[str, str, str], wall: int) -> Answer:
    """Why campaigns did or did not act for a customer.

    Parameters
    ----------
    asked
        Store's id, customer (our id, the platform's or an e-mail), campaign (empty: all).
    wall
        Operating time, int microseconds.

    Raises
    ------
    UnknownStore, UnknownCustomer
        Without repeating an address.
    """
    name, who, campaign = asked
    store = load_store(connection, name)
    shop: Shop = load_shops(connection, {store.id}, -1, wall)[store.id]
    customer = find_customer(connection, sealer, shop, who)
    chosen = [one for one in shop.campaigns if campaign in {"", one.campaign.id}]
    told = tuple(
        AnsweredCampaign(
            explain(connection, shop, one, customer),
            trigger_said(one.campaign.trigger),
            bounds(connection, shop, one),
        )
        for one in chosen
    )
    people = models.customers.c
    row = connection.execute(
        select(people.platform_id, people.segment).where(people.id == customer)
    ).one()
    return Answer(store.id, customer, row.platform_id, row.segment, told)


class AnsweredCampaign(msgspec.Struct, frozen=True):
    """One campaign and one customer, when it is asked at all, and what limits it now."""

    told: Explanation
    wakes: str
    bounds: tuple[str, ...]


class Answer(msgspec.Struct, frozen=True):
    """What is to be said of one customer, campaign by campaign.

    ``customer`` is our id, ``platform_id`` the store's; ``segment`` a stage's id, or empty.
    """

    store: str
    customer: int
    platform_id: str
    segment: str
    campaigns: tuple[AnsweredCampaign, ...]
