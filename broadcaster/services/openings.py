"""When hours are open now or next: kept as moments, so that a claim compares them with the database's clock."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from hashlib import sha256

import msgspec
from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.postgresql import insert

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, rows
from broadcaster.domain.meeting_hours import InstanceHours, Meeting, meeting_of, said_hours
from broadcaster.domain.opening_hours import NOBODY, OpeningHours, RecipientGroup
from broadcaster.domain.windows import FARTHEST_OPENING, Opening
from broadcaster.errors import UsageError, listed

EVERYBODY = 0
"""The number of no group: of messages whose campaign asks for none, and of hours that do not go by the recipient."""


class _Stale(msgspec.Struct, frozen=True):
    hours_id: int
    recipient_group: int
    document: OpeningHours
    country: str | None
    zones: list[str] | None
    now: datetime

    def move_on(self) -> _Moved:
        known = self.country is not None and self.zones is not None
        group = RecipientGroup(self.country or "", tuple(self.zones or ())) if known else NOBODY
        opening = self.document.opening(group, self.now)
        if opening is None:
            # Closed, and looked at again when it may have come nearer.
            opening = Opening(self.now + FARTHEST_OPENING, self.now + FARTHEST_OPENING)
        return _Moved(self.hours_id, self.recipient_group, opening.opens_at, opening.closes_at, self.now)


class _Moved(msgspec.Struct, frozen=True):
    hours_id: int
    recipient_group: int
    opens_at: datetime
    closes_at: datetime
    reckoned_at: datetime


def store_hours(connection: Connection, hours: OpeningHours) -> int:
    """The id of the hours, which are stored once. They are closed until `move_openings` has looked at them."""
    table = tables.opening_hours
    document = msgspec.json.encode(hours, order="deterministic")
    digest = sha256(document).digest()
    values = {"digest": digest, "document": msgspec.json.decode(document)}
    connection.execute(insert(table).values(values).on_conflict_do_nothing())
    hours_id = int(connection.execute(select(table.c.id).where(table.c.digest == digest)).scalar_one())
    if not hours.goes_by_recipient:
        ask_for_openings(connection, hours_id, [EVERYBODY])
    return hours_id


def read_hours(connection: Connection, hours_id: int | None) -> OpeningHours | None:
    """The hours with this id; None: there are none."""
    table = tables.opening_hours
    found = connection.scalar(select(table.c.document).where(table.c.id == hours_id))
    return None if found is None else msgspec.convert(found, OpeningHours)


def hours_of_instance(connection: Connection, instance: int) -> OpeningHours | None:
    """When the instance with this id may send; None: always."""
    table = tables.instances
    return read_hours(connection, connection.scalar(select(table.c.hours_id).where(table.c.id == instance)))


def ask_for_openings(connection: Connection, hours_id: int, groups: Iterable[int]) -> None:
    """Have openings of the hours kept for these groups (numbers)."""
    asked = [{"hours_id": hours_id, "recipient_group": group} for group in sorted(groups)]
    if asked:
        connection.execute(insert(tables.openings).values(asked).on_conflict_do_nothing())


def number_groups(connection: Connection, groups: Iterable[RecipientGroup]) -> Mapping[RecipientGroup, int]:
    """A number for each group, which it keeps."""
    known, table = _known_groups(connection), tables.recipient_groups
    # Only those that are new: a conflict would use up a number, and there are not many.
    if new := sorted(set(groups) - known.keys()):
        values = [{"country": group.country, "zones": list(group.zones)} for group in new]
        connection.execute(insert(table).values(values).on_conflict_do_nothing())
        known = _known_groups(connection)
    return known


def _known_groups(connection: Connection) -> dict[RecipientGroup, int]:
    table = tables.recipient_groups
    found = connection.execute(select(table.c.id, table.c.country, table.c.zones)).all()
    return {RecipientGroup(row.country, tuple(row.zones)): row.id for row in found}


def first_opening(hours: OpeningHours, groups: Iterable[RecipientGroup], moment: datetime) -> datetime:
    """When the hours are open at `moment` or next, for the first of the groups.

    Raises UsageError where they do not open within FARTHEST_OPENING for one of them.
    """
    opens = []
    for group in groups:
        opening = hours.opening(group, moment)
        if opening is None:
            where = f" for recipients in {', '.join(group.zones)}" if group.zones else ""
            raise UsageError(
                f"--window: {hours} is not open within {FARTHEST_OPENING.days} days{where}: widen the "
                "windows, or name one zone with --window-zone"
            )
        opens.append(max(opening.opens_at, moment))
    return min(opens, default=moment)


def instance_hours(connection: Connection, lanes: Collection[int]) -> InstanceHours:
    """When the instances of these lanes (ids) may send, by name."""
    instances, hours = tables.instances, tables.opening_hours
    with_hours = select(instances.c.name, hours.c.document).outerjoin(hours, hours.c.id == instances.c.hours_id)
    found = connection.execute(with_hours.where(instances.c.id.in_(lanes)).order_by(instances.c.name)).all()
    return {row.name: row.document and msgspec.convert(row.document, OpeningHours) for row in found}


def first_meeting(
    hours: OpeningHours | None, instances: InstanceHours, groups: Collection[RecipientGroup], moment: datetime
) -> Meeting:
    """When the campaign and its instances are open at once at `moment` or next.

    Raises UsageError where they never are, for any of the groups, and as `first_opening` does.
    """
    if hours is not None:
        first_opening(hours, groups or [NOBODY], moment)
    meeting = meeting_of(hours, instances, groups, moment)
    if meeting.opens_at is None:
        raise UsageError(
            f"--window: nothing would ever be sent, since the windows never meet ({said_hours(hours, instances)}): "
            "let them overlap, or choose another instance"
        )
    return meeting


def said_apart(hours: OpeningHours | None, instances: InstanceHours, meeting: Meeting) -> str | None:
    """That nothing leaves through some of the instances, for people; None: it does."""
    if not meeting.apart:
        return None
    apart = {name: instances[name] for name in meeting.apart}
    return f"nothing is ever sent through {listed(meeting.apart, 3)}: windows never meet ({said_hours(hours, apart)})"


def groups_with_numbers(connection: Connection, numbers: Collection[int]) -> list[RecipientGroup]:
    """The groups that have these numbers; EVERYBODY is none."""
    return [group for group, number in _known_groups(connection).items() if number in numbers]


def move_openings(engine: Engine) -> bool:
    """Reckon the openings that are over anew; whether there were any.

    Any number of these may run at once: what was reckoned for the latest moment is kept. While none runs, what is over
    stays closed.
    """
    with transaction(engine) as connection:
        stale = rows(connection, "stale_openings", _Stale)
    if not stale:
        return False
    moved = msgspec.json.encode([each.move_on() for each in stale]).decode()
    with transaction(engine) as connection:
        execute(connection, "move_openings", openings=moved)
    return True
