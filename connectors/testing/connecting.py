"""What connecting a store, checking on it and leaving it promise."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from connectors.connecting import (
    SupportsResumption,
    SupportsShopFacts,
    SupportsSubscriptions,
)
from connectors.needs import missing, needs_of
from connectors.records import exponent
from connectors.testing.stage import Stage

_ADDRESS = "https://shoal.example/webhooks/contract"


class ConnectingContract:
    """What connecting a store, checking on it and leaving it promise."""

    def test_what_it_needs_is_declared(self, stage: Stage) -> None:
        """In words, once each; the stage's store is told nothing else and lacks nothing."""
        needs = needs_of(stage.factory)
        declared = {need.key: need for need in needs}
        assert len(declared) == len(needs)
        for need in needs:
            assert need.name, need
            assert need.what, need
            assert need.where or not (need.is_needed or need.kind == "secret"), need
            assert all((need.kind, name) in declared for name in need.instead), need
        given = {
            ("url", "url"),
            *(("secret", name) for name, value in stage.store.secrets.items() if value),
            *(("option", name) for name, value in stage.store.options.items() if value),
        }
        assert given - {("url", "url")} <= declared.keys()
        assert missing(needs, given, is_polled=False) == []

    def test_a_shop_says_who_it_is(self, stage: Stage) -> None:
        """Its currency and time zone are ones that can be worked with."""
        connector = stage.connector
        if not isinstance(connector, SupportsShopFacts):
            pytest.skip("this platform does not say who it is")
        facts = connector.shop_facts()
        assert facts.name
        assert len(facts.currency) == len("EUR")
        assert exponent(facts.currency) >= 0
        assert facts.time_zone
        assert not facts.missing.keys() & set(facts.granted)

    def test_subscribing_twice_makes_each_once(self, stage: Stage) -> None:
        """And unsubscribing takes ours alone."""
        connector = stage.connector
        if not isinstance(connector, SupportsSubscriptions):
            pytest.skip("this platform's webhooks are not asked for by API")
        strange = connector.subscribe(f"{_ADDRESS}-2")
        for _ in range(2):
            made = connector.subscribe(_ADDRESS)
            sent = [each for each in connector.subscriptions() if each.address == _ADDRESS]
            wanted = sorted(each.topic for each in made if not each.problem)
            assert sorted(each.topic for each in sent) == wanted != []
            told = {(each.topic, each.version) for each in sent}
            asked_for = connector.wanted_subscriptions(_ADDRESS)
            assert told <= {(each.topic, each.version) for each in asked_for}
            assert {each.address for each in asked_for} == {_ADDRESS}
        assert connector.unsubscribe(_ADDRESS) == len(sent)
        assert connector.unsubscribe(_ADDRESS) == 0
        assert {each.address for each in connector.subscriptions()} == {f"{_ADDRESS}-2"}
        assert connector.unsubscribe(f"{_ADDRESS}-2") == len(strange)

    def test_a_walk_goes_on_where_it_broke_off(self, stage: Stage) -> None:
        """Behind every stretch; together they are what ``changes`` brings."""
        connector = stage.connector
        if not isinstance(connector, SupportsResumption):
            pytest.skip("this platform's walks begin anew")
        since = datetime(2000, 1, 1, tzinfo=UTC)
        whole = [event.id for event in connector.changes(since)]
        parts = list(connector.stretches(since))
        assert [event.id for part in parts for event in part.events] == whole
        for before, after in pairwise(parts):
            rest = next(iter(connector.stretches(since, before.resume)))
            assert [each.id for each in rest.events] == [each.id for each in after.events]
        assert not [e for part in connector.stretches(since, parts[-1].resume) for e in part.events]
        assert sum(connector.count(since).values()) >= 0

    def test_a_strange_word_resumes_nothing(self, stage: Stage) -> None:
        """It is said, not guessed at."""
        connector = stage.connector
        if not isinstance(connector, SupportsResumption):
            pytest.skip("this platform's walks begin anew")
        with pytest.raises(ValueError, match="resume"):
            list(connector.stretches(datetime(2000, 1, 1, tzinfo=UTC), "nonsense"))
