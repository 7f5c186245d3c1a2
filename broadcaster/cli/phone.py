"""`broadcaster phone`: forgetting a person."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from sqlalchemy import Engine

from broadcaster.cli.campaign import Json
from broadcaster.cli.database import database
from broadcaster.cli.groups import lazy_group
from broadcaster.cli.options.phones import phone_of
from broadcaster.cli.output import say, say_json, warn
from broadcaster.crypto import open_vault
from broadcaster.domain.states import MessageState
from broadcaster.errors import NotFoundError, UsageError
from broadcaster.services.forgetting import phone as forgetting
from broadcaster.services.forgetting.phone import OnItsWay, Traces
from broadcaster.settings import Settings, load

app = lazy_group(
    {
        "forget": ("broadcaster.cli.phone:forget", "Remove everything of a number, and take it in no more."),
        "readmit": ("broadcaster.cli.phone:readmit", "Let a number that was forgotten be taken in again."),
    },
    "Forget a person's number, or take it in again.",
)

Number = Annotated[
    str,
    typer.Argument(metavar="NUMBER", help="With its country code, such as +628123456789.", show_default=False),
]
Country = Annotated[
    str | None,
    typer.Option("--country", metavar="ID", help="Of a number that is written without its country code: ID, DE, …"),
]


def forget(
    number: Number,
    country: Country = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what there is, as without --yes.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it, instead of showing what would go. For good.")] = False,
    as_json: Json = False,
) -> None:
    """Remove everything of a number: from messages, audiences and rejected rows. Counts stay as they are.

    Shows what there is, and with --yes removes it for good. What waits to be sent to it is skipped. Files, audiences
    and tests with this number are refused from then on, by a keyed hash, until `phone readmit`. A message that is on
    its way is waited for, a minute at most.

    Example: broadcaster phone forget +628123456789 --yes
    """
    phone = phone_of("NUMBER", number, country)
    if yes and dry_run:
        raise UsageError("--yes with --dry-run: one says to do it, the other not to")
    settings = load()
    with database(settings) as engine:
        found = _forget(engine, settings, phone) if yes else forgetting.traces(engine, phone)
    if as_json:
        say_json({"forgotten": yes, **asdict(found)})
    else:
        _tell(found)


def readmit(number: Number, country: Country = None, as_json: Json = False) -> None:
    """Let a number that was forgotten be taken in again: the person has agreed to it anew.

    Nothing that was removed comes back.

    Example: broadcaster phone readmit +628123456789
    """
    phone = phone_of("NUMBER", number, country)
    settings = load()
    with database(settings) as engine:
        name = forgetting.readmit(engine, open_vault(settings), phone)
    if name is None:
        raise NotFoundError("this number is not among those that were forgotten: it is taken in as it is")
    if as_json:
        say_json({"readmitted": True, "name": name})
    else:
        say("the number may be taken in again")


def _forget(engine: Engine, settings: Settings, phone: str) -> Traces:
    def tell(held: OnItsWay) -> None:
        warn(f"{held}: waiting for it, a minute at most")

    return forgetting.forget(engine, open_vault(settings), phone, on_wait=tell)


def _tell(found: Traces) -> None:
    states = ", ".join(f"{state}: {found.messages[state]:,}" for state in MessageState if state in found.messages)
    say(f"messages: {sum(found.messages.values()):,}" + (f", one a campaign ({states})" if states else ""))
    say(f"audiences: {found.members:,}; rejected rows of recipients files: {found.rejected:,}")
    if found.name is None:
        say("nothing was changed; add --yes to forget the number")
    else:
        say(f"the number is forgotten, and taken in no more; the audit trail calls it {found.name}")
