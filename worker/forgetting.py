"""Forgetting a person at once."""

from __future__ import annotations

from worker import pipeline, stream
from worker.erasure import erasure_event
from worker.runtime import Kit
from worker.shop import Shop
from worker.tidying import rewrite_files


def erase_now(kit: Kit, shop: Shop, customer: int) -> None:
    """Erase a customer in every table, stream, dead letter and file before returning.

    Whether workers run makes no difference: whoever commits first does it.
    """
    event = erasure_event(shop.id, customer, (), kit.clock())
    stream.append(kit.redis, shop.partition, [event], backlog=kit.settings.backlog)
    position = stream.last_position(kit.redis, shop.partition)
    while stream.order(pipeline.committed(kit, shop.partition)) < stream.order(position):
        pipeline.drain(kit, shop.partition)
    rewrite_files(kit)
