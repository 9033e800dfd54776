"""``shoal segments versions``, ``rollback``, ``drift`` and ``refit``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.output import Json, LanguageOption, StoreOption, print_json, print_table, tell
from worker.cli.spans import span_of

if TYPE_CHECKING:  # a command imports what it needs
    from segmentation.model import SegmentModel
    from segmentation.wording import Words


def register(app: typer.Typer) -> None:
    """Add the commands to ``shoal segments``."""
    for command in (versions, rollback, drift, refit):
        app.command()(command)


def versions(store: StoreOption = "", language: LanguageOption = "", *, json: Json = False) -> None:
    """List the versions of a store's segments, the newest first."""
    from segmentation.wording_report import maker_words
    from worker.cli.context import reading_shop
    from worker.segment_versions import versions as kept
    from worker.wording import words_here

    with reading_shop(store) as (kit, connection, shop):
        words = words_here(kit, connection, shop, language)
        rows = kept(connection, shop)
    if json:
        print_json({"store": shop.id, "versions": rows})
        return
    headings = (
        *(words.say("version"), words.say("in force"), words.say("made"), words.say("kind")),
        *(words.say("groups"), words.say("found in"), words.say("published (UTC)")),
    )
    told = [
        (
            *(row["version"], words.say("yes") if row["is_in_force"] else ""),
            *(maker_words(words, row["by"]), row["kind"], row["groups"], row["found_in"]),
            row["published_at"][:16].replace("T", " "),
        )
        for row in rows
    ]
    title = words.say("Versions of {store}", store=shop.id)
    print_table(title, headings, told, words.say("none"))


def rollback(
    version: Annotated[int, typer.Argument(help="A number of `shoal segments versions`.")],
    store: StoreOption = "",
    hold: Annotated[str, typer.Option("--for", help="How long learning leaves it so.")] = "28d",
    language: LanguageOption = "",
    *,
    json: Json = False,
) -> None:
    """Go back to an earlier version; people move silently, and learning leaves it for a while."""
    from worker.cli.context import chosen_shop, opened
    from worker.database import reading
    from worker.segment_versions import publish, rolled_back
    from worker.wording import words_here

    span = span_of("--for", hold)
    with opened() as kit:
        with reading(kit.engine) as connection:
            shop = chosen_shop(connection, kit, store)
            words = words_here(kit, connection, shop, language)
            model, report = rolled_back(connection, shop, version, span)
        is_told = publish(kit, shop, model, report)
    _published(words, model, report, json=json, is_told=is_told)
    if not json and model.held_until:
        day = f"{model.held_until:%Y-%m-%d}"
        tell(words.say("Learning goes on after {day}, or with `shoal segments refit`.", day=day))


def drift(store: StoreOption = "", language: LanguageOption = "", *, json: Json = False) -> None:
    """Show how far a shop has moved away from what its segments were found in."""
    from segmentation.wording_features import label
    from worker.cli.context import reading_shop
    from worker.segment_versions import told_drift
    from worker.wording import words_here

    with reading_shop(store) as (kit, connection, shop):
        words = words_here(kit, connection, shop, language)
        found = told_drift(connection, shop, words)
    if json:
        print_json(found)
        return
    if (its := found["drift"]) is not None:
        index = its.stability_index.items()
        rows = [(name, label(words, name), f"{value:.3f}") for name, value in index]
        title = words.say("Drift under version {version}", version=found["model"])
        headings = (words.say("feature"), words.say("name"), words.say("stability index"))
        print_table(title, headings, rows, words.say("none"))
        own, then = f"{its.error_ratio:.3f}", f"{its.error_since_found:.3f}"
        tell(words.say("error, of the version's own: {share}", share=own))
        tell(words.say("error, of when they were found: {share}", share=then))
    for sentence in found["sentences"]:
        tell(sentence)


def refit(
    store: StoreOption = "",
    *,
    dry_run: Annotated[bool, typer.Option(help="Say what would change, publish nothing.")] = False,
    language: LanguageOption = "",
    json: Json = False,
) -> None:
    """Find segments anew on everybody and publish them, whatever `SHOAL_REFIT_MOVES` says."""
    from worker.cli.context import chosen_shop, opened
    from worker.database import reading
    from worker.segment_versions import can_refit, found_anew, publish
    from worker.wording import words_here

    with opened() as kit:
        with reading(kit.engine) as connection:
            shop = chosen_shop(connection, kit, store)
            words = words_here(kit, connection, shop, language)
        if not can_refit(shop):
            problem = f"{shop.id} has no learned groups yet: nothing to find anew"
            if shop.model.kind == "carried":
                problem = (
                    f"{shop.model.candidate} is carried: `shoal segments compare` finds others"
                )
            raise typer.BadParameter(problem)
        model, report, read = found_anew(kit, shop)
        is_told = None if dry_run else publish(kit, shop, model, report, read)
    _published(words, model, report, json=json, is_told=is_told)


def _published(
    words: Words, model: SegmentModel, report: str, *, json: bool, is_told: bool | None
) -> None:
    from worker.learning_report import told

    found = told(report, words)
    if json:
        print_json({"version": model.version, "is_published": is_told is not None, "report": found})
        return
    for sentence in found["sentences"]:
        tell(sentence)
    tell(publication(words, model.version, is_told=is_told))


def publication(words: Words, version: int, *, is_told: bool | None) -> str:
    """What becomes of a version; ``is_told`` whether the drain could be told, None: a trial."""
    if is_told is None:
        return words.say("Nothing was published.")
    if is_told:
        return words.say(
            "Version {version} is published; customers move now, no campaign wakes.",
            version=version,
        )
    return words.say(
        "Version {version} is published; customers move when `shoal up` runs, no campaign wakes.",
        version=version,
    )
