"""The options of schedules, shared by the commands that add and change them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Annotated, TypedDict

import typer

from broadcaster.cli.options.limit_options import CampaignLimits
from broadcaster.cli.options.when import given_moment
from broadcaster.domain.moments import WholeDay
from broadcaster.domain.schedules import Misfire, Overlap
from broadcaster.domain.spans import parse_span

_WHEN = "When (--cron or --every)"
_LATE = "Late and overlapping occurrences"

TIMEZONE = typer.Option(
    "--timezone",
    metavar="ZONE",
    help="Whose clocks count, such as Asia/Jakarta. Default: BROADCASTER_TIMEZONE, or this machine's.",
    rich_help_panel=_WHEN,
)
AUDIENCE = typer.Option("--audience", metavar="NAME", help="Whose members get it, each time as it is then.")
EXPIRES = typer.Option(
    "--expires",
    metavar="SPAN",
    help="What has not left so long after an occurrence, such as 6h, is expired, and not sent any more.",
)


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """Which moments are occurrences: exactly one of them is given."""

    cron: Annotated[
        str | None,
        typer.Option(
            "--cron",
            metavar="RULE",
            help='Minute, hour, day of the month, month, day of the week: "0 9 * * mon-fri". '
            "Six fields: seconds first.",
            rich_help_panel=_WHEN,
        ),
    ] = None
    every: Annotated[
        str | None,
        typer.Option(
            "--every",
            metavar="SPAN",
            help="30s, 10m, 2h: elapsed time. 1d, 2w: at the same time of the day.",
            rich_help_panel=_WHEN,
        ),
    ] = None


class Span(TypedDict):
    """From when until when occurrences come, as services take it."""

    from_at: datetime | None
    until_at: datetime | None
    count: int | None


@dataclass(frozen=True, slots=True)
class SpanOptions:
    """From when until when occurrences come, and how many."""

    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="TIME",
            help='Not before: 2026-12-01, monday, "tomorrow 9:00". Intervals count from it. Default: now.',
            rich_help_panel=_WHEN,
        ),
    ] = None
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="TIME", help="Not after. A day includes all of it.", rich_help_panel=_WHEN),
    ] = None
    count: Annotated[
        int | None,
        typer.Option(
            "--count",
            metavar="N",
            min=1,
            max=1_000_000,
            help="End after so many campaigns in all.",
            rich_help_panel=_WHEN,
        ),
    ] = None

    def span(self, zone: tzinfo) -> Span:
        """The same as moments by the clocks of `zone`. Raises UsageError."""
        begins = given_moment(self.from_, "--from", zone, WholeDay.FIRST)
        ends = given_moment(self.until, "--until", zone, WholeDay.LAST)
        # Occurrences are whole seconds.
        return {
            "from_at": begins and begins.replace(microsecond=0),
            "until_at": ends and ends.replace(microsecond=0),
            "count": self.count,
        }


@dataclass(frozen=True, slots=True)
class LateOptions:
    """What becomes of occurrences that are late or overlap."""

    misfire: Annotated[
        Misfire | None,
        typer.Option(
            "--misfire",
            help="What becomes of one that was missed, such as while the computer was off or slept, and is within its "
            "grace: skip it, send it late (the latest, once), hold it for approval. Default: catch-up.",
            rich_help_panel=_LATE,
        ),
    ] = None
    grace: Annotated[
        str | None,
        typer.Option(
            "--grace",
            metavar="SPAN",
            help="How late a missed one may still be sent or held; after it, it is skipped. Default: 2h, so that "
            "one of 9:00 is sent where the computer is switched on at 9:15.",
            rich_help_panel=_LATE,
        ),
    ] = None
    overlap: Annotated[
        Overlap | None,
        typer.Option(
            "--overlap",
            help="What becomes of one that is due while the one before is still being sent. Default: queue.",
            rich_help_panel=_LATE,
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class CampaignOptions:
    """How the campaigns of a schedule are sent."""

    priority: Annotated[
        int | None,
        typer.Option(
            "--priority", metavar="N", min=-32768, max=32767, help="Higher is sent first; equals share. Default: 0."
        ),
    ] = None
    max_attempts: Annotated[
        int | None,
        typer.Option(
            "--max-attempts", metavar="N", min=1, max=100, help="Tries per message before it fails. Default: 5."
        ),
    ] = None
    limit: CampaignLimits = None


def parse_grace(text: str) -> timedelta:
    """A span of time such as `10m`. Raises UsageError."""
    return parse_span(text, "--grace")
