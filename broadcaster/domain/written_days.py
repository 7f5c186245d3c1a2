"""Days as people write them: `2026-11-23`, `23/11/2026 09:00`, `11/23/26`, `23 Nov 2026`, `Senin, 23 Mei 2026`.

This is the one reading of days: by filters in texts, by conditions and by moments of operators. What differs is who
says whether 03/04/2026 is in March or in April: the locale of a text, the other values of a column, nobody. The
function `day_of` of the database reads the same; a test compares them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import NamedTuple


class DayOrder(StrEnum):
    """What comes first where a day is written in numbers with the year at the end."""

    DAY_FIRST = "d/m/y"
    MONTH_FIRST = "m/d/y"


MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januari januar jänner janvier janv enero ene janeiro gennaio gen",
            "feb february februari pebruari februar février fevrier févr febrero fevereiro fev febbraio",
            "mar march maret mac märz maerz mars marzo março marco maart mrt",
            "apr april avril avr abril abr aprile",
            "may mei mai mayo maio maggio mag",
            "jun june juni juin junio junho giugno giu",
            "jul july juli julai juillet juil julio julho luglio lug",
            "aug august agu agt ags agustus ogos août aout agosto ago augustus",
            "sep sept september septembre septiembre setiembre setembro set settembre",
            "oct october okt oktober octobre octubre outubro out ottobre ott",
            "nov november nopember novembre noviembre novembro",
            "dec december des desember disember dez dezember décembre decembre déc diciembre dic dezembro dicembre",
        ),
        start=1,
    )
    for name in names.split()
}
"""English, Indonesian, Malay, German, French, Spanish, Portuguese, Italian and Dutch, short and long."""

FIRST_OPEN_YEAR = 2050
"""From here on a year of two digits is more likely one of the last century."""

WEEKDAYS = [
    "mon",
    "monday",
    "tue",
    "tues",
    "tuesday",
    "wed",
    "wednesday",
    "thu",
    "thur",
    "thurs",
    "thursday",
    "fri",
    "friday",
    "sat",
    "saturday",
    "sun",
    "sunday",
    "senin",
    "sen",
    "selasa",
    "sel",
    "rabu",
    "rab",
    "kamis",
    "kam",
    "jumat",
    "jum'at",
    "jum",
    "sabtu",
    "sab",
    "minggu",
    "min",
    "ahad",
    "isnin",
    "isn",
    "khamis",
    "kha",
    "jumaat",
    "aha",
    "montag",
    "mo",
    "dienstag",
    "di",
    "mittwoch",
    "mi",
    "donnerstag",
    "do",
    "freitag",
    "fr",
    "samstag",
    "sa",
    "sonnabend",
    "sonntag",
    "so",
    "lundi",
    "lun",
    "mardi",
    "mar",
    "mercredi",
    "mer",
    "jeudi",
    "jeu",
    "vendredi",
    "ven",
    "samedi",
    "sam",
    "dimanche",
    "dim",
    "lunes",
    "martes",
    "miércoles",
    "miercoles",
    "mié",
    "mie",
    "jueves",
    "jue",
    "viernes",
    "vie",
    "sábado",
    "sabado",
    "sáb",
    "domingo",
    "dom",
    "segunda-feira",
    "segunda",
    "seg",
    "terça-feira",
    "terça",
    "terca",
    "ter",
    "quarta-feira",
    "quarta",
    "qua",
    "quinta-feira",
    "quinta",
    "qui",
    "sexta-feira",
    "sexta",
    "sex",
    "lunedì",
    "lunedi",
    "martedì",
    "martedi",
    "mercoledì",
    "mercoledi",
    "giovedì",
    "giovedi",
    "gio",
    "venerdì",
    "venerdi",
    "sabato",
    "domenica",
    "maandag",
    "ma",
    "dinsdag",
    "woensdag",
    "wo",
    "donderdag",
    "vrijdag",
    "vr",
    "zaterdag",
    "za",
    "zondag",
    "zo",
]
"""Of the same languages, short and long."""

_WORD = r"[^-0-9 .,/]+"
_WEEKDAY = re.compile(rf"(?i:{'|'.join(WEEKDAYS)})[.,]? +(?![0-9]{{1,2}}(?:st|nd|rd|th)?,? +[0-9]{{4}})")
"""Any other word may say that it is not that day: `cancelled 2026-11-29`. `mar 3, 2026` is in March."""
_OF = r"(?:de )?"
_END = r"(?=\Z|[T ,])"
_YEAR_FIRST = re.compile(rf"([0-9]{{4}})[-/.]([0-9]{{1,2}})[-/.]([0-9]{{1,2}}){_END}")
_YEAR_LAST = re.compile(rf"([0-9]{{1,2}})[-/.]([0-9]{{1,2}})[-/.]([0-9]{{4}}|[0-9]{{2}}){_END}")
_DAY_MONTH = re.compile(rf"([0-9]{{1,2}})(?:st|nd|rd|th|[.])?[-/ ]+{_OF}({_WORD})[.,]?[-/ ]+{_OF}([0-9]{{4}}){_END}")
_MONTH_DAY = re.compile(rf"({_WORD})[.]? +([0-9]{{1,2}})(?:st|nd|rd|th)?,? +([0-9]{{4}}){_END}")
TIME = (
    r"(?P<hour>[0-9]{1,2})(?:[:.h](?P<minute>[0-9]{2})(?:[:.](?P<second>[0-9]{2})(?:[.,][0-9]+)?)?)?"
    r"(?: ?(?P<half>[AaPp])[.]?[Mm][.]?)?"
)
"""A time of the day, as a pattern."""
_ZONE = r"(?: ?(?:[A-Z]{1,5}|[+-][0-9]{2}:?[0-9]{2}))?"
_AFTER = re.compile(rf"(?:(?:,? +(?:(?:at|pukul|jam) )?|T){TIME}{_ZONE})?")
_EXCEL = re.compile(r"[3-5][0-9]{4}(?:[.,][0-9]+)?")


class WrittenDay(NamedTuple):
    """What a text begins with. The month and the day are the numbers that stand there, of the calendar or not."""

    year: int
    month: int
    day: int
    has_order: bool
    """Whether it is `day/month/year` in numbers, where both may have changed places."""
    is_short: bool
    """Whether the year has two digits; it is taken for one of this century."""
    after: str
    """The rest of the text."""

    def number(self, order: DayOrder) -> int | None:
        """The day as the number 20261123; None: there is no such month, or no month with so many days."""
        turned = self.has_order and order is DayOrder.MONTH_FIRST
        month, day = (self.day, self.month) if turned else (self.month, self.day)
        return self.year * 10_000 + month * 100 + day if 1 <= month <= 12 and 1 <= day <= 31 else None

    def calendar_day(self, order: DayOrder) -> date | None:
        """The day of the calendar; None: there is none."""
        number = self.number(order)
        try:
            return None if number is None else date(number // 10_000, number // 100 % 100, number % 100)
        except ValueError:
            return None

    @property
    def calendar_days(self) -> list[date]:
        """All days of the calendar that it may be: none, one, or two."""
        found = map(self.calendar_day, DayOrder)
        return list(dict.fromkeys(each for each in found if each is not None))

    @property
    def clock(self) -> re.Match[str] | None:
        """What stands after it: a match of TIME, with no hour where there is nothing; None: something else."""
        return _AFTER.fullmatch(self.after)


def written_day(text: str, months: Mapping[str, int] = MONTHS) -> WrittenDay | None:
    """The day that a text (a `plain_value`) begins with, after a weekday or without; None: it begins with none.

    `months` are names in lower case.
    """
    if weekday := _WEEKDAY.match(text):
        text = text[weekday.end() :]
    if found := _YEAR_FIRST.match(text):
        year, month, day = map(int, found.groups())
        return WrittenDay(year, month, day, False, False, text[found.end() :])
    if found := _YEAR_LAST.match(text):
        day, month, year = map(int, found.groups())
        is_short = len(found[3]) == 2
        return WrittenDay(year + 2000 * is_short, month, day, True, is_short, text[found.end() :])
    for form, place in ((_DAY_MONTH, 2), (_MONTH_DAY, 1)):
        found = form.match(text)
        named = months.get(found[place].lower()) if found else None
        if found and named:
            return WrittenDay(int(found[3]), named, int(found[3 - place]), False, False, text[found.end() :])
    return None


def day_of(written: str, order: DayOrder) -> int | None:
    """The day that a text is, as the number 20261123, whatever time stands after it; None: it is none.

    A year of two digits is one of this century. Days of months are not counted: 31 February is written, and comes
    before 1 March.
    """
    found = written_day(written)
    return None if found is None or found.clock is None else found.number(order)


def exact_day(written: str, order: DayOrder) -> date | None:
    """The day of the calendar that a text is; None: it is none."""
    found = written_day(written)
    return None if found is None or found.after else found.calendar_day(order)


def resembles_day(written: str) -> bool:
    """Whether a text has the form of a day, of the calendar or not, and nothing after it."""
    found = written_day(written)
    return found is not None and not found.after


def begins_with_day(written: str) -> bool:
    """Whether a text is a day with something after it, such as a time."""
    found = written_day(written)
    return found is not None and bool(found.after)


def resembles_excels_day(written: str) -> bool:
    """Whether a text may be the number that Excel keeps for a day of this half of the century. It is never read."""
    return _EXCEL.fullmatch(written) is not None
