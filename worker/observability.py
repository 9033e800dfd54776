"""Log lines as JSON, and the table of metrics. Neither can show a person or a secret.

A log line is an event's name and a few of ``LOG_FIELDS``; other fields, and any text that is not
built of identifiers, are left out. An exception is shown by kind and place; its words only if it is
one of ours, which never quotes a value.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

from connectors.errors import ConnectorError
from worker.errors import ShoalError

ROOT: Final = "shoal"
# What a line may say besides time, level, logger and event: ids, counts and kinds.
LOG_FIELDS: Final = frozenset(
    {
        "action",
        "address",
        "batch",
        "campaign",
        "cause",
        "customer",
        "error",
        "event_id",
        "job",
        "kind",
        "milliseconds",
        "model",
        "number",
        "partition",
        "pid",
        "platform",
        "position",
        "reason",
        "seconds",
        "state",
        "status",
        "store",
        "task",
        "topic",
        "version",
    }
)
_PLAIN: Final = re.compile(r"[\w .:/,'()<>=+-]{0,200}")

MetricKind = Literal["counter", "gauge", "histogram"]
MetricSource = Literal["door", "tally", "state"]
MetricName = Literal[
    "shoal_webhooks_total",
    "shoal_batch_events_total",
    "shoal_rejected_total",
    "shoal_receive_seconds",
    "shoal_events_total",
    "shoal_dead_letters",
    "shoal_held_events",
    "shoal_quality_score",
    "shoal_segment_changes_total",
    "shoal_decisions_total",
    "shoal_actions",
    "shoal_unread_entries",
    "shoal_oldest_unread_seconds",
    "shoal_customers",
]


class Metric(NamedTuple):
    """One row of the metrics' table.

    ``source`` says who counts: ``door`` in the web process' memory, ``tally`` in the table of
    tallies inside the transaction that makes it true, ``state`` by looking when asked.
    """

    kind: MetricKind
    source: MetricSource
    meaning: str
    labels: tuple[str, ...] = ()


METRICS: Final[dict[MetricName, Metric]] = {
    "shoal_webhooks_total": Metric("counter", "door", "Webhooks accepted.", ("platform",)),
    "shoal_batch_events_total": Metric("counter", "door", "Events accepted by /v1.", ("key",)),
    "shoal_rejected_total": Metric("counter", "door", "Requests refused, by reason.", ("reason",)),
    "shoal_receive_seconds": Metric("histogram", "door", "From a request to its answer."),
    "shoal_events_total": Metric(
        "counter", "tally", "Events applied, duplicate, set aside or unowned.", ("outcome",)
    ),
    "shoal_dead_letters": Metric("gauge", "state", "Dead letters not replayed yet."),
    "shoal_held_events": Metric(
        "gauge", "state", "Events that the gate holds, by reason.", ("reason",)
    ),
    "shoal_quality_score": Metric(
        "gauge", "state", "Share of today's events that passed the gate: the lowest store's."
    ),
    "shoal_segment_changes_total": Metric(
        "counter", "tally", "Customers who changed segment, by cause.", ("cause",)
    ),
    "shoal_decisions_total": Metric(
        "counter", "tally", "Decisions of campaigns, by outcome.", ("outcome",)
    ),
    "shoal_actions": Metric("gauge", "state", "Actions of the outbox, by state.", ("state",)),
    "shoal_unread_entries": Metric(
        "gauge", "state", "Entries that wait in a stream.", ("partition",)
    ),
    "shoal_oldest_unread_seconds": Metric(
        "gauge", "state", "Age of the oldest entry that waits.", ("partition",)
    ),
    "shoal_customers": Metric("gauge", "state", "Customers, by stage.", ("segment",)),
}


class JsonLines(logging.Formatter):
    """A log record as one line of JSON with allowed fields only."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": _plain(record.msg),
            "pid": record.process,
        }
        for field in LOG_FIELDS & record.__dict__.keys():
            line[field] = _plain(getattr(record, field))
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = shown(record.exc_info[1])
        return json.dumps(line)


def shown(error: BaseException) -> dict[str, object]:
    """An error's kind and places, and its words if it is one of ours."""
    frames = traceback.extract_tb(error.__traceback__)
    told: dict[str, object] = {
        "kind": type(error).__name__,
        "places": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]],
    }
    if isinstance(error, ShoalError | ConnectorError):
        told["words"] = str(error)
    if error.__cause__ is not None:
        told["cause"] = type(error.__cause__).__name__
    return told


def set_up_logging(level: str) -> None:
    """Write this process's log to standard error as JSON lines.

    Libraries are heard from warnings on; their words pass the same sieve as ours.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger(ROOT).setLevel(level.upper())


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if _PLAIN.fullmatch(text) else "…"
