"""``shoal quality``: scores, what is held, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from segmentation.catalogues import counted
from worker.cli.output import Json, LanguageOption, StoreOption, print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segmentation.wording import Words
    from worker.quality import Day, Filled, HeldEvents

app = typer.Typer(
    help="The gate before features: a score a day, and what is held back.", no_args_is_help=True
)
_Reason = Annotated[str, typer.Option(help="Only what is held for this reason.")]
_Events = Annotated[list[str] | None, typer.Option("--event", help="Only this held event's id.")]


@app.command()
def show(
    store: StoreOption = "",
    days: Annotated[int, typer.Option(min=1, help="So many days back.")] = 30,
    language: LanguageOption = "",
    *,
    json: Json = False,
) -> None:
    """Show each day's score by reason, what is held, and how complete customers' fields are."""
    from worker.cli.context import reading_shop
    from worker.quality import completeness, held, scores
    from worker.wording import words_here

    with reading_shop(store) as (kit, connection, shop):
        words = words_here(kit, connection, shop, language)
        least = kit.settings.quality_least
        found = scores(connection, shop, days)
        holds = held(connection, shop.id)
        customers, fields = completeness(connection, shop)
    if json:
        print_json(
            {
                "store": shop.id,
                "least_percent": least,
                "days": [
                    {"day": one.day, "events": one.events, "passed": one.passed}
                    | {"score": one.score, "failed": one.failed}
                    for one in found
                ],
                "held": holds,
                "customers": customers,
                "fields": fields,
            }
        )
        return
    _show_days(words, shop.id, found, least)
    _show_held(words, holds)
    _show_fields(words, fields, customers)


def _show_days(words: Words, store: str, found: Sequence[Day], least: int) -> None:
    from worker.quality_wording import reason_words

    rows = []
    for one in found:
        failed = sorted(one.failed.items())
        why = words.enumerated([f"{count:,} {reason_words(words, name)}" for name, count in failed])
        rows.append((one.day, score_words(words, one, least), f"{one.events:,}", why))
    headings = (
        *(words.say("day"), words.say("passed")),
        *(words.say("events"), words.say("did not pass")),
    )
    title = words.say("Quality of {store}", store=store)
    print_table(title, headings, rows, words.say("none"))


def score_words(words: Words, day: Day, least: int) -> str:
    """A day's score, and whether it is low."""
    from worker.quality import is_low

    told = f"{day.score:.1%}"
    return words.say("{score} low", score=told) if is_low(day, least) else told


def _show_held(words: Words, holds: Sequence[HeldEvents]) -> None:
    from worker.quality_wording import reason_words

    kept = [
        (one.reason, reason_words(words, one.reason), f"{one.events:,}", one.first, one.last)
        for one in holds
    ]
    headings = (
        *(words.say("reason"), words.say("name"), words.say("events")),
        *(words.say("first"), words.say("last")),
    )
    print_table(words.say("Held"), headings, kept, words.say("none"))


def _show_fields(words: Words, fields: Sequence[Filled], customers: int) -> None:
    from segmentation.wording import number
    from worker.known_fields import field_words

    rows = [
        (one.field, field_words(words, one.field), f"{one.customers:,}", f"{one.share:.1%}")
        for one in fields
    ]
    headings = (
        *(words.say("field"), words.say("name")),
        *(words.say("filled"), words.say("share")),
    )
    title = words.count(
        "Fields of {number} customer", "Fields of {number} customers", number(customers)
    )
    print_table(title, headings, rows, words.say("none"))


@app.command(name="held")
def held_(
    store: StoreOption = "",
    reason: _Reason = "",
    limit: Annotated[int, typer.Option(min=1, help="So many at most.")] = 100,
    *,
    json: Json = False,
) -> None:
    """List the newest held events by id, without what they say."""
    from worker.cli.context import reading_shop
    from worker.quality import held_ids

    with reading_shop(store) as (_, connection, shop):
        found = held_ids(connection, shop.id, _known(reason), limit)
    if json:
        told = [dict(zip(("id", "reason", "received"), one, strict=True)) for one in found]
        print_json({"store": shop.id, "held": told})
        return
    print_table("Held", ("id", "reason", "received"), found)


@app.command()
def release(
    store: StoreOption = "",
    reason: _Reason = "",
    events: _Events = None,
    *,
    json: Json = False,
) -> None:
    """Put held events back through the door; they count as if they had come late."""
    from worker.cli.context import chosen_store, opened, with_redis
    from worker.database import reading
    from worker.quality_release import release as put_back

    with opened() as kit, with_redis(kit.settings):
        with reading(kit.engine) as connection:
            name = chosen_store(connection, store)
        done = put_back(kit, name, _known(reason), events or ())
    if json:
        told = [{"id": one, "problem": why} for one, why in done.problems]
        print_json(
            {"store": name, "released": done.released, "failed": done.failed, "problems": told}
        )
    else:
        for one, why in done.problems:
            say(f"{one}: {why}")
        back = counted(done.released, "held event", "held events")
        say(f"Put back: {back} of {name}; {done.failed} could not be")
    if done.failed:
        raise typer.Exit(3)


@app.command()
def drop(
    store: StoreOption = "",
    reason: _Reason = "",
    events: _Events = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Let held events go for good; say which by --reason or --event."""
    from worker.cli.context import chosen_store, opened
    from worker.database import reading
    from worker.quality_release import drop as let_go

    if not reason and not events:
        problem = "expected --reason or --event: what is dropped does not come back"
        raise typer.BadParameter(problem)
    known = _known(reason)
    if not yes:
        typer.confirm("What is dropped does not come back. Go on?", abort=True)
    with opened() as kit:
        with reading(kit.engine) as connection:
            name = chosen_store(connection, store)
        gone = let_go(kit, name, known, events or ())
    if json:
        print_json({"store": name, "dropped": gone})
        return
    say(f"Dropped: {counted(gone, 'held event', 'held events')} of {name}")


def _known(reason: str) -> str:
    """The reason, if it is one that holds events."""
    import difflib

    from worker.quality_checks import FLAGS, REASONS

    known = [one for one in REASONS if one not in FLAGS]
    if reason and reason not in known:
        nearest = difflib.get_close_matches(reason, known, n=1)
        hint = f"; did you mean {nearest[0]}?" if nearest else f": {', '.join(known)}"
        problem = f"--reason {reason!r} holds no events{hint}"
        raise typer.BadParameter(problem)
    return reason
