"""Schedules: pausing, resuming and removing them."""

from __future__ import annotations

from sqlalchemy import Engine, delete, select

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.domain.states import OccurrenceState, ScheduleState
from broadcaster.errors import ConflictError
from broadcaster.services.campaigns.lifecycle import cancel_campaign
from broadcaster.services.schedules.stored_schedule import Following, database_now, lock_schedule, update_schedule


def pause_schedule(engine: Engine, name: str) -> None:
    """Nothing comes due until it is resumed, and what is queued stays so. Campaigns that were started go on."""
    with transaction(engine) as connection:
        schedule = lock_schedule(connection, name)
        if schedule.state is ScheduleState.ENDED:
            raise ConflictError(f"schedule {name!r} has ended: there is nothing to pause")
        update_schedule(connection, schedule.id, {"state": ScheduleState.PAUSED, "next_at": None})


def resume_schedule(engine: Engine, name: str) -> ScheduleState:
    """Go on with the next occurrence from now; those in between were not missed. Returns the new state."""
    with transaction(engine) as connection:
        schedule = lock_schedule(connection, name)
        if schedule.state is not ScheduleState.PAUSED:
            return schedule.state
        following = Following.of(schedule, database_now(connection))
        update_schedule(connection, schedule.id, {"state": following.state, "next_at": following.next_at})
        return following.state


def remove_schedule(engine: Engine, name: str) -> list[str]:
    """Remove a schedule and its list of occurrences; returns the queued campaigns, which are cancelled.

    All of its campaigns and their reports stay.
    """
    table, campaigns = tables.occurrences, tables.campaigns
    with transaction(engine) as connection:
        schedule = lock_schedule(connection, name)
        queued = list(
            connection.scalars(
                select(campaigns.c.name)
                .join(table, table.c.campaign_id == campaigns.c.id)
                .where(table.c.schedule_id == schedule.id, table.c.state == OccurrenceState.QUEUED)
            )
        )
        connection.execute(delete(tables.schedules).where(tables.schedules.c.id == schedule.id))
    for campaign in queued:
        cancel_campaign(engine, campaign)
    return queued
