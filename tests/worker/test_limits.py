from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from worker import limits
from worker.limits import Limiter, network


def test_a_full_bucket_lasts_two_seconds_and_refills() -> None:
    limiter = Limiter(rate=10)
    assert [limiter.wait("a", 0) for _ in range(20)] == [0] * 20
    assert limiter.wait("a", 0) == pytest.approx(0.1)
    assert limiter.wait("a", 0.1) == 0
    assert limiter.wait("b", 0) == 0


@given(some.lists(some.floats(0, 0.5), min_size=1, max_size=200), some.integers(1, 50))
def test_nobody_gets_more_than_the_rate_and_one_burst(pauses: list[float], rate: int) -> None:
    limiter, now, granted = Limiter(rate), 0.0, 0
    for pause in pauses:
        now += pause
        granted += limiter.wait("a", now) == 0
    assert granted <= rate * now + rate * limits.BURST_SECONDS + 1e-6


def test_a_long_silence_saves_up_no_more_than_a_burst() -> None:
    limiter = Limiter(rate=5)
    limiter.wait("a", 0)
    assert sum(limiter.wait("a", 1_000) == 0 for _ in range(50)) == 10


def test_a_wait_that_was_told_suffices() -> None:
    limiter = Limiter(rate=3)
    now = 0.0
    for _ in range(50):
        wait = limiter.wait("a", now)
        now += wait + 1e-9
        if wait:
            assert limiter.wait("a", now) == 0


def test_many_names_take_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_BUCKETS", 10)
    limiter = Limiter(rate=1)
    for name in range(100):
        limiter.wait(str(name), 0)
    assert len(limiter._buckets) == 10  # noqa: SLF001 - memory is what is shown


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002"),
        ("2001:db8:1:2::9", "2001:0db8:0001:0002"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
    ],
)
def test_a_household_counts_once(address: str, counted: str) -> None:
    assert network(address) == counted
