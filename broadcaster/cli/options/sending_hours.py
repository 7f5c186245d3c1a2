"""Options that say when messages may leave, and until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from broadcaster.cli.options.when import given_moment
from broadcaster.domain.days_off import parse_country_of_holidays, parse_days_off
from broadcaster.domain.legal_hours import LEGAL
from broadcaster.domain.opening_hours import HoursChange, OpeningHours
from broadcaster.domain.spans import parse_span
from broadcaster.domain.windows import WINDOW_FORMS, parse_window
from broadcaster.errors import UsageError
from broadcaster.input_files import read_input
from broadcaster.time_zones import find_zone, shown_zone

RECIPIENT = "recipient"
"""In place of a time zone: that of each recipient."""
NONE = "none"
"""In place of a country, every day counts; in place of a window, every time of the day."""
_PANEL = "When it may send"
_LONGEST_FILE = 64 * 1024
"""Bytes of a list of days."""

WINDOW = typer.Option(
    "--window",
    metavar="HOURS",
    help=f"Send only then: {WINDOW_FORMS}. Several add up; `{NONE}`: at any time.",
    rich_help_panel=_PANEL,
)
CAMPAIGN_WINDOW = typer.Option(
    "--window",
    metavar="HOURS",
    help=f"Send only then: {WINDOW_FORMS}. Several add up; `{NONE}`: at any time. `{LEGAL}`: and only within the "
    "hours that are known to be legal in the recipient's country (docs/legal-hours.md).",
    rich_help_panel=_PANEL,
)
ZONE = typer.Option(
    "--window-zone",
    metavar="ZONE",
    help="Whose clocks windows go by, such as Asia/Jakarta. Default: BROADCASTER_TIMEZONE, or this machine's.",
    rich_help_panel=_PANEL,
)
CAMPAIGN_ZONE = typer.Option(
    "--window-zone",
    metavar="ZONE",
    help="Whose clocks windows go by, such as Asia/Jakarta. `recipient`: each recipient's own, by their number; of a "
    "country with several zones all have to be open. Default: BROADCASTER_TIMEZONE, or this machine's.",
    rich_help_panel=_PANEL,
)
HOLIDAYS = typer.Option(
    "--holidays",
    metavar="ID|FILE",
    help="Send nothing on the public holidays of a country (ID) or a part of one (DE-BY), or on the days of a file, "
    "one a line like 2026-12-25. Several add up; `none`: on every day.",
    rich_help_panel=_PANEL,
)


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """When an instance may send."""

    window: Annotated[list[str] | None, WINDOW] = None
    window_zone: Annotated[str | None, ZONE] = None
    holidays: Annotated[list[str] | None, HOLIDAYS] = None

    @property
    def are_given(self) -> bool:
        """Whether there is any."""
        return bool(self.window or self.window_zone or self.holidays)

    def hours(self, default_zone: ZoneInfo | None = None) -> OpeningHours | None:
        """What they come to; None: no limit. Raises UsageError and InputError."""
        change = self.change()
        return None if change is None else change.of(None, (default_zone or shown_zone()).key)

    def change(self) -> HoursChange | None:
        """What they make of hours that there are; None: nothing. Raises UsageError and InputError."""
        if not self.are_given:
            return None
        is_by_recipient = None if self.window_zone is None else self.window_zone == RECIPIENT
        zone = find_zone(self.window_zone, "--window-zone").key if self.window_zone and not is_by_recipient else None
        given = [text.strip().lower() for text in self.window or ()]
        if NONE in given and len(given) > 1:
            raise UsageError(f"--window {NONE} with other windows: they contradict each other")
        texts = [text for text in self.window or () if text.strip().lower() not in (LEGAL, NONE)]
        countries, days = _days_off([each for each in self.holidays or () if each.strip().lower() != NONE])
        return HoursChange(
            windows=tuple(str(parse_window(text)) for text in texts) if self.window else None,
            is_legal=LEGAL in given,
            zone=zone,
            is_by_recipient=is_by_recipient,
            holidays=tuple(countries) if self.holidays else None,
            days_off=tuple(days),
        )


@dataclass(frozen=True, slots=True)
class InstanceWindowOptions(WindowOptions):
    """The same, by one clock: whom it is sent to plays no part."""

    def change(self) -> HoursChange | None:
        """As `WindowOptions.change`."""
        change = WindowOptions.change(self)
        if change is not None and (change.is_by_recipient or change.is_legal):
            raise UsageError(
                f"--window-zone {RECIPIENT} and --window {LEGAL} are for campaigns and schedules: "
                "an instance has one clock"
            )
        return change


@dataclass(frozen=True, slots=True)
class CampaignWindowOptions(WindowOptions):
    """When a campaign may be sent."""

    window: Annotated[list[str] | None, CAMPAIGN_WINDOW] = None
    window_zone: Annotated[str | None, CAMPAIGN_ZONE] = None
    holidays: Annotated[list[str] | None, HOLIDAYS] = None


@dataclass(frozen=True, slots=True)
class ChangedWindowOptions(CampaignWindowOptions):
    """When a campaign or a schedule may be sent from now on."""

    no_window: Annotated[
        bool, typer.Option("--no-window", help="Without windows and days off from now on.", rich_help_panel=_PANEL)
    ] = False

    def change(self) -> HoursChange | None:
        """As `WindowOptions.change`."""
        change = WindowOptions.change(self)
        if self.no_window and change is not None:
            raise UsageError("--no-window with --window, --window-zone or --holidays: they contradict each other")
        return HoursChange(at_any_time=True) if self.no_window else change


NoExpiry = Annotated[
    bool, typer.Option("--no-expiry", help="Send what is left however late it is.", rich_help_panel=_PANEL)
]


@dataclass(frozen=True, slots=True)
class ExpiryOptions:
    """Until when a campaign is sent."""

    expires: Annotated[
        str | None,
        typer.Option(
            "--expires",
            metavar="WHEN",
            help='What has not left by then is expired, and not sent any more: "today 20:00", or a span like 6h from '
            "the start on.",
            rich_help_panel=_PANEL,
        ),
    ] = None

    def moment(self, starts_at: datetime | None, *, is_draft: bool) -> datetime | None:
        """When a campaign with that start expires. Raises UsageError."""
        given = self.given()
        if not isinstance(given, timedelta):
            return given
        if is_draft:
            raise UsageError(f"--expires {self.expires} counts from the start, which a draft has none: name a moment")
        return (starts_at or datetime.now(UTC)) + given

    def given(self) -> datetime | timedelta | None:
        """The moment, or the span from the start on. Raises UsageError."""
        if self.expires is None:
            return None
        try:
            return parse_expiry(self.expires)
        except UsageError:
            return given_moment(self.expires, "--expires")


def parse_expiry(text: str) -> timedelta:
    """A span such as `6h`. Raises UsageError."""
    return parse_span(text, "--expires")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # no file can be called so
        return False


def _days_off(given: Sequence[str]) -> tuple[list[str], list[date]]:
    """Countries, and days of files."""
    countries: list[str] = []
    days: list[date] = []
    for each in given:
        path = Path(each)
        if path.suffix or len(path.parts) > 1 or _is_file(path):
            text = read_input(path, _LONGEST_FILE, "a list of days").decode("utf-8-sig", errors="replace")
            days += parse_days_off(text, each)
        else:
            countries.append(parse_country_of_holidays(each))
    return sorted(set(countries)), sorted(set(days))
