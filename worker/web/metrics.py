"""`/metrics`: what the door counted, and what the tables and streams hold when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from worker.observability import METRICS, MetricName
from worker.web.counters import Counters
from worker.web.status_queries import Status

Sample = tuple[Sequence[str], float]
_OUTCOMES = {
    "applied": "applied",
    "duplicates": "duplicate",
    "set_aside": "set_aside",
    "unowned": "unowned",
}


def metrics_text(counters: Counters, status: Status | None) -> bytes:
    """Prometheus' text format; without a status only the door's own counters."""
    text = generate_latest(counters.registry)
    if status is None:
        return text
    registry = CollectorRegistry()
    registry.register(_Seen(status))
    return text + generate_latest(registry)


class _Seen(Collector):
    """A status as metric families."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """One family a metric that is not the door's."""
        for name, samples in _SAMPLES.items():
            yield _family(name, samples(self._status))


def _family(name: MetricName, samples: Iterable[Sample]) -> CounterMetricFamily | GaugeMetricFamily:
    metric = METRICS[name]
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(name, metric.meaning, labels=metric.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _summed(pairs: Iterable[tuple[str, int]]) -> list[Sample]:
    sums: dict[str, int] = {}
    for label, count in pairs:
        sums[label] = sums.get(label, 0) + count
    return [((label,), count) for label, count in sorted(sums.items())]


def _events(status: Status) -> list[Sample]:
    return _summed(
        (_OUTCOMES[name], count) for store in status.stores for name, count in store.events.items()
    )


def _changes(status: Status) -> list[Sample]:
    return _summed(pair for store in status.stores for pair in store.segment_changes.items())


def _decisions(status: Status) -> list[Sample]:
    return _summed(
        pair
        for store in status.stores
        for one in store.campaigns
        for pair in (("fire", one.fires), ("holdout", one.holdouts), ("hold", one.holds))
    )


def _actions(status: Status) -> list[Sample]:
    return _summed(pair for store in status.stores for pair in store.actions.items())


def _customers(status: Status) -> list[Sample]:
    return _summed(
        (segment.id, segment.customers) for store in status.stores for segment in store.segments
    )


def _dead(status: Status) -> list[Sample]:
    return [((), sum(store.dead_letters for store in status.stores) + status.letters_waiting)]


def _held(status: Status) -> list[Sample]:
    return _summed(pair for store in status.stores for pair in store.held.items())


def _quality(status: Status) -> list[Sample]:
    told = [store.quality for store in status.stores if store.quality is not None]
    return [((), min(told))] if told else []


def _unread(status: Status) -> list[Sample]:
    return [((str(one.partition),), one.unread) for one in status.streams or ()]


def _oldest(status: Status) -> list[Sample]:
    return [((str(one.partition),), one.oldest_seconds) for one in status.streams or ()]


_SAMPLES: dict[MetricName, Callable[[Status], list[Sample]]] = {
    "shoal_events_total": _events,
    "shoal_dead_letters": _dead,
    "shoal_held_events": _held,
    "shoal_quality_score": _quality,
    "shoal_segment_changes_total": _changes,
    "shoal_decisions_total": _decisions,
    "shoal_actions": _actions,
    "shoal_unread_entries": _unread,
    "shoal_oldest_unread_seconds": _oldest,
    "shoal_customers": _customers,
}
