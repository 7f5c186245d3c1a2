"""Why a schedule reaches fewer people than it is meant to, and how to see whom not. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
