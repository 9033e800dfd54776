"""Two people, two devices, late and repeated events, in any order: what a plain fold says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import hypothesis.strategies as st
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from connectors.events import Event
from segmentation import batch
from segmentation.features import NAMES
from tests.worker.driving import HOUR, START, Driver, Houses, cut
from tests.worker.test_invariants_drain import NOW, assert_features, state

PEOPLE = ("ann", "bea")
DEVICES = ("phone", "laptop")
ANY = settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
HOURS = st.integers(0, 1_400)
PERSON, DEVICE = st.integers(0, 1), st.integers(0, 1)
# An order belongs to one person: number n to person n % 2.
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("view"), DEVICE, HOURS),
        st.tuples(st.just("login"), PERSON, DEVICE),
        st.tuples(st.just("order"), st.integers(0, 2), st.integers(0, 3)),
        st.tuples(st.just("refund"), st.integers(0, 2), HOURS),
    ),
    min_size=6,
    max_size=24,
)
Act = tuple[str, int, int]


@dataclass
class Fold:
    """Everything told so far, act by act, as somebody would keep it by hand.

    ``owner`` says whose a device is: a person, or a number for somebody who has said no name yet.
    ``views`` are (whose, at), ``orders`` the newest version of each.
    """

    owner: dict[int, str | int] = field(default_factory=dict)
    views: list[tuple[str | int, datetime]] = field(default_factory=list)
    orders: dict[int, int] = field(default_factory=dict)
    refunds: dict[int, tuple[int, datetime]] = field(default_factory=dict)

    def tell(self, number: int, act: Act) -> None:
        kind, first, second = act
        if kind == "view":
            whose = self.owner.setdefault(first, number)
            self.views.append((whose, START + second * HOUR))
        elif kind == "login":
            self._login(PEOPLE[first], second)
        elif kind == "order":
            self.orders[first] = max(second, self.orders.get(first, 0))
        else:
            self.refunds[number] = (first, START + second * HOUR)

    def _login(self, person: str, device: int) -> None:
        before = self.owner.get(device)
        if isinstance(before, int):
            # It was this person all along; from somebody else it is handed over from now on.
            self.views = [(person if who == before else who, at) for who, at in self.views]
        self.owner[device] = person

    def history(self) -> batch.History:
        """As the batch definition takes it; a refund waits for its order."""
        views = [(who, "view", at, -1, 0) for who, at in self.views if isinstance(who, str)]
        placed = {number: START + number * HOUR for number in self.orders}
        orders = [(PEOPLE[n % 2], f"o{n}", 0, False, -1, 0) for n in self.orders]
        lines = [(f"o{n}", "p1", placed[n], value(n, v)) for n, v in self.orders.items()]
        refunds = [
            (PEOPLE[order % 2], at, 100 + number)
            for number, (order, at) in self.refunds.items()
            if order in self.orders
        ]
        tables = (
            (batch.no_orders(), orders),
            (batch.no_lines(), lines),
            (batch.no_refunds(), refunds),
            (batch.no_events(), views),
        )
        return batch.History(
            *(
                pd.concat([empty, pd.DataFrame(rows, columns=empty.columns)]) if rows else empty
                for empty, rows in tables
            )
        )


def value(order: int, version: int) -> int:
    return 1_000 * (order + 1) + version


def event_of(driver: Driver, number: int, act: Act) -> Event:
    kind, first, second = act
    if kind == "view":
        device = ("anonymous_id", DEVICES[first])
        return driver.touch("product_viewed", device, at=START + second * HOUR, key=str(number))
    if kind == "login":
        keys = [("customer_id", PEOPLE[first]), ("anonymous_id", DEVICES[second])]
        return driver.touch("custom", *keys, at=START, source="server", key=str(number))
    if kind == "order":
        at = START + first * HOUR
        said = {"at": at, "updated": at + second * HOUR}
        return driver.order(f"o{first}", PEOPLE[first % 2], value(first, second), **said)
    at = START + second * HOUR
    return driver.refund(f"r{number}", f"o{first}", 100 + number, at=at)


@ANY
@given(ACTS, st.lists(st.integers(0, 60), max_size=5), st.lists(st.integers(0, 60), max_size=8))
@pytest.mark.invariant("I3")
def test_any_interleaving_of_two_people_on_two_devices_equals_the_fold(
    houses: Houses, acts: list[Act], cuts: list[int], again: list[int]
) -> None:
    fold = Fold()
    for number, act in enumerate(acts):
        fold.tell(number, act)
    with houses() as driver:
        driver.now = NOW
        events = [event_of(driver, number, act) for number, act in enumerate(acts)]
        for events_of_a_batch in cut(repeated(events, again), cuts):
            driver.tell(*events_of_a_batch)
        assert_folded(driver, fold)


def repeated(events: Sequence[Event], again: Sequence[int]) -> list[Event]:
    """The same, some of them delivered once more at the end or right after."""
    told = list(events)
    for place in again:
        event = events[place % len(events)]
        told.insert(len(told) if place % 2 else told.index(event) + 1, event)
    return told


def assert_folded(driver: Driver, fold: Fold) -> None:
    table = batch.customer_features(fold.history(), pd.Timestamp(NOW))
    found = state(driver).features
    for who in table.index:
        wanted = {name: float(table[name][who]) for name in NAMES}
        assert_features(wanted, found[driver.customer("customer_id", str(who))])
    for device, owner in fold.owner.items():
        whose = driver.customer("anonymous_id", DEVICES[device])
        assert found[whose]["views"] == sum(who == owner for who, _ in fold.views)
        assert isinstance(owner, int) or whose == driver.customer("customer_id", owner)
