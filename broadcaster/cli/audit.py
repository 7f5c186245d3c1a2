"""`broadcaster audit`: what operators did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from broadcaster.cli.database import reader
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import local_time, say, say_json, say_table
from broadcaster.cli.schedule.options import parse_moment
from broadcaster.errors import UsageError
from broadcaster.services.audit import AuditEntry, read_audit
from broadcaster.settings import load

KINDS = ("instance", "campaign", "audience", "schedule", "occurrence", "phone", "secrets", "database")
"""What the trail has rows of."""


def audit(
    of: Annotated[
        tuple[str, str] | None,
        typer.Option("--object", metavar="KIND NAME", help="Only of this one: --object instance main."),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", help=f"Only of one kind: {', '.join(KINDS)}."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help="Not before: 2026-11-23, or 2026-11-23T09:00+07:00.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=100_000, help="How many.")] = 50,
    as_json: Json = False,
) -> None:
    """Show what operators did by commands, the latest last: who, when, to what, before and after.

    The account and the machine are what the command said of itself; moments are the database's. docs/security-roles.md
    has what is in it and what is not.

    Example: broadcaster audit --object campaign spring --since 2026-11-01
    """
    moment = parse_moment(since, "--since", datetime.now().astimezone().tzinfo or UTC)
    wanted, name = of or (kind, None)
    option = "--object" if of else "--kind"
    if wanted is not None and wanted not in KINDS:
        raise UsageError(f"{option}: there is no kind {wanted[:40]!r}; there are {', '.join(KINDS)}")
    if of and kind is not None and kind != wanted:
        raise UsageError(f"--kind: {kind[:40]!r} is not the kind of --object; leave it out")
    with reader(load()) as source:
        rows = read_audit(source, kind=wanted, name=name, since=moment, limit=limit)
    if as_json:
        say_json(rows)
    elif rows:
        say_table(
            ["WHEN", "WHO", "COMMAND", "OBJECT", "CHANGE"],
            (
                [
                    local_time(row.at),
                    f"{row.operator}@{row.host}",
                    row.command,
                    f"{row.object_kind} {row.object_name}",
                    _change(row),
                ]
                for row in rows
            ),
            folded=["WHEN", "WHO", "COMMAND", "OBJECT", "CHANGE"],
        )
    elif of:
        say(f"the trail has nothing of a {wanted} called {name!r}: was it ever called so?")
    else:
        say("nobody has changed anything of that kind")


def _change(row: AuditEntry) -> str:
    """`added name=main`, `rate_per_second 1 -> 2`."""
    before, after = row.before or {}, row.after or {}
    if row.action != "changed":
        values = ", ".join(f"{name}={_value(value)}" for name, value in sorted({**before, **after}.items()))
        return f"{row.action} {values}"
    names = sorted({*before, *after})
    return ", ".join(f"{name} {_value(before.get(name))} -> {_value(after.get(name))}" for name in names)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={_value(each)}" for name, each in value.items())
    if isinstance(value, list):
        return "/".join(map(_value, value)) or "-"
    return "-" if value is None else str(value)
