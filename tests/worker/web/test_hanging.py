"""A Redis that hangs: nobody at the door waits long, nothing answered 2xx is lost."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.worker.web.test_process import Running, running
from worker import stream
from worker.errors import RedisDown
from worker.web.desk import Gate

__all__ = ["running"]
_SOON = 3.0  # seconds


@pytest.mark.slow
def test_a_hanging_valkey_is_503_in_time_for_one_and_for_many(running: Running) -> None:
    assert running.send_order(1) == 202
    os.kill(running.valkey.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert running.send_order(2) == 503
        assert time.monotonic() - began < _SOON
        began = time.monotonic()
        # More than the door has threads: those who come later must not wait for those before.
        with ThreadPoolExecutor(100) as pool:
            answers = list(pool.map(running.send_order, range(3, 103)))
        assert answers == [503] * 100
        assert time.monotonic() - began < 2 * _SOON
    finally:
        os.kill(running.valkey.pid, signal.SIGCONT)
    stream.await_server(running.kit.redis)
    end = time.monotonic() + 10
    while (status := running.send_order(200)) != 202:
        assert status == 503
        assert time.monotonic() < end
    assert {"order-1", "order-200"} <= set(running.orders())


def fail(gate: Gate) -> None:
    message = "away"
    with gate.passed():
        raise RedisDown(message)


def test_one_tries_while_the_others_leave_and_success_opens_for_all() -> None:
    gate = Gate()
    with pytest.raises(RedisDown, match="away"):
        fail(gate)
    with gate.passed():
        for _ in range(2):
            with pytest.raises(RedisDown, match="the request before"), gate.passed():
                raise AssertionError
    with gate.passed(), gate.passed():
        pass


def test_a_try_that_fails_lets_the_next_one_try() -> None:
    gate = Gate()
    for _ in range(3):
        with pytest.raises(RedisDown, match="away"):
            fail(gate)
    with gate.passed():
        pass


def test_what_fails_otherwise_neither_shuts_nor_jams_the_gate() -> None:
    gate = Gate()
    with pytest.raises(RedisDown, match="away"):
        fail(gate)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), gate.passed():
            raise ZeroDivisionError
    with gate.passed():
        pass
