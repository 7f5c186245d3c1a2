"""What of a schedule waits for an operator, and why it reaches fewer people than it is meant to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from shlex import quote
from typing import NamedTuple

from broadcaster.domain.rejections import too_many
from broadcaster.domain.standstill import Cause, Remedy, Standstill, What


class RejectingSchedule(NamedTuple):
    """A schedule whose latest campaign that started had recipients who could be sent nothing."""

    name: str
    campaign: str
    read: int
    rejected: int
    reason: str | None
    """Why the first of them could not."""


class QueuedOccurrences(NamedTuple):
    """A schedule of which occurrences are queued, each behind the one before."""

    name: str
    queued: int
    since: datetime
    """When the first of them was due."""
    is_paused: bool
    behind: str | None
    """Which campaign goes before the first of them; None: it starts in a moment."""


class HeldOccurrences(NamedTuple):
    """A schedule of which occurrences wait for an operator."""

    name: str
    held: int
    since: datetime
    """When the first of them was due."""
    reason: str | None
    """Why that one is held."""
    first: str
    """What it is called."""


def held_occurrences(found: Iterable[HeldOccurrences]) -> Iterator[Standstill]:
    """Those that nobody has approved or rejected: nothing of them is sent until somebody does."""
    for each in found:
        occurrence = "" if each.held == 1 else f" --occurrence {each.first}"
        yield Standstill(
            What.SCHEDULE,
            each.name,
            Cause.HELD,
            "has an occurrence that waits for you"
            if each.held == 1
            else f"has {each.held:,} occurrences that wait for you",
            Remedy("approve or reject it with", f"broadcaster schedule approve {quote(each.name)}{occurrence}"),
            detail=each.reason,
            since=each.since,
        )


def queued_occurrences(found: Iterable[QueuedOccurrences]) -> Iterator[Standstill]:
    """Those that start one after the other, unless their schedule is paused."""
    for each in found:
        says = "has an occurrence queued" if each.queued == 1 else f"has {each.queued:,} occurrences queued"
        remedy, detail = Remedy("see them with", f"broadcaster schedule report {quote(each.name)}"), None
        if each.is_paused:
            remedy, detail = Remedy("go on with", f"broadcaster schedule resume {quote(each.name)}"), "it is paused"
        elif each.behind is not None:
            says = (
                f"has an occurrence queued behind campaign {each.behind}"
                if each.queued == 1
                else f"has {each.queued:,} occurrences queued behind campaign {each.behind}"
            )
        yield Standstill(What.SCHEDULE, each.name, Cause.QUEUED, says, remedy, detail=detail, since=each.since)


def rejecting_schedules(found: Iterable[RejectingSchedule]) -> Iterator[Standstill]:
    """Those of which so many look like a mistake: nobody was there to see it, as with a campaign by hand."""
    for each in found:
        if too_many(each.rejected, each.read):
            yield Standstill(
                What.SCHEDULE,
                each.name,
                Cause.REJECTED,
                f"had {each.rejected:,} of {each.read:,} recipients rejected in campaign {each.campaign}",
                Remedy("see them with", f"broadcaster campaign export {quote(each.campaign)} --rejected"),
                detail=each.reason and each.reason.removesuffix("."),
            )
