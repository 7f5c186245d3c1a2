"""Recipients by where they may be: the country of a number, and the time zones that its clock may be set to. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from phonenumbers.tzdata import TIMEZONE_DATA

from broadcaster.domain.opening_hours import RecipientGroup
from broadcaster.domain.phone_countries import BEGINNING, NO_COUNTRY, origin

GROUP_BEGINNING = 8
"""Digits of a number that tell its group."""

_QUARTER = timedelta(days=91)
_AREA_CODED = {1, 52, 54, 55}
"""Calling codes whose numbers, mobile ones too, begin with the code of the area that they were given out in."""


@cache
def recipient_group(beginning: str) -> RecipientGroup:
    """The group of the numbers that start with these GROUP_BEGINNING digits of E.164, or are these.

    Where a mobile number tells no area, all zones of its country count. Raises ValueError where no calling code is
    like this.
    """
    code, country = origin(beginning[:BEGINNING])
    if country == NO_COUNTRY:
        return RecipientGroup(country, ())
    if code in _AREA_CODED:
        for length in range(len(beginning), len(str(code)), -1):
            if zones := TIMEZONE_DATA.get(beginning[:length]):
                return RecipientGroup(country, _known(zones))
    return RecipientGroup(country, _country_zones(code, country))


@cache
def _country_zones(code: int, country: str) -> tuple[str, ...]:
    """All zones of a country: of a calling code that several share, those of its own numbers."""
    own: set[str] = set()
    for prefix, zones in TIMEZONE_DATA.items():
        if prefix.startswith(str(code)) and len(prefix) > len(str(code)) and _country_of(prefix) == country:
            own.update(zones)
    return _known(own or TIMEZONE_DATA.get(str(code), ()))


def has_several_clocks(group: RecipientGroup, moment: datetime) -> bool:
    """Whether its zones show different times, at the moment (aware) or within a year of it."""
    moments = [moment + number * _QUARTER for number in range(4)]
    clocks = {tuple(each.astimezone(ZoneInfo(zone)).utcoffset() for each in moments) for zone in group.zones}
    return len(clocks) > 1


def _country_of(prefix: str) -> str:
    return origin(prefix[:BEGINNING].ljust(BEGINNING, "0")).country


def _known(zones: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(zones) - {"Etc/Unknown"}))
