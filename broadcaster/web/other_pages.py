"""The pages of instances, schedules and replies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from shlex import quote
from typing import Any

from sqlalchemy import Engine

from broadcaster.domain.masking import masked, with_masked_phones
from broadcaster.domain.meter import speed_limit
from broadcaster.domain.pacing import format_rate
from broadcaster.domain.standstill import Standstill, What
from broadcaster.services.inbox_reports import ReplyFilter, StoredReply, list_replies
from broadcaster.services.instance_reports import InstanceSummary, count_instances, list_instances
from broadcaster.services.schedules.schedule_reports import (
    OccurrenceSummary,
    ScheduleDetail,
    ScheduleSummary,
    Upcoming,
    list_schedules,
    schedule_report,
    show_schedule,
    upcoming_occurrences,
)
from broadcaster.services.standstill import find_waiting
from broadcaster.web.surface import Surface
from broadcaster.web.told import told_troubles

MOST_INSTANCES = 200
MOST_SCHEDULES = 100
MOST_REPLIES = 100
_NEXT, _LATEST = 5, 20
"""Occurrences of a schedule: to come, and that were."""


@dataclass(frozen=True, slots=True)
class ScheduleNow:
    """A schedule, when it is due next, and what became of what was due."""

    schedule: ScheduleDetail
    upcoming: Upcoming
    latest: Sequence[OccurrenceSummary]
    waiting: Sequence[Standstill]


async def live_instances(surface: Surface, asked: Mapping[str, str]) -> dict[str, Any]:
    """Instances by name, with `find` in it, and why those send nothing that do not."""
    part = asked["find"].casefold()
    at, found = await surface.timed(("instances", part), _instances, surface.engine, part)
    total = await surface.readings.read("instances", count_instances, surface.engine)
    troubles = list(told_troubles(await surface.troubles(), surface.language))
    of_instances = {each.name: each for each in troubles if each.what == What.INSTANCE}
    return {
        "instances": [_instance(surface, at, each) | {"trouble": of_instances.get(each.name)} for each in found],
        "total": total,
        "inboxes": [each for each in troubles if each.what == What.INBOX],
        "most": MOST_INSTANCES,
    }


async def live_schedules(surface: Surface, _asked: Mapping[str, str]) -> dict[str, Any]:
    """All schedules, with the one or two times at which each is due next."""
    found = await surface.readings.read("schedules", _schedules, surface.engine)
    return {"schedules": found[:MOST_SCHEDULES], "is_cut": len(found) > MOST_SCHEDULES}


async def live_schedule(surface: Surface, asked: Mapping[str, str]) -> dict[str, Any]:
    """All of one schedule, called `name`."""
    name = asked["name"]
    found = await surface.readings.read(("schedule", name), _schedule, surface.engine, name)
    return {
        "schedule": found.schedule,
        "upcoming": found.upcoming,
        "latest": found.latest,
        "instances": ", ".join(found.schedule.instances),
        "resume": f"broadcaster schedule resume {quote(name)}",
        "waiting": list(told_troubles(found.waiting, surface.language)),
    }


async def live_replies(surface: Surface, asked: Mapping[str, str]) -> dict[str, Any]:
    """What people wrote, the latest first: to one `campaign`, or only what somebody has to decide (`undecided`)."""
    wanted = ReplyFilter(campaign=asked["campaign"] or None, undecided=bool(asked["undecided"]))
    latest = partial(list_replies, surface.engine, wanted, MOST_REPLIES)
    found = await surface.readings.read(("replies", *asked.values()), lambda: list(latest()))
    return {"replies": [_reply(each) for each in found], "most": MOST_REPLIES}


def _instances(engine: Engine, part: str) -> list[InstanceSummary]:
    named = (each for each in list_instances(engine) if part in each.name.casefold())
    return list(islice(named, MOST_INSTANCES))


def _instance(surface: Surface, at: float, instance: InstanceSummary) -> dict[str, Any]:
    limit = speed_limit([(instance.permitted_per_second, instance.burst)])
    return {
        "instance": instance,
        "permitted": format_rate(instance.permitted_per_second),
        "speed": surface.speed(("instance", instance.id), at, instance.sent, limit, instance.permitted_per_second),
        "reason": instance.health_reason and with_masked_phones(instance.health_reason),
    }


def _schedules(engine: Engine) -> list[tuple[ScheduleSummary, Upcoming]]:
    shown = list_schedules(engine)[: MOST_SCHEDULES + 1]
    return [(each, upcoming_occurrences(engine, each.name, 2)) for each in shown]


def _schedule(engine: Engine, name: str) -> ScheduleNow:
    _, latest = schedule_report(engine, name, limit=_LATEST)
    return ScheduleNow(
        show_schedule(engine, name), upcoming_occurrences(engine, name, _NEXT), latest, find_waiting(engine, name)
    )


def _reply(reply: StoredReply) -> dict[str, Any]:
    return {
        "reply": reply,
        "phone": masked(reply.phone) if reply.phone else "",
        "text": with_masked_phones(reply.body) if reply.body else "",
    }
