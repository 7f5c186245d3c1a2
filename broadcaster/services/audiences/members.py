"""One member of an audience by hand: added, changed, removed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.errors import ConflictError, NotFoundError, UsageError, listed, quoted
from broadcaster.services.audiences.audience import Audience, find_audience
from broadcaster.services.audiences.member_remarks import unused_values
from broadcaster.services.audit import note_operation
from broadcaster.services.forgetting.forgotten import OpenVault, no_vault, refuse_forgotten
from broadcaster.services.recipients.limits import LONGEST_FIELD

_members = tables.audience_members


@dataclass(frozen=True, slots=True)
class EditedMember:
    """A member after a command, or as it was before it was removed."""

    audience: str
    phone: str
    variables: Mapping[str, str]
    members: int
    """Of the audience, afterwards."""
    remarks: Sequence[str] = ()
    """Which of the values that were set are of no use to conditions, for people."""


def add_member(
    engine: Engine, name: str, phone: str, values: Mapping[str, str], *, open_vault: OpenVault = no_vault
) -> EditedMember:
    """Add somebody, by the E.164 digits of the phone, with these variables.

    Raises NotFoundError for the audience, ConflictError for somebody who is in it, UsageError for a variable that it
    does not have and for a value that is too long, InputError for somebody who was forgotten.
    """
    with transaction(engine) as connection:
        refuse_forgotten(connection, phone, open_vault)
        audience = find_audience(connection, name, lock=True)
        _check(audience, values)
        if _find(connection, audience, phone) is not None:
            raise ConflictError(
                f"{phone} is in audience {name!r} already: change it with `broadcaster audience edit-member`"
            )
        row = {"audience_id": audience.id, "phone": phone, "variables": dict(values)}
        connection.execute(insert(_members).values(row))
        remarks = [*unused_values(connection, audience, phone, values)]
        return _done(connection, audience, phone, values, "added", remarks)


def edit_member(engine: Engine, name: str, phone: str, values: Mapping[str, str]) -> EditedMember:
    """Change these variables of a member, and keep the others.

    Raises NotFoundError for the audience and for somebody who is not in it, UsageError as `add_member` does.
    """
    with transaction(engine) as connection:
        audience = find_audience(connection, name, lock=True)
        _check(audience, values)
        variables = {**_found(connection, audience, phone), **values}
        changed = update(_members).values(variables=variables, changed_at=func.now())
        connection.execute(changed.where(_members.c.audience_id == audience.id, _members.c.phone == phone))
        remarks = [*unused_values(connection, audience, phone, values)]
        return _done(connection, audience, phone, variables, "changed", remarks)


def remove_member(engine: Engine, name: str, phone: str) -> EditedMember:
    """Remove a member: campaigns that have started keep their messages, and those that start later do not go to it.

    Raises NotFoundError for the audience and for somebody who is not in it.
    """
    with transaction(engine) as connection:
        audience = find_audience(connection, name, lock=True)
        variables = _found(connection, audience, phone)
        connection.execute(delete(_members).where(_members.c.audience_id == audience.id, _members.c.phone == phone))
        return _done(connection, audience, phone, variables, "removed")


def _check(audience: Audience, values: Mapping[str, str]) -> None:
    for variable, value in values.items():
        if variable not in audience.variables:
            close = difflib.get_close_matches(variable, audience.variables, n=1)
            hint = f"did you mean {quoted(close[0])}? " if close else ""
            raise UsageError(
                f"--set {quoted(variable)}: audience {audience.name!r} has no such variable; {hint}"
                f"variables are: {listed(audience.variables)}; an import adds one"
            )
        if len(value) > LONGEST_FIELD:
            raise UsageError(f"--set {variable}: {len(value):,} characters, and at most {LONGEST_FIELD:,} are allowed")


def _find(connection: Connection, audience: Audience, phone: str) -> Mapping[str, str] | None:
    found = select(_members.c.variables).where(_members.c.audience_id == audience.id, _members.c.phone == phone)
    # Whoever forgets somebody removes members without the audience's lock.
    return connection.scalar(found.with_for_update())


def _found(connection: Connection, audience: Audience, phone: str) -> Mapping[str, str]:
    variables = _find(connection, audience, phone)
    if variables is None:
        raise NotFoundError(f"{phone} is not in audience {audience.name!r}: see `broadcaster audience export`")
    return variables


def _done(
    connection: Connection,
    audience: Audience,
    phone: str,
    variables: Mapping[str, str],
    action: str,
    remarks: Sequence[str] = (),
) -> EditedMember:
    table = tables.audiences
    connection.execute(update(table).where(table.c.id == audience.id).values(changed_at=func.now()))
    count = select(func.count()).where(_members.c.audience_id == audience.id)
    members = int(connection.execute(count).scalar_one())
    note_operation(connection, "audience", audience.name, **{action: 1, "members": members})
    return EditedMember(audience.name, phone, variables, members, remarks)
