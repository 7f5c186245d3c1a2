"""`broadcaster schedule`: what there is, what comes next, what became of what was due."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
import typer

from broadcaster.cli.database import database
from broadcaster.cli.options.pages import HtmlFile, PageLanguage
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_fields, say_json, say_table, utc_time
from broadcaster.cli.schedule import Name
from broadcaster.cli.troubles import few_troubles, say_troubles
from broadcaster.cli.written_page import check_page_options, page_language, write_page
from broadcaster.domain.conditions import describe_conditions
from broadcaster.domain.durations import duration
from broadcaster.domain.recurrence import occurrence_label
from broadcaster.domain.sharing import named_weights
from broadcaster.domain.states import ScheduleState
from broadcaster.services.campaigns.full_reports import read_campaigns_report
from broadcaster.services.schedules.schedule_reports import (
    OccurrenceSummary,
    ScheduleDetail,
    ScheduleSummary,
    Upcoming,
    list_schedules,
    schedule_report,
    show_schedule,
    upcoming_occurrences,
)
from broadcaster.services.standstill import find_waiting
from broadcaster.settings import load
from broadcaster.time_zones import find_zone, shown_time

STATE_STYLES = {
    "active": "green",
    "paused": "yellow",
    "ended": "dim",
    "started": "green",
    "queued": "cyan",
    "held": "bold yellow",
    "skipped": "yellow",
    "rejected": "dim",
    "failed": "bold red",
}


def list_all(as_json: Json = False) -> None:
    """List all schedules: when they are due next, by their own clocks, and what waits for something.

    Example: broadcaster schedule list
    """
    with database(load()) as engine:
        rows, waiting = list_schedules(engine), find_waiting(engine)
    if as_json:
        say_json([_document(row) for row in rows])
    elif rows:
        say_table(
            ["NAME", "STATE", "NEXT", "RULE", "AUDIENCE", "CAMPAIGNS"],
            (
                [
                    row.name,
                    row.state,
                    _next_time(row),
                    row.cron or f"every {row.every}",
                    row.audience,
                    _campaigns(row),
                ]
                for row in rows
            ),
            styles=STATE_STYLES,
            folded=["NAME", "RULE", "AUDIENCE", "CAMPAIGNS"],
        )
        say_troubles(few_troubles(waiting))
    else:
        say("there are no schedules yet: add one with `broadcaster schedule add`")


def show(name: Name, as_json: Json = False) -> None:
    """Show one schedule: when it is due, to whom it sends, and what.

    Example: broadcaster schedule show news
    """
    with database(load()) as engine:
        row = show_schedule(engine, name)
        upcoming = upcoming_occurrences(engine, name, 1)
        waiting = find_waiting(engine, name)
    if as_json:
        say_json({**_document(row), "words": upcoming.words})
    else:
        say_fields(schedule_fields(row, upcoming.words))
        say_troubles(few_troubles(waiting))


def show_next(
    name: Name,
    number: Annotated[int, typer.Option("-n", "--number", metavar="N", min=1, max=1000, help="How many.")] = 10,
    as_json: Json = False,
) -> None:
    """Show the rule in words and the next occurrences, in local time and in UTC.

    Example: broadcaster schedule next news -n 5
    """
    with database(load()) as engine:
        upcoming = upcoming_occurrences(engine, name, number)
    if as_json:
        say_json(upcoming_document(upcoming))
    else:
        say_upcoming(upcoming)


def report(
    name: Name,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=100_000, help="How many.")] = 50,
    html: HtmlFile = None,
    language: PageLanguage = None,
    as_json: Json = False,
) -> None:
    """Show what became of each occurrence, newest first. OPEN counts the messages that are not final yet.

    SKIPPED, where there are any, counts those that were skipped; OTHER those that did not leave in time, were
    cancelled, or are unknown: the reason says how many of each.

    Recipients who could be sent nothing are no messages: so many are rejected, says the reason. As a page it also sums
    up what its campaigns came to, and why messages were not sent.

    Example: broadcaster schedule report news --limit 10
    """
    check_page_options(html, language, as_json=as_json)
    settings = load()
    written_in = None if html is None else page_language(settings, language)
    with database(settings) as engine:
        schedule, rows = schedule_report(engine, name, limit=limit)
        if html is not None and written_in is not None:
            from broadcaster.pages.campaigns_page import schedule_page  # noqa: PLC0415 - start-up time: only for pages

            ids = [row.campaign_id for row in rows if row.campaign_id is not None]
            page = schedule_page(name, rows, read_campaigns_report(engine, ids=ids), written_in)
            write_page(html, page, f"schedule {name}")
            return
    labels = [occurrence_label(row.due_at, schedule.zone) for row in rows]
    if as_json:
        say_json(
            [{"occurrence": label, **msgspec.structs.asdict(row)} for label, row in zip(labels, rows, strict=True)]
        )
        return
    if not rows:
        say(f"schedule {name} has had no occurrences yet")
        return
    counts = _count_columns(rows)
    say_table(
        ["OCCURRENCE", "NUMBER", "STATE", "CAMPAIGN", *counts, "REASON"],
        (
            [
                *(label, row.number, row.state, row.said_campaign_state),
                *(count(row) for count in counts.values()),
                _reason(row),
            ]
            for label, row in zip(labels, rows, strict=True)
        ),
        styles=STATE_STYLES,
        folded=["REASON"],
    )


def _count_columns(rows: Sequence[OccurrenceSummary]) -> Mapping[str, Callable[[OccurrenceSummary], int | None]]:
    """By heading, what a row counts: TOTAL is the sum of the others. SKIPPED and OTHER only if any has some."""
    columns: dict[str, Callable[[OccurrenceSummary], int | None]] = {
        "TOTAL": lambda row: row.total,
        "SENT": lambda row: row.sent,
        "FAILED": lambda row: row.failed,
        "SKIPPED": lambda row: row.skipped,
        "OTHER": lambda row: row.otherwise,
        "OPEN": lambda row: row.still_open,
    }
    left_out = [name for name in ("SKIPPED", "OTHER") if not any(columns[name](row) for row in rows)]
    return {name: count for name, count in columns.items() if name not in left_out}


def _reason(row: OccurrenceSummary) -> str | None:
    """Why it is in this state, what OTHER counts, and how many of its recipients are in none of the sums."""
    counted = (
        (row.expired, "expired"),
        (row.cancelled, "cancelled"),
        (row.unknown, "unknown"),
        (row.rejected, "rejected"),
    )
    return "; ".join(filter(None, (*(f"{count:,} {name}" for count, name in counted if count), row.reason))) or None


def upcoming_document(upcoming: Upcoming) -> dict[str, Any]:
    """The next occurrences for programs: the keys of `--json`."""
    zone = upcoming.schedule.zone
    return {
        "name": upcoming.schedule.name,
        "state": upcoming.schedule.state,
        "words": upcoming.words,
        "timezone": upcoming.schedule.timezone,
        "occurrences": [
            {
                "local": due.astimezone(zone).isoformat(),
                "utc": due,
                "weekday": f"{due.astimezone(zone):%A}",
                "campaign": upcoming.schedule.campaign_name(due),
            }
            for due in upcoming.occurrences
        ],
    }


def say_upcoming(upcoming: Upcoming) -> None:
    """The rule in words, and the next occurrences."""
    schedule = upcoming.schedule
    say(f"{upcoming.words}, by the clocks of {schedule.timezone}")
    if schedule.state is not ScheduleState.ACTIVE:
        resumed = "; if it were resumed:" if schedule.state is ScheduleState.PAUSED else ""
        say(f"schedule {schedule.name} is {schedule.state}{resumed}")
    if upcoming.occurrences:
        say_table(
            ["LOCAL", "UTC", "IN"],
            (
                [
                    shown_time(due, schedule.zone),
                    utc_time(due),
                    duration((due - upcoming.now).total_seconds()) if due > upcoming.now else "due",
                ]
                for due in upcoming.occurrences
            ),
        )


def _document(row: ScheduleSummary) -> dict[str, Any]:
    """A schedule for programs: the keys of `--json`."""
    conditions = None if row.conditions is None else [str(condition) for condition in row.conditions]
    return {**msgspec.structs.asdict(row), "conditions": conditions}


def schedule_fields(row: ScheduleDetail, words: str) -> dict[str, object]:
    """A schedule for people; `words` is its rule."""
    zone = find_zone(row.timezone)
    conditions = row.conditions or ()
    return {
        "schedule": row.name,
        "state": row.state,
        "rule": f"{words}, by the clocks of {row.timezone}",
        "next": row.next_at and shown_time(row.next_at, zone),
        "from": row.from_at and shown_time(row.from_at, zone),
        "until": row.until_at and shown_time(row.until_at, zone),
        "campaigns": f"{row.campaigns:,}" + (f" of {row.count:,}" if row.count else ""),
        "queued": row.queued,
        "held": row.held,
        "audience": row.audience + (f" where {describe_conditions(conditions)}" if conditions else ""),
        "instances": named_weights({name: (row.weights or {}).get(name) for name in row.instances}),
        "content": row.body if row.body is not None else f"file {row.filename}",
        "caption": row.caption,
        "locale": row.locale,
        "misfire": f"{row.misfire}, for {duration(row.grace_seconds)}",
        "overlap": row.overlap,
        **({"windows": str(row.hours)} if row.hours else {}),
        **({"expires": f"{duration(row.expires_after_seconds)} after it is due"} if row.expires_after_seconds else {}),
        "priority": row.priority,
        "max attempts": row.max_attempts,
        **({"requires consent": "yes"} if row.require_consent else {}),
        **({"care": str(row.care)} if row.care else {}),
        **({"sharing": str(row.sharing)} if row.sharing else {}),
        **({"limits": list(row.limits)} if row.limits else {}),
    }


def _campaigns(row: ScheduleSummary) -> str:
    """How many there were, and what waits: `12, 1 held`."""
    waiting = {"queued": row.queued, "held": row.held}
    return ", ".join([f"{row.campaigns:,}", *(f"{count:,} {what}" for what, count in waiting.items() if count)])


def _next_time(row: ScheduleSummary) -> str | None:
    return None if row.next_at is None else shown_time(row.next_at, find_zone(row.timezone))
