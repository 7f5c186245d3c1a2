"""`broadcaster limit`: its commands."""

from __future__ import annotations

from shlex import quote
from typing import Annotated

import msgspec
import typer

from broadcaster.cli.database import database
from broadcaster.cli.limit import Name
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_fields, say_json, say_table
from broadcaster.domain.span_limits import SpanLimit, parse_span_limit
from broadcaster.services import frequency, shared_limits
from broadcaster.services.shared_limits import SharedLimit
from broadcaster.settings import load
from broadcaster.time_zones import shown_time

Allowed = Annotated[
    str,
    typer.Argument(metavar="LIMIT", help="So many in any hour or any 24 hours: 200/h, 2000/d.", show_default=False),
]


_NO_LIMIT: dict[str, object] = dict.fromkeys(("name", "taken", "free_at", "instances", "campaigns", "schedules"))
"""What `list --json` says of a cap beside its numbers."""


def add(name: Name, limit: Allowed) -> None:
    """Add a limit over all messages of the instances that share it, or of the campaigns.

    It holds for those that are given it: instances, or campaigns and schedules, and not both.

    Example: broadcaster limit add customers 2000/d, then broadcaster campaign submit promo … --limit customers
    """
    settings, parsed = load(), parse_span_limit(limit)
    with database(settings) as engine:
        shared_limits.add_limit(engine, name, parsed, grace=settings.acceptance_seconds)
    say(
        f"added limit {name}, {parsed}: it holds for instances, campaigns or schedules that are given it with "
        f"--limit {quote(name)}"
    )


def change(name: Name, limit: Allowed) -> None:
    """Let a limit allow more or less, at once. What has been sent counts as before.

    Example: broadcaster limit set customers 3000/d
    """
    parsed = parse_span_limit(limit)
    with database(load()) as engine:
        shared_limits.set_limit(engine, name, parsed)
    say(f"limit {name} is {parsed} now")


def list_all(as_json: Json = False) -> None:
    """List all shared limits: what they allow, what is left, and for how many instances or campaigns they hold.

    And the caps on what each person gets (`limit person`), without a name in --json.
    """
    with database(load()) as engine:
        found, caps = shared_limits.show_limits(engine), frequency.show_caps(engine)
    if as_json:
        say_json([*map(_document, found), *(_NO_LIMIT | msgspec.structs.asdict(cap) for cap in caps)])
        return
    if caps:
        say(f"each person gets at most {', '.join(str(each.cap) for each in caps)}, whatever the campaigns")
    if found:
        headers = ["NAME", "LIMIT", "LEFT", "FREE AT", "HOLDS FOR"]
        say_table(headers, [_cells(limit) for limit in found], folded=["NAME"])
    elif not caps:
        say("there are no shared limits yet: add one with `broadcaster limit add NAME 2000/d`")


def show(name: Name, as_json: Json = False) -> None:
    """Show one limit: what is left of it, and for which instances, campaigns and schedules it holds.

    Campaigns that have ended are left out; what they sent counts.
    """
    with database(load()) as engine:
        [found] = shared_limits.show_limits(engine, name)
    if as_json:
        say_json(_document(found))
        return
    say_fields(
        {
            "name": found.name,
            "limit": str(SpanLimit(found.most, found.span_seconds)),
            "left": max(0, found.most - found.taken),
            "free at": shown_time(found.free_at),
            **{noun: ", ".join(names) for noun, names in _holders(found).items() if names},
        }
    )


def remove(name: Name) -> None:
    """Remove a limit that holds for no instance, schedule or campaign that has not ended."""
    with database(load()) as engine:
        shared_limits.remove_limit(engine, name)
    say(f"removed limit {name}")


def _cells(limit: SharedLimit) -> tuple[object, ...]:
    left = max(0, limit.most - limit.taken)
    said = str(SpanLimit(limit.most, limit.span_seconds))
    holders = [_counted(noun, len(names)) for noun, names in _holders(limit).items() if names]
    return limit.name, said, left, shown_time(limit.free_at, seconds=True) or "now", ", ".join(holders) or None


def _holders(limit: SharedLimit) -> dict[str, list[str]]:
    """For what it holds, by what that is."""
    return {"instances": limit.instances, "campaigns": limit.campaigns, "schedules": limit.schedules}


def _counted(noun: str, number: int) -> str:
    return f"1 {noun.removesuffix('s')}" if number == 1 else f"{number:,} {noun}"


def _document(limit: SharedLimit) -> dict[str, object]:
    document = msgspec.structs.asdict(limit)
    del document["is_of_campaigns"]
    return document
