"""Options that say how several instances share a campaign."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import msgspec
import typer

from broadcaster.domain.sharing import Sharing, SharingChange
from broadcaster.domain.spans import parse_span
from broadcaster.errors import UsageError

_PANEL = "Several instances"
_LONGEST = timedelta(days=30)
_NONE = "none"

INSTANCE = typer.Option(
    "--instance",
    metavar="NAME[=WEIGHT]",
    help="Send through it. Several share the recipients by when each can send, or by weights: a=3 and b=1.",
)


@dataclass(frozen=True, slots=True)
class FailoverOption:
    """When others take over from an instance in trouble."""

    failover_after: Annotated[
        str | None,
        typer.Option(
            "--failover-after",
            metavar="SPAN",
            help="Let the others send what an instance has pending that is down or refused for so long, such as 15m, "
            "until it has been well for as long. `none`: they never do.",
            rich_help_panel=_PANEL,
        ),
    ] = None

    def sharing_change(self) -> SharingChange | None:
        """What is said; None: nothing. Raises UsageError."""
        if self.failover_after is None:
            return None
        if self.failover_after.strip().lower() == _NONE:
            return SharingChange(never_fails_over=True)
        return SharingChange(
            failover_after=parse_span(self.failover_after, "--failover-after", _LONGEST).total_seconds()
        )


@dataclass(frozen=True, slots=True)
class SharingOptions(FailoverOption):
    """How the instances of a new campaign share it."""

    sticky: Annotated[
        bool,
        typer.Option(
            "--sticky",
            help="Send to each person through the one of the instances that talked to them last, or has them as a "
            "contact. It stays so through a failover.",
            rich_help_panel=_PANEL,
        ),
    ] = False
    failover_sticky: Annotated[
        bool,
        typer.Option(
            "--failover-sticky",
            help="With --sticky and --failover-after: let others send to these people, too.",
            rich_help_panel=_PANEL,
        ),
    ] = False

    def sharing(self) -> Sharing:
        """What they say. Raises UsageError."""
        return (self.sharing_change() or SharingChange()).of(Sharing())

    def sharing_change(self) -> SharingChange | None:
        """The same where some of it stays as it is."""
        # `super()` without arguments does not know a class with slots.
        change = FailoverOption.sharing_change(self)
        if not (self.sticky or self.failover_sticky):
            return change
        given = {"sticky": self.sticky or None, "failover_sticky": self.failover_sticky or None}
        return msgspec.structs.replace(change or SharingChange(), **given)


@dataclass(frozen=True, slots=True)
class ChangedSharingOptions(SharingOptions):
    """The same of a schedule that has some already."""

    not_sticky: Annotated[
        bool,
        typer.Option("--not-sticky", help="Without --sticky from now on.", rich_help_panel=_PANEL),
    ] = False

    def sharing_change(self) -> SharingChange | None:
        """What they say; None: nothing. Raises UsageError."""
        change = SharingOptions.sharing_change(self)
        if not self.not_sticky:
            return change
        if self.sticky or self.failover_sticky:
            raise UsageError("--not-sticky with --sticky or --failover-sticky: they contradict each other")
        return msgspec.structs.replace(change or SharingChange(), sticky=False, failover_sticky=False)
