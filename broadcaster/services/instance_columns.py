"""The columns of an instance for what people say of it. Each raises UsageError for what cannot be."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, func, null, select

from broadcaster.domain.care import Stops
from broadcaster.domain.gaps import Gaps
from broadcaster.domain.opening_hours import NOBODY, OpeningHours
from broadcaster.domain.pacing import default_burst
from broadcaster.errors import UsageError
from broadcaster.services.openings import first_opening, store_hours


def pace_columns(rate_per_second: float | None, burst: int | None, gaps: Gaps) -> dict[str, Any]:
    """What its rate in messages a second (None: unlimited), its burst and its gaps come to.

    A burst of None is the default one of the rate.
    """
    chosen = default_burst(rate_per_second) if burst is None else at_least_one(burst, "--burst")
    limit = gaps.paced(rate_per_second, chosen)
    if gaps.rest and not limit.interval:
        raise UsageError("--rest is for an instance with a rate or a gap: give it --rate 20/min or --gap 20s..60s")
    return {
        "rate_per_second": rate_per_second,
        "burst": limit.burst,
        "interval_seconds": limit.interval,
        "tolerance_seconds": limit.tolerance,
        "gaps": msgspec.to_builtins(gaps) if gaps.are_given else null(),
    }


def stops_column(stops: Stops) -> Any:
    """At which figures of the last day it pauses itself, as a document."""
    return msgspec.to_builtins(stops) if stops.are_given else null()


def refuse_unread_stops(name: str, stops: Stops, read_replies_seconds: float | None) -> None:
    """Raise UsageError where it is to pause itself for what only replies tell, and they are not read."""
    if stops.needs_replies and read_replies_seconds is None:
        raise UsageError(
            f"instance {name!r} reads no replies, so that nobody knows who opts out or answers: add "
            "--read-replies 30s, or take that limit away with --stop-above none or --stop-below none"
        )


def hours_column(connection: Connection, hours: OpeningHours | None) -> int | None:
    """The id of the hours, which are stored; None: it may always send."""
    if hours is None:
        return None
    first_opening(hours, [NOBODY], connection.execute(select(func.now())).scalar_one())
    return store_hours(connection, hours)


def country_column(written: str | None) -> str | None:
    """The ISO 3166 code of a country that is written in whatever way."""
    from broadcaster.domain.phones import country_code  # noqa: PLC0415 - start-up time: phonenumbers

    return None if written is None else country_code(written)


def at_least_one(value: int, option: str) -> int:
    """The value of the option, which is refused below 1."""
    if value < 1:
        raise UsageError(f"{option} {value} must be at least 1")
    return value
