"""Days as lists have them, and what each is: one table for all that reads days."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple


class DayForm(NamedTuple):
    """A text, and the day that it is with the day first and with the month first; None: none."""

    written: str
    day_first: date | None
    month_first: date | None


def _always(written: str, day: date | None = date(2026, 5, 3)) -> DayForm:
    return DayForm(written, day, day)


_MAY, _MARCH = date(2026, 5, 3), date(2026, 3, 5)

DAY_FORMS = (
    DayForm("3.5.2026", _MAY, _MARCH),
    DayForm("03/05/2026", _MAY, _MARCH),
    DayForm("3-5-26", _MAY, _MARCH),
    DayForm("Minggu, 03/05/2026", _MAY, _MARCH),
    DayForm("03/05/2026 09:00", _MAY, _MARCH),
    DayForm("03/05/2026, 9.00 WIB", _MAY, _MARCH),
    DayForm("\uff10\uff13/\uff10\uff15/\uff12\uff10\uff12\uff16", _MAY, _MARCH),
    DayForm("28/11/2026", date(2026, 11, 28), None),
    DayForm("11/28/2026 5:30 PM", None, date(2026, 11, 28)),
    _always("2026-05-03"),
    _always("2026/5/3"),
    _always("2026-11-28 09:00", date(2026, 11, 28)),
    _always("2026-11-28T09:00:00.5+07:00", date(2026, 11, 28)),
    _always("2026-11-28 09:00:00 UTC", date(2026, 11, 28)),
    _always("3 Mei 2026"),
    _always("3 MEI 2026 pukul 09.00"),
    _always("Minggu 3 Mei 2026"),
    _always("May 3rd, 2026"),
    _always("Sun, May 3, 2026 at 9 am"),
    _always("03-May-2026"),
    _always("3\u00a0Mei\u00a02026"),
    _always("3. Mai 2026"),
    _always("3 de mayo de 2026"),
    _always("3 mag 2026"),
    _always("3 M\u00e4rz 2026", date(2026, 3, 3)),
    _always("3 Ma\u0308rz 2026", date(2026, 3, 3)),
    _always("SUNDAY 2026-05-03"),
    _always("So. 3.5.2026", None)._replace(day_first=_MAY, month_first=_MARCH),
    _always("Jum'at, 3 Mei 2026"),
    _always("mar 3, 2026", date(2026, 3, 3)),
    _always("mar. 3 mars 2026", date(2026, 3, 3)),
    _always("not 2026-05-03", None),
    _always("withdrawn, 2026-05-03", None),
    _always("cancelled 3 Mei 2026", None),
    _always("until 03/05/2026", None),
    _always("paid May 3, 2026", None),
    _always("46145", None),
    _always("46145.375", None),
    _always("2026-05-03 soon", None),
    _always("3 Mei 2026 - 5 Mei 2026", None),
    _always("31/02/20261", None),
    _always("2026-13-03", None),
    _always("3 Smarch 2026", None),
    _always("2026", None),
    _always("soon", None),
    _always("", None),
)
