"""How a campaign went: what was sent in which span of time, what was permitted, and when nothing might leave. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from broadcaster.domain.opening_hours import NOBODY, OpeningHours, joint_opening
from broadcaster.domain.span_limits import SpanLimit
from broadcaster.domain.states import LaneHealth

SLOT = timedelta(minutes=5)
"""What attempts are counted by."""
_MOST_STEPS = 72
"""Of a course: more cannot be told apart on a page."""
_STEP_MINUTES = (5, 10, 15, 30, 60, 120, 240, 480, 720, 1440)
_MOST_CLOSED = 1_000


class TimeSpan(NamedTuple):
    """From one moment until before another."""

    begins_at: datetime
    ends_at: datetime

    @property
    def seconds(self) -> float:
        """How long it is, whatever clocks do meanwhile."""
        return self.ends_at.timestamp() - self.begins_at.timestamp()

    @property
    def in_utc(self) -> TimeSpan:
        """The same, in the zone in which moments can be added and compared."""
        return TimeSpan(self.begins_at.astimezone(UTC), self.ends_at.astimezone(UTC))

    def shared(self, other: TimeSpan) -> TimeSpan | None:
        """The time that is in both; None: there is none."""
        begins, ends = max(self.begins_at, other.begins_at), min(self.ends_at, other.ends_at)
        return TimeSpan(begins, ends) if begins < ends else None


class SlotFigures(msgspec.Struct, frozen=True):
    """What the requests of five minutes came to."""

    slot: datetime
    accepted: int
    rejected: int
    throttled: int
    not_sent: int
    unknown: int


class OwnLimit(msgspec.Struct, frozen=True):
    """A limit over a span that counts for a lane. `name` is that of a shared one; None: it is the lane's own."""

    name: str | None
    most: int
    span_seconds: int

    def __str__(self) -> str:
        limit = str(SpanLimit(self.most, self.span_seconds))
        return limit if self.name is None else f"{limit} ({self.name})"


class PacedLane(msgspec.Struct, frozen=True):
    """At which pace an instance may send, and when: as it is now. `rate` is in messages a second; None: unlimited."""

    instance: str
    rate: float | None
    burst: int
    hours: OpeningHours | None
    limits: list[OwnLimit]
    reads_replies: bool


class RateChange(NamedTuple):
    """Until `at` an instance had this rate, in messages a second; None: unlimited."""

    at: datetime
    instance: str
    before: float | None


class StateChange(NamedTuple):
    """From `at` on the campaign was in this state."""

    at: datetime
    state: str


class LaneTrouble(msgspec.Struct, frozen=True):
    """From when until when an instance was not ok (`LaneHealth`), and why; `ended_at` None: it is not."""

    instance: str
    health: LaneHealth
    reason: str | None
    began_at: datetime
    ended_at: datetime | None


class IdleTime(msgspec.Struct, frozen=True):
    """From when until when nothing of the campaign was due through an instance; `ended_at` None: nothing is."""

    instance: str
    began_at: datetime
    ended_at: datetime | None


class Troubled(NamedTuple):
    """What kept one instance from sending, and for how long."""

    span: TimeSpan
    instance: str
    health: LaneHealth
    reason: str | None


class Step(NamedTuple):
    """What a span of the course came to. `permitted`: how many the paces allowed; None: they had no limit."""

    begins_at: datetime
    accepted: int
    others: int
    """Requests that the gateway did not accept, or of which nobody knows."""
    permitted: int | None


@dataclass(frozen=True, slots=True)
class Course:
    """How a campaign went, by steps of equal length."""

    width: timedelta
    steps: Sequence[Step]
    paused: Sequence[TimeSpan]
    closed: Sequence[TimeSpan]
    """When its windows were closed, or those of all of its instances, as they are now."""
    troubled: Sequence[Troubled]
    """When one of its instances was not ok that had something of it to send; the first first."""

    @property
    def time(self) -> TimeSpan:
        """All of it."""
        return TimeSpan(self.steps[0].begins_at, self.steps[-1].begins_at + self.width)

    @property
    def accepted(self) -> int:
        return sum(step.accepted for step in self.steps)


def course_of(
    *,
    sending: TimeSpan,
    slots: Sequence[SlotFigures],
    lanes: Sequence[PacedLane],
    rate_changes: Sequence[RateChange],
    state_changes: Sequence[StateChange],
    troubles: Sequence[LaneTrouble],
    idle_times: Sequence[IdleTime],
    hours: OpeningHours | None,
    zone: ZoneInfo,
) -> Course:
    """How a campaign went that was sent within `sending`, by clocks of `zone`.

    What the paces permitted goes by rates as they were, windows as they are now, and pauses. It is nothing while an
    instance was not ok, or had nothing of the campaign that was due. Limits over an hour or a day come on top of that,
    and so do other campaigns.
    """
    sending = sending.in_utc
    paused = list(_pauses(state_changes, sending))
    closed = list(_closed_for_all(lanes, hours, sending))
    idle = [(each.instance, span) for each in idle_times if (span := _within(each, sending))]
    troubled = [
        each
        for each in _troubled(troubles, sending)
        if _without([each.span], [span for instance, span in idle if instance == each.instance])
    ]
    kept = [*((each.instance, each.span) for each in troubled), *idle]
    counted = [each.slot.astimezone(UTC) for each in slots]
    begins, last = min([sending.begins_at, *counted]), max([sending.ends_at, *(slot + SLOT for slot in counted)])
    width, edges = _edges(TimeSpan(begins, last), zone)
    may_send = {lane.instance: _may_send(lane, hours, paused, kept, sending) for lane in lanes}
    permitted = _permitted(edges, lanes, rate_changes, may_send)
    accepted, others = [0] * (len(edges) - 1), [0] * (len(edges) - 1)
    for slot, each in zip(counted, slots, strict=True):
        step = (slot - edges[0]) // width
        accepted[step] += each.accepted
        others[step] += each.rejected + each.throttled + each.not_sent + each.unknown
    steps = list(map(Step, edges[:-1], accepted, others, permitted))
    return Course(width, steps, paused, closed, troubled)


