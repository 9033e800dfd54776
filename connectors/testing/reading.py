"""What reading from the platform promises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from connectors.protocol import LookUp
from connectors.records import Cart, Customer, Order, Product, Refund
from connectors.testing.stage import Stage, orders_of, require_well_formed

_KINDS: Final = (Product, Customer, Order, Refund, Cart)


class ReadingContract:
    """What reading from the platform promises."""

    def test_one_order_by_every_door_is_one_order(self, stage: Stage) -> None:
        """Webhook, backfill, look-up and track name it alike and carry comparable versions."""
        pushed = orders_of(stage.connector.read(stage.signed(stage.order)).events)[0]
        wanted = LookUp("order", stage.order_id, pushed.updated_at)
        looked_up = orders_of(stage.connector.look_up(wanted))[0]
        listed = [
            each
            for each in orders_of(stage.connector.changes(pushed.updated_at - timedelta(days=1)))
            if each.order_id == stage.order_id
        ]
        assert [pushed] == listed == [looked_up]
        assert pushed.order_id == stage.order_id
        if stage.tracked is not None:
            tracked = orders_of([stage.tracked])[0]
            assert (tracked.order_id, tracked.value) == (pushed.order_id, pushed.value)
            assert tracked.updated_at.tzinfo is not None

    def test_what_is_gone_is_looked_up_as_nothing(self, stage: Stage) -> None:
        """Not an error: a thing may be deleted before we ask."""
        wanted = LookUp("order", "999999999999", datetime(2026, 1, 1, tzinfo=UTC))
        assert stage.connector.look_up(wanted) == ()

    def test_every_page_is_read_once(self, stage: Stage) -> None:
        """No order is missing and none comes twice."""
        if not stage.orders:
            pytest.skip("this stage holds no list of orders")
        since = datetime(2000, 1, 1, tzinfo=UTC)
        read = [each.order_id for each in orders_of(stage.connector.changes(since))]
        assert sorted(read) == sorted(stage.orders)

    def test_changes_come_in_order(self, stage: Stage) -> None:
        """Products, customers, orders, refunds; the oldest of each kind first."""
        events = list(stage.connector.changes(datetime(2000, 1, 1, tzinfo=UTC)))
        keys = [(_KINDS.index(type(each.body)), each.at) for each in events if each.body]
        assert keys == sorted(keys)
        for event in events:
            require_well_formed(event, stage.store)

    def test_nothing_changed_later_than_everything(self, stage: Stage) -> None:
        """``since`` narrows."""
        assert not list(stage.connector.changes(datetime(2199, 1, 1, tzinfo=UTC)))
