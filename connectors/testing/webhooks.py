"""What reading a webhook promises."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from connectors.errors import MalformedPayload, SignatureMismatch
from connectors.testing.stage import Stage, require_well_formed


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
