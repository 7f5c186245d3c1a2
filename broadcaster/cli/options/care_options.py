"""Options of care: at which figures sending pauses itself, whom it leaves out, in which slices it begins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import msgspec
import typer

from broadcaster.cli.options.consent_options import CONSENT_PANEL
from broadcaster.domain.care import (
    ANSWERED_AFTER,
    JUDGED_FROM,
    Care,
    FrequencyChange,
    StopChange,
    parse_canary,
    parse_cooldown,
    parse_stops,
)
from broadcaster.domain.frequency import WhenRecent
from broadcaster.domain.spans import parse_span
from broadcaster.errors import UsageError, quoted

CARE_PANEL = "Care for the number"
_LONGEST = timedelta(days=30)
"""Between two slices of a canary."""

FREQUENCY_PANEL = "How often"

Cooldown = Annotated[
    str | None,
    typer.Option(
        "--cooldown",
        metavar="SPAN",
        help="Nobody gets it whom any campaign has messaged within this span, such as 24h or 7d, at least 1h. `none`: "
        "that plays no part.",
        rich_help_panel=FREQUENCY_PANEL,
    ),
]
Recent = Annotated[
    WhenRecent | None,
    typer.Option(
        "--when-recent",
        help="Whoever was messaged too lately, by --cooldown or a cap (`limit person`), waits or is skipped. "
        "Default: wait, since a message that was skipped never comes.",
        rich_help_panel=FREQUENCY_PANEL,
    ),
]
NoCare = Annotated[
    bool,
    typer.Option(
        "--no-care",
        help="Without limits of its own, canary and skipping, but for those given.",
        rich_help_panel=CARE_PANEL,
    ),
]
BEYOND_CAPS_HELP = (
    "Send it also to whoever has had as many messages as caps allow: for what has to go out, such as an outage "
    "notice. It counts for others."
)


@dataclass(frozen=True, slots=True)
class ChangedFrequencyOptions:
    """How often the people of a campaign may have been messaged, from now on."""

    cooldown: Cooldown = None
    when_recent: Recent = None
    beyond_caps: Annotated[
        bool | None,
        typer.Option("--beyond-caps/--within-caps", help=BEYOND_CAPS_HELP, rich_help_panel=FREQUENCY_PANEL),
    ] = None

    def frequency_change(self) -> FrequencyChange | None:
        """What they say; None: nothing is given. Raises UsageError."""
        change = FrequencyChange(parse_cooldown(self.cooldown), self.when_recent, self.beyond_caps)
        return None if change == FrequencyChange() else change


@dataclass(frozen=True, slots=True)
class ChangedSliceOptions:
    """What a campaign gives up of its care."""

    canary: Annotated[
        str | None,
        typer.Option(
            "--canary", metavar="none", help="Send to everybody who is left at once.", rich_help_panel=CARE_PANEL
        ),
    ] = None
    no_care: NoCare = False

    def is_without_canary(self) -> bool:
        """Whether its canary is taken away. Raises UsageError for another one."""
        if self.canary is None:
            return False
        if parse_canary(self.canary):
            raise UsageError(
                f"--canary {quoted(self.canary)}: who is in which slice is known by now, so that a canary can only be "
                "taken away, with `--canary none`"
            )
        return True


@dataclass(frozen=True, slots=True)
class StopOptions:
    """At which figures sending pauses itself."""

    stop_above: Annotated[
        str | None,
        typer.Option(
            "--stop-above",
            metavar="optouts=2%,failures=10%",
            help="Pause where a larger share of the messages fails, or of their recipients opts out by a reply.",
            rich_help_panel=CARE_PANEL,
        ),
    ] = None
    stop_below: Annotated[
        str | None,
        typer.Option(
            "--stop-below",
            metavar="replies=1%",
            help="Pause where a smaller share is answered, of those sent long enough ago.",
            rich_help_panel=CARE_PANEL,
        ),
    ] = None
    stop_from: Annotated[
        int | None,
        typer.Option(
            "--stop-from",
            metavar="N",
            min=1,
            max=1_000_000,
            help=f"From how many messages on a share counts. Default: {JUDGED_FROM}.",
            rich_help_panel=CARE_PANEL,
        ),
    ] = None

    def stop_change(self) -> StopChange | None:
        """What they say; None: nothing is given. Raises UsageError."""
        return parse_stops(self.stop_above, self.stop_below, self.stop_from)


@dataclass(frozen=True, slots=True)
class CareOptions(StopOptions):
    """How careful a campaign is, whoever makes it."""

    canary: Annotated[
        str | None,
        typer.Option(
            "--canary",
            metavar="2%,10%",
            help="Send to these shares of the recipients first: a slice opens when the one before has left, --after "
            "has passed, and the limits hold. `none`: everybody at once.",
            rich_help_panel=CARE_PANEL,
        ),
    ] = None
    after: Annotated[
        str | None,
        typer.Option(
            "--after",
            metavar="SPAN",
            help="How long people have to react before a canary goes on, and before it counts that they have not "
            f"answered, such as 30m. Default: {ANSWERED_AFTER / 3600:g}h.",
            rich_help_panel=CARE_PANEL,
        ),
    ] = None
    max_unanswered: Annotated[
        int | None,
        typer.Option(
            "--max-unanswered",
            metavar="N",
            min=1,
            max=1000,
            help="Skip who has not answered your last N messages, of those through instances that read replies.",
            rich_help_panel=CARE_PANEL,
        ),
    ] = None
    only_known: Annotated[
        bool,
        typer.Option(
            "--only-known",
            help="Skip who is no contact of the instance, as `audience sync` last read them, and has not written to "
            "it first.",
            rich_help_panel=CARE_PANEL,
        ),
    ] = False
    cooldown: Cooldown = None
    when_recent: Recent = None
    beyond_caps: Annotated[
        bool, typer.Option("--beyond-caps", help=BEYOND_CAPS_HELP, rich_help_panel=FREQUENCY_PANEL)
    ] = False
    require_consent: Annotated[
        bool,
        typer.Option(
            "--require-consent",
            help="Skip whoever has not agreed to messages when it starts, by this list or an earlier one.",
            rich_help_panel=CONSENT_PANEL,
        ),
    ] = False

    def care(self, before: Care | None = None) -> Care | None:
        """What they make of the care before; None: none of it is left. Raises UsageError."""
        was = before or Care()
        care = Care(
            stops=(self.stop_change() or StopChange()).of(was.stops),
            canary=was.canary if self.canary is None else parse_canary(self.canary),
            after=was.after if self.after is None else parse_span(self.after, "--after", _LONGEST).total_seconds(),
            max_unanswered=self.max_unanswered or was.max_unanswered,
            only_known=self.only_known or was.only_known,
            cooldown=was.cooldown,
            skips_recent=was.skips_recent,
            beyond_caps=was.beyond_caps,
        )
        frequency = FrequencyChange(parse_cooldown(self.cooldown), self.when_recent, self.beyond_caps or None)
        care = frequency.of(care)
        if not care.waits_for_people and self.after is None:
            care = msgspec.structs.replace(care, after=ANSWERED_AFTER)
        if self.after is not None and not care.waits_for_people:
            raise UsageError(
                "--after goes with --canary, --max-unanswered or --stop-below: there is nothing to wait for"
            )
        return None if care == Care() else care
