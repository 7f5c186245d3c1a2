"""What the next occurrence of a schedule would come to: a slip is seen when it is made, and not when it is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from broadcaster.domain.conditions import fixed
from broadcaster.domain.content_lint import Remark
from broadcaster.domain.contents import Content
from broadcaster.errors import BroadcasterError, UnavailableError
from broadcaster.services.audiences.audience import Audience
from broadcaster.services.audiences.selection import Selection
from broadcaster.services.campaigns.reach import Reach, look_at_members
from broadcaster.services.schedules.occurrences import occurrence_variables
from broadcaster.services.schedules.schedule_reports import Upcoming, upcoming_of
from broadcaster.services.schedules.stored_schedule import Schedule, database_now

SHOWN = 3
"""How many of the next occurrences are shown, so that a slip in the rule is seen."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """When a schedule is due next, and whom that would reach of the members that there are now."""

    upcoming: Upcoming
    due_at: datetime
    """Of the occurrence that is looked at: the next one, or one that is made now where there is none."""
    audience: str
    reach: Reach
    lint: Sequence[Remark] | None = None
    """What is to be said of the content; None: it was not looked at."""


def look_ahead(connection: Connection, schedule: Schedule, audience: Audience, content: Content) -> Outlook:
    """The outlook of a schedule, stored or not. Where its members cannot be known, a note says why."""
    upcoming = upcoming_of(schedule, database_now(connection), SHOWN)
    due_at = upcoming.occurrences[0] if upcoming.occurrences else upcoming.now
    local_date = due_at.astimezone(schedule.zone).date()
    selection = Selection(
        audience=audience,
        conditions=fixed(schedule.conditions, lambda _: local_date),
        variables=occurrence_variables(local_date, schedule.occurrences_made + 1),
        content=content,
    )
    reach = Reach()
    try:
        look_at_members(connection, selection.ready(connection), reach)
    except UnavailableError:
        raise
    except BroadcasterError as error:
        reach.notes.append(f"whom it would reach cannot be told: {error}")
    return Outlook(upcoming, due_at, audience.name, reach)
