"""What the door counts in its own memory; the names are worker.observability's."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram

from worker.observability import METRICS, MetricName

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


@dataclass(frozen=True)
class Counters:
    """The door's metrics in a registry of their own, so that two doors can live in one process."""

    registry: CollectorRegistry
    webhooks: Counter
    batch_events: Counter
    rejected: Counter
    receive_seconds: Histogram


def make_counters() -> Counters:
    """Fresh counters, all at zero."""
    registry = CollectorRegistry()
    receive: MetricName = "shoal_receive_seconds"
    return Counters(
        registry,
        _counter(registry, "shoal_webhooks_total"),
        _counter(registry, "shoal_batch_events_total"),
        _counter(registry, "shoal_rejected_total"),
        Histogram(receive, METRICS[receive].meaning, registry=registry, buckets=_SECONDS),
    )


def _counter(registry: CollectorRegistry, name: MetricName) -> Counter:
    return Counter(name, METRICS[name].meaning, METRICS[name].labels, registry=registry)
