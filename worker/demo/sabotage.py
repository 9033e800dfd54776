"""Breaking one thing on purpose, to show that the proof would see it."""

from __future__ import annotations

import httpx
from sqlalchemy import select, update

from segmentation import running
from worker import models
from worker.database import transaction
from worker.errors import ShoalError
from worker.runtime import Kit


def double_coupon(shop_url: str, key: str) -> None:
    """Do what a careless pusher would: make a second code for what one coupon was made for."""
    headers = {"authorization": f"Bearer {key}"}
    made = httpx.get(f"{shop_url}/admin/coupons", headers=headers).json()["items"]
    if not made:
        message = "--sabotage double: there is no coupon to double; play more events"
        raise ShoalError(message)
    again = {name: value for name, value in made[0].items() if name not in {"used", "is_disabled"}}
    again["code"] += "-AGAIN"
    httpx.post(f"{shop_url}/admin/coupons", headers=headers, json=again).raise_for_status()


def skew_feature(kit: Kit, store: int) -> None:
    """Add a penny to what one customer's record says was spent."""
    people = models.customers
    with transaction(kit.engine) as connection:
        row = connection.execute(
            select(people.c.id, people.c.record)
            .where(people.c.store == store, people.c.orders > 0)
            .order_by(people.c.id)
            .limit(1)
        ).one()
        record = running.unpack([bytes(row.record)])
        record["revenue"] += 1
        connection.execute(
            update(people).where(people.c.id == row.id).values(record=running.pack(record)[0])
        )
