"""Whose clocks count: time zones by name, this machine's, and the one in which moments are shown and read."""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from datetime import datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import overload
from zoneinfo import ZoneInfo

from broadcaster.errors import SettingsError, UsageError, quoted

VARIABLE = "BROADCASTER_TIMEZONE"
LOCALTIME = Path("/etc/localtime")
"""By which the C library reads the machine's clock, whatever else is configured."""


def find_zone(name: str, what: str = "--timezone") -> ZoneInfo:
    """A time zone by its name in the tz database, such as `Asia/Jakarta`. Raises UsageError that names `what`."""
    try:
        # The database holds directories and files that are no zones. Each kind fails in its own way.
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        import difflib  # noqa: PLC0415 - only for the hint
        import zoneinfo  # noqa: PLC0415

        close = difflib.get_close_matches(name, zoneinfo.available_timezones(), n=1)
        hint = f"did you mean {close[0]}?" if close else "write it like Asia/Jakarta or Europe/Berlin"
        raise UsageError(f"{what} {quoted(name)} is not a time zone: {hint}") from None


@cache
def shown_zone() -> ZoneInfo:
    """The zone in which commands show moments, and read those without a zone: the setting, or else the machine's.

    Nothing else decides about that. Raises SettingsError.
    """
    from broadcaster.settings import load  # noqa: PLC0415 - the settings look zones up here

    name = load().timezone
    return machine_zone() if name is None else find_zone(name, VARIABLE)


@overload
def shown_time(moment: datetime, zone: tzinfo | None = None, *, seconds: bool | None = None) -> str: ...
@overload
def shown_time(moment: None, zone: tzinfo | None = None, *, seconds: bool | None = None) -> None: ...
@overload
def shown_time(moment: datetime | None, zone: tzinfo | None = None, *, seconds: bool | None = None) -> str | None: ...
def shown_time(moment: datetime | None, zone: tzinfo | None = None, *, seconds: bool | None = None) -> str | None:
    """A moment for people, by the clocks of `zone` (default: `shown_zone`): `Mon 2026-11-23 09:00:08 WIB`.

    Seconds are left out of a whole minute, unless `seconds` says whether they are shown: in a table all moments are
    told alike. None, which is no moment, stays None.
    """
    if moment is None:
        return None
    local = moment.astimezone(zone or shown_zone())
    has_seconds = local.second > 0 if seconds is None else seconds
    return f"{local:%a %Y-%m-%d %H:%M{':%S' * has_seconds} %Z}"


def machine_zone() -> ZoneInfo:
    """This machine's time zone. Raises SettingsError where it is not one of the tz database."""
    import tzlocal  # noqa: PLC0415 - start-up time: with the setting nobody needs it

    with warnings.catch_warnings(), suppress(KeyError, ValueError, OSError):
        # It warns of a machine that has no zone, which is in UTC then.
        warnings.simplefilter("ignore")
        return tzlocal.reload_localzone()
    given = os.environ.get("TZ")
    if not given:
        # Several places name different zones. Other programs go by this one.
        with suppress(ValueError, OSError), LOCALTIME.open("rb") as file:
            return ZoneInfo.from_file(file, key=str(LOCALTIME.resolve()).rpartition("zoneinfo/")[2])
    says = f" (TZ is {quoted(given)})" if given else ""
    raise SettingsError(f"the time zone of this machine is not known{says}: set {VARIABLE}, such as Asia/Jakarta")
