"""What is never sent through an instance, since its windows never meet those of campaigns and schedules."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, func, select

from broadcaster.db.statements import rows
from broadcaster.domain.meeting_hours import meeting_of
from broadcaster.domain.opening_hours import OpeningHours, RecipientGroup
from broadcaster.errors import quoted
from broadcaster.services.openings import instance_hours


class _Sender(msgspec.Struct, frozen=True):
    noun: str
    name: str
    hours: OpeningHours
    groups: list[RecipientGroup]


def sent_apart(connection: Connection, instance_id: int) -> Sequence[str]:
    """The open campaigns and the schedules of which nothing is ever sent through it, with their windows."""
    now = connection.execute(select(func.now())).scalar_one()
    instance = instance_hours(connection, [instance_id])
    found = rows(connection, "senders_with_hours", _Sender, lane_id=instance_id)
    met = {
        (each.hours, tuple(each.groups)): meeting_of(each.hours, instance, each.groups, now).opens_at is not None
        for each in found
    }
    apart = [each for each in found if not met[each.hours, tuple(each.groups)]]
    return [f"{each.noun} {quoted(each.name)} ({each.hours})" for each in apart]
