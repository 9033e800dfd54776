"""The demo's figures: the player's counts, the store's ledger, the verifier's word, our tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, select

from segmentation.model import stage_name
from segmentation.rules import STAGES
from worker import models, tallies
from worker.demo.venue import Mark, Played

_OUTSIDE: Final = ("webhook", "browser", "server")
_MILLISECOND: Final = 1_000


@dataclass(frozen=True)
class Seen:
    """What others say.

    Attributes
    ----------
    played
        The player's counts: sent, distinct, repeated, broken, refused; and how long it took.
    ledger
        The sandbox store's summary of its ledger.
    verdict
        What the verifier found.
    """

    played: Played
    ledger: Mapping[str, Any]
    verdict: Mapping[str, Any]


def figures(connection: Connection, store: int, seen: Seen) -> dict[str, Any]:
    """Everything that `shoal demo --json` prints of the sandbox."""
    done = seen.ledger["by_kind"].get("recommendation", {})
    return {
        "platform": "sandbox",
        "events": _events(connection, store, seen),
        **people(connection, store),
        "coupons": {
            "due": due_coupons(connection, store),
            "in_store": seen.ledger["coupons"],
            "twice": seen.ledger["twice"],
            "to_quiet_customers": seen.verdict["to_quiet_customers"],
        },
        "recommendations": done.get("done", 0),
        "features_equal_batch": seen.verdict["features_equal_batch"],
        **pace(connection, store, seen.played),
    }


def people(connection: Connection, store: int) -> dict[str, Any]:
    """Who the customers are, how often they moved, and what was decided for them."""
    counts = tallies.read(connection, store)
    return {
        "customers": sum(one["customers"] for one in stages(connection, store)),
        "segments": stages(connection, store),
        "segment_changes": _sum(counts, "segment_changes"),
        "decisions": {name: _live(counts, name) for name in ("fire", "hold", "holdout")},
    }


def pace(connection: Connection, store: int, played: Played) -> dict[str, Any]:
    """How fast it went and what it took."""
    return {
        "latency_ms": latency_ms(connection, store),
        "events_per_second": round(played.counts["sent"] / max(played.seconds, 1e-9)),
        "peak_memory_mb": round(played.peak_memory_mb),
        "seconds": round(played.seconds, 1),
    }


def became(connection: Connection, store: int) -> dict[str, int]:
    """What became of what came in from outside: applied, repeated, unreadable."""
    events, letters = models.events.c, models.dead_letters.c
    applied = connection.execute(
        select(func.count()).where(events.store == store, events.source.in_(_OUTSIDE))
    ).scalar_one()
    store_id = select(models.stores.c.id).where(models.stores.c.number == store).scalar_subquery()
    dead = connection.execute(
        select(func.count()).where(letters.store == store_id, letters.kind != "action")
    ).scalar_one()
    duplicates = _sum(tallies.read(connection, store), "duplicates")
    return {"applied": applied, "duplicates": duplicates, "dead_letters": dead}


def _events(connection: Connection, store: int, seen: Seen) -> dict[str, int]:
    found, player = became(connection, store), seen.played.counts
    applied, duplicates, dead = found.values()
    # A delivery too much must not hide one that is missing: each happening counts by itself, too.
    missing = (
        player["sent"] - applied - duplicates - dead,
        player["distinct"] - applied - dead,
    )
    return {"sent": player["sent"], **found, "lost": max(missing)}


def stages(connection: Connection, store: int) -> list[dict[str, Any]]:
    """The seven stages with their names and customers who have bought, largest first."""
    people = models.customers.c
    sizes: dict[str, int] = dict(
        connection.execute(
            select(people.segment, func.count())
            .where(people.store == store, people.orders > 0, people.merged_into.is_(None))
            .group_by(people.segment)
        ).all()
    )
    return [
        {"id": stage, "name": stage_name(stage), "customers": int(sizes.get(stage, 0))}
        for stage in STAGES
    ]


def due_coupons(connection: Connection, store: int) -> int:
    """Coupons that the campaigns decided on and nothing has withdrawn since."""
    actions = models.actions.c
    return int(
        connection.execute(
            select(func.count()).where(
                actions.store == store, actions.kind == "coupon", actions.state != "withdrawn"
            )
        ).scalar_one()
    )


def latency_ms(connection: Connection, store: int) -> dict[str, float | None]:
    """From a webhook's acceptance to its coupon in the store, where nothing was waited for.

    A coupon that a timer, a schedule or time passing brought has no webhook, and does not count.
    """
    actions = models.actions.c
    rows = connection.execute(
        select(actions.finished_at - actions.accepted_at)
        .where(actions.store == store, actions.kind == "coupon")
        .where(actions.state == "done", actions.accepted_at > 0)
        .order_by(actions.finished_at - actions.accepted_at)
    ).scalars()
    waits = [int(wait) / _MILLISECOND for wait in rows]
    return {"p50": _quantile(waits, 0.5), "p95": _quantile(waits, 0.95)}


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    return round(ordered[int(share * (len(ordered) - 1))], 1) if ordered else None


def _sum(counts: Mapping[tuple[str, str], int], name: str) -> int:
    return sum(count for (its, _), count in counts.items() if its == name)


def _live(counts: Mapping[tuple[str, str], int], outcome: str) -> int:
    return sum(
        count
        for (name, label), count in counts.items()
        if name == outcome and label.split("|")[1:2] == ["live"]
    )


def marks(told: Mapping[str, Any]) -> list[Mark]:
    """The figures of the sandbox's proof, in words."""
    events, coupons = told["events"], told["coupons"]
    return [
        Mark(
            events["lost"] == 0,
            f"{events['sent']:,} sent by the player = {events['applied']:,} applied + "
            f"{events['duplicates']:,} repeated + {events['dead_letters']:,} unreadable and kept; "
            f"lost: {events['lost']}",
            f"{events['lost']} events were lost",
        ),
        Mark(
            coupons["in_store"] == coupons["due"],
            f"{coupons['due']:,} coupons due = {coupons['in_store']:,} in the store's own ledger; "
            f"{coupons['to_quiet_customers']:,} to customers of whom nothing was heard that day",
            f"{coupons['due']} coupons were due, {coupons['in_store']} are in the store",
        ),
        twice_mark(coupons["twice"]),
        Mark(
            told["features_equal_batch"],
            "every feature of every customer equals what another process recomputed from what was "
            "sent",
            "the features differ from the recomputation",
        ),
    ]


def twice_mark(twice: int) -> Mark:
    """Nobody got the same coupon twice."""
    return Mark(twice == 0, f"coupons twice: {twice}", f"{twice} coupons came twice")
