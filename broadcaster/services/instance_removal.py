"""Removing instances that nothing uses."""

from __future__ import annotations

from shlex import quote

from sqlalchemy import Connection, Engine, delete, select

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.domain.names import FORGOTTEN
from broadcaster.errors import ConflictError, listed
from broadcaster.services.instances import find_instance


def remove_instance(engine: Engine, name: str) -> None:
    """Remove an instance. Raises ConflictError where schedules or receivers use it, or campaigns have: that would go.

    So would that of marked messages (`check --to`, `campaign test`): they are evidence of what was sent to whom.
    """
    with transaction(engine) as connection:
        instance_id = find_instance(connection, name).id
        _refuse_used(connection, instance_id, name)
        _refuse_scheduled(connection, instance_id, name)
        _refuse_telling(connection, instance_id, name)
        connection.execute(delete(tables.instances).where(tables.instances.c.id == instance_id))


def _refuse_telling(connection: Connection, instance_id: int, name: str) -> None:
    receivers = tables.receivers
    told = select(receivers.c.name).where(receivers.c.instance_id == instance_id).order_by(receivers.c.name).limit(1)
    if (receiver := connection.scalar(told)) is not None:
        raise ConflictError(
            f"instance {name!r} sends notices to receiver {receiver!r}: give it another one with "
            f"`broadcaster notify set {quote(receiver)} --whatsapp PHONE --instance INSTANCE`"
        )


def _refuse_used(connection: Connection, instance_id: int, name: str) -> None:
    campaigns, lanes, messages = tables.campaigns, tables.campaign_lanes, tables.messages
    using = select(campaigns.c.id, campaigns.c.name, campaigns.c.test_of).join(
        lanes, lanes.c.campaign_id == campaigns.c.id
    )
    used = connection.execute(using.where(lanes.c.lane_id == instance_id).order_by(campaigns.c.id)).all()
    if not used:
        return
    named = [row.name for row in used if row.test_of is None]
    if named:
        what = f"is used by {_counted(len(named), 'campaign')} ({listed(named, 3)}), whose reports need it"
    else:
        latest = select(messages.c.phone).where(messages.c.segment == 0, messages.c.campaign_id == used[-1].id)
        tests = f"{_counted(len(used), 'test message')}, the latest to {connection.scalar(latest) or FORGOTTEN}"
        what = f"is used by {tests} (of `instance check --to` or `campaign test`), and what was sent is kept"
    raise ConflictError(
        f"instance {name!r} {what}: pause it instead with `broadcaster instance pause {quote(name)}`, or give it "
        f"another account with `broadcaster instance set {quote(name)} --key-file FILE --base-url URL`"
    )


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what if number == 1 else f'{what}s'}"


def _refuse_scheduled(connection: Connection, instance_id: int, name: str) -> None:
    schedules, lanes = tables.schedules, tables.schedule_lanes
    using = select(schedules.c.name).join(lanes, lanes.c.schedule_id == schedules.c.id)
    schedule = connection.scalar(using.where(lanes.c.lane_id == instance_id).order_by(schedules.c.name).limit(1))
    if schedule is not None:
        raise ConflictError(
            f"instance {name!r} is used by schedule {schedule!r}: "
            f"give that others with `broadcaster schedule set {quote(schedule)} --instance …`, or remove it"
        )
