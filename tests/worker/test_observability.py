"""Log lines: ids and kinds; never a person, never a secret, never another's words."""

from __future__ import annotations

import json
import logging
import sys
from typing import get_args

import pytest

from worker.errors import BacklogFull
from worker.observability import METRICS, JsonLines, MetricName, set_up_logging

ADDRESS = "ana@example.org"


def line(level: int, message: object, **extra: object) -> dict[str, object]:
    record = logging.LogRecord("shoal.x", level, "f.py", 1, message, None, None)
    record.__dict__.update(extra)
    told: dict[str, object] = json.loads(JsonLines().format(record))
    return told


def caught(error: Exception) -> dict[str, object]:
    try:
        raise error
    except type(error):
        record = logging.LogRecord("shoal.x", 40, "f.py", 1, "failed", None, sys.exc_info())
    told: dict[str, object] = json.loads(JsonLines().format(record))
    return told


@pytest.mark.invariant("I8")
def test_a_line_holds_allowed_fields_only() -> None:
    told = line(20, "drained", partition=3, number=1000, email=ADDRESS, body="x")
    assert told["event"] == "drained"
    assert told["partition"] == 3
    assert told["level"] == "info"
    assert not {"email", "body"} & told.keys()


@pytest.mark.parametrize(
    "value", [ADDRESS, 'a "quoted" name', "line\nbreak", "x" * 500, {"a": "ü@"}]
)
@pytest.mark.invariant("I8")
def test_a_value_that_is_no_identifier_is_left_out(value: object) -> None:
    assert line(20, "e", reason=value)["reason"] == "…"
    assert line(20, value)["event"] == "…"


@pytest.mark.invariant("I8")
def test_a_strange_exception_shows_kind_and_place_but_not_its_words() -> None:
    told = caught(ValueError(f"bad address {ADDRESS}"))
    assert ADDRESS not in json.dumps(told)
    assert isinstance(told["exception"], dict)
    assert told["exception"]["kind"] == "ValueError"
    assert "test_observability.py" in told["exception"]["places"][0]


def test_an_exception_of_ours_shows_its_words() -> None:
    told = caught(BacklogFull("partition 3: 5 events wait to be drained"))
    assert isinstance(told["exception"], dict)
    assert told["exception"]["words"] == "partition 3: 5 events wait to be drained"


@pytest.mark.invariant("I8")
def test_libraries_pass_the_same_sieve(capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.getLogger().handlers[:]
    try:
        set_up_logging("info")
        logging.getLogger("library").warning("mail to %s failed", ADDRESS)
        logging.getLogger("library").info("unheard")
        logging.getLogger("shoal.drain").info("drained")
    finally:
        logging.getLogger().handlers[:] = before
        logging.getLogger("shoal").setLevel(logging.NOTSET)
    written = capsys.readouterr().err
    assert ADDRESS not in written
    assert [json.loads(one)["event"] for one in written.splitlines()] == [
        "mail to %s failed"[:0] + "…",
        "drained",
    ]


def test_every_metric_has_a_meaning() -> None:
    assert set(get_args(MetricName)) == METRICS.keys()
    assert all(metric.meaning.endswith(".") for metric in METRICS.values())
    assert all(name.startswith("shoal_") for name in METRICS)
