"""When messages may leave: weekly windows by the clocks of a zone, days off, and what is open by all of them. Pure.

A window is open while a clock on the wall shows a time in it. So one that begins in an hour that the clocks skip
begins when they have skipped it, and one in an hour that they show twice is open twice.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from broadcaster.errors import UsageError, quoted

FARTHEST_OPENING = timedelta(days=100)
"""What does not open within so long counts as never open."""
LONGEST_OPENING = timedelta(days=8)
"""So far ahead it is looked for when something closes: what is open for longer is looked at again."""
WINDOW_FORMS = '"Mon-Fri 09:00-20:00", "Sat,Sun 10:00-14:00", "Fri 22:00-02:00" or "09:00-20:00" for every day'

_DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_TITLES = {day: name.title() for day, name in enumerate(_DAY_NAMES)}
_FULL_DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WINDOW = re.compile(r"(?:([a-z][a-z ,-]*?) )?([0-9]{1,2})(?:[:.]([0-9]{2}))? ?- ?([0-9]{1,2})(?:[:.]([0-9]{2}))?")
_DASHES = re.compile("[\N{HYPHEN}-\N{HORIZONTAL BAR}\N{MINUS SIGN}]")
"""What is typed, or made by programs for texts, in place of a hyphen."""
_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)
_MINUTES_OF_DAY = 24 * 60


class Window(NamedTuple):
    """On these days of the week (0: Monday), from one minute of the day until before another.

    One that closes no later than it opens closes on the next day.
    """

    days: frozenset[int]
    opens: int
    closes: int

    def __str__(self) -> str:
        """As `parse_window` reads it."""
        return f"{day_runs(self.days, _DAY_TITLES)}{said_time(self.opens)}-{said_time(self.closes)}"


def joined(windows: Iterable[Window]) -> Iterator[Window]:
    """The same, with those of the same days as one that overlap or meet. What goes over midnight is left alone."""
    last: Window | None = None
    for window in sorted(windows, key=lambda each: (sorted(each.days), each.opens)):
        meets = last is not None and last.days == window.days and last.opens < last.closes
        if last is not None and meets and window.opens <= last.closes and window.opens < window.closes:
            last = last._replace(closes=max(last.closes, window.closes))
            continue
        if last is not None:
            yield last
        last = window
    if last is not None:
        yield last


class Opening(NamedTuple):
    """Open from one moment until before another, both in UTC."""

    opens_at: datetime
    closes_at: datetime


def no_days_off(_day: date) -> bool:
    """For `Hours.is_day_off`: there are none."""
    return False


@dataclass(frozen=True, slots=True)
class Hours:
    """Windows by the clocks of a zone: open while one of them is. A day off is closed from midnight to midnight."""

    windows: Sequence[Window]
    zone: ZoneInfo
    is_day_off: Callable[[date], bool] = no_days_off

    def is_open(self, moment: datetime) -> bool:
        """Whether it is open at `moment` (aware)."""
        reading = moment.astimezone(self.zone).replace(tzinfo=None)
        return any(opens <= reading < closes for opens, closes in self._readings(reading.date()))

    def opening(self, moment: datetime) -> Opening | None:
        """The time that is open at `moment` (aware) or the next one; None where none begins in FARTHEST_OPENING.

        It begins no earlier than a day before `moment`, and lasts no longer than LONGEST_OPENING from then.
        """
        found: Opening | None = None
        for opens, closes in self._openings(moment.astimezone(UTC)):
            if found is not None and opens == found.closes_at:
                found = Opening(found.opens_at, closes)
            elif found is None or found.closes_at <= moment:
                found = Opening(opens, closes)
            else:
                break
            if found.closes_at > max(moment, found.opens_at) + LONGEST_OPENING:
                return Opening(found.opens_at, max(moment, found.opens_at) + LONGEST_OPENING)
        return found if found is not None and found.closes_at > moment else None

    def _openings(self, moment: datetime) -> Iterator[Opening]:
        """Ascending. What clocks change, or midnight UTC, cuts in two."""
        for begins, ends, offset in _steady(self.zone, moment - _DAY, moment + FARTHEST_OPENING):
            first, last = ((edge + offset).replace(tzinfo=None) for edge in (begins, ends))
            cut = (
                Opening(max(begins, _utc(opens - offset)), min(ends, _utc(closes - offset)))
                for opens, closes in _merged(self._readings(first.date(), last.date()))
            )
            yield from (each for each in cut if each.opens_at < each.closes_at)

    def _readings(self, first: date, last: date | None = None) -> Iterator[tuple[datetime, datetime]]:
        """What the clocks show while it is open on the days from `first` to `last`, day by day."""
        day, last = first, last or first
        while day <= last:
            if not self.is_day_off(day):
                midnight = datetime.combine(day, time())
                for opens, closes in self._minutes(day.weekday()):
                    yield midnight + opens * _MINUTE, midnight + min(closes, _MINUTES_OF_DAY) * _MINUTE
                # A day off has no night before it either: what began yesterday ends with yesterday.
                for _, closes in self._minutes((day - _DAY).weekday()):
                    if closes > _MINUTES_OF_DAY and not self.is_day_off(day - _DAY):
                        yield midnight, midnight + (closes - _MINUTES_OF_DAY) * _MINUTE
            day += _DAY

    def _minutes(self, weekday: int) -> Iterator[tuple[int, int]]:
        for window in self.windows:
            if weekday in window.days:
                over = _MINUTES_OF_DAY if window.closes <= window.opens else 0
                yield window.opens, window.closes + over


def common_opening(rules: Sequence[Hours], moment: datetime) -> Opening | None:
    """The time in which all of `rules` are open at `moment` (aware), or next are; None as in `Hours.opening`.

    Without rules everything is open.
    """
    latest = moment.astimezone(UTC) + FARTHEST_OPENING
    looked_at = moment.astimezone(UTC)
    while looked_at <= latest:
        openings = []
        for rule in rules:
            opening = rule.opening(looked_at)
            if opening is None:
                return None
            openings.append(opening)
        if all(opening.opens_at <= looked_at for opening in openings):
            opens = max((opening.opens_at for opening in openings), default=looked_at)
            return Opening(opens, min((opening.closes_at for opening in openings), default=opens + LONGEST_OPENING))
        looked_at = max(opening.opens_at for opening in openings)
    return None


def parse_window(text: str, option: str = "--window") -> Window:
    """A window as operators write it (WINDOW_FORMS). Raises UsageError that names `option`."""
    found = _WINDOW.fullmatch(" ".join(_DASHES.sub("-", text).lower().split()))
    if found is None:
        raise UsageError(f"{option} {quoted(text)} is not understood: write it like {WINDOW_FORMS}")
    days, *clock_times = found.groups()
    opens, closes = (
        _minute(hour, minute or "00", text, option)
        for hour, minute in zip(clock_times[::2], clock_times[1::2], strict=True)
    )
    if opens in {closes, _MINUTES_OF_DAY}:
        raise UsageError(f"{option} {quoted(text)} is never open: a whole day is 00:00-24:00")
    return Window(_days(days, text, option), opens, closes)


def _days(written: str | None, text: str, option: str) -> frozenset[int]:
    if written is None or written.strip() in ("daily", "every day"):
        return frozenset(range(7))
    days: set[int] = set()
    for part in written.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        begin, end = _weekday(first, text, option), _weekday(last or first, text, option)
        days.update((begin + ahead) % 7 for ahead in range((end - begin) % 7 + 1))
    return frozenset(days)


def _weekday(name: str, text: str, option: str) -> int:
    if name[:3] in _DAY_NAMES and name in (name[:3], _FULL_DAY_NAMES[_DAY_NAMES.index(name[:3])]):
        return _DAY_NAMES.index(name[:3])
    raise UsageError(f"{option} {quoted(text)}: {quoted(name)} is no day of the week; write it like {WINDOW_FORMS}")


def _minute(hour: str, minute: str, text: str, option: str) -> int:
    number = int(hour) * 60 + int(minute)
    if int(minute) > 59 or number > _MINUTES_OF_DAY:
        raise UsageError(f"{option} {quoted(text)}: there is no time {hour}:{minute}")
    return number


def day_runs(days: Iterable[int], names: Mapping[int, str]) -> str:
    """`Mon-Fri `, `Sat,Sun `, by the names of the days (0: Monday); nothing for all of them."""
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    if [len(run) for run in runs] == [len(_DAY_NAMES)]:
        return ""
    return ",".join(_said_run(run, names) for run in runs) + " "


def _said_run(run: Sequence[int], names: Mapping[int, str]) -> str:
    first, last = names[run[0]], names[run[-1]]
    return first if first == last else f"{first}{',' if len(run) == 2 else '-'}{last}"


def said_time(minute: int) -> str:
    """A minute of the day: `09:00`."""
    return f"{minute // 60:02}:{minute % 60:02}"


def _merged(readings: Iterable[tuple[datetime, datetime]]) -> Iterator[tuple[datetime, datetime]]:
    """The same times, ascending, with those that touch or overlap as one."""
    merged: list[tuple[datetime, datetime]] = []
    for opens, closes in sorted(readings):
        if merged and opens <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], closes))
        else:
            merged.append((opens, closes))
    return iter(merged)


def _steady(zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """The time from `begin` to `end` in pieces of a day at most, with the zone's offset, which is the same in each."""
    while begin < end:
        after = begin + _DAY
        seconds = range(int(begin.timestamp()) + 1, int(after.timestamp()) + 1)
        offset = _offset(begin, zone)
        if _offset(after, zone) != offset:
            # No zone changes its clocks twice in a day.
            jump = bisect_left(seconds, True, key=lambda second: _offset(_from(second), zone) != offset)
            after = _from(seconds[jump])
        yield begin, after, offset
        begin = after


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _from(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def _utc(reading: datetime) -> datetime:
    return reading.replace(tzinfo=UTC)
