"""Audiences: recipients that are kept under a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from psycopg.sql import SQL, Composable
from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, func, literal, select
from sqlalchemy.dialects.postgresql import JSONPATH

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import rows
from broadcaster.domain.states import CampaignState
from broadcaster.errors import ConflictError, NotFoundError, listed
from broadcaster.services.audit import note_operation


class AudienceSummary(msgspec.Struct, frozen=True):
    """An audience: how many members it has, and which variables they may have."""

    name: str
    members: int
    variables: list[str]
    created_at: datetime
    changed_at: datetime


class AudienceDetail(AudienceSummary, frozen=True):
    """The same, with the names of the schedules and campaigns that need it."""

    schedules: Sequence[str]
    campaigns: Sequence[str]


@dataclass(frozen=True, slots=True)
class Audience:
    """An audience without its members. `variables` are those that its members may have."""

    id: int
    name: str
    variables: tuple[str, ...]

    @property
    def relation(self) -> Composable:
        """Its members, for conditions (`Candidates`)."""
        return SQL("(SELECT phone, variables FROM audience_members WHERE audience_id = %(audience_id)s)")

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What the relation takes."""
        return {"audience_id": self.id}


def find_audience(connection: Connection, name: str, *, lock: bool = False) -> Audience:
    """The audience called so, with `lock` kept from changes by others until the transaction ends.

    Raises NotFoundError.
    """
    table = tables.audiences
    statement = select(table.c.id, table.c.variables).where(table.c.name == name)
    row = connection.execute(statement.with_for_update() if lock else statement).first()
    if row is None:
        raise NotFoundError(f"no audience is called {name!r}: see `broadcaster audience list`")
    return Audience(row.id, name, tuple(row.variables))


def list_audiences(engine: Engine) -> Sequence[AudienceSummary]:
    """All audiences by name."""
    with transaction(engine) as connection:
        return rows(connection, "list_audiences", AudienceSummary, name=None)


def show_audience(engine: Engine, name: str) -> AudienceDetail:
    """One audience. Raises NotFoundError."""
    with transaction(engine) as connection:
        audience = find_audience(connection, name)
        [summary] = rows(connection, "list_audiences", AudienceSummary, name=name)
        schedules, campaigns = audience_users(connection, audience.id)
    return AudienceDetail(**msgspec.structs.asdict(summary), schedules=schedules, campaigns=campaigns)


def audience_users(connection: Connection, audience_id: int) -> tuple[Sequence[str], Sequence[str]]:
    """The names of the schedules, and of the campaigns that have yet to start, that an audience is needed for."""
    schedules, campaigns = tables.schedules, tables.campaigns
    of_schedules = select(schedules.c.name).where(_uses(schedules, audience_id))
    waiting = (CampaignState.DRAFT, CampaignState.SCHEDULED, CampaignState.PAUSED)
    of_campaigns = select(campaigns.c.name).where(
        _uses(campaigns, audience_id), campaigns.c.state.in_(waiting), campaigns.c.started_at.is_(None)
    )
    return (
        connection.execute(of_schedules.order_by(schedules.c.name)).scalars().all(),
        connection.execute(of_campaigns.order_by(campaigns.c.name)).scalars().all(),
    )


def _uses(table: Table, audience_id: int) -> ColumnElement[bool]:
    """Whether a schedule or a campaign is over the audience, or asks for its members in a condition."""
    asked = literal('$.** ? (@.type == "listed" && @.kind == "audience" && @.id == $id)', JSONPATH)
    return (table.c.audience_id == audience_id) | func.coalesce(
        func.jsonb_path_exists(table.c.audience_filter, asked, func.jsonb_build_object("id", audience_id)), False
    )


def remove_audience(engine: Engine, name: str) -> int:
    """Remove an audience; returns how many members it had. Campaigns that have started keep their messages.

    Raises NotFoundError; ConflictError where a schedule uses it or a campaign over it has yet to start.
    """
    members = tables.audience_members
    with transaction(engine) as connection:
        audience = find_audience(connection, name, lock=True)
        schedules, campaigns = audience_users(connection, audience.id)
        if schedules:
            used_by = "schedule" if len(schedules) == 1 else "schedules"
            raise ConflictError(
                f"audience {name!r} is used by {used_by} {listed(schedules)}: let every one use another, or remove it"
            )
        if campaigns:
            used_by = "campaign" if len(campaigns) == 1 else "campaigns"
            raise ConflictError(
                f"audience {name!r} is needed for the start of {used_by} {listed(campaigns)}: "
                "let every one start, or cancel it"
            )
        count = connection.execute(delete(members).where(members.c.audience_id == audience.id)).rowcount
        connection.execute(delete(tables.audiences).where(tables.audiences.c.id == audience.id))
        note_operation(connection, "audience", name, members_removed=count)
        return count
