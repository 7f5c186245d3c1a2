"""The privileges of the runtime role, as which commands and workers connect: granted after migrations, and checked.

They are written down once, in schema/grants.sql. That file is run to grant them, and read to check them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import msgspec
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import ProgrammingError

from broadcaster.db import schema
from broadcaster.db.engine import transaction
from broadcaster.db.statements import rows, values
from broadcaster.errors import ConflictError, NotFoundError, SettingsError, UnavailableError

_COMMENT = re.compile(r"--[^\n]*")
_GRANT = re.compile(
    r"GRANT (?P<privilege>[A-Z]+)(?: \((?P<columns>[^)]+)\))? ON"
    r"(?: (?P<kind>FUNCTION|SEQUENCE|SCHEMA|DATABASE))? (?P<objects>.+?) TO \{role\};"
)
_SEPARATOR = re.compile(r",\s*(?![^(]*\))")
_LOCK = 0x6772616E74
_WITH_PHONES = frozenset(
    {"consents", "doubt_report", "failure_report", "message_log", "optouts", "replies", "undecided_replies"}
)
"""The views that show who somebody is."""
_SHOWN = 3
"""At most this many missing privileges are named."""


class _Privilege(msgspec.Struct, frozen=True):
    """One privilege on one object, or on one of its columns."""

    privilege: str
    kind: str
    object: str
    column: str | None


class _OwnSettings(NamedTuple):
    """Settings that a role's sessions begin with. `is_here`: in this database alone, not in all."""

    settings: str
    is_here: bool


class _Reader(NamedTuple):
    is_there: bool
    writes: bool


def connected_role(engine: Engine) -> tuple[str, str]:
    """The role that the engine connects as, and the database that it connects to."""
    with transaction(engine) as connection:
        role, database = connection.execute(select(func.current_user(), func.current_database())).one()
    return str(role), str(database)


def grant_runtime(migrator: Engine, runtime: Engine) -> str | None:
    """Let the role of `runtime` do what commands and workers do, and nothing else; returns its name.

    None, and nothing done, where both are the same role. Raises SettingsError where they are not on the same database,
    UnavailableError where the migrator may not grant something.
    """
    owner, own_database = connected_role(migrator)
    role, database = connected_role(runtime)
    if database != own_database:
        raise SettingsError(
            "BROADCASTER_MIGRATION_DATABASE_URL: must be of the same database as BROADCASTER_DATABASE_URL, "
            f"not {own_database!r} and {database!r}"
        )
    if role == owner:
        return None
    grant(migrator, role, database)
    return role


def grant(migrator: Engine, role: str, database: str) -> None:
    """Let the role do what schema/grants.sql says, and nothing else, whatever it was granted before."""
    statements = schema.script("grants").format(role=quoted_identifier(role), database=quoted_identifier(database))
    with transaction(migrator) as connection:
        # Two that are started together would change the same rows of the catalogue, which is an error to Postgres.
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        connection.exec_driver_sql(statements, execution_options={"no_parameters": True})


def grant_reader(migrator: Engine, role: str, *, phones: bool) -> list[str]:
    """Let the role read the views for reports, and nothing else of the schema; returns their names.

    Unless `phones`, without those that show who somebody is. Raises NotFoundError where there is no such role,
    ConflictError where it may write here.
    """
    views = [name for kind, _, name in (file.partition("/") for file in schema.FILES) if kind == "views"]
    readable = sorted(name for name in views if phones or name not in _WITH_PHONES)
    reader = quoted_identifier(role)
    with transaction(migrator) as connection:
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        [found] = rows(connection, "role_of_reader", _Reader, role=role)
        if not found.is_there:
            raise NotFoundError(
                f"there is no role {role!r}: make it first, as the server's administrator, with "
                f"CREATE ROLE {reader} LOGIN PASSWORD '...'"
            )
        if found.writes:
            raise ConflictError(f"the role {role!r} may write here: reports are read by a role of their own")
        for statement in (
            f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {reader}",
            f"GRANT USAGE ON SCHEMA public TO {reader}",
            f"GRANT SELECT ON {', '.join(readable)} TO {reader}",
        ):
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
    return readable


def reset_settings(migrator: Engine, role: str) -> str | None:
    """Take back the settings that `ALTER ROLE … SET` gives the role's sessions: the role may give them to itself.

    Returns None if there are none any more, whether or not there were any. If the migrator may not take them back,
    returns the statements that an administrator has to run, joined by `; `.
    """
    with transaction(migrator) as connection:
        found = rows(connection, "own_settings", _OwnSettings, role=role)
        if not found:
            return None
        here = f" IN DATABASE {quoted_identifier(connected_role(migrator)[1])}"
        statements = [f"ALTER ROLE {quoted_identifier(role)}{here if row.is_here else ''} RESET ALL" for row in found]
        try:
            with connection.begin_nested():
                for statement in statements:
                    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
        except ProgrammingError as error:
            if not isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
                raise
            return "; ".join(statements)
    return None


def restore_password(migrator: Engine, role: str, password: str) -> None:
    """Give the role this password again: it may have given itself another one."""
    with transaction(migrator) as connection:
        driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
        # Encrypted here: a statement may end up in a log.
        kept = driver.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
        statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(kept))
        driver.execute(statement)


def require_privileges(engine: Engine) -> None:
    """Raise UnavailableError where the engine's role lacks a privilege. The schema must be current."""
    needed = [msgspec.structs.asdict(privilege) for privilege in _needed()]
    with transaction(engine) as connection:
        lacking = values(connection, "lacking_privileges", needed=Jsonb(needed))
    if lacking:
        more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
        raise UnavailableError(
            f"the role {connected_role(engine)[0]!r} lacks {', '.join(lacking[:_SHOWN])}{more}: "
            "grant what it needs with `broadcaster db upgrade`"
        )


def excess(engine: Engine) -> list[str]:
    """What the engine's role may do beyond what commands and workers do, as far as it touches evidence."""
    with transaction(engine) as connection:
        return values(connection, "excess_privileges")


def quoted_identifier(name: str) -> str:
    """A name as an identifier in SQL."""
    return sql.Identifier(name).as_string(None)


def _needed() -> Iterator[_Privilege]:
    flat = " ".join(_COMMENT.sub("", schema.script("grants")).split())
    for grant in _GRANT.finditer(flat):
        columns = [name.strip() for name in grant["columns"].split(",")] if grant["columns"] else [None]
        for each in _SEPARATOR.split(grant["objects"].strip()):
            yield from (_Privilege(grant["privilege"], grant["kind"] or "TABLE", each, column) for column in columns)
