"""`broadcaster campaign report` and `export`: what a campaign came to, in sum and message by message."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from broadcaster.cli.campaign import Name
from broadcaster.cli.campaign.report_all import report_all
from broadcaster.cli.campaign.show import (
    STATE_STYLES,
    campaign_document,
    campaign_fields,
    moves_document,
    reply_document,
    say_purged,
)
from broadcaster.cli.csv_output import write_csv
from broadcaster.cli.database import reader
from broadcaster.cli.instance.listing import HEALTH_STYLES, health_word
from broadcaster.cli.moves import say_failovers, say_moves
from broadcaster.cli.options.pages import HtmlFile, PageLanguage, WithPhones
from broadcaster.cli.options.results import CsvFile, Json
from broadcaster.cli.output import say, say_fields, say_json, say_table
from broadcaster.cli.troubles import few_troubles, said_by_instances, say_troubles, troubles
from broadcaster.cli.written_page import check_page_options, page_language, write_page
from broadcaster.db.reading import Reader
from broadcaster.domain.names import FORGOTTEN
from broadcaster.domain.pacing import format_rate
from broadcaster.domain.states import MessageState
from broadcaster.errors import UsageError
from broadcaster.services.campaigns import campaign_reports
from broadcaster.services.campaigns.campaign_reports import Failure, MessageRow, RejectedRecipient, SentFigures
from broadcaster.services.campaigns.full_reports import read_campaign_report
from broadcaster.services.campaigns.move_reports import moves_of_campaign, open_failovers
from broadcaster.services.inbox_reports import reply_figures
from broadcaster.settings import load
from broadcaster.time_zones import shown_time

_COLUMNS = tuple(name for name in MessageRow._fields if name != "variables")


def report(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The campaign's name; or else --all.", show_default=False)
    ] = None,
    of_all: Annotated[bool, typer.Option("--all", help="All campaigns that started since --since, together.")] = False,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="WHEN", help="With --all: 2026-11-01, monday. Default: for 30 days."),
    ] = None,
    html: HtmlFile = None,
    with_phones: WithPhones = False,
    language: PageLanguage = None,
    as_json: Json = False,
) -> None:
    """Show what a campaign came to: in sum, per instance, why messages were not sent, and which content was.

    A content that was changed has versions: how many got which is told, and `export` says who. As a page it also tells
    when what was sent, what was permitted and planned, how doubts ended, and what operators did.

    Example: broadcaster campaign report spring --html spring.html --language es
    """
    check_page_options(html, language, as_json=as_json, with_phones=with_phones)
    if of_all:
        if name is not None or with_phones:
            raise UsageError(f"--all with {'NAME' if name is not None else '--with-phones'}: leave one of them out")
        report_all(since, html, language, as_json=as_json)
    elif name is None or since is not None:
        raise UsageError("--since is for --all: add it" if since else "say which campaign: its NAME, or --all")
    elif html is not None:
        _write_report(name, html, language, with_phones=with_phones)
    else:
        _say_report(name, as_json=as_json)


def _write_report(name: str, html: Path, language: str | None, *, with_phones: bool) -> None:
    from broadcaster.pages.report_page import report_page  # noqa: PLC0415 - start-up time: only for pages

    settings = load()
    written_in = page_language(settings, language)
    with reader(settings) as source:
        told = read_campaign_report(source, name, written_in.zone)
    write_page(html, report_page(told, written_in, with_phones=with_phones), f"campaign {name}")


def _say_report(name: str, *, as_json: bool) -> None:
    settings = load()
    with reader(settings) as source:
        detail = campaign_reports.campaign_detail(source, name)
        figures = reply_figures(source, detail.summary.id)
        found = list(troubles(source, settings, name))
        moves, away = moves_of_campaign(source, name), open_failovers(source, campaign=name)
    summary = detail.summary
    if as_json:
        parts: dict[str, object] = {
            "sent_because": detail.sent,
            "lanes": detail.lanes,
            "failures": detail.failures,
            "contents": detail.contents,
        }
        parts |= moves_document(moves, away)
        say_json({**campaign_document(summary, found), **reply_document(summary, figures), **parts})
        return
    fields = campaign_fields(summary, figures)
    say_fields(_with_why_sent(fields, detail.sent))
    say_purged(summary)
    say_troubles(few_troubles(said_by_instances(found)))
    say_failovers(away)
    say("")
    always = (MessageState.SENT, MessageState.FAILED)
    states = [state for state in MessageState if summary.count(state) or state in always]
    say_table(
        ["INSTANCE", "HEALTH", "RATE", "TOTAL", *(state.replace("_", " ").upper() for state in states)],
        (
            [lane.instance, health_word(lane.told_health), format_rate(lane.rate_per_second), lane.total]
            + [lane.count(state) for state in states]
            for lane in detail.lanes
        ),
        styles=HEALTH_STYLES,
        folded=["INSTANCE"],
    )
    say_moves(moves)
    if detail.failures:
        say("")
        say_table(
            ["STATE", "MESSAGES", "INSTANCE", "EXAMPLE", "REASON"],
            ([each.state, each.messages, each.instance, _example(each), each.reason] for each in detail.failures),
            styles=STATE_STYLES,
            folded=["INSTANCE", "REASON"],
        )
    if len(detail.contents) > 1:
        say("")
        say_table(
            ["VERSION", "SINCE", "SENT", "CONTENT"],
            ([each.version, shown_time(each.since, seconds=True), each.sent, each.words] for each in detail.contents),
            folded=["CONTENT"],
        )


def export(
    name: Name,
    output: CsvFile = Path("-"),
    state: Annotated[
        list[MessageState] | None,
        typer.Option("--state", metavar="STATE", help="Only messages in this state. May be repeated."),
    ] = None,
    rejected: Annotated[
        bool, typer.Option("--rejected", help="The rows of the recipients file that became no message, and why.")
    ] = False,
) -> None:
    """Write every message and its outcome as CSV (UTF-8), with the columns of the recipients file.

    Cells that a spreadsheet would take for a formula begin with an apostrophe. On standard output control characters
    are written out, such as \\x1b; a file holds all as it is.
    """
    if rejected and state:
        raise UsageError("--rejected with --state: rejected rows became no messages, so that they have no state")
    with reader(load()) as source:
        table: Iterable[Iterable[object]]
        if rejected:
            table = chain([RejectedRecipient._fields], campaign_reports.rejected_recipients(source, name))
        else:
            table = _message_rows(source, name, state or tuple(MessageState))
        write_csv(output, table)


def _with_why_sent(fields: dict[str, object], sent: SentFigures) -> dict[str, object]:
    """The same, with why messages count as sent, where that is not the gateway's yes alone."""
    if not sent.found and not sent.settled:
        return fields
    parts = [
        (sent.accepted, "accepted by the gateway"),
        (sent.found, "found in their chats"),
        (sent.settled, "settled by an operator"),
    ]
    told = " + ".join(f"{messages:,} {why}" for messages, why in parts if messages)
    return {name: f"{value:,} = {told}" if name == "  sent" else value for name, value in fields.items()}


def _example(failure: Failure) -> str | None:
    return FORGOTTEN if failure.reason == "forgotten" else failure.example_phone


def _message_rows(source: Reader, name: str, states: Collection[MessageState]) -> Iterator[Iterable[object]]:
    """A header and the messages. Of who was forgotten the phone and the variables are empty."""
    variables = campaign_reports.variable_names(source, name)
    yield [*_COLUMNS, *(f"variable_{name}" if name in _COLUMNS else name for name in variables)]
    for *columns, values in campaign_reports.export_messages(source, name, states):
        yield [*columns, *((values or {}).get(name) for name in variables)]
