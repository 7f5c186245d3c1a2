"""`broadcaster audience add-member|edit-member|remove-member`: one member by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from broadcaster.cli.audience import Name
from broadcaster.cli.database import database, vault_opener
from broadcaster.cli.options.phones import Country, phone_of
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_json, warn
from broadcaster.domain.templates import variable_name
from broadcaster.errors import UsageError, quoted
from broadcaster.services.audiences import members
from broadcaster.services.audiences.members import EditedMember
from broadcaster.services.countries import known_country
from broadcaster.settings import load

Phone = Annotated[str, typer.Argument(metavar="PHONE", help="The member's phone.", show_default=False)]
Values = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="A variable of the member. May be repeated; --set name= is empty."
    ),
]


def add(name: Name, phone: Phone, values: Values = None, country: Country = None, as_json: Json = False) -> None:
    """Add one member to an audience.

    Variables that are not given are missing, as where an import does not have their column.

    Example: broadcaster audience add-member customers 0812-3456-7890 --country ID --set name=Ayu --set city=Jakarta
    """
    settings = load()
    given = _variables(values)
    with database(settings) as engine:
        digits = phone_of("PHONE", phone, known_country(engine, settings, country))
        member = members.add_member(engine, name, digits, given, open_vault=vault_opener(settings))
    _say(member, "is added to", as_json)


def edit(name: Name, phone: Phone, values: Values = None, country: Country = None, as_json: Json = False) -> None:
    """Change variables of one member, and keep the others.

    Campaigns that have started keep what they had.

    Example: broadcaster audience edit-member customers +6281234567890 --set city=Bandung
    """
    given = _variables(values)
    if not given:
        raise UsageError("--set is missing: say what to change, such as --set city=Bandung")
    settings = load()
    with database(settings) as engine:
        digits = phone_of("PHONE", phone, known_country(engine, settings, country))
        member = members.edit_member(engine, name, digits, given)
    _say(member, "is changed in", as_json)


def remove(name: Name, phone: Phone, country: Country = None, as_json: Json = False) -> None:
    """Remove one member: campaigns and occurrences of schedules that start from now on do not go to it.

    Campaigns that have started keep their recipients.

    Example: broadcaster audience remove-member customers +6281234567890
    """
    settings = load()
    with database(settings) as engine:
        digits = phone_of("PHONE", phone, known_country(engine, settings, country))
        member = members.remove_member(engine, name, digits)
    _say(member, "is removed from", as_json)


def _variables(values: Sequence[str] | None) -> dict[str, str]:
    """By name. Raises UsageError."""
    variables: dict[str, str] = {}
    for each in values or ():
        written, separator, value = each.partition("=")
        name = variable_name(written)
        if not separator or not name:
            raise UsageError(f"--set {quoted(each)}: write a variable and its value, such as --set city=Jakarta")
        if name in variables:
            raise UsageError(f"--set {quoted(each)}: {name} is given twice")
        variables[name] = value
    return variables


def _say(member: EditedMember, what: str, as_json: bool) -> None:
    if as_json:
        say_json(asdict(member))
        return
    say(f"{member.phone} {what} audience {member.audience}; members: {member.members:,}")
    for name, value in member.variables.items():
        say(f"  {name}: {value}")
    for remark in member.remarks:
        warn(remark)
