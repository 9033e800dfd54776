"""The beat goes on whatever a sweep runs into, more slowly while it fails."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event

import pytest

from worker.beat import beat
from worker.errors import RedisDown


class Waits(Event):
    """A stop that comes after so many waits, and remembers how long each would have been."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.seconds: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        return len(self.seconds) > self.most


def failing(*outcomes: bool) -> tuple[Callable[[], None], list[int]]:
    """Work that fails where an outcome is False; and how often it was called."""
    calls: list[int] = []

    def work() -> None:
        calls.append(len(calls))
        if not outcomes[len(calls) - 1]:
            message = "Redis does not take commands"
            raise RedisDown(message)

    return work, calls


def test_it_works_once_an_interval_until_it_is_stopped() -> None:
    work, calls = failing(True, True, True)
    waits = Waits(3)
    beat(work, waits, 1.0)
    assert len(calls) == 3
    assert waits.seconds == [1.0] * 4


def test_failures_make_it_slower_up_to_eight_intervals_and_one_success_quick_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    work, calls = failing(False, False, False, False, False, True, True)
    waits = Waits(7)
    with caplog.at_level(logging.WARNING, "shoal.beat"):
        beat(work, waits, 0.5)
    assert len(calls) == 7
    assert waits.seconds == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 0.5, 0.5]
    said = [record.msg for record in caplog.records]
    assert said == ["sweep_failed"] * 5
    assert vars(caplog.records[0])["error"] == "RedisDown"


def test_it_does_nothing_once_it_is_stopped() -> None:
    work, calls = failing()
    stopped = Event()
    stopped.set()
    beat(work, stopped, 60.0)
    assert calls == []
