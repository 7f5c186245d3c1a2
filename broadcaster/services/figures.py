"""Figures for monitors, as Prometheus reads them (https://prometheus.io/docs/instrumenting/exposition_formats/).

All of them come from Postgres when they are asked for, so that every process that can read it says the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import TYPE_CHECKING

import msgspec
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from broadcaster.db.reading import Reader, as_of_now, reading
from broadcaster.db.statements import rows
from broadcaster.domain.care import stopped_figures
from broadcaster.domain.states import CampaignState, LaneHealth, OccurrenceState
from broadcaster.services.ticks import Tick
from broadcaster.services.worker_metrics import ENDED_AFTER, WorkerFigures, worker_metrics
from broadcaster.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

RECENT_ATTEMPTS = 500
"""Of each instance: latencies and outcomes are those of so many attempts at most, of the last minute."""
_INSTANCE = "instance_name"
"""Prometheus itself calls what it scrapes `instance`."""
QUANTILES = ("0.5", "0.95", "0.99")


class _Instance(msgspec.Struct, frozen=True):
    name: str
    health: LaneHealth
    health_reason: str | None
    permitted_per_second: float | None
    is_held: bool
    by_state: dict[str, int]
    accepted: int
    oldest_due_seconds: float
    by_outcome: dict[str, int]
    seconds: list[float]

    @property
    def waited_seconds(self) -> float:
        """For how long its oldest due message has waited; 0: none is due, or an operator wants none to leave."""
        is_meant = self.health is LaneHealth.PAUSED and stopped_figures(self.health_reason) is None
        return 0.0 if is_meant else self.oldest_due_seconds


class _Overall(msgspec.Struct, frozen=True):
    campaigns: dict[str, int]
    opt_outs: int
    replies: int
    oldest_doubt_seconds: float


class _Limit(msgspec.Struct, frozen=True):
    name: str | None
    """None: it is an instance's own."""
    instance: str | None
    shared_by: str | None
    """`instances` or `campaigns`; None: it is an instance's own, or nobody's yet."""
    is_ramp: bool
    span_seconds: int
    most: int
    taken: int


class _Notices(msgspec.Struct, frozen=True):
    """What one receiver was not told."""

    name: str
    waiting: int
    given_up: int
    oldest_seconds: float


