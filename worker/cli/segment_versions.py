"""``shoal segments versions``, ``rollback``, ``drift`` and ``refit``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from worker.cli.output import Json, StoreOption, print_json, print_table, tell
from worker.cli.spans import span_of

_SHOWN = ("version", "is_in_force", "by", "kind", "groups", "found_in", "published_at")


def register(app: typer.Typer) -> None:
    """Add the commands to ``shoal segments``."""
    for command in (versions, rollback, drift, refit):
        app.command()(command)


def versions(store: StoreOption = "", *, json: Json = False) -> None:
    """List the versions of a store's segments, the newest first."""
    from worker.cli.context import reading_shop
    from worker.segment_versions import versions as told

    with reading_shop(store) as (_, connection, shop):
        rows = told(connection, shop)
    if json:
        print_json({"store": shop.id, "versions": rows})
        return
    print_table(f"Versions of {shop.id}", _SHOWN, [[row[name] for name in _SHOWN] for row in rows])


def rollback(
    version: Annotated[int, typer.Argument(help="A number of `shoal segments versions`.")],
    store: StoreOption = "",
    hold: Annotated[str, typer.Option("--for", help="How long learning leaves it so.")] = "28d",
    *,
    json: Json = False,
) -> None:
    """Go back to an earlier version; people move silently, and learning leaves it for a while."""
    from worker.cli.context import chosen_shop, opened
    from worker.database import reading
    from worker.segment_versions import publish, rolled_back

    span = span_of("--for", hold)
    with opened() as kit:
        with reading(kit.engine) as connection:
            shop = chosen_shop(connection, kit, store)
            model, told = rolled_back(connection, shop, version, span)
        is_told = publish(kit, shop, model, told)
    _published(model, told, json=json, is_told=is_told)
    if not json and model.held_until:
        tell(f"Learning goes on after {model.held_until:%Y-%m-%d}, or with `shoal segments refit`.")


def drift(store: StoreOption = "", *, json: Json = False) -> None:
    """Show how far a shop has moved away from what its segments were found in."""
    from worker.cli.context import reading_shop
    from worker.segment_versions import told_drift

    with reading_shop(store) as (_, connection, shop):
        told = told_drift(connection, shop)
    if json:
        print_json(told)
        return
    if told["drift"] is not None:
        index = told["drift"].stability_index.items()
        rows = [(name, f"{value:.3f}") for name, value in index]
        print_table(f"Drift under version {told['model']}", ("feature", "stability index"), rows)
        tell(f"error, of the version's own: {told['drift'].error_ratio:.3f}")
        tell(f"error, of when they were found: {told['drift'].error_since_found:.3f}")
    for sentence in told["sentences"]:
        tell(sentence)


def refit(
    store: StoreOption = "",
    *,
    dry_run: Annotated[bool, typer.Option(help="Say what would change, publish nothing.")] = False,
    json: Json = False,
) -> None:
    """Find segments anew on everybody and publish them, whatever `SHOAL_REFIT_MOVES` says."""
    from worker.cli.context import chosen_shop, opened
    from worker.database import reading
    from worker.segment_versions import can_refit, found_anew, publish

    with opened() as kit:
        with reading(kit.engine) as connection:
            shop = chosen_shop(connection, kit, store)
        if not can_refit(shop):
            problem = f"{shop.id} has no learned groups yet: nothing to find anew"
            if shop.model.kind == "carried":
                problem = (
                    f"{shop.model.candidate} is carried: `shoal segments compare` finds others"
                )
            raise typer.BadParameter(problem)
        model, told, read = found_anew(kit, shop)
        is_told = False if dry_run else publish(kit, shop, model, told, read)
    if dry_run:
        _published(model, told, json=json, is_told=None)
        return
    _published(model, told, json=json, is_told=is_told)


def _published(model: Any, report: str, *, json: bool, is_told: bool | None) -> None:
    import msgspec

    told = msgspec.json.decode(report)
    if json:
        print_json({"version": model.version, "is_published": is_told is not None, "report": told})
        return
    for sentence in told["sentences"]:
        tell(sentence)
    if is_told is None:
        tell("Nothing was published.")
        return
    when = "now" if is_told else "when `shoal up` runs"
    tell(f"Version {model.version} is published; customers move {when}, no campaign wakes.")
