"""What the next occurrence of a schedule would come to: a slip is seen when it is made, and not when it is due."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from broadcaster.db.statements import execute
from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.care import Care, said_idle_rule
from broadcaster.domain.conditions import fixed
from broadcaster.domain.content_lint import Remark
from broadcaster.domain.contents import Content
from broadcaster.domain.meeting_hours import Chances, InstanceHours, is_known_to, meeting_of, said_hours
from broadcaster.domain.opening_hours import NOBODY, OpeningHours
from broadcaster.domain.plan_remarks import said_expiry
from broadcaster.domain.planned_parts import OWN
from broadcaster.domain.schedules import Overlap
from broadcaster.domain.sharing import said_idle_failover
from broadcaster.errors import BroadcasterError, UnavailableError, UsageError
from broadcaster.services.audiences.audience import Audience
from broadcaster.services.audiences.selection import Selection
from broadcaster.services.campaigns.contention import count_contention, may_contend
from broadcaster.services.campaigns.dealing_ahead import dealing_by, like_messages
from broadcaster.services.campaigns.planning import parts_to_be, surroundings_of
from broadcaster.services.campaigns.reach import Reach, look_at_members
from broadcaster.services.frequency import caps_in
from broadcaster.services.openings import first_meeting, instance_hours, said_apart
from broadcaster.services.schedules.occurrences import occurrence_variables
from broadcaster.services.schedules.schedule_reports import Upcoming, upcoming_of
from broadcaster.services.schedules.stored_schedule import Schedule, database_now
from broadcaster.time_zones import shown_time

SHOWN = 3
"""How many of the next occurrences are shown, so that a slip in the rule is seen."""


_LOOKED_AT = 10
"""How many of them are asked whether they can be sent before they expire."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """When a schedule is due next, and whom that would reach of the members that there are now."""

    upcoming: Upcoming
    due_at: datetime
    """Of the occurrence that is looked at: the next one, or one that is made now where there is none."""
    audience: str
    reach: Reach
    hours: OpeningHours | None
    """When its campaigns may be sent; None: always."""
    instances: InstanceHours
    opens_at: datetime | None
    """When the occurrence that is looked at can be sent first; None: never."""
    notices: Sequence[str]
    """What people should know of when its campaigns can be sent."""
    lint: Sequence[Remark] | None = None
    """What is to be said of the content; None: it was not looked at."""

    @property
    def expires_at(self) -> datetime | None:
        """When what has not left of it expires; None: never."""
        after = self.upcoming.schedule.expires_after
        return None if after is None else self.due_at + after


def look_ahead(
    connection: Connection,
    schedule: Schedule,
    audience: Audience,
    content: Content,
    hours: OpeningHours | None,
    *,
    is_retimed: bool = True,
) -> Outlook:
    """The outlook of a schedule, stored or not. Where its members cannot be known, a note says why.

    `is_retimed`: whether it is new when it is due, or sent. Then UsageError is raised where the next occurrences can
    never be sent; what was so before is only noted.
    """
    upcoming = upcoming_of(schedule, database_now(connection), _LOOKED_AT)
    due_at = upcoming.occurrences[0] if upcoming.occurrences else upcoming.now
    instances = instance_hours(connection, schedule.lanes)
    meeting = first_meeting(hours, instances, (), due_at) if is_retimed else meeting_of(hours, instances, (), due_at)
    usable = {name: each for name, each in instances.items() if name not in meeting.apart}
    chances = Chances.of(upcoming.occurrences, hours, usable, schedule.expires_after, schedule.zone)
    if is_retimed and chances.all_are_missed and is_known_to(hours, ()):
        raise UsageError(f"--expires: {_never_sent(chances, hours, instances)}")
    apart = said_apart(hours, instances, meeting)
    reach = _reach(connection, schedule, audience, content, due_at, meeting.opens_at or due_at)
    idle = (
        said_idle_rule(schedule.care, are_caps=bool(caps_in(connection))),
        said_idle_failover(schedule.sharing, len(schedule.lanes)),
    )
    plan = None if chances.all_are_missed else _plan(connection, schedule, hours, reach, due_at)
    return Outlook(
        upcoming=replace(upcoming, occurrences=upcoming.occurrences[:SHOWN]),
        due_at=due_at,
        audience=audience.name,
        reach=reach,
        hours=hours,
        instances=instances,
        opens_at=meeting.opens_at,
        notices=[*filter(None, [apart]), *chances.remarks(), *_late(schedule, upcoming, plan), *filter(None, idle)],
    )


def _late(schedule: Schedule, upcoming: Upcoming, plan: CampaignPlan | None) -> Iterator[str]:
    """How many of the next occurrence expire, and whether it is still sent when the one after it is due."""
    if plan is None:
        return
    clock = partial(shown_time, zone=schedule.zone)
    if plan.expire:
        yield f"of the next occurrence, {said_expiry(plan, clock)}"
    following = upcoming.occurrences[1] if len(upcoming.occurrences) > 1 else None
    if following is not None and plan.known_end is not None and plan.known_end > following:
        then = "is skipped" if schedule.overlap is Overlap.SKIP else "waits for it"
        yield (
            f"the next occurrence is sent until {clock(plan.known_end)}, and the one after it, due "
            f"{clock(following)}, {then}; see `broadcaster schedule plan`"
        )


def _plan(
    connection: Connection, schedule: Schedule, hours: OpeningHours | None, reach: Reach, due_at: datetime
) -> CampaignPlan | None:
    """When the occurrence would be sent, beside the campaigns that there are now; None: it is for nobody."""
    if not reach.total:
        return None
    lanes, limits = dict(zip(schedule.lanes, schedule.weights, strict=True)), list(schedule.limits.values())
    around = surroundings_of(connection, lanes, limits=limits).with_canary(OWN, schedule.care)
    dealing = dealing_by(around, lanes, like_messages(hours, schedule.priority, limits), due_at)
    parts = parts_to_be(
        dealing.shares(reach.total),
        {NOBODY: reach.total},
        hours=hours,
        expires_at=None if schedule.expires_after is None else due_at + schedule.expires_after,
        priority=schedule.priority,
        care=schedule.care,
        limits=limits,
        left_out=reach.contention.skipped,
        waiting=reach.contention.waiting,
    )
    return around.plan(parts, begins_at=due_at)


def _never_sent(chances: Chances, hours: OpeningHours | None, instances: InstanceHours) -> str:
    [first, *_] = chances.remarks()
    return f"{first} ({said_hours(hours, instances)}): change when it is due, its windows, or let it expire later"


def _reach(
    connection: Connection,
    schedule: Schedule,
    audience: Audience,
    content: Content,
    due_at: datetime,
    leaves_at: datetime,
) -> Reach:
    """Whom the occurrence would reach that may leave first at `leaves_at`."""
    local_date = due_at.astimezone(schedule.zone).date()
    selection = Selection(
        audience=audience,
        conditions=fixed(schedule.conditions, lambda _: local_date),
        variables=occurrence_variables(local_date, schedule.occurrences_made + 1),
        content=content,
    )
    reach = Reach()
    try:
        selection = selection.ready(connection)
        look_at_members(connection, selection, reach)
        care = schedule.care or Care()
        if not may_contend(connection, care, name=""):
            return reach
        of_lanes = {"of_lanes": list(schedule.lanes), "require_consent": schedule.require_consent}
        execute(connection, selection.statement("candidates_of_members"), **selection.parameters(), **of_lanes)
        execute(connection, "analyze_candidates")
        reach.contention = count_contention(connection, care, name="", leaves_at=leaves_at)
    except UnavailableError:
        raise
    except BroadcasterError as error:
        reach.notes.append(f"whom it would reach cannot be told: {error}")
    return reach
