"""What reading a webhook promises."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from connectors.errors import MalformedPayload, SignatureMismatch
from connectors.needs import needs_of
from connectors.testing.stage import Discounted, Stage, orders_of, require_well_formed


class WebhookContract:
    """What reading a webhook promises."""

    def test_every_byte_of_the_body_is_signed(self, stage: Stage) -> None:
        """A flipped bit anywhere, a byte less and a byte more are all refused."""
        good = stage.signed(stage.order)
        flipped = (
            good.body[:at] + bytes([good.body[at] ^ 1]) + good.body[at + 1 :]
            for at in range(len(good.body))
        )
        for body in (*flipped, good.body[:-1], good.body + b" ", b""):
            with pytest.raises(SignatureMismatch):
                stage.connector.read(msgspec.structs.replace(good, body=body))

    def test_an_unsigned_webhook_is_refused(self, stage: Stage) -> None:
        """No header, no entry."""
        good = stage.signed(stage.order)
        for name in good.headers:
            headers = {each: "" for each in good.headers if each != name}
            with pytest.raises(SignatureMismatch):
                stage.connector.read(msgspec.structs.replace(good, headers=headers))

    def test_a_signed_but_unreadable_body_is_malformed(self, stage: Stage) -> None:
        """It will become a dead letter, whose reason names no value."""
        for body in (b"", b"{", b"[]", b"\xff\xfe", b'{"id": {"hidden": "4711"}}'):
            with pytest.raises(MalformedPayload) as caught:
                stage.connector.read(stage.signed(body))
            assert "4711" not in str(caught.value)

    def test_without_a_secret_nothing_passes(self, stage: Stage) -> None:
        """A store that is polled may have none: whatever comes is a stranger's."""
        without = {
            need.name: ""
            for need in needs_of(stage.factory)
            if need.kind == "secret" and (need.is_for_webhooks or need.former_of)
        }
        if not any(need.is_for_webhooks for need in needs_of(stage.factory)):
            pytest.skip("this platform signs with a secret that every store has")
        good = stage.signed(stage.order)
        for secrets in (
            {name: text for name, text in stage.store.secrets.items() if name not in without},
            {**stage.store.secrets, **without},
        ):
            store = msgspec.structs.replace(stage.store, secrets=secrets)
            with pytest.raises(SignatureMismatch):
                stage.factory(store, stage.http).read(good)

    def test_an_order_that_nobody_paid_is_no_sale(self, stage: Stage) -> None:
        """Only what was authorised or paid counts, or is paid in cash at the door."""
        if stage.unpaid is None:
            pytest.skip("this stage knows no order that is not paid")
        orders = orders_of(stage.connector.read(stage.signed(stage.unpaid)).events)
        assert not [each.order_id for each in orders if each.is_completed]

    def test_an_orders_value_is_before_its_discount(self, stage: Stage) -> None:
        """And the sum of its lines; what was taken off stands beside it."""
        bodies: list[tuple[bytes, Discounted | None]] = [(stage.order, None)]
        if stage.discounted is not None:
            bodies.append((stage.discounted.body, stage.discounted))
        for body, told in bodies:
            for order in orders_of(stage.connector.read(stage.signed(body)).events):
                assert 0 <= order.discount <= order.value
                if order.lines:
                    assert order.value == sum(line.value for line in order.lines)
                if told is not None:
                    assert (order.value, order.discount) == (told.value, told.discount)

    def test_a_redelivery_brings_the_same_ids(self, stage: Stage) -> None:
        """Whenever it comes."""
        good = stage.signed(stage.order)
        late = msgspec.structs.replace(good, received_at=good.received_at + timedelta(minutes=4))
        first, second = (stage.connector.read(each).events for each in (good, late))
        assert [each.id for each in first] == [each.id for each in second]
        assert first

    def test_events_keep_the_vocabulary(self, stage: Stage) -> None:
        """Types, ids, times, money and identities are ours."""
        for event in stage.connector.read(stage.signed(stage.order)).events:
            require_well_formed(event, stage.store)

    def test_an_ids_only_webhook_leads_to_the_thing(self, stage: Stage) -> None:
        """It asks for a look-up, and the look-up answers with events."""
        if stage.ids_only is None:
            pytest.skip("this platform always sends the whole thing")
        received = stage.connector.read(stage.ids_only)
        assert received.look_ups
        assert not received.events
        for wanted in received.look_ups:
            events = stage.connector.look_up(wanted)
            assert events
            for event in events:
                require_well_formed(event, stage.store)

    def test_a_fixed_reply_is_returned(self, stage: Stage) -> None:
        """Some platforms retry for ever unless they read their own word."""
        if stage.fixed_reply is None:
            pytest.skip("this platform wants no fixed reply")
        store, body = stage.fixed_reply
        received = stage.factory(store, stage.http).read(stage.signed(stage.order))
        assert received.reply is not None
        assert received.reply.body == body
