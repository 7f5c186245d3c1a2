"""What workers have measured, as Prometheus reads it. Apart from the other figures: these are the workers' word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import accumulate

import msgspec
from prometheus_client import Metric
from prometheus_client.core import HistogramMetricFamily

ENDED_AFTER = timedelta(minutes=2)
"""A worker that has written nothing for so long has ended."""
_ABOUT = {
    "turn_over_seconds": "How long the statement takes that commits outcomes and claims messages.",
    "claimed_messages": "Messages that one such statement claims, where it claims any.",
    "committed_outcomes": "Outcomes that one such statement commits, where it commits any.",
}


class Buckets(msgspec.Struct, frozen=True):
    """A histogram as a worker stores it: one more count than bounds, of the values above all of them."""

    bounds: list[float]
    counts: list[int]
    sum: float


class WorkerFigures(msgspec.Struct, frozen=True):
    """What one worker has measured since it started, by name."""

    worker: str
    figures: dict[str, Buckets]


def worker_metrics(workers: Sequence[WorkerFigures]) -> Iterator[Metric]:
    """One histogram for each figure, by worker."""
    for name, about in _ABOUT.items():
        family = HistogramMetricFamily(f"broadcaster_{name}", about, labels=["worker"])
        for each in workers:
            if found := each.figures.get(name):
                bounds = [*map(str, found.bounds), "+Inf"]
                family.add_metric([each.worker], list(zip(bounds, accumulate(found.counts), strict=True)), found.sum)
        yield family
