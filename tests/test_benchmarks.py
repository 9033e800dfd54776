"""The benchmark of the pipeline runs, says everything it promises, and its result is right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SIZE = ("--events", "4000", "--stores", "2", "--idle-seconds", "1")
PROMISED = {
    *("events_per_second", "one_store", "cpu_us_per_event", "fires", "task_per_event"),
    *("celery_batches", "ratio", "ratio_batches", "read_only", "receive", "disk_bytes_per_event"),
    *("idle_cpu_percent", "workers", "database", "peak_memory_mb"),
}


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """What a small run says on its last line."""
    ran = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "benchmarks.pipeline", "--json", *SIZE],
        cwd=ROOT,
        env={name: text for name, text in os.environ.items() if not name.startswith("SHOAL_")},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
def test_it_prints_every_figure(told: dict[str, Any]) -> None:
    """The run takes about 20 seconds."""
    assert told.keys() >= PROMISED
    assert {"webhooks_per_second", "batch_events_per_second"} <= told["receive"].keys()
    for part in ("one_store", "task_per_event", "celery_batches", "read_only"):
        assert told[part]["events_per_second"] > 0
    assert (told["workers"], told["database"]) == (2, "sqlite")
    assert min(told["ratio"], told["ratio_batches"]) > 0
    assert told["idle_cpu_percent"] >= 0


@pytest.mark.slow
def test_what_was_drained_and_received_is_all_there_once(told: dict[str, Any]) -> None:
    assert told["result_is_right"]
    assert told["one_store"]["result_is_right"]
    assert told["receive"]["all_applied"]
    assert told["receive"]["refused"] == 0


@pytest.mark.slow
def test_all_six_campaigns_fire(told: dict[str, Any]) -> None:
    assert len(told["fires_of"]) == 6
    assert all(told["fires_of"].values())
    assert told["fires"] == sum(told["fires_of"].values())
