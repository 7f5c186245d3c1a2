"""Occurrences of schedules and their campaigns, as the tick and operators make them.

All of it happens while the schedule's row is locked.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.dialects.postgresql import insert

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import values
from broadcaster.domain.conditions import fixed
from broadcaster.domain.sharing import Sharing
from broadcaster.domain.states import CampaignState, OccurrenceState
from broadcaster.errors import ConflictError, UnavailableError
from broadcaster.services.campaigns.campaign_reports import CampaignSummary, campaign_summary
from broadcaster.services.campaigns.new_campaign import NewCampaign, insert_campaign
from broadcaster.services.campaigns.new_content import StoredContent
from broadcaster.services.campaigns.over_audience import describe_audience, start_audience_campaign
from broadcaster.services.schedules.stored_schedule import Schedule, audience_name
from broadcaster.services.shared_limits import limits_for_campaigns

OCCURRENCE_VARIABLES = ("occurrence_date", "occurrence_number")
"""What the texts of schedules may use beside the variables of their audience, over which these go."""


def occurrence_variables(local_date: date, number: int) -> dict[str, str]:
    """The values of OCCURRENCE_VARIABLES: the day by the schedule's clocks, and which of its campaigns it is."""
    return dict(zip(OCCURRENCE_VARIABLES, (local_date.isoformat(), str(number)), strict=True))


@dataclass(frozen=True, slots=True)
class Made:
    """An occurrence that has become a campaign."""

    schedule: str
    due_at: datetime
    number: int
    campaign: str
    state: OccurrenceState
    """`started`, or `queued` behind the campaign before it."""


def record_occurrence(
    connection: Connection, schedule: Schedule, due_at: datetime, state: OccurrenceState, reason: str | None = None
) -> bool:
    """Note what became of an occurrence; False where that is known already. Each occurrence passes here once."""
    row = {"schedule_id": schedule.id, "due_at": due_at, "state": state, "reason": reason}
    statement = insert(tables.occurrences).values(row).on_conflict_do_nothing()
    return connection.execute(statement.returning(tables.occurrences.c.due_at)).first() is not None


def change_occurrence(connection: Connection, schedule: Schedule, due_at: datetime, **changes: Any) -> None:
    """Change columns of an occurrence."""
    table = tables.occurrences
    same = (table.c.schedule_id == schedule.id) & (table.c.due_at == due_at)
    connection.execute(update(table).where(same).values(changes))


def is_sending(connection: Connection, schedule: Schedule, *, or_queued: bool = True) -> str | None:
    """The name of a campaign of the schedule that has something left to send or, unless told otherwise, is queued."""
    return next(iter(values(connection, "schedule_is_sending", schedule_id=schedule.id, queued=int(or_queued))), None)


def make_campaign(connection: Connection, schedule: Schedule, due_at: datetime) -> Made:
    """Store the campaign of a recorded occurrence, to start at once or when those before it have been sent.

    Raises ConflictError, with nothing changed, where a campaign of another origin has its name.
    """
    table, campaigns = tables.schedules, tables.campaigns
    name = schedule.campaign_name(due_at)
    if connection.scalar(select(campaigns.c.id).where(campaigns.c.name == name)) is not None:
        raise ConflictError(f"a campaign called {name!r} exists already, which is not of this schedule")
    blocked = is_sending(connection, schedule) is not None
    counted = update(table).where(table.c.id == schedule.id).values(occurrences_made=table.c.occurrences_made + 1)
    number = int(connection.execute(counted.returning(table.c.occurrences_made)).scalar_one())
    local_date = due_at.astimezone(schedule.zone).date()
    # A reminder that is late is about the day that it was for, and no day has two.
    conditions = fixed(schedule.conditions, lambda _: local_date)
    lanes = _lanes_of_now(connection, schedule)
    new = NewCampaign(
        name=name,
        content=StoredContent(schedule.content_id, schedule.caption, schedule.filename, schedule.locale),
        lanes=lanes,
        weights={lane: weight for lane, weight in schedule.lane_weights.items() if lane in lanes},
        sharing=schedule.sharing or Sharing(),
        limits=limits_for_campaigns(connection, schedule.limits).values(),
        max_attempts=schedule.max_attempts,
        priority=schedule.priority,
        starts_at=due_at,
        hours_id=schedule.hours_id,
        expires_at=None if schedule.expires_after is None else due_at + schedule.expires_after,
        state=CampaignState.DRAFT if blocked else CampaignState.SCHEDULED,
        source=describe_audience(audience_name(connection, schedule), conditions),
        audience_id=schedule.audience_id,
        conditions=conditions,
        variables=occurrence_variables(local_date, number),
        require_consent=schedule.require_consent,
        care=schedule.care,
    )
    campaign_id = insert_campaign(connection, new)
    state = OccurrenceState.QUEUED if blocked else OccurrenceState.STARTED
    change_occurrence(connection, schedule, due_at, state=state, number=number, campaign_id=campaign_id)
    return Made(schedule.name, due_at, number, name, state)


def _lanes_of_now(connection: Connection, schedule: Schedule) -> Sequence[int]:
    """Its lanes (ids) but for those of retired instances, unless there are no others."""
    table = tables.instances
    in_use = select(table.c.id).where(table.c.id.in_(schedule.lanes), table.c.retired_at.is_(None))
    return connection.scalars(in_use.order_by(table.c.id)).all() or schedule.lanes


def start_occurrence(engine: Engine, campaign: str) -> CampaignSummary:
    """Give an occurrence's campaign its messages, if nobody has yet; returns where it stands.

    Where a tick is about to, waits for it, as long as the engine waits for a lock. Raises NotFoundError.
    """
    table = tables.campaigns
    with transaction(engine) as connection:
        campaign_id = connection.scalar(select(table.c.id).where(table.c.name == campaign))
    if campaign_id is not None and not start_audience_campaign(engine, campaign_id):
        with suppress(UnavailableError), transaction(engine) as connection:
            connection.execute(select(table.c.id).where(table.c.id == campaign_id).with_for_update(read=True))
    return campaign_summary(engine, campaign)
