"""How complete the fields are that campaigns ask for, in the stores of this installation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a command imports what it needs
    from campaigns.campaign import Campaign


def known_here(campaigns: Sequence[Campaign], store: str) -> list[tuple[str, str]]:
    """How complete the demographic fields are that campaigns ask for, store by store."""
    from worker.cli.context import chosen_shop, is_first, opened
    from worker.database import reading
    from worker.errors import ShoalError
    from worker.known_fields import asked
    from worker.stores import list_stores

    if is_first() and not store:
        return []
    try:
        with opened() as kit, reading(kit.engine) as connection:
            names = [store] if store else [one.id for one in list_stores(connection)]
            shops = [chosen_shop(connection, kit, name) for name in names]
            return [
                (f"{campaign} ({shop.id})", sentence)
                for shop in shops
                for campaign, sentence in asked(connection, shop, campaigns)
            ]
    except ShoalError:
        return []  # said already, by whoever looked for misfits
