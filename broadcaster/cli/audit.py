"""`broadcaster audit`: what operators did."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from textwrap import wrap
from typing import Annotated, Any

import typer

from broadcaster.cli.database import reader
from broadcaster.cli.options.results import Json
from broadcaster.cli.options.when import given_moment
from broadcaster.cli.output import console, local_time, one_line, say, say_json, say_table
from broadcaster.domain.moments import WholeDay
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.pacing import format_rate
from broadcaster.errors import UsageError
from broadcaster.services.audit import AuditEntry, hours_by_id, read_audit
from broadcaster.settings import load
from broadcaster.time_zones import day_and_time

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
_NOTHING = "-"
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?[+-]\d{2}:\d{2}")
"""As Postgres writes a moment into JSON."""
_RATE = "rate_per_second"
_HOURS = "hours_id"


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
        typer.Option("--since", metavar="WHEN", help='Not before: 2026-11-23, "2026-11-23 9:00", "yesterday 9:00".'),
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
        hours = {} if as_json else hours_by_id(source, _hours_of(rows))
    if as_json:
        say_json(rows)
    elif rows:
        _say_rows(rows, hours)
    elif of:
        say(f"the trail has nothing of a {wanted} called {name!r}: was it ever called so?")
    else:
        say("nobody has changed anything of that kind")


def _say_rows(rows: Sequence[AuditEntry], hours: Mapping[int, OpeningHours]) -> None:
    """A table where it fits, or else a paragraph for each row: columns of a dozen characters cannot be read."""
    listed = [
        [
            str(local_time(row.at)),
            f"{row.operator}@{row.host}",
            str(row.command),
            f"{row.object_kind} {row.object_name}",
            _change(row, hours),
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


def _hours_of(rows: Sequence[AuditEntry]) -> set[int]:
    """The ids of all opening hours that were, or are."""
    found = {(values or {}).get(_HOURS) for row in rows for values in (row.before, row.after)}
    return {each for each in found if each is not None}


def _change(row: AuditEntry, hours: Mapping[int, OpeningHours]) -> str:
    """`added burst=2, name=main`, `rate 60/min -> 2/s`."""
    before, after = _shown(row.before, hours), _shown(row.after, hours)
    if row.action != "changed":
        return f"{row.action} {', '.join(f'{name}={value}' for name, value in sorted({**before, **after}.items()))}"
    return ", ".join(
        f"{name} {old} -> {new}"
        for name in sorted({*before, *after})
        if (old := before.get(name, _NOTHING)) != (new := after.get(name, _NOTHING))
    )


def _shown(values: Mapping[str, Any] | None, hours: Mapping[int, OpeningHours]) -> dict[str, str]:
    """The values as people write them."""
    shown = {name: _value(value) for name, value in (values or {}).items()}
    if (written := shown.pop(_HOURS, None)) is not None:
        known = hours.get((values or {})[_HOURS])
        shown["windows"] = written if known is None else str(known)
    if shown.pop(_RATE, None) is not None:
        shown["rate"] = format_rate((values or {})[_RATE])
    return shown


def _value(value: Any) -> str:
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return day_and_time(datetime.fromisoformat(value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={_value(each)}" for name, each in value.items())
    if isinstance(value, list):
        return "/".join(map(_value, value)) or _NOTHING
    return _NOTHING if value is None else str(value)
