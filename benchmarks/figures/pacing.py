"""Pacing: how evenly 200 instances at 0.2 to 50 messages a second send, while a worker is killed and restarted.

A minute with three workers, all lanes busy, seen from the gateway. Deviations are those of the gaps between two
requests of an instance from its interval, in percent of it, after the first seconds in which a lane may run ahead.
The lanes that the killed worker held are counted apart: nobody may send through them until its lease has ended.
Beside them stand those of a process that only sleeps from tick to tick.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from benchmarks import metronome
from benchmarks.campaigns import add_campaign, add_instances
from benchmarks.results import Row
from benchmarks.stand import Stand, open_stand, recording
from broadcaster.domain.pacing import default_burst, worst_excess
from broadcaster.services.campaigns.lifecycle import start_campaign

_LANES_AT = {0.2: 40, 0.5: 40, 1.0: 40, 2.0: 30, 5.0: 20, 10.0: 15, 20.0: 10, 50.0: 5}
"""How many instances at each rate."""
_SMOOTH_UP_TO = 10.0
_WORKERS = 3
_WARM_UP = 12.0
"""Seconds after which the slowest lane is past what it may run ahead."""
_HELD = "SELECT id FROM lanes WHERE lease_holder LIKE '%:' || :pid || ':%'"


@dataclass(frozen=True, slots=True)
class _Minute:
    """What the gateway saw. Moments are in seconds of one monotonic clock, by instance."""

    begins: float
    ends: float
    moments: Mapping[str, Sequence[float]]
    rates: Mapping[str, float]
    bereft: Collection[str]
    """The instances whose worker was killed."""
    ticks: Sequence[float]
    """When the metronome was awake."""

    def counted(self, name: str) -> list[float]:
        """Those after the warm-up."""
        return [moment for moment in self.moments.get(name, ()) if self.begins <= moment <= self.ends]

    def share(self, names: Collection[str]) -> float:
        """How much of what they were permitted the instances have sent."""
        sent = sum(len(self.counted(name)) for name in names)
        return 100 * sent / (sum(self.rates[name] for name in names) * (self.ends - self.begins))

    def deviations(self) -> Mapping[float, list[float]]:
        """By rate, in percent of the interval, over the instances whose worker lived."""
        found: defaultdict[float, list[float]] = defaultdict(list)
        for name, rate in self.rates.items():
            if name not in self.bereft:
                found[rate] += _deviations(self.counted(name), rate)
        return found


def measure(quick: bool) -> Sequence[Row]:
    """What was sent is in percent of what was permitted."""
    minute = _send(20.0 if quick else 60.0)
    deviations = minute.deviations()
    smooth = [each for rate, found in deviations.items() if rate <= _SMOOTH_UP_TO for each in found]
    excess = [
        worst_excess(minute.moments.get(name, ()), rate, default_burst(rate)) for name, rate in minute.rates.items()
    ]
    others = minute.rates.keys() - minute.bereft
    smoothness = f"99th percentile of the deviation up to {_SMOOTH_UP_TO:g}/s, where the worker lived"
    return [
        Row(smoothness, [_p99(smooth)], "%").at_most(6),
        Row(
            f"the same of a process that only sleeps, {metronome.RATE:g} times a second",
            [_p99(_deviations(minute.ticks, metronome.RATE))],
            "%",
        ),
        *(Row(f"the same at {rate:g}/s", [_p99(deviations[rate])], "%") for rate in deviations),
        Row("median deviation", [median(smooth)], "%"),
        Row("instances with a window over the limit", [sum(each > 1e-6 for each in excess)], "").at_most(0),
        Row("sent of what was permitted, by all", [minute.share(minute.rates)], "% of it").at_least(98),
        Row("by the instances whose worker lived", [minute.share(others)], "% of it").at_least(98),
        Row("by those whose worker was killed", [minute.share(minute.bereft)], "% of it"),
    ]


def _send(seconds: float) -> _Minute:
    rates = {f"{rate:g}/s {number}": rate for rate, count in _LANES_AT.items() for number in range(count)}
    with open_stand(recording) as stand, ExitStack() as roles:
        lanes = add_instances(stand, rates)
        enough = {
            lane: int(rate * (seconds + 2 * _WARM_UP)) + default_burst(rate)
            for lane, rate in zip(lanes, rates.values(), strict=True)
        }
        add_campaign(stand, "campaign", enough)
        workers = [roles.enter_context(stand.broadcaster("worker")) for _ in range(_WORKERS)]
        stand.await_workers(workers)
        roles.enter_context(stand.broadcaster("beat"))
        start_campaign(stand.engine, "campaign")
        stand.nudge()
        time.sleep(_WARM_UP)
        ticks = stand.directory / "ticks"
        ticking = roles.enter_context(stand.python("metronome", "-m", metronome.__name__, str(seconds), str(ticks)))
        begins = time.monotonic()
        time.sleep(seconds / 3)
        # One may hold nothing just now, between two tasks.
        held = {worker: _held_by(stand, worker.pid) for worker in workers}
        victim, bereft = max(held.items(), key=lambda item: len(item[1]))
        victim.kill()
        roles.enter_context(stand.broadcaster("worker"))
        time.sleep(begins + seconds - time.monotonic())
        ends = time.monotonic()
        names = dict(zip(lanes, rates, strict=True))
        ticking.wait()
        return _Minute(
            begins,
            ends,
            stand.moments(),
            rates,
            bereft={names[lane] for lane in bereft},
            ticks=[float(line) for line in ticks.read_text().split()],
        )


def _held_by(stand: Stand, pid: int) -> list[int]:
    return [row[0] for row in stand.rows(_HELD, pid=str(pid))]


def _deviations(moments: Sequence[float], rate: float) -> list[float]:
    return [100 * abs((late - early) * rate - 1) for early, late in pairwise(moments)]


def _p99(values: Sequence[float]) -> float:
    return sorted(values)[int(0.99 * len(values))]
