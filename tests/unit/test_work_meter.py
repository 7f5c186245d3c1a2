"""What a worker measures of its own work, on its way to Prometheus."""

from __future__ import annotations

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from broadcaster.services.sending.work_meter import WorkMeter
from broadcaster.services.worker_metrics import WorkerFigures, worker_metrics


def test_buckets_count_what_is_at_most_their_bound() -> None:
    meter = WorkMeter()
    for seconds, outcomes, claimed in ((0.001, 0, 1), (0.0011, 3, 0), (60.0, 1001, 2)):
        meter.turned_over(seconds, outcomes, claimed)

    class Collector:
        def collect(self) -> object:
            stored = msgspec.json.decode(
                msgspec.json.encode({"worker": "w", "figures": meter.document()}), type=WorkerFigures
            )
            return worker_metrics([stored])

    registry = CollectorRegistry()
    registry.register(Collector())  # type: ignore[arg-type]
    samples = {
        (sample.name, sample.labels.get("le")): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    }
    seconds = "broadcaster_turn_over_seconds"
    buckets = [(f"{seconds}_bucket", le) for le in ("0.001", "0.002", "5.0", "+Inf")]
    assert [samples[each] for each in buckets] == [1, 2, 2, 3]
    assert samples[f"{seconds}_sum", None] == 60.0021
    # A statement that commits or claims nothing is no group of none.
    assert samples["broadcaster_committed_outcomes_count", None] == 2
    assert samples["broadcaster_committed_outcomes_sum", None] == 1004
    assert samples["broadcaster_claimed_messages_bucket", "2.0"] == samples["broadcaster_claimed_messages_count", None]
