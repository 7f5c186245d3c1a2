"""`broadcaster phone show`: the card of a person, on the screen, as JSON or as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from broadcaster.cli.database import database, vault_opener
from broadcaster.cli.options.phones import Country, phone_of, understood
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_json, say_table
from broadcaster.cli.output_files import STANDARD_OUTPUT, open_output
from broadcaster.cli.phone.card_page import Table, page
from broadcaster.cli.phone.person import Number
from broadcaster.domain.whatsapp_numbers import forms
from broadcaster.errors import UsageError
from broadcaster.services.consent.person_records import PersonRecords, Record, records_of_phone
from broadcaster.services.countries import known_country
from broadcaster.settings import load
from broadcaster.time_zones import shown_time


def show(
    number: Number,
    country: Country = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write it as a page that a browser shows and prints, or as PDF."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what is stored of a number: the card of a person.

    Consents and how they were given, every message and why it was sent, replies, opt-outs, audiences, rejected rows,
    and whether the number is forgotten. For a person who asks, or complains: under every number under which WhatsApp
    may keep her. Other people's variables, texts and what a gateway said of others are not looked through. --html
    writes one file, which needs no network.

    Example: broadcaster phone show +628123456789 --html card.html
    """
    if html is not None and as_json:
        raise UsageError("--html with --json: one of them")
    settings = load()
    with database(settings) as engine:
        phone = phone_of("NUMBER", number, known_country(engine, settings, country))
        forgotten_at, records = records_of_phone(engine, phone, vault_opener(settings))
    if as_json:
        say_json({"phone": phone, "numbers": forms(phone), "forgotten_at": forgotten_at, **records._asdict()})
    elif html is not None:
        with open_output(html) as file:
            file.write(page(_heading(phone, forgotten_at), _tables(records)))
        if html != STANDARD_OUTPUT:
            say(f"{understood(phone)}: written to {html}")
    else:
        for line in _heading(phone, forgotten_at):
            say(line)
        for table in _tables(records):
            say(f"{table.title}: {len(table.lines):,}")
            if table.lines:
                say_table(
                    table.headers, table.lines, folded=[each for each in table.headers if not each.endswith(" AT")]
                )


def _heading(phone: str, forgotten_at: datetime | None) -> list[str]:
    """Which number it is, and under which others the same person is looked for."""
    others = ", ".join(f"+{form}" for form in forms(phone) if form != phone)
    return [
        f"number: {understood(phone)}",
        *([f"also looked for: {others}"] if others else []),
        *([f"forgotten since {shown_time(forgotten_at)}"] if forgotten_at else []),
    ]


def _tables(records: PersonRecords) -> list[Table]:
    return [_table(what.replace("_", "-"), rows) for what, rows in records._asdict().items()]


def _table(title: str, rows: Sequence[Record]) -> Table:
    """What the rows say, without columns in which none of them says anything."""
    names = [name for name in (rows[0] if rows else ()) if any(row[name] is not None for row in rows)]
    headers = [name.upper().replace("_", " ") for name in names]
    return Table(title, headers, [[_shown(row[name]) for name in names] for row in rows])


def _shown(value: object) -> object:
    """Moments and variables as people write them."""
    if isinstance(value, datetime):
        return shown_time(value)
    return ", ".join(f"{name}={each}" for name, each in value.items()) if isinstance(value, Mapping) else value
