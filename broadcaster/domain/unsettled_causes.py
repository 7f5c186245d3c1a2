"""Which messages wait for an operator, since nobody knows whether they were accepted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from shlex import quote

import msgspec

from broadcaster.domain.standstill import Cause, Remedy, Standstill, What, counted


class UnsettledCampaign(msgspec.Struct, frozen=True):
    """A campaign with messages that became unknown."""

    name: str
    unknown: int
    is_open: bool = False
    """Whether more may become unknown."""


def unsettled_campaigns(found: Iterable[UnsettledCampaign]) -> Iterator[Standstill]:
    """How many messages of each are unknown, until somebody decides: their campaign may have ended long ago."""
    for each in found:
        yield Standstill(
            What.CAMPAIGN,
            each.name,
            Cause.UNKNOWN,
            f"has {counted(each.unknown)} unknown",
            Remedy("decide yourself with", f"broadcaster campaign settle {quote(each.name)}"),
            detail=f"nobody knows whether {'it was' if each.unknown == 1 else 'they were'} accepted",
            waiting=each.unknown,
        )
