"""Whatever the order and the past, no bound is exceeded and nobody changes arm."""

from collections import Counter
from collections.abc import Callable

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from campaigns.allocation import is_held_out, position
from campaigns.decisions import Decided, Usage

Run = Callable[..., Decided]
DAY = 86_400_000_000
_FIXTURES = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
COUPON = "steps: [{coupon: {amount_off: 3, valid_for: 7d}}]\n"


@_FIXTURES
@given(
    customers=st.lists(st.integers(1, 6), min_size=1, max_size=40),
    past=st.dictionaries(st.integers(1, 6), st.lists(st.integers(0, 9), max_size=4)),
    cap=st.integers(1, 4),
    per_hour=st.integers(1, 20),
    budget=st.integers(1, 40),
    spent=st.integers(0, 2000),
)
@pytest.mark.invariant("I2")
def test_never_exceeded(  # noqa: PLR0913 -- one drawn value a limit
    run: Run,
    now: int,
    *,
    customers: list[int],
    past: dict[int, list[int]],
    cap: int,
    per_hour: int,
    budget: int,
    spent: int,
) -> None:
    contacts = {name: sorted(now - days * DAY for days in found) for name, found in past.items()}
    text = COUPON + (
        f"limits:\n  frequency_cap: {{times: {cap}, per: 5d}}\n  at_most_per_hour: {per_hour}\n"
        f"  budget: {{amount: {budget}, currency: EUR, per: 30d}}\n"
    )
    found = run(
        text,
        customers=customers,
        usage=Usage(contacts=contacts, spent=spent),
        policies=["segment: at_risk\nholdout: 0.3\n"],
    )
    done = [d for d in found.decisions if d.outcome != "hold"]
    assert spent + sum(d.cost for d in done) <= max(budget * 100, spent)
    assert len(done) <= per_hour
    for name, times in Counter(d.customer for d in done).items():
        recent = sum(at > now - 5 * DAY for at in contacts.get(name, []))
        assert recent + times <= cap
    assert found.delta.spent == sum(d.cost for d in done)


@_FIXTURES
@given(st.lists(st.integers(1, 5), min_size=1, max_size=30))
def test_cooldown_lets_each_through_once(run: Run, customers: list[int]) -> None:
    found = run("limits: {cooldown: 1d}\n", customers=customers)
    fires = Counter(d.customer for d in found.decisions if d.outcome == "fire")
    assert fires == Counter(set(customers))


@_FIXTURES
@given(st.permutations(range(1, 40)))
@pytest.mark.invariant("I7")
def test_arms_do_not_depend_on_order(run: Run, customers: list[int]) -> None:
    found = run("", customers=customers, policies=["segment: everyone\nholdout: 0.4\n"])
    arms = {d.customer: d.outcome for d in found.decisions}
    assert arms == {
        name: "holdout" if is_held_out("salt", "win-back", name, 0.4) else "fire"
        for name in customers
    }


@pytest.mark.invariant("I7")
def test_arms_are_uniform_and_independent() -> None:
    places = [position("salt", "a", customer) for customer in range(20_000)]
    tenths = Counter(int(place * 10) for place in places)
    # Each tenth holds 2,000 give or take five standard deviations.
    assert all(abs(tenths[tenth] - 2000) < 213 for tenth in range(10))
    both = sum(place < 0.1 and position("salt", "b", i) < 0.1 for i, place in enumerate(places))
    assert abs(both - 200) < 71


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5])
@pytest.mark.invariant("I7")
def test_a_larger_share_keeps_who_was_held_out(share: float) -> None:
    small = {i for i in range(2000) if is_held_out("s", "c", i, share)}
    assert small <= {i for i in range(2000) if is_held_out("s", "c", i, share + 0.1)}
    assert abs(len(small) - 2000 * share) < 112
