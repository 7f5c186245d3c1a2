"""Options that name a moment."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from broadcaster.domain.moments import WholeDay, parse_moment
from broadcaster.time_zones import shown_zone


def given_moment(
    text: str | None,
    option: str,
    zone: tzinfo | None = None,
    whole_day: WholeDay | None = None,
    *,
    looks_back: bool = False,
) -> datetime | None:
    """The moment that an option names (`domain.moments`), None where it is not given. Raises UsageError.

    It is read by the clocks of `zone`; default: by those that moments are shown by.
    """
    if text is None:
        return None
    return parse_moment(text, option, zone or shown_zone(), datetime.now(UTC), whole_day, looks_back=looks_back)
