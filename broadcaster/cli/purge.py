"""`broadcaster purge`: deletes what is personal of campaigns that ended long ago."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Annotated, Any

import typer
from sqlalchemy import Engine

from broadcaster.cli.database import database
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_json, say_table, warn
from broadcaster.domain.spans import parse_span
from broadcaster.errors import ConflictError, ContentionError, UsageError
from broadcaster.services.campaigns import purging
from broadcaster.services.campaigns.purging import CampaignStaysError, Candidate
from broadcaster.settings import Settings, load
from broadcaster.time_zones import shown_time

_LONGEST = timedelta(days=36_500)
_COUNTED = ("messages", "attempts", "rejected")


def purge(
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than",
            metavar="SPAN",
            help="Only what ended so long ago: 90d, 12w. At least 1d. Default: BROADCASTER_RETENTION_DAYS.",
        ),
    ] = None,
    campaign: Annotated[
        str | None, typer.Option("--campaign", metavar="NAME", help="Only this one, and its tests.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be deleted, and delete nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Delete what is personal of campaigns that ended long ago: phones, variables, replies, rejected rows.

    Totals stay, and the table `purges` has what went, in numbers. There is no way back. Safe while messages are being
    sent, and to run again. What stays though it is old enough is told, and the exit code is 1 then: also a draft or a
    paused campaign that was created so long ago, whose data stays until it is cancelled or has ended.

    Example: broadcaster purge --older-than 90d --dry-run
    """
    settings = load()
    span = _span(older_than, settings)
    with database(settings) as engine:
        found = purging.find_candidates(engine, span, campaign)
        kept_because = {each.name: each.kept_because for each in found if each.kept_because is not None}
        going = [each for each in found if each.kept_because is None]
        if campaign in kept_because and not going:
            raise ConflictError(f"campaign {campaign} stays: {kept_because[campaign]}")
        gone = [_row(each) for each in going] if dry_run else list(_purge_all(engine, going, span, kept_because))
    if as_json:
        kept_rows = [{"name": name, "kept_because": reason} for name, reason in kept_because.items()]
        sums = {what: sum(row[what] for row in gone) for what in _COUNTED}
        say_json({"dry_run": dry_run, "campaigns": gone, **sums, "kept": kept_rows})
    else:
        _tell(gone, dry_run)
    for name, reason in kept_because.items():
        warn(f"campaign {name} stays: {reason}")
    if kept_because:
        raise typer.Exit(1)


def _span(older_than: str | None, settings: Settings) -> timedelta:
    if older_than is None:
        if settings.retention_days is None:
            raise UsageError("--older-than is missing: say how old, such as 90d, or set BROADCASTER_RETENTION_DAYS")
        return timedelta(days=settings.retention_days)
    return parse_span(older_than, "--older-than", _LONGEST, shortest=timedelta(days=1), forms="90d or 12w")


def _purge_all(
    engine: Engine, candidates: Sequence[Candidate], span: timedelta, kept_because: dict[str, str]
) -> Iterator[dict[str, Any]]:
    """Purge them one by one. What stays is put into `kept_because`, and what others have just purged is left out."""
    for each in candidates:
        try:
            done = purging.purge_campaign(engine, each.id, span)
        except ContentionError as error:
            kept_because[each.name] = f"{error}; nothing of it is deleted, run the command again"
        except CampaignStaysError as error:
            kept_because[each.name] = error.reason
        else:
            if done is not None:
                counted = sum(done.messages.values()), sum(done.attempts.values()), done.rejected
                yield _row(each) | dict(zip(_COUNTED, counted, strict=True))


def _row(each: Candidate) -> dict[str, Any]:
    return {
        "name": each.name,
        "state": each.state,
        "finished_at": each.finished_at,
        **{what: getattr(each, what) for what in _COUNTED},
    }


def _tell(rows: Sequence[dict[str, Any]], dry_run: bool) -> None:
    if not rows:
        say("nothing is to be deleted")
        return
    say_table(
        ["NAME", "STATE", "ENDED", "MESSAGES", "ATTEMPTS", "REJECTED"],
        (
            [
                row["name"],
                row["state"],
                shown_time(row["finished_at"], seconds=False),
                *(row[what] for what in _COUNTED),
            ]
            for row in rows
        ),
        folded=["NAME"],
    )
    messages, attempts, rejected = (sum(row[what] for row in rows) for what in _COUNTED)
    what = f"messages: {messages:,}, attempts: {attempts:,}, rejected rows: {rejected:,}, of campaigns: {len(rows):,}"
    say(f"would be deleted: {what}; nothing was changed" if dry_run else f"deleted: {what}; their totals stay")
