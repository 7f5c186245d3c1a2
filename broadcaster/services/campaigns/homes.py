"""Which of a campaign's instances has talked to each of its recipients last: a sticky one sends through that."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Connection

from broadcaster.db.statements import execute, naming, rows
from broadcaster.services.audiences.selection import Selection


class _Home(NamedTuple):
    instance: str
    people: int


def send_staged_home(connection: Connection, lanes: Collection[int]) -> dict[str, int]:
    """Deal staged messages to that of the lanes (ids) which knows the person; returns how many people by instance."""
    found = _find(connection, "staged_messages", lanes)
    execute(connection, "go_home_staged")
    return found


def send_snapshot_home(connection: Connection, lanes: Collection[int]) -> dict[str, int]:
    """The same of the recipients in a snapshot, before they are dealt."""
    found = _find(connection, "recipient_snapshot", lanes)
    execute(connection, "go_home_snapshot")
    return found


def count_members_with_homes(connection: Connection, selection: Selection, lanes: Collection[int]) -> dict[str, int]:
    """How many members of an audience the lanes (ids) know by now, by instance."""
    execute(connection, selection.statement("phones_of_members"), **selection.parameters())
    return _find(connection, "member_phones", lanes)


def _find(connection: Connection, recipients: str, lanes: Collection[int]) -> dict[str, int]:
    execute(connection, naming("find_homes", recipients=recipients), lanes=list(lanes))
    return {home.instance: home.people for home in rows(connection, "count_homes", _Home)}
