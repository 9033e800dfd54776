"""Finding a customer by what people have at hand: our id, the platform's id, or an e-mail."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select

from worker import models
from worker.errors import ShoalError
from worker.sealing import Sealer
from worker.shop import Shop

LARGEST_ID: Final = 2**63 - 1


class UnknownCustomer(ShoalError):
    """Nobody in the store answers to that."""

    exit_code = 2


def find_customer(connection: Connection, sealer: Sealer, shop: Shop, who: str) -> int:
    """Our id of a customer; a merged one's is that of the customer who stands for it.

    Raises
    ------
    UnknownCustomer
        Saying what was tried. An address is not repeated.
    """
    keys = [("customer_id", who)]
    if "@" in who:
        keys = [("email", sealer.blind(shop.id, who))]
    identities = models.identities.c
    for kind, key in keys:
        found = connection.execute(
            select(identities.customer).where(
                identities.store == shop.number, identities.kind == kind, identities.key == key
            )
        ).scalar()
        if found is not None:
            return int(found)
    if who.isdecimal() and int(who) <= LARGEST_ID:
        people = models.customers.c
        row = connection.execute(
            select(people.id, people.merged_into).where(
                people.store == shop.number, people.id == int(who)
            )
        ).first()
        if row is not None:
            return int(row.merged_into or row.id)
    shown = "that e-mail" if "@" in who else repr(who)
    message = (
        f"store {shop.id}: no customer is known by {shown}: expected our id, the platform's id or "
        "an e-mail"
    )
    raise UnknownCustomer(message)
