"""Which occurrences of schedules are planned at once: those of a month, or fewer where that would take long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from heapq import merge
from itertools import takewhile

from broadcaster.services.schedules.stored_schedule import Schedule

MONTH = timedelta(days=31)
MOST_PARTS = 1_000
"""Occurrences, each as often as it has instances. To plan twice as many takes four times as long."""


def planned_moments(
    schedules: Sequence[Schedule], now: datetime, wanted: Mapping[int, int]
) -> tuple[Sequence[tuple[Schedule, datetime]], datetime | None]:
    """When which of them is due within a month, by schedule.

    `wanted`: of how many occurrences, by schedule (id), where these are more than its campaigns that are to come.

    Where that is too much for one plan: only before a moment, which comes with them, the same for all schedules. What
    is due at one moment stays together.
    """
    found: list[tuple[datetime, int]] = []
    parts, planned_until = 0, None
    for due_at, place in merge(*(_upcoming(each, place, now, wanted) for place, each in enumerate(schedules))):
        parts += len(schedules[place].lanes)
        if parts > MOST_PARTS and found and due_at > found[-1][0]:
            planned_until = due_at
            break
        found.append((due_at, place))
    of_schedules = sorted(found, key=lambda each: each[1])
    return [(schedules[place], due_at) for due_at, place in of_schedules], planned_until


def _upcoming(
    schedule: Schedule, place: int, now: datetime, wanted: Mapping[int, int]
) -> Iterator[tuple[datetime, int]]:
    upcoming = schedule.upcoming(now, wanted.get(schedule.id))
    return ((due_at, place) for due_at in takewhile(lambda due: due <= now + MONTH, upcoming))
