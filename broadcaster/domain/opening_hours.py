"""All that says together when a campaign or an instance may send: windows, whose clocks, days off. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from broadcaster.domain.days_off import days_off
from broadcaster.domain.legal_hours import LEGAL, legal_hours_by_country
from broadcaster.domain.windows import Hours, Opening, Window, common_opening, joined, parse_window
from broadcaster.errors import UsageError


class RecipientGroup(NamedTuple):
    """Recipients who may be sent to at the same times."""

    country: str
    """ISO 3166 code, or `phone_countries.NO_COUNTRY`."""
    zones: tuple[str, ...]
    """Names of the tz database, sorted: in one of them they are. None: nobody can know."""


NOBODY = RecipientGroup("", ())
"""In place of the recipients' group, where it plays no part."""

_ALWAYS = "00:00-24:00"
_DAY_MINUTES = 24 * 60


class OpeningHours(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Windows in a time zone, without days off, as they are stored. What `--window` and its neighbours come to."""

    windows: tuple[str, ...] = ()
    """As `parse_window` reads them: open while one of them is. None: always."""
    zone: str
    """A name of the tz database: whose clocks count."""
    is_by_recipient: bool = False
    """In place of those each recipient's own count, unless nobody knows their zone."""
    is_legal: bool = False
    """Whether the hours that are known to be legal in each recipient's country have to be open as well."""
    holidays: tuple[str, ...] = ()
    """Whose holidays are days off (`parse_country_of_holidays`)."""
    days_off: tuple[date, ...] = ()
    """Others."""

    @property
    def goes_by_recipient(self) -> bool:
        """Whether it is open for some recipients while it is not for others."""
        return self.is_by_recipient or self.is_legal

    @property
    def is_always(self) -> bool:
        """Whether it is never closed."""
        return not (self.windows or self.is_legal or self.holidays or self.days_off)

    @property
    def shown_windows(self) -> Sequence[str]:
        """The windows that there is something to say of."""
        return self.windows or (() if self.is_legal else (_ALWAYS,))

    def opening(self, group: RecipientGroup, moment: datetime) -> Opening | None:
        """When it is open at `moment` (aware) or next, for recipients of `group`; None: not in FARTHEST_OPENING."""
        return common_opening(list(self._rules(group)), moment)

    def __str__(self) -> str:
        """For people: `Mon-Fri 09:00-20:00 Europe/Berlin, not on holidays of DE`."""
        windows = self.shown_windows
        whose = "by each recipient's clock" if self.is_by_recipient else self.zone
        said = [f"{' and '.join(windows)} {whose}"] if windows else []
        said += [f"{LEGAL} hours of each recipient's country"] if self.is_legal else []
        said += [f"not on holidays of {' and '.join(self.holidays)}"] if self.holidays else []
        said += [f"not on {len(self.days_off)} listed {'day' if len(self.days_off) == 1 else 'days'}"] * bool(
            self.days_off
        )
        return ", ".join(said)

    def _rules(self, group: RecipientGroup) -> Iterator[Hours]:
        own = ZoneInfo(self.zone)
        theirs = [ZoneInfo(zone) for zone in group.zones] or [own]
        windows, is_day_off = _windows(self.windows or (_ALWAYS,)), days_off(self.holidays, self.days_off)
        for zone in theirs if self.is_by_recipient else [own]:
            yield Hours(windows, zone, is_day_off)
        if self.is_legal and (legal := legal_hours_by_country().get(group.country)):
            for zone in theirs:
                yield Hours(legal.parsed(), zone, days_off(legal.holidays, ()))


def joint_opening(all_hours: Sequence[OpeningHours], group: RecipientGroup, moment: datetime) -> Opening | None:
    """When all of them are open at once, as `OpeningHours.opening` says it of one."""
    return common_opening([rule for hours in all_hours for rule in hours._rules(group)], moment)


def closing_later(hours: OpeningHours | None, by: int) -> OpeningHours | None:
    """With windows that close so many hours later, but no later than at midnight."""
    if hours is None:
        return None
    windows = []
    for each in hours.windows:
        window = parse_window(each)
        # One that goes over midnight is left alone.
        closes = min(_DAY_MINUTES, window.closes + by * 60) if window.closes > window.opens else window.closes
        windows.append(window._replace(closes=closes))
    return msgspec.structs.replace(hours, windows=tuple(map(str, joined(windows))))


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursChange:
    """What of opening hours is to be another one; None: it stays."""

    windows: tuple[str, ...] | None = None
    is_legal: bool = False
    """Goes with the windows."""
    zone: str | None = None
    is_by_recipient: bool | None = None
    holidays: tuple[str, ...] | None = None
    days_off: tuple[date, ...] = ()
    """Goes with the holidays."""
    at_any_time: bool = False
    """Without any of it."""

    def of(self, before: OpeningHours | None, default_zone: str) -> OpeningHours | None:
        """What becomes of `before`; None: it may always send. Raises UsageError for a zone without anything in it."""
        if self.at_any_time:
            return None
        if before is None and self.windows is None and self.holidays is None:
            raise UsageError("--window-zone says whose clocks --window and --holidays go by: give one of these")
        hours = before or OpeningHours(zone=self.zone or default_zone)
        if self.windows is not None:
            hours = msgspec.structs.replace(hours, windows=self.windows, is_legal=self.is_legal)
        if self.zone is not None:
            hours = msgspec.structs.replace(hours, zone=self.zone)
        if self.is_by_recipient is not None:
            hours = msgspec.structs.replace(hours, is_by_recipient=self.is_by_recipient)
        if self.holidays is not None:
            hours = msgspec.structs.replace(hours, holidays=self.holidays, days_off=self.days_off)
        return None if hours.is_always else hours


@cache
def _windows(texts: tuple[str, ...]) -> Sequence[Window]:
    return [parse_window(text) for text in texts]
