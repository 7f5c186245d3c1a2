"""`broadcaster phone block`, `unblock`, `list`: who gets no messages, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from broadcaster.cli.database import database, reader, vault_opener
from broadcaster.cli.options.phones import Country, phone_of, understood
from broadcaster.cli.options.recipients import recipients_source
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_json, say_table, warn
from broadcaster.cli.recipient_progress import progress_bar
from broadcaster.domain.names import check_remark
from broadcaster.errors import UsageError, quoted
from broadcaster.services.consent.block_list import (
    Blocked,
    OptOut,
    block_file,
    block_phones,
    list_opt_outs,
    unblock_file,
    unblock_phones,
)
from broadcaster.services.countries import known_country
from broadcaster.services.recipients.hidden_rows import HiddenRowsRule
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import RecipientReader, read_recipients
from broadcaster.settings import load
from broadcaster.time_zones import shown_time

_EVERYWHERE = "all"
_MOST_SHOWN = 10
"""Numbers of one command that are said as they were read; --json has all of them."""

Reason = Annotated[
    str | None, typer.Option("--reason", metavar="WORDS", help="Why, for the record. No part of it is sent.")
]
OneInstance = Annotated[
    str | None,
    typer.Option("--instance", metavar="NAME", help="Only messages through this one. Default: through all."),
]


Numbers = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NUMBER]…", help="With their country codes, such as +628123456789.", show_default=False),
]
NumbersFile = Annotated[
    Path | None,
    typer.Option(
        "--file",
        metavar="FILE",
        help="A CSV, .xlsx, .ods or .vcf file with a column phone; - reads standard input.",
    ),
]
PhoneColumnOption = Annotated[
    str | None, typer.Option("--phone-column", metavar="COLUMN", help="Of the file. Default: phone.")
]


def block(
    numbers: Numbers = None,
    file: NumbersFile = None,
    reason: Reason = None,
    instance: OneInstance = None,
    country: Country = None,
    phone_column: PhoneColumnOption = None,
    as_json: Json = False,
) -> None:
    """Send nothing more to these numbers, in any campaign, also one that is running: from a second later on.

    Every form of a number counts as the same person. What waits for such a number is skipped, with the reason
    `opted_out`, and so is whatever is submitted later. All of the numbers are blocked, or none. Who did it, when, by
    which command and why is kept, also when `phone unblock` ends it.

    Example: broadcaster phone block +628123456789 --reason "asked on the phone"
    """
    _check_who(numbers, file, phone_column)
    check_remark(reason, "--reason")
    settings = load()
    open_vault = vault_opener(settings)
    phones: list[str] = []
    with database(settings) as engine:
        known = known_country(engine, settings, country)
        if file is None:
            phones = _phones(numbers or [], known)
            blocked = block_phones(engine, phones, reason=reason, instance=instance, open_vault=open_vault)
        else:
            # Whoever is left out would go on getting messages.
            with _numbers_of(file, phone_column, known, HiddenRowsRule.TAKE) as rows, progress_bar() as progress:
                blocked = block_file(
                    engine,
                    rows,
                    reason=reason,
                    instance=instance,
                    open_vault=open_vault,
                    progress=progress,
                    on_fault=warn,
                )
    if as_json:
        say_json({"phones": phones, **asdict(blocked)})
    else:
        if phones:
            say(f"numbers: {', '.join(map(understood, phones[:_MOST_SHOWN]))}{', …' * (len(phones) > _MOST_SHOWN)}")
        _say_blocked(blocked)


def unblock(
    numbers: Numbers = None,
    file: NumbersFile = None,
    reason: Reason = None,
    instance: Annotated[
        str | None,
        typer.Option("--instance", metavar="NAME", help="Only the opt-outs from this one. Default: all of theirs."),
    ] = None,
    country: Country = None,
    phone_column: PhoneColumnOption = None,
    as_json: Json = False,
) -> None:
    """Let numbers get messages again, however they were blocked: only if the person has agreed to it anew.

    The opt-out stays on record, with who ended it, when and why. What was skipped meanwhile stays skipped. All of the
    numbers are unblocked, or none; rows of --file that a spreadsheet hides refuse it.

    Example: broadcaster phone unblock +628123456789 --reason "agreed again, form of 27 November"
    """
    _check_who(numbers, file, phone_column)
    check_remark(reason, "--reason")
    settings = load()
    why = {"reason": reason, "instance": instance}
    with database(settings) as engine:
        known = known_country(engine, settings, country)
        if file is None:
            unblocked = unblock_phones(engine, _phones(numbers or [], known), **why)
        else:
            with _numbers_of(file, phone_column, known) as rows, progress_bar() as progress:
                unblocked = unblock_file(engine, rows, **why, progress=progress, on_fault=warn)
    if as_json:
        say_json(asdict(unblocked))
        return
    say(f"unblocked: {unblocked.unblocked:,} of {unblocked.read:,}")
    if unblocked.repeated:
        say(f"given again: {unblocked.repeated:,}")
    if others := unblocked.read - unblocked.repeated - unblocked.unblocked:
        say(f"were not blocked: {others:,}" + (f" for instance {instance} alone" if instance else ""))
    for notice in unblocked.notices:
        warn(notice)


def list_(
    instance: Annotated[
        str | None, typer.Option("--instance", metavar="NAME", help="Only opt-outs from this one's messages.")
    ] = None,
    ended: Annotated[bool, typer.Option("--ended", help="Also opt-outs that have ended.")] = False,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=100_000, help="How many.")] = 50,
    as_json: Json = False,
) -> None:
    """List who has opted out, the latest first: since when, from what, by what, and in which words.

    A person who has several opt-outs that hold is listed once, with what the one from all instances says, or else the
    latest; --json and --ended have each. The view `optouts` has them all, for SQL.

    Example: broadcaster phone list --limit 1000 --json
    """
    with reader(load()) as source:
        found = list_opt_outs(source, instance=instance, ended=ended, limit=limit)
    if as_json:
        say_json(found)
    elif found:
        people = [[each] for each in found] if ended else _by_person(found)
        cells = [
            [
                opt_outs[0].phone,
                ", ".join(dict.fromkeys(each.instance or _EVERYWHERE for each in opt_outs)),
                shown_time(opt_outs[0].stopped_at, seconds=True),
                ", ".join(dict.fromkeys(each.way for each in opt_outs)),
                opt_outs[0].operator,
                opt_outs[0].words,
                *([shown_time(opt_outs[0].ended_at, seconds=True)] if ended else []),
            ]
            for opt_outs in people
        ]
        headers = ["PHONE", "INSTANCE", "SINCE", "BY", "WHO", "WORDS", *(["UNTIL"] if ended else [])]
        say_table(headers, cells, folded=["INSTANCE", "WHO", "WORDS"])
        if len(found) == limit:
            say(f"the latest {limit:,}; --limit shows more")
    else:
        say("nobody has opted out")


def _by_person(found: Sequence[OptOut]) -> list[list[OptOut]]:
    """The opt-outs of each person together, the one that tells the most first."""
    people: dict[str, list[OptOut]] = {}
    for each in found:
        people.setdefault(each.phone, []).append(each)
    return [sorted(opt_outs, key=lambda each: each.instance is not None) for opt_outs in people.values()]


def _check_who(numbers: Sequence[str] | None, file: Path | None, phone_column: str | None) -> None:
    if bool(numbers) == (file is not None):
        raise UsageError("say who: one or more NUMBERs, or --file, and not both")
    if file is None and phone_column is not None:
        raise UsageError("--phone-column goes with --file")


def _numbers_of(
    file: Path, phone_column: str | None, country: str | None, hidden_rows: HiddenRowsRule | None = None
) -> RecipientReader:
    """The numbers of a file, of which each row has to have one."""
    options = RecipientOptions(
        phone_column=phone_column, country=country, accept_rejected=True, hidden_rows=hidden_rows, again=True
    )
    return read_recipients(recipients_source(file), options)


def _phones(numbers: Sequence[str], country: str | None) -> list[str]:
    """All of them as digits. Raises UsageError, after a line for each that is none but the last."""
    phones: list[str] = []
    faults: list[UsageError] = []
    for written in numbers:
        try:
            phones.append(phone_of("NUMBER", written, country))
        except UsageError as error:
            faults.append(error)
    for each in faults[:-1]:
        warn(str(each))
    if faults:
        raise faults[-1]
    return phones


def _say_blocked(blocked: Blocked) -> None:
    which = f"messages through instance {quoted(blocked.instance)}" if blocked.instance else "all messages"
    say(f"blocked from {which}: {blocked.blocked:,} of {blocked.read:,}")
    if blocked.already:
        say(f"blocked already: {blocked.already:,}; their earlier evidence stays")
    if blocked.repeated:
        say(f"given again: {blocked.repeated:,}")
    if blocked.forgotten:
        say(f"forgotten: {blocked.forgotten:,}; nothing is sent to these as it is, and nothing of them is kept")
    for notice in blocked.notices:
        warn(notice)
