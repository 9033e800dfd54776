"""`shoal store check`: whether a store and we still understand each other, asked of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select

from connectors.connecting import (
    ShopFacts,
    Subscription,
    SupportsShopFacts,
    SupportsSubscriptions,
)
from connectors.errors import ConnectorError, ConnectorFailed
from connectors.events import microseconds, moment
from connectors.mistakes import blaming
from connectors.needs import formers
from connectors.registry import platform_needs
from segmentation.catalogues import counted
from worker import cursors, models, stream, walks
from worker.connecting import webhook_address
from worker.database import reading, transaction
from worker.errors import CannotOpen
from worker.leaving import REMOVED
from worker.lines import line_to
from worker.probing import probe_problem
from worker.runtime import Kit
from worker.stores import Store, config_of, load_store, pause_store
from worker.walks import Walk

_QUIET: Final = 86_400_000_000  # microseconds without a webhook that are worth a word
_LATE: Final = 60.0  # seconds that an event may wait


@dataclass(frozen=True)
class Line:
    """One thing that was looked at, as `shoal doctor` says it.

    Attributes
    ----------
    advice
        What to do; empty where nothing is.
    """

    check: str
    is_ok: bool
    said: str
    advice: str = ""


def store_health(kit: Kit, store_id: str) -> list[Line]:
    """Everything worth knowing about a store's connection.

    A store whose pushes were stopped because it refused us goes on when it takes us again.

    Raises
    ------
    UnknownStore
        Naming the nearest id there is.
    """
    with reading(kit.engine) as connection:
        store = load_store(connection, store_id)
    found = [*_asked(kit, store), *_heard(kit, store), *_read(kit, store), _lag(kit, store)]
    return [*found, *_former(kit, store), *_refused(kit, store), *_reached(kit)]


def _former(kit: Kit, store: Store) -> list[Line]:
    """Secrets of before that may still sign: nobody but the platform knows for how long."""
    try:
        held = config_of(store, kit.sealer).secrets
        known = formers(platform_needs(store.platform))
    except (ConnectorError, CannotOpen):
        return []  # said elsewhere
    return [
        Line(
            "former secrets",
            is_ok=True,
            said=f"{former} may sign beside {name}",
            advice=f"once nothing is: `shoal store secrets {store.id} --forget {former}`",
        )
        for name, former in sorted(known.items())
        if held.get(former)
    ]


def _asked(kit: Kit, store: Store) -> list[Line]:
    """What the store says: who it is, what it lets us do, where it sends its webhooks."""
    if not store.url:
        return [Line("answers", is_ok=True, said="it has no API: events come by /v1 alone")]
    try:
        connector = line_to(kit, store).connector
        with blaming(store.platform, "shop_facts"):
            facts = connector.shop_facts() if isinstance(connector, SupportsShopFacts) else None
        with blaming(store.platform, "subscriptions"):
            sent = connector.subscriptions() if isinstance(connector, SupportsSubscriptions) else ()
    except ConnectorFailed as error:
        return [Line("answers", is_ok=False, said=str(error), advice="a newer connector, perhaps")]
    except ConnectorError as error:
        advice = f"look at its address and credentials; others: `shoal store secrets {store.id}`"
        return [Line("answers", is_ok=False, said=str(error), advice=advice)]
    found = [_answered(kit, store, facts)]
    found += _allowed(facts) if facts else []
    if isinstance(connector, SupportsSubscriptions):
        found += _sent(kit, store, connector, sent)
    return found


def _answered(kit: Kit, store: Store, facts: ShopFacts | None) -> Line:
    if facts is None:
        said = "it is asked only when something is pushed"
        return Line("answers", is_ok=not store.paused, said=store.paused or said)
    said = f"{facts.name}, {facts.currency}, {facts.time_zone}"
    if facts.currency != store.currency:
        advice = f"figures are kept in {store.currency}: orders in {facts.currency} stay apart"
        return Line("answers", is_ok=False, said=said, advice=advice)
    if store.paused and store.paused != REMOVED:
        with transaction(kit.engine) as connection:
            pause_store(connection, store.number, "")
        said += f"; pushes go on (they were stopped: {store.paused})"
    return Line("answers", is_ok=True, said=said)


def _allowed(facts: ShopFacts) -> list[Line]:
    lost = [f"{name} ({what})" for name, what in sorted(facts.missing.items())]
    said = "missing: " + ", ".join(lost) if lost else f"all {len(facts.granted)} granted"
    advice = "grant them in the store's own admin, then ask again" if lost else ""
    # A platform without scopes has none to speak of.
    has_scopes = lost or facts.granted
    found = [Line("scopes", is_ok=not lost, said=said, advice=advice)] if has_scopes else []
    if facts.withheld:
        told = "; ".join(f"{name}: {why}" for name, why in sorted(facts.withheld.items()))
        found.append(Line("personal fields", is_ok=True, said=f"not told to us: {told}"))
    if facts.budget:
        left = f"{facts.budget.available:g} of {facts.budget.maximum:g} left"
        found.append(Line("rate budget", is_ok=True, said=left))
    return [*found, *(Line("note", is_ok=True, said=note) for note in facts.notes)]


def _sent(
    kit: Kit, store: Store, connector: SupportsSubscriptions, sent: Sequence[Subscription]
) -> list[Line]:
    address = webhook_address(kit, store.id)
    ours = {one.topic: one for one in sent if address and one.address == address}
    mend = f"`shoal store check {store.id} --mend`"
    elsewhere = list(_elsewhere(store, address, sent))
    if ours:
        wrong = differences(ours, connector.wanted_subscriptions(address))
        topics = ", ".join(sorted(ours))
        said = "; ".join(wrong) or f"{len(ours)} to {address}: {topics}"
        advice = f"{mend}; what stays so is decided in the store's own admin" if wrong else ""
        return [Line("subscriptions", is_ok=not wrong, said=said, advice=advice), *elsewhere]
    with reading(kit.engine) as connection:
        is_polled = walks.walk_of(connection, store.number, "poll") is not None
    if is_polled:
        said = "none: its lists are read every minute instead"
        return [Line("subscriptions", is_ok=True, said=said), *elsewhere]
    advice = (
        mend
        if address
        else "set SHOAL_PUBLIC_URL, or `shoal store poll` to have its lists read every minute"
    )
    said = "it sends us no webhooks"
    return [Line("subscriptions", is_ok=False, said=said, advice=advice), *elsewhere]


def differences(ours: Mapping[str, Subscription], wanted: Sequence[Subscription]) -> list[str]:
    """How what a store sends differs from what its connector would ask for now."""
    lost = [one.topic for one in wanted if one.topic not in ours]
    said = [f"not sent: {', '.join(sorted(lost))}"] if lost else []
    for version in sorted({one.version for one in wanted}):
        others = sorted(
            f"{one.topic} ({ours[one.topic].version})"
            for one in wanted
            if one.topic in ours
            and one.version == version
            and ours[one.topic].version not in {"", version}
        )
        said += [f"of another version than {version}: {', '.join(others)}"] if others else []
    return said


def _elsewhere(store: Store, address: str, sent: Sequence[Subscription]) -> Iterator[Line]:
    """Webhooks to a door of ours at another address: an earlier one, or another installation."""
    ending = f"/webhooks/{store.id}"
    counts = Counter(one.address for one in sent if one.address.endswith(ending))
    for other in sorted(counts.keys() - {address}):
        said = f"{counts[other]} more go to {other}"
        advice = f"if nobody is there: `shoal store check {store.id} --drop {other}`"
        yield Line("other addresses", is_ok=True, said=said, advice=advice)


def _heard(kit: Kit, store: Store) -> list[Line]:
    events = models.events.c
    with reading(kit.engine) as connection:
        last = connection.execute(
            select(func.max(events.received_at)).where(
                events.store == store.number, events.source.in_(("webhook", "poll"))
            )
        ).scalar()
    if last is None:
        return [Line("last word", is_ok=True, said="nothing was heard of it yet")]
    quiet = microseconds(kit.clock()) - int(last)
    at = moment(int(last)).isoformat(timespec="seconds")
    advice = "is the shop quiet, or do its webhooks not arrive?" if quiet > _QUIET else ""
    return [Line("last word", is_ok=quiet <= _QUIET, said=f"at {at}", advice=advice)]


def _read(kit: Kit, store: Store) -> list[Line]:
    with reading(kit.engine) as connection:
        found = [walks.walk_of(connection, store.number, kind) for kind in ("backfill", "poll")]
    now = microseconds(kit.clock())
    return [
        Line(walk.kind, is_ok=not walk.problem, said=progress(walk, now), advice="")
        for walk in found
        if walk is not None
    ]


def progress(walk: Walk, now: int) -> str:
    """How far a walk is, in words; with an estimate where the store said how much there is."""
    if walk.problem:
        wait = max(walk.next_at - now, 0) // 1_000_000
        return f"{walk.problem}; tried again in {wait} s"
    if walk.kind == "poll":
        seconds = walk.every // 1_000_000
        last = moment(walk.done_at).isoformat(timespec="seconds") if walk.done_at else "never yet"
        return f"every {seconds} s, last at {last}"
    if not walk.next_at:
        return f"done: {counted(walk.brought, 'event', 'events')}"
    if not walk.expected or not walk.brought:
        return f"{counted(walk.brought, 'event', 'events')} so far"
    left = max(walk.expected - walk.brought, 0) * (now - walk.began_at) / walk.brought
    told = counted(round(left / 60_000_000), "minute", "minutes")
    return f"{walk.brought} of about {walk.expected} events, about {told} to go"


def _reached(kit: Kit) -> list[Line]:
    if not kit.settings.public_url:
        return []
    problem = probe_problem(kit)
    said = problem or f"a probe to {kit.settings.public_url} arrived here"
    advice = "is the door running, and does the proxy lead to it?" if problem else ""
    return [Line("public address", is_ok=not problem, said=said, advice=advice)]


def _lag(kit: Kit, store: Store) -> Line:
    with reading(kit.engine) as connection:
        position = cursors.positions(connection).get(store.partition, stream.START)
    entries = stream.read(kit.redis, store.partition, position, 1)
    if not entries:
        return Line("lag", is_ok=True, said="every event is applied")
    seconds = kit.clock().timestamp() - stream.order(entries[0].position)[0] / 1_000
    advice = "is a drain running? `shoal doctor`" if seconds > _LATE else ""
    said = f"the oldest event has waited {seconds:.0f} s"
    return Line("lag", is_ok=seconds <= _LATE, said=said, advice=advice)


def _refused(kit: Kit, store: Store) -> list[Line]:
    letters = models.dead_letters.c
    with reading(kit.engine) as connection:
        query = (
            select(letters.reason, func.count())
            .where(letters.store == store.id, letters.state == "open")
            .group_by(letters.reason)
            .order_by(func.count().desc())
            .limit(3)
        )
        rows = connection.execute(query).all()
    if not rows:
        return [Line("dead letters", is_ok=True, said="none")]
    said = "; ".join(f"{counted(count, 'time', 'times')} {reason}" for reason, count in rows)
    advice = f"`shoal dead-letters list --store {store.id}`"
    return [Line("dead letters", is_ok=False, said=said, advice=advice)]
