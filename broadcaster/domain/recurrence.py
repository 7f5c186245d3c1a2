"""When a schedule comes due: cron rules and intervals, across changes of the clocks. Pure.

Cron rules and intervals of days and weeks follow the local time of a time zone. A local time that the clocks skip
comes due once, right after the gap. One that they show twice comes due only the first time. Intervals of seconds,
minutes and hours are elapsed time, whatever the clocks do.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import count
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from broadcaster.domain.spans import length_of, parse_interval
from broadcaster.errors import UsageError, quoted
from broadcaster.time_zones import find_zone, shown_time

_LONGEST_CRON = 200
_FIELDS = {
    "second": "0-59",
    "minute": "0-59",
    "hour": "0-23",
    "day-of-month": "1-31 (if the month has so many), L or LW",
    "month": "1-12 or jan-dec",
    "day-of-week": "0-7, sun-sat, 5L or mon#1",
}
RESOLUTION = timedelta(seconds=1)
"""Occurrences are whole seconds."""


class Times(Protocol):
    """A series of clock readings (naive, whole seconds)."""

    def after(self, reading: datetime) -> Iterator[datetime]:
        """Those later than `reading`, ascending."""

    def before(self, reading: datetime) -> Iterator[datetime]:
        """Those earlier than `reading`, descending."""


@dataclass(frozen=True, slots=True)
class Cron:
    """The readings that match a cron expression: five fields, or six with the seconds first."""

    expression: str

    def after(self, reading: datetime) -> Iterator[datetime]:
        """As `Times.after`; ends if nothing matches for fifty years."""
        return CronSim(self.expression, reading)

    def before(self, reading: datetime) -> Iterator[datetime]:
        """As `Times.before`; ends likewise."""
        return CronSim(self.expression, reading, reverse=True)


@dataclass(frozen=True, slots=True)
class Steps:
    """`start`, `start + step`, `start + 2 * step` and so on."""

    start: datetime
    step: timedelta

    def after(self, reading: datetime) -> Iterator[datetime]:
        """As `Times.after`; without end."""
        first = max(0, (reading - self.start) // self.step + 1)
        return (self.start + number * self.step for number in count(first))

    def before(self, reading: datetime) -> Iterator[datetime]:
        """As `Times.before`; ends with `start`."""
        last = -((self.start - reading) // self.step) - 1
        return (self.start + number * self.step for number in range(last, -1, -1))


class Interval(NamedTuple):
    """So many units of time (`spans.UNITS`), counted from a moment, which is told by the clocks of the zone."""

    number: int
    unit: str
    anchor: datetime
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Recurrence:
    """When something recurs, in readings of `clock`: a time zone or UTC. Make one with `recurrence`."""

    times: Times
    clock: tzinfo
    words: str
    """The rule in words: `At 09:00 on Monday through Friday`."""
    rule: str | Interval
    """The same as it was given: one of cron, or an interval."""

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The moments later than `moment` (aware), ascending, in UTC. They may end."""
        reached = moment
        for reading in self.times.after(_reading(moment, self.clock)):
            due = moment_of(reading, self.clock)
            if due > reached:
                yield due
                reached = due

    def until(self, moment: datetime) -> Iterator[datetime]:
        """The moments no later than `moment` (aware), descending, in UTC."""
        reading = _reading(moment, self.clock)
        reached = moment + RESOLUTION
        # While the clocks show an hour for the second time, all its readings have already come due.
        for earlier in self.times.before(reading + _shown_twice(reading, self.clock) + RESOLUTION):
            due = moment_of(earlier, self.clock)
            if due <= moment and due < reached:
                yield due
                reached = due


def recurrence(cron: str | None, every: str | None, timezone: str, anchor: datetime) -> Recurrence:
    """The recurrence of `cron` or `every` (exactly one is given) in a time zone.

    Intervals count from `anchor`, which is one of their moments. Raises UsageError that names the option and what is
    wrong with it.
    """
    if (cron is None) == (every is None):
        raise UsageError("give exactly one of --cron and --every")
    zone = find_zone(timezone)
    if every is None:
        expression = _checked(cron or "")
        return Recurrence(Cron(expression), zone, _explained(expression), expression)
    number, unit = parse_interval(every, "--every")
    step = length_of(number, unit)
    clock: tzinfo = zone if unit in ("day", "week") else UTC
    start, local = _reading(anchor, clock), _reading(anchor, zone)
    period = f"{number} {unit}s" if number > 1 else unit
    time = local.time().isoformat("seconds" if local.second else "minutes")
    words = f"at {time}, counted from {local.date()}" if clock is zone else f"counted from {shown_time(anchor, zone)}"
    said = f"Every {period}{' ' if clock is zone else ', '}{words}"
    return Recurrence(Steps(start, step), clock, said, Interval(number, unit, anchor, zone))


def occurrence_label(due: datetime, zone: ZoneInfo) -> str:
    """The label of an occurrence within its schedule: its local time, `2026-11-23T09:00`.

    Seconds are added if they are not zero. If the clocks show a time twice, the second has its UTC offset.
    """
    local = due.astimezone(zone)
    shown = local if local.fold else local.replace(tzinfo=None)
    return shown.isoformat(timespec="seconds" if local.second else "minutes")


def _checked(expression: str) -> str:
    if len(expression) > _LONGEST_CRON:
        raise UsageError(f"--cron: the expression is longer than {_LONGEST_CRON} characters")
    fields = expression.split()
    try:
        matches = CronSim(expression, datetime(2000, 1, 1))
    except CronSimError as error:
        names = list(_FIELDS)[-len(fields) :]
        name = str(error).removeprefix("Bad ")
        if name not in names:
            raise UsageError(
                f'--cron {quoted(expression)} has {len(fields)} fields: write five, as in "0 9 * * mon-fri" '
                "(minute, hour, day of the month, month, day of the week), or six with the seconds first"
            ) from None
        wrong = fields[names.index(name)]
        raise UsageError(
            f"--cron {quoted(expression)}: the {name} field {quoted(wrong)} is not understood; "
            f"it takes {_FIELDS[name]}, *, lists, ranges and steps such as */2"
        ) from None
    if next(matches, None) is None:
        raise UsageError(f"--cron {quoted(expression)} never comes due")
    return " ".join(fields)


def _explained(expression: str) -> str:
    from cronsim.explain import explain  # noqa: PLC0415 - only where people look

    return explain(expression)


def _reading(moment: datetime, clock: tzinfo) -> datetime:
    return moment.astimezone(clock).replace(tzinfo=None, fold=0)


def moment_of(reading: datetime, clock: tzinfo) -> datetime:
    """When a clock first shows `reading` (naive), or jumps past it; in UTC."""
    moment = reading.replace(tzinfo=clock).astimezone(UTC)
    if _reading(moment, clock) == reading:
        return moment
    # Read with the offset from before the jump, the reading lies after it. With the later offset it lies before.
    earliest = reading.replace(tzinfo=clock, fold=1).astimezone(UTC)
    seconds = range(int(earliest.timestamp()), int(moment.timestamp()))
    after = moment.astimezone(clock).utcoffset()
    jump = bisect_left(seconds, True, key=lambda second: datetime.fromtimestamp(second, clock).utcoffset() == after)
    return earliest + jump * RESOLUTION


def _shown_twice(reading: datetime, clock: tzinfo) -> timedelta:
    """For how long a clock repeats what it shows around `reading`; zero for most."""
    first, second = (reading.replace(tzinfo=clock, fold=fold).astimezone(UTC) for fold in (0, 1))
    return max(second - first, timedelta(0))
