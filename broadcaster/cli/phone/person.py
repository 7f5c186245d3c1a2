"""`broadcaster phone forget`, `readmit`, `reset`: forgetting a person."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import typer
from sqlalchemy import Engine

from broadcaster.cli.database import database, vault_opener
from broadcaster.cli.options.phones import Country, phone_of, read_phone, understood, what_to_do
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_json, warn
from broadcaster.domain.phones import PhoneError
from broadcaster.domain.states import MessageState
from broadcaster.errors import ConflictError, ContentionError, InputError, NotFoundError, UsageError
from broadcaster.services.countries import known_country
from broadcaster.services.forgetting import phone_forgetting as forgetting
from broadcaster.services.forgetting.phone_forgetting import OnItsWay, Traces
from broadcaster.settings import Settings, load
from broadcaster.time_zones import shown_time

_STANDARD_INPUT = "-"
_MOST_NUMBERS = 100_000
_NOTHING_CHANGED = "nothing was changed"
_EXAMPLE = "With its country code, such as +628123456789"

Number = Annotated[str, typer.Argument(metavar="NUMBER", help=f"{_EXAMPLE}.", show_default=False)]
Numbers = Annotated[
    str,
    typer.Argument(
        metavar="NUMBER", help=f"{_EXAMPLE}. `-` reads one a line from standard input.", show_default=False
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do it, instead of showing what would happen.")]


def forget(
    number: Numbers,
    country: Country = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what there is, as without --yes.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it, instead of showing what would go. For good.")] = False,
    as_json: Json = False,
) -> None:
    """Remove everything of a number: of messages, replies, consents, audiences and rejected rows. Counts stay.

    Shows what there is, and with --yes removes it for good. What waits to be sent to it is skipped. Files, audiences
    and tests with this number are refused from then on, by a keyed hash, until `phone readmit`. A message that is on
    its way, or may yet arrive, is waited for, a minute at most. With `-` no number is in `ps` or the shell's history:
    each line is done for itself and told by its number, and the exit code is 1 where one was refused.

    Example: broadcaster phone forget +628123456789 --yes
    """
    if yes and dry_run:
        raise UsageError("--yes with --dry-run: one says to do it, the other not to")
    settings = load()
    if number == _STANDARD_INPUT:
        _forget_lines(settings, country, yes, as_json)
        return
    with database(settings) as engine:
        phone = phone_of("NUMBER", number, known_country(engine, settings, country))
        found = _forget(engine, settings, phone, yes)
    if as_json:
        say_json({"phone": phone, "forgotten": yes, **msgspec.structs.asdict(found)})
    else:
        say(f"number: {understood(phone)}")
        _tell(found)


def readmit(number: Number, country: Country = None, yes: Yes = False, as_json: Json = False) -> None:
    """Let a number that was forgotten be taken in again: only if the person has agreed to it anew.

    Shows since when it is forgotten, and with --yes takes it in again. Nothing that was removed comes back.

    Example: broadcaster phone readmit +628123456789 --yes
    """
    settings = load()
    open_vault = vault_opener(settings)
    with database(settings) as engine:
        phone = phone_of("NUMBER", number, known_country(engine, settings, country))
        since = forgetting.traces_of_phone(engine, phone, open_vault).forgotten_at
        name = forgetting.readmit_phone(engine, open_vault(), phone) if yes and since else None
    if since is None:
        raise NotFoundError("this number is not among those that were forgotten: it is taken in as it is")
    if as_json:
        say_json({"readmitted": name is not None, "forgotten_at": since, "name": name})
    elif name is None:
        say(f"forgotten since {shown_time(since)}; {_NOTHING_CHANGED}; add --yes if the person has agreed again")
    else:
        say("the number may be taken in again; an opt-out of then holds on until `phone unblock`")


def reset(yes: Yes = False, as_json: Json = False) -> None:
    """Forget who was forgotten: all of them may be taken in again. Only where the secret key is lost for good.

    The hashes of forgotten numbers can be compared only under the secret key that there was (or `secrets rotate` has
    put in its place). Without it nobody is forgotten or taken in. Shows how many hashes there are, and with --yes
    deletes them. Find another way to keep these people out of recipients' files first.

    Example: broadcaster phone reset --yes
    """
    settings = load()
    with database(settings) as engine:
        count = (
            forgetting.reset_forgotten(engine, vault_opener(settings)()) if yes else forgetting.forgotten_count(engine)
        )
    if as_json:
        say_json({"reset": yes, "forgotten": count})
    elif yes:
        say(f"forgotten numbers that may be taken in again: {count:,}")
    else:
        say(f"forgotten numbers that could be taken in again: {count:,}; {_NOTHING_CHANGED}; add --yes")


def _forget(engine: Engine, settings: Settings, phone: str, yes: bool) -> Traces:
    def tell(held: OnItsWay) -> None:
        warn(f"{held}: waiting for it, a minute at most")

    open_vault = vault_opener(settings)
    if yes:
        return forgetting.forget_phone(engine, open_vault(), phone, on_wait=tell)
    return forgetting.traces_of_phone(engine, phone, open_vault)


def _forget_lines(settings: Settings, country: str | None, yes: bool, as_json: bool) -> None:
    """One number a line. What is said of a line does not repeat its number."""
    done: list[dict[str, Any]] = []
    failed = False
    with database(settings) as engine:
        known = known_country(engine, settings, country)
        for line, written in _lines():
            try:
                found = _forget(engine, settings, _phone_on(line, written, known), yes)
            except (UsageError, ConflictError, ContentionError) as error:
                failed = True
                warn(str(error) if isinstance(error, UsageError) else f"line {line}: {error}")
                done.append({"line": line, "forgotten": False, "error": str(error)})
                continue
            done.append({"line": line, "forgotten": yes, **msgspec.structs.asdict(found)})
            if not as_json:
                sums = f"messages: {sum(found.messages.values()):,}; audiences: {found.members:,}"
                was = f"forgotten as {found.name}" if yes else f"{_already(found)}{_NOTHING_CHANGED}"
                say(f"line {line}: {sums}; rejected rows: {found.rejected:,}; {was}")
    if as_json:
        say_json(done)
    if failed:
        raise typer.Exit(1)


def _lines() -> Iterator[tuple[int, str]]:
    """The lines of standard input that are not blank, and their numbers. Raises InputError for too many."""
    line = 0
    while written := sys.stdin.buffer.readline(1_024):
        line += 1
        if line > _MOST_NUMBERS:
            raise InputError(f"standard input, line {line:,}: at most {_MOST_NUMBERS:,} numbers at once")
        if written.strip():
            yield line, written.decode(errors="replace").strip()


def _phone_on(line: int, written: str, country: str | None) -> str:
    try:
        return read_phone(written, country)
    except PhoneError as error:
        raise UsageError(f"line {line}: {what_to_do(error, written, country)}") from None
    except UsageError as error:
        raise UsageError(f"line {line}: {error}") from None


def _already(found: Traces) -> str:
    return "" if found.forgotten_at is None else f"forgotten since {shown_time(found.forgotten_at)}; "


def _tell(found: Traces) -> None:
    states = ", ".join(f"{state}: {found.messages[state]:,}" for state in MessageState if state in found.messages)
    say(f"messages: {sum(found.messages.values()):,}" + (f", one a campaign ({states})" if states else ""))
    say(f"audiences: {found.members:,}; rejected rows of recipients files: {found.rejected:,}")
    say(f"consents: {found.consents:,}; replies: {found.replies:,}")
    if found.opt_outs:
        say(f"opt-outs: {found.opt_outs:,}, which hold on, without the number")
    if found.name is None:
        say(f"{_already(found)}{_NOTHING_CHANGED}; add --yes to forget the number")
    else:
        say(f"the number is forgotten, and taken in no more; the audit trail calls it {found.name}")