def _edges(time: TimeSpan, zone: ZoneInfo) -> tuple[timedelta, Sequence[datetime]]:
    """Steps that begin with a day of the zone, as short as they can be."""
    midnight = time.begins_at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    for minutes in _STEP_MINUTES:
        width = timedelta(minutes=minutes)
        if time.seconds / width.total_seconds() <= _MOST_STEPS - 2:
            break
    else:
        width = timedelta(days=1 + time.seconds // (86_400 * (_MOST_STEPS - 2)))
    first = midnight.astimezone(UTC)
    first += (time.begins_at - first) // width * width
    edges = [first]
    while edges[-1] < time.ends_at:
        edges.append(edges[-1] + width)
    return width, edges if len(edges) > 1 else [first, first + width]


def _pauses(changes: Sequence[StateChange], sending: TimeSpan) -> Iterator[TimeSpan]:
    ends = [*(change.at for change in changes[1:]), sending.ends_at]
    for change, until in zip(changes, ends, strict=False):
        if change.state == "paused" and (found := TimeSpan(change.at, until).in_utc.shared(sending)):
            yield found


def _within(time: LaneTrouble | IdleTime, sending: TimeSpan) -> TimeSpan | None:
    return TimeSpan(time.began_at, time.ended_at or sending.ends_at).in_utc.shared(sending)


def _troubled(troubles: Sequence[LaneTrouble], sending: TimeSpan) -> Iterator[Troubled]:
    for each in troubles:
        if span := _within(each, sending):
            yield Troubled(span, each.instance, each.health, each.reason)


def _may_send(
    lane: PacedLane,
    hours: OpeningHours | None,
    paused: Sequence[TimeSpan],
    kept: Sequence[tuple[str, TimeSpan]],
    sending: TimeSpan,
) -> Sequence[TimeSpan]:
    """When something of the campaign could leave through a lane."""
    closed = _closed([own for own in (hours, lane.hours) if own is not None], sending)
    return _without([sending], [*paused, *closed, *(span for instance, span in kept if instance == lane.instance)])


def _closed_for_all(lanes: Sequence[PacedLane], hours: OpeningHours | None, sending: TimeSpan) -> Iterator[TimeSpan]:
    """When nothing could leave through any of the lanes."""
    each = [list(_closed([own for own in (hours, lane.hours) if own is not None], sending)) for lane in lanes]
    found = each[0] if each else list(_closed([hours] if hours else [], sending))
    for others in each[1:]:
        found = [shared for one in found for other in others if (shared := one.shared(other))]
    yield from found


def _closed(all_hours: Sequence[OpeningHours], time: TimeSpan) -> Iterator[TimeSpan]:
    """Where they go by each recipient's clock there is no one time at which they are closed."""
    if not all_hours or any(hours.goes_by_recipient for hours in all_hours):
        return
    moment = time.begins_at
    for _ in range(_MOST_CLOSED):
        opening = joint_opening(all_hours, NOBODY, moment)
        opens = time.ends_at if opening is None else min(opening.opens_at, time.ends_at)
        if moment < opens:
            yield TimeSpan(moment, opens)
        if opening is None or opening.closes_at >= time.ends_at:
            return
        moment = opening.closes_at


def _permitted(
    edges: Sequence[datetime],
    lanes: Sequence[PacedLane],
    rate_changes: Sequence[RateChange],
    may_send: Mapping[str, Sequence[TimeSpan]],
) -> Sequence[int | None]:
    """By step: what all lanes together might send."""
    steps = [TimeSpan(*each) for each in pairwise(edges)]
    if not lanes:
        return [None] * len(steps)
    sums: list[float] = [0.0] * len(steps)
    unlimited = [False] * len(steps)
    for lane in lanes:
        bursts = float(lane.burst)
        for span, rate in _rated(may_send[lane.instance], lane, rate_changes):
            for number, step in enumerate(steps):
                if (shared := span.shared(step)) is None:
                    continue
                if rate is None:
                    unlimited[number] = True
                else:
                    sums[number] += shared.seconds * rate + bursts
                    bursts = 0.0
    return [None if free else round(most) for most, free in zip(sums, unlimited, strict=True)]


def _without(spans: Sequence[TimeSpan], taken: Iterable[TimeSpan]) -> Sequence[TimeSpan]:
    for gone in taken:
        cut: list[TimeSpan] = []
        for span in spans:
            if span.shared(gone) is None:
                cut.append(span)
                continue
            before, after = (span.begins_at, gone.begins_at), (gone.ends_at, span.ends_at)
            cut += [TimeSpan(*edges) for edges in (before, after) if edges[0] < edges[1]]
        spans = cut
    return spans


def _rated(
    spans: Iterable[TimeSpan], lane: PacedLane, changes: Sequence[RateChange]
) -> Iterator[tuple[TimeSpan, float | None]]:
    """The spans, cut where the lane got another rate, each with its rate."""
    own = sorted((change for change in changes if change.instance == lane.instance), key=lambda each: each.at)
    moments, rates = [change.at.astimezone(UTC) for change in own], [*(change.before for change in own), lane.rate]
    for span in spans:
        for begins, ends, rate in zip([span.begins_at, *moments], [*moments, span.ends_at], rates, strict=True):
            if begins < ends and (shared := TimeSpan(begins, ends).shared(span)):
                yield shared, rate
