"""Moments as operators write them: "tomorrow 9:00", "friday 18:30", "in 2h", "2026-12-01 9:00". Pure.

Nothing is guessed: what can be read in two ways is refused with both of them, as are the local times that clocks skip
or show twice. The one thing that is understood is that a day of the week means its next such time, or its last one for
who looks back.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import Enum, auto

from broadcaster.domain.plain_values import plain_value
from broadcaster.domain.recurrence import RESOLUTION, moment_of
from broadcaster.domain.spans import UNIT, UNITS, length_of
from broadcaster.domain.written_days import written_day
from broadcaster.errors import UsageError, quoted

FURTHEST = timedelta(days=3653)
"""Ten years: what is further away is a slip of the pen."""
FORMS = '"tomorrow 9:00", "friday 18:30", "in 2h", "2026-12-01 9:00" or 2026-11-23T09:00+07:00'
PAST_FORMS = '2026-11-23, yesterday, "2026-11-23 9:00" or "yesterday 9:00"'

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NEAR = {"yesterday": -1, "today": 0, "tomorrow": 1}
_WORD = "|".join([*_NEAR, *(f"{day[:3]}(?:{day[3:]})?" for day in _DAYS)])
_DATE = r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_TIME = r"([0-9]{1,2})(?:[:.]([0-9]{2}))?(?::([0-9]{2}))?\s*([ap]m)?"
_OFFSET = r"\s*(z|utc|[+-][0-9]{2}:?[0-9]{2})"
_AT = re.compile(rf"(?:({_WORD})|({_DATE}))(?:,?\s+(?:at\s+)?|t){_TIME}(?:{_OFFSET})?")
_DAY = re.compile(rf"{_WORD}|{_DATE}")
_LAST_SECOND = time(23, 59, 59)
_CLOCK_TIME = re.compile(_TIME)
_PART = re.compile(rf"([0-9]{{1,6}})\s*({UNIT})(?![a-z])")
_SPAN = re.compile(rf"in\s((?:\s*[0-9]{{1,6}}\s*(?:{UNIT})(?![a-z]))+)")


class WholeDay(Enum):
    """Which moment of its day a day without a time is."""

    FIRST = auto()
    LAST = auto()


def parse_moment(
    text: str,
    option: str,
    zone: tzinfo,
    now: datetime,
    whole_day: WholeDay | None = None,
    *,
    looks_back: bool = False,
) -> datetime:
    """The moment that `text` means at `now` by the clocks of `zone`, or by the offset that it has; in UTC.

    With `looks_back` a day of the week is the last one, not the next, and moments that have passed are suggested for
    what is not understood. A day without a time is refused, unless `whole_day` says what it is. Raises UsageError that
    names `option`.
    """
    words, now = _with_iso_day(plain_value(text)).lower(), now.astimezone(UTC).replace(microsecond=0)
    try:
        moment = _read(words, text, option, zone, now, whole_day, looks_back).astimezone(UTC)
    except OverflowError:
        moment = None
    if moment is None or abs(moment - now) > FURTHEST:
        raise UsageError(f"{option} {quoted(text)} is more than ten years away")
    return moment


def _read(
    words: str,
    text: str,
    option: str,
    zone: tzinfo,
    now: datetime,
    whole_day: WholeDay | None,
    looks_back: bool,
) -> datetime:
    forms = PAST_FORMS if looks_back else FORMS
    span, at = _SPAN.fullmatch(words), _AT.fullmatch(words)
    try:
        if span:
            return _after(span[1], zone, now)
        if at:
            day, iso_date, *clock_time, offset = at.groups()
            if day is not None and offset is not None:
                raise _WrongError("the day depends on the offset, so write a date like 2026-12-01 with it")
            at_time = _clock_time(*clock_time)
            date_named = _named_day(day, at_time, zone, now, looks_back) if day else _iso_date(iso_date) or date.min
            return _by_clocks(datetime.combine(date_named, at_time), _fixed(offset) if offset else zone)
        if whole_day is not None and (day_alone := _day_alone(words, zone, now, whole_day, looks_back)):
            return _edge(day_alone, zone, whole_day)
        if not _DAY.fullmatch(words) and not _iso_date(words):
            moment = datetime.fromisoformat(words.upper())
            return moment if moment.tzinfo else _by_clocks(moment, zone)
    except _WrongError as error:
        raise UsageError(f"{option} {quoted(text)}: {error}") from None
    except ValueError:
        if at or re.match(_DATE, words):
            raise UsageError(f"{option} {quoted(text)}: there is no such day or time; write it like {forms}") from None
    today = now.astimezone(zone).date()
    if not looks_back and _has_passed(words, today):
        raise UsageError(f"{option} {quoted(text)} has passed: give a moment that is ahead, such as tomorrow 9:00")
    raise UsageError(f"{option} {quoted(text)} is not understood: {_hint(words, forms)}")


def _with_iso_day(words: str) -> str:
    """The words with a day in front of them that can be read in one way only in ISO form."""
    found = written_day(words)
    if found is None or len(found.calendar_days) != 1 or re.match(_DATE, words):
        return words
    return f"{found.calendar_days[0]}{found.after}"


class _WrongError(Exception):
    """Why something that is understood cannot be meant."""


def _after(span: str, zone: tzinfo, now: datetime) -> datetime:
    """Days and weeks go by the clocks, and all that is shorter is elapsed time."""
    spans = {unit: timedelta() for unit in set(UNITS.values())}
    for number, word in _PART.findall(span):
        spans[UNITS[word]] += length_of(int(number), UNITS[word])
    days = spans.pop("day") + spans.pop("week")
    local = now.astimezone(zone).replace(tzinfo=None)
    start = _by_clocks(local + days, zone) if days else now
    return start + sum(spans.values(), timedelta())


def _named_day(day: str, at: time, zone: tzinfo, now: datetime, looks_back: bool) -> date:
    """The date of a day; of one of the week, the next on which that time is to come, or the last on which it was."""
    local = now.astimezone(zone)
    if day in _NEAR:
        return local.date() + timedelta(days=_NEAR[day])
    number = next(number for number, name in enumerate(_DAYS) if name.startswith(day))
    ahead = (number - local.weekday()) % 7
    has_been = at <= local.time()
    if looks_back:
        return local.date() + timedelta(days=0 if not ahead and has_been else ahead - 7)
    return local.date() + timedelta(days=ahead or (7 if has_been else 0))


def _day_alone(words: str, zone: tzinfo, now: datetime, whole_day: WholeDay, looks_back: bool) -> date | None:
    """The date of a day without a time, of which `whole_day` is meant; None: it is none."""
    if not re.fullmatch(_WORD, words):
        return _iso_date(words)
    return _named_day(words, time() if whole_day is WholeDay.FIRST else _LAST_SECOND, zone, now, looks_back)


def _clock_time(hour: str, minute: str | None, second: str | None, half: str | None) -> time:
    """Raises _WrongError for a time that may be another one, and ValueError for none."""
    if half is None:
        if minute is None:
            raise _WrongError(f"write the time as {int(hour)}:00, or as {int(hour)} am or {int(hour)} pm")
        return time(int(hour), int(minute), int(second or 0))
    if not 1 <= int(hour) <= 12:
        raise ValueError
    if int(hour) == 12:
        raise _WrongError("12 am and 12 pm are read in two ways: write 0:00 for midnight, or 12:00 for noon")
    return time(int(hour) + (12 if half == "pm" else 0), int(minute or 0), int(second or 0))


def _iso_date(text: str) -> date | None:
    """A date like 2026-12-1, or in another form of ISO 8601; None: it is none."""
    if re.fullmatch(_DATE, text):
        return date(*map(int, text.split("-")))
    try:
        return date.fromisoformat(text.upper())
    except ValueError:
        return None


def _fixed(offset: str) -> tzinfo:
    return datetime.strptime(offset.upper().replace("UTC", "Z"), "%z").tzinfo or UTC


def _edge(day: date, zone: tzinfo, whole_day: WholeDay) -> datetime:
    if whole_day is WholeDay.FIRST:
        return moment_of(datetime.combine(day, time()), zone)
    return moment_of(datetime.combine(day + timedelta(days=1), time()), zone) - RESOLUTION


def _by_clocks(reading: datetime, zone: tzinfo) -> datetime:
    """When clocks show `reading`. Raises _WrongError where that is never, or twice."""
    first, second = (reading.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return first
    if first > second:
        raise _WrongError(
            f"the clocks of {zone} skip that time: write {_local(second, zone)} or {_local(first, zone)} instead"
        )
    raise _WrongError(
        f"the clocks of {zone} show that time twice: write {_local(first, zone, offset=True)} for the first time, "
        f"or {_local(second, zone, offset=True)} for the second"
    )


def _local(moment: datetime, zone: tzinfo, *, offset: bool = False) -> str:
    local = moment.astimezone(zone)
    return local.isoformat(timespec="seconds" if local.second else "minutes") if offset else f"{local:%Y-%m-%d %H:%M}"


def _has_passed(words: str, today: date) -> bool:
    """Whether this is a day without a time, before today."""
    day = today + timedelta(days=_NEAR[words]) if words in _NEAR else _iso_date(words)
    return day is not None and day < today


def _hint(words: str, forms: str) -> str:
    if _DAY.fullmatch(words) or _iso_date(words):
        return f"say at what time, such as {words} 9:00 or 2026-11-23T09:00+07:00"
    if _CLOCK_TIME.fullmatch(words):
        other = "yesterday" if forms is PAST_FORMS else "tomorrow"
        return f"say on which day, such as today {words} or {other} {words}"
    if (found := written_day(words)) and len(found.calendar_days) > 1:
        return "days and months are written in two orders, so write it like 2026-12-01 9:00"
    return f"write it like {forms}"