class _Figures:
    """A collector of what one transaction has seen."""

    def __init__(
        self,
        instances: list[_Instance],
        overall: _Overall,
        limits: list[_Limit],
        ticks: list[Tick],
        notices: list[_Notices],
        workers: list[WorkerFigures],
        doubt_deadline: float,
    ) -> None:
        self._instances, self._overall, self._limits, self._ticks = instances, overall, limits, ticks
        self._notices, self._workers, self._doubt_deadline = notices, workers, doubt_deadline

    def collect(self) -> Iterator[Metric]:
        yield from self._of_messages()
        yield from self._of_lanes()
        yield from self._of_attempts()
        yield from self._of_limits()
        yield from self._of_everything()
        yield from self._of_notices()
        yield from worker_metrics(self._workers)

    def _of_messages(self) -> Iterator[Metric]:
        messages = _gauge("messages", "Messages by where they stand now.", _INSTANCE, "state")
        sent = CounterMetricFamily("broadcaster_sent", "Messages that the gateway took.", labels=[_INSTANCE])
        due = _gauge("oldest_due_seconds", "For how long the oldest message that is due has waited.", _INSTANCE)
        for instance in self._instances:
            for state, count in instance.by_state.items():
                messages.add_metric([instance.name, state], count)
            sent.add_metric([instance.name], instance.accepted)
            due.add_metric([instance.name], instance.waited_seconds)
        yield from (messages, sent, due)

    def _of_lanes(self) -> Iterator[Metric]:
        health = _gauge("lane_health", "1 for the health that the lane has, 0 for the others.", _INSTANCE, "health")
        held = _gauge("lane_held", "1 while a worker holds the lane.", _INSTANCE)
        permitted = _gauge("permitted_per_second", "What its rate, gaps and rests allow; +Inf: unlimited.", _INSTANCE)
        for instance in self._instances:
            for each in LaneHealth:
                health.add_metric([instance.name, each.value], instance.health is each)
            held.add_metric([instance.name], instance.is_held)
            rate = instance.permitted_per_second
            permitted.add_metric([instance.name], inf if rate is None else rate)
        yield from (health, held, permitted)

    def _of_attempts(self) -> Iterator[Metric]:
        of_them = f"of the latest {RECENT_ATTEMPTS} attempts at most within the last minute"
        recent = _gauge("recent_attempts", f"By what they came to, {of_them}.", _INSTANCE, "outcome")
        latency = _gauge("gateway_seconds", f"Quantiles {of_them}: from request to reply.", _INSTANCE, "quantile")
        for instance in self._instances:
            for outcome, count in instance.by_outcome.items():
                recent.add_metric([instance.name, outcome], count)
            for quantile, seconds in zip(QUANTILES, instance.seconds, strict=False):
                latency.add_metric([instance.name, quantile], seconds)
        yield from (recent, latency)

    def _of_limits(self) -> Iterator[Metric]:
        labels = "limit", _INSTANCE, "span_seconds", "ramp", "shared_by"
        most = _gauge(
            "limit_most", "What a limit allows in any span: a shared one by its name, or an instance's own.", *labels
        )
        taken = _gauge("limit_taken", "How many messages count now.", *labels)
        for limit in self._limits:
            ramp = str(limit.is_ramp).lower()
            values = [limit.name or "", limit.instance or "", str(limit.span_seconds), ramp, limit.shared_by or ""]
            most.add_metric(values, limit.most)
            taken.add_metric(values, limit.taken)
        yield from (most, taken)

    def _of_everything(self) -> Iterator[Metric]:
        campaigns = _gauge("campaigns", "Campaigns by state; queued: a draft that its schedule starts.", "state")
        for state in (*CampaignState, OccurrenceState.QUEUED):
            campaigns.add_metric([state.value], self._overall.campaigns.get(state.value, 0))
        ages = _gauge("tick_age_seconds", "For how long a tick of the beat has not been done; NaN: unknown.", "tick")
        periods = _gauge("tick_period_seconds", "How far apart the beat fires it.", "tick")
        for tick in self._ticks:
            ages.add_metric([tick.name], float("nan") if tick.age is None else tick.age)
            periods.add_metric([tick.name], tick.period)
        yield from (campaigns, ages, periods)
        overall = self._overall
        yield GaugeMetricFamily("broadcaster_opt_outs", "Opt-outs that hold.", overall.opt_outs)
        yield GaugeMetricFamily("broadcaster_replies_last_hour", "Messages that people wrote.", overall.replies)
        yield GaugeMetricFamily(
            "broadcaster_oldest_doubt_seconds", "Age of the oldest open doubt.", overall.oldest_doubt_seconds
        )
        yield GaugeMetricFamily(
            "broadcaster_doubt_deadline_seconds",
            "For how long a message may be in doubt before it is unknown, where its chat can be read.",
            self._doubt_deadline,
        )

    def _of_notices(self) -> Iterator[Metric]:
        waiting = _gauge("notices_waiting", "Notices that a receiver has not taken yet.", "receiver")
        oldest = _gauge(
            "oldest_notice_seconds", "For how long the oldest of them has waited; 0: none waits.", "receiver"
        )
        given_up = _gauge(
            "notices_given_up", "Notices of the last 90 days that never arrived, tests apart.", "receiver"
        )
        for receiver in self._notices:
            waiting.add_metric([receiver.name], receiver.waiting)
            oldest.add_metric([receiver.name], receiver.oldest_seconds)
            given_up.add_metric([receiver.name], receiver.given_up)
        yield from (waiting, oldest, given_up)


def exposition(source: Engine | Reader, settings: Settings) -> bytes:
    """All figures in the text format 0.0.4, as of one moment. Raises what `reading` does."""
    with as_of_now(source) as moment, reading(moment) as connection:
        [overall] = rows(connection, "overall_figures", _Overall)
        figures = _Figures(
            rows(connection, "instance_figures", _Instance, most=RECENT_ATTEMPTS),
            overall,
            rows(connection, "limit_figures", _Limit),
            rows(connection, "tick_ages", Tick),
            rows(connection, "notice_figures", _Notices),
            rows(connection, "worker_figures", WorkerFigures, within=ENDED_AFTER),
            settings.doubt_deadline_seconds,
        )
    registry = CollectorRegistry()
    registry.register(figures)
    return generate_latest(registry)


def _gauge(name: str, about: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"broadcaster_{name}", about, labels=labels)
