"""`broadcaster replies`: what people wrote back, and what their words asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Annotated

import msgspec
import typer

from broadcaster.cli.csv_output import write_csv
from broadcaster.cli.database import database, reader
from broadcaster.cli.groups import lazy_group
from broadcaster.cli.options.phones import Country, phone_of
from broadcaster.cli.options.results import CsvFile, Json
from broadcaster.cli.options.when import given_moment
from broadcaster.cli.output import say, say_fields, say_json, say_table
from broadcaster.domain.durations import duration
from broadcaster.domain.inbound_meanings import InboundMeaning
from broadcaster.domain.inbox_lists import phone_forms
from broadcaster.domain.moments import WholeDay
from broadcaster.errors import UsageError
from broadcaster.services.countries import known_country
from broadcaster.services.inbox_reports import ReplyFilter, StoredReply, find_reply, list_replies
from broadcaster.settings import Settings, load
from broadcaster.time_zones import shown_time

app = lazy_group(
    {
        "list": ("broadcaster.cli.reply:list_", "List what people wrote, the latest first."),
        "show": ("broadcaster.cli.reply:show", "Show one message that somebody wrote, whole."),
        "export": ("broadcaster.cli.reply:export", "Write what people wrote as CSV."),
    },
    "What people wrote back, and what their words asked for. `instance set NAME --read-replies 30s` has it read.",
)

_LONGEST_SHOWN = 200
"""Characters of a message in a table."""


@dataclass(frozen=True, slots=True)
class ReplyOptions:
    """Which replies are meant."""

    campaign: Annotated[
        str | None, typer.Option("--campaign", metavar="NAME", help="Only to what this campaign sent.")
    ] = None
    instance: Annotated[str | None, typer.Option("--instance", metavar="NAME", help="Only to this instance.")] = None
    phone: Annotated[
        str | None, typer.Option("--phone", metavar="NUMBER", help="Only of this number, in any of its forms.")
    ] = None
    country: Country = None
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="WHEN", help='Only what was taken in since: today, "today 9:00", 2026-12-01.'),
    ] = None
    meaning: Annotated[
        InboundMeaning | None,
        typer.Option("--meaning", metavar="stop|start|near_miss", help="Only what asked for this."),
    ] = None
    near_miss: Annotated[
        bool, typer.Option("--near-miss", help="Only what may ask for no more messages: somebody has to read it.")
    ] = False
    undecided: Annotated[
        bool,
        typer.Option(
            "--undecided",
            help="Only near misses of people who are not blocked, and have written nothing else since.",
        ),
    ] = False


def list_(
    *,
    options: ReplyOptions,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=100_000, help="How many.")] = 50,
    as_json: Json = False,
) -> None:
    """List what people wrote, the latest first, with the campaign that had last messaged them.

    A message that is nothing but STOP, BERHENTI or the like has opted its person out already. What only looks like it
    is found by --near-miss, and by --undecided what of it waits for you: read it, and opt out whoever asks for it with
    `broadcaster phone block NUMBER`. Who means something else is decided by `phone block` and then `phone unblock`, or
    by writing again. The view `replies` has them all, for SQL.

    Example: broadcaster replies list --campaign november --undecided
    """
    settings = load()
    with reader(settings) as source:
        found = list(list_replies(source, _wanted(settings, options), limit))
    if as_json:
        say_json(found)
        return
    if not found:
        say(
            "nobody has written anything of that kind; `broadcaster instance show NAME` tells whether replies are read"
        )
        return
    headers = ["REPLY", "WRITTEN", "PHONE", "CAMPAIGN", "ASKS FOR", "TEXT"]
    say_table(headers, list(map(_cells, found)), folded=["CAMPAIGN", "TEXT"])
    if len(found) == limit:
        say(f"the latest {limit:,}; --limit shows more")
    misses = [each for each in found if each.meaning is InboundMeaning.NEAR_MISS and each.phone]
    if misses:
        say(f"if it asks for no more messages: broadcaster phone block {quote(f'+{misses[0].phone}')}")


def show(
    number: Annotated[int, typer.Argument(metavar="REPLY", help="Its number in `replies list`.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Show one message that somebody wrote, whole.

    Example: broadcaster replies show 17
    """
    with reader(load()) as source:
        found = find_reply(source, number)
    if as_json:
        say_json(found)
        return
    fields = msgspec.structs.asdict(found)
    moments = {name: shown_time(fields[name]) for name in ("said_at", "noted_at", "messaged_at")}
    after = {"seconds_after": duration(found.seconds_after) if found.seconds_after is not None else None}
    say_fields({name.replace("_", " "): value for name, value in {**fields, **moments, **after}.items()})


def export(*, options: ReplyOptions, output: CsvFile = Path("-")) -> None:
    """Write what people wrote as CSV (UTF-8), the latest first.

    Cells that a spreadsheet would take for a formula begin with an apostrophe. On standard output control characters
    are written out, such as \\x1b; a file holds all as it is.

    Example: broadcaster replies export --since 2026-12-01 --output replies.csv
    """
    settings = load()
    with reader(settings) as source:
        write_csv(output, _rows(list_replies(source, _wanted(settings, options))))


def _wanted(settings: Settings, options: ReplyOptions) -> ReplyFilter:
    only_near = "--near-miss" if options.near_miss else "--undecided" if options.undecided else None
    if only_near and options.meaning not in (None, InboundMeaning.NEAR_MISS):
        raise UsageError(f"{only_near} with --meaning {options.meaning}: give one of them")
    phones = None
    if options.phone is not None:
        with database(settings) as engine:
            country = known_country(engine, settings, options.country)
        phones = phone_forms(phone_of("--phone", options.phone, country))
    return ReplyFilter(
        campaign=options.campaign,
        instance=options.instance,
        phones=phones,
        since=given_moment(options.since, "--since", whole_day=WholeDay.FIRST, looks_back=True),
        meaning=InboundMeaning.NEAR_MISS if only_near else options.meaning,
        undecided=options.undecided,
    )


def _cells(reply: StoredReply) -> list[object]:
    text = reply.body if reply.body is not None else f"({reply.kind or 'no text'})"
    shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
    asks = reply.meaning and reply.meaning.replace("_", " ")
    return [reply.id, shown_time(reply.said_at, seconds=False), reply.phone, reply.campaign, asks, shown]


def _rows(replies: Iterator[StoredReply]) -> Iterator[tuple[object, ...]]:
    yield StoredReply.__struct_fields__
    for each in replies:
        yield msgspec.structs.astuple(each)
