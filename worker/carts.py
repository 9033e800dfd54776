"""Carts and checkouts: the newest version of each, and the timers that wait for their order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import msgspec
from sqlalchemy import Connection, select, update

from campaigns import occasions
from campaigns.triggers import CartTrigger, Trigger
from connectors.events import microseconds
from connectors.records import Cart, Order
from worker import bulk, models
from worker.batch import Batch, Subject, Timer

_COLUMNS: Final = ("store", "token", "customer", "version", "value", "is_checkout", "lines")


def record_carts(connection: Connection, batch: Batch) -> None:
    """Store each cart's newest version and set its timers."""
    about = [one for one in batch.subjects if isinstance(one.event.body, Cart)]
    if not about:
        return
    tokens = sorted({one.event.body.token for one in about if isinstance(one.event.body, Cart)})
    rows = bulk.select_pairs(
        connection, models.carts, ("token", "version", "is_checkout"), batch.shop.number, tokens
    )
    versions = {token: (version, bool(is_checkout)) for token, version, is_checkout in rows}
    newest: dict[str, tuple[Cart, Subject]] = {}
    for subject in about:
        cart = subject.event.body
        if not isinstance(cart, Cart):
            continue
        version = (microseconds(cart.updated_at), cart.is_checkout)
        if version <= versions.get(cart.token, (-1, False)):
            batch.count("outdated", "cart")
            continue
        versions[cart.token] = version
        newest[cart.token] = (cart, subject)
    values = [_row(batch, cart, subject) for _, (cart, subject) in sorted(newest.items())]
    bulk.upsert(connection, models.carts, _COLUMNS, values)
    for cart, subject in newest.values():
        if subject.event.source != "import":
            _set_timers(batch, cart, subject)


def _row(batch: Batch, cart: Cart, subject: Subject) -> tuple[object, ...]:
    lines = [[line.product_id, line.quantity, line.value] for line in cart.lines]
    return (
        batch.shop.number,
        cart.token,
        batch.directory.final(subject.customer),
        microseconds(cart.updated_at),
        _value(batch, cart),
        cart.is_checkout,
        msgspec.msgpack.encode(lines),
    )


def _value(batch: Batch, cart: Cart) -> int:
    """Minor units of the store's currency. One in another currency is kept and worth nothing."""
    if cart.currency in {"", batch.shop.currency}:
        return cart.value
    batch.count("foreign_currency", cart.currency)
    return 0


def _set_timers(batch: Batch, cart: Cart, subject: Subject) -> None:
    """One timer a campaign that waits for this cart; a later change of the cart moves it."""
    if not cart.lines and not cart.is_checkout:
        _drop_timers(batch, [cart.token])  # it was emptied
        return
    since = microseconds(cart.updated_at)
    for running in batch.shop.campaigns:
        trigger = running.campaign.trigger
        wait = _abandoned_after(trigger, is_checkout=cart.is_checkout)
        if wait is not None:
            batch.set_timers.append(
                Timer(
                    kind="cart",
                    key=f"{running.campaign.id}|{cart.token}",
                    customer=batch.directory.final(subject.customer),
                    campaign=running.campaign.id,
                    occasion=occasions.cart_occasion(cart.token),
                    due_at=since + wait,
                    since=since,
                )
            )


def close_carts(connection: Connection, batch: Batch) -> None:
    """A sale closes the cart it names: nobody waits for it any more."""
    tokens = sorted(
        {
            subject.event.body.cart
            for change, subject in batch.sales
            if change.is_sale and isinstance(subject.event.body, Order) and subject.event.body.cart
        }
    )
    if not tokens:
        return
    connection.execute(
        update(models.carts)
        .where(models.carts.c.store == batch.shop.number, models.carts.c.token.in_(tokens))
        .values(ordered_at=batch.now)
    )
    _drop_timers(batch, tokens)


def _drop_timers(batch: Batch, tokens: Sequence[str]) -> None:
    for running in batch.shop.campaigns:
        if isinstance(running.campaign.trigger, CartTrigger):
            batch.dropped_timers += [("cart", f"{running.campaign.id}|{one}") for one in tokens]


def open_carts(connection: Connection, store: int, tokens: Sequence[str]) -> dict[str, float]:
    """Carts without an order among some: their value in minor units, by token."""
    columns = models.carts.c
    rows = connection.execute(
        select(columns.token, columns.value).where(
            columns.store == store, columns.token.in_(tokens), columns.ordered_at.is_(None)
        )
    )
    return {token: float(value) for token, value in rows}


def _abandoned_after(trigger: Trigger, *, is_checkout: bool) -> int | None:
    """How long a cart (or checkout) is left before a campaign minds, in microseconds."""
    if not isinstance(trigger, CartTrigger) or (trigger.kind == "checkout") != is_checkout:
        return None
    return trigger.after // timedelta(microseconds=1)
