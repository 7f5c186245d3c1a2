"""`broadcaster audit`: what operators did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Annotated

import typer

from broadcaster.cli.database import reader
from broadcaster.cli.options.results import Json
from broadcaster.cli.options.when import given_moment
from broadcaster.cli.output import console, one_line, say, say_json, say_table
from broadcaster.domain.changed_settings import changed_settings, shown_settings
from broadcaster.domain.moments import WholeDay
from broadcaster.errors import UsageError
from broadcaster.services.audit import AuditEntry, hours_of_entries, read_audit
from broadcaster.settings import load
from broadcaster.time_zones import shown_time

KINDS = (
    "instance",
    "limit",
    "campaign",
    "audience",
    "schedule",
    "occurrence",
    "phone",
    "consent",
    "receiver",
    "secrets",
    "database",
)
"""What the trail has rows of."""
_TABLE_WIDTH = 120
"""Characters. In a narrower terminal the trail is no table."""


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
        str | None,
        typer.Option("--since", metavar="WHEN", help='Not before: 2026-11-23, yesterday, "yesterday 9:00".'),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=100_000, help="How many.")] = 50,
    as_json: Json = False,
) -> None:
    """Show what operators did by commands, the latest last: who, when, to what, before and after.

    The account and the machine are what the command said of itself; moments are the database's. docs/security-roles.md
    has what is in it and what is not.

    Example: broadcaster audit --object campaign spring --since 2026-11-01
    """
    moment = given_moment(since, "--since", whole_day=WholeDay.FIRST, looks_back=True)
    wanted, name = of or (kind, None)
    option = "--object" if of else "--kind"
    if wanted is not None and wanted not in KINDS:
        raise UsageError(f"{option}: there is no kind {wanted[:40]!r}; there are {', '.join(KINDS)}")
    if of and kind is not None and kind != wanted:
        raise UsageError(f"--kind: {kind[:40]!r} is not the kind of --object; leave it out")
    with reader(load()) as source:
        rows = read_audit(source, kind=wanted, name=name, since=moment, limit=limit)
        hours = {} if as_json else hours_of_entries(source, rows)
    if as_json:
        say_json(rows)
    elif rows:
        _say_rows(rows, {each: str(kept) for each, kept in hours.items()})
    elif of:
        say(f"the trail has nothing of a {wanted} called {name!r}: was it ever called so?")
    else:
        say("nobody has changed anything of that kind")


def _say_rows(rows: Sequence[AuditEntry], said_hours: Mapping[int, str]) -> None:
    """A table where it fits, or else a paragraph for each row: columns of a dozen characters cannot be read."""
    listed = [
        [
            shown_time(row.at, seconds=True),
            f"{row.operator}@{row.host}",
            str(row.command),
            f"{row.object_kind} {row.object_name}",
            _change(row, said_hours),
        ]
        for row in rows
    ]
    width = console().width
    if width >= _TABLE_WIDTH:
        say_table(["WHEN", "WHO", "COMMAND", "OBJECT", "CHANGE"], listed, folded=["WHO", "OBJECT", "CHANGE"])
        return
    for *heading, change in listed:
        said = one_line(f"{'  '.join(heading)}: {change}")
        for line in wrap(said, width, subsequent_indent="    ", break_on_hyphens=False):
            say(line)


def _change(row: AuditEntry, said_hours: Mapping[int, str]) -> str:
    """`added burst=2, name=main`, `rate 60/min -> 2/s`."""
    before, after = row.before or {}, row.after or {}
    if row.action == "changed":
        changed = changed_settings(before, after, said_hours, shown_time)
        return ", ".join(f"{name} {was} -> {now}" for name, (was, now) in changed.items())
    shown = shown_settings({**before, **after}, said_hours, shown_time)
    return f"{row.action} {', '.join(f'{name}={value}' for name, value in sorted(shown.items()))}"
