"""`broadcaster audience`: recipients that are kept under a name."""

from __future__ import annotations

from pathlib import Path

import msgspec

from broadcaster.cli.audience import Name
from broadcaster.cli.csv_output import write_csv
from broadcaster.cli.database import database
from broadcaster.cli.options.recipients import ExcludeOption, WhereOption, parse_members
from broadcaster.cli.options.results import CsvFile, Json
from broadcaster.cli.output import say, say_fields, say_json, say_table
from broadcaster.domain.conditions import describe_conditions
from broadcaster.services.audiences import audience as audiences
from broadcaster.services.audiences.selection import count_members, export_members
from broadcaster.settings import load
from broadcaster.time_zones import shown_time


def list_all(as_json: Json = False) -> None:
    """List all audiences.

    Example: broadcaster audience list --json
    """
    with database(load()) as engine:
        rows = audiences.list_audiences(engine)
    if as_json:
        say_json(rows)
    elif rows:
        say_table(
            ["NAME", "MEMBERS", "CHANGED", "VARIABLES"],
            (
                [row.name, row.members, shown_time(row.changed_at, seconds=True), ", ".join(row.variables)]
                for row in rows
            ),
            folded=["NAME", "VARIABLES"],
        )
    else:
        say("there are no audiences yet: make one with `broadcaster audience import`")


def show(name: Name, where: WhereOption = None, exclude: ExcludeOption = None, as_json: Json = False) -> None:
    """Show an audience, what uses it, and how many of its members meet the conditions.

    Example: broadcaster audience show customers --where 'city in (Jakarta, Solo) and not messaged within 30d'
    """
    conditions = parse_members(where, exclude)
    with database(load()) as engine:
        audience = audiences.show_audience(engine, name)
        matching = count_members(engine, name, conditions) if conditions else None
    if as_json:
        document = msgspec.structs.asdict(audience)
        if matching:
            where = [str(condition) for condition in matching.conditions]
            document |= {"where": where, "matching": matching.members, "notes": list(matching.notes)}
        say_json(document)
        return
    fields: dict[str, object] = {
        "audience": name,
        "members": audience.members,
        "variables": ", ".join(audience.variables),
        "schedules": ", ".join(audience.schedules),
        "campaigns to start": ", ".join(audience.campaigns),
        "created": shown_time(audience.created_at),
        "changed": shown_time(audience.changed_at),
    }
    if matching:
        fields["where"] = describe_conditions(matching.conditions)
        fields["matching"] = matching.members
    say_fields({field: value if value != "" else None for field, value in fields.items()})
    for note in matching.notes if matching else ():
        say(f"note: {note}")


def export(
    name: Name,
    output: CsvFile = Path("-"),
    where: WhereOption = None,
    exclude: ExcludeOption = None,
) -> None:
    """Write the members and their variables as CSV (UTF-8), in the order of phones.

    The phones are in column phone_e164, so that they are read again with their country code first.

    Cells that a spreadsheet would take for a formula begin with an apostrophe, which `audience import` takes away.
    On standard output control characters are written out, such as \\x1b; a file holds all as it is.

    Example: broadcaster audience export customers --where city=Jakarta --output jakarta.csv
    """
    conditions = parse_members(where, exclude)
    with database(load()) as engine:
        write_csv(output, export_members(engine, name, conditions))


def remove(name: Name, as_json: Json = False) -> None:
    """Remove an audience. Refused while a schedule uses it or a campaign over it has yet to start.

    Campaigns that have started keep their recipients.

    Example: broadcaster audience remove customers
    """
    with database(load()) as engine:
        members = audiences.remove_audience(engine, name)
    if as_json:
        say_json({"name": name, "removed": True, "members": members})
    else:
        say(f"audience {name} is removed, with its {members:,} members")
