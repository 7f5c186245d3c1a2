"""One reading of days: by filters, by conditions and by moments of operators."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from broadcaster.domain.condition_parser import parse_condition
from broadcaster.domain.conditions import Compared, ValueKind
from broadcaster.domain.moments import parse_moment
from broadcaster.domain.plain_values import plain_value
from broadcaster.domain.written_days import DayOrder, day_of, written_day
from broadcaster.domain.written_values import ValueFaultError, ValueReader
from broadcaster.errors import UsageError
from tests.support.days import DAY_FORMS, DayForm

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LOCALES = {DayOrder.DAY_FIRST: "en_GB", DayOrder.MONTH_FIRST: "en_US"}


def by_filter(written: str, locale: str) -> date | None:
    try:
        return ValueReader(locale).date(written)
    except ValueFaultError:
        return None


@pytest.mark.parametrize("form", DAY_FORMS, ids=lambda form: form.written)
def test_filters_and_conditions_read_the_same_days(form: DayForm) -> None:
    for order, day in zip(DayOrder, (form.day_first, form.month_first), strict=True):
        assert by_filter(form.written, LOCALES[order]) == day
        assert day_of(plain_value(form.written), order) == (None if day is None else int(f"{day:%Y%m%d}"))
    days = {form.day_first, form.month_first} - {None}
    assert by_filter(form.written, "en") == (days.pop() if len(days) == 1 else None)


@pytest.mark.parametrize("form", DAY_FORMS, ids=lambda form: form.written)
def test_the_day_of_a_condition_and_of_a_moment_may_be_written_so_too(form: DayForm) -> None:
    found = written_day(plain_value(form.written))
    days = found.calendar_days if found else []
    if found is None or not days or found.clock is None:
        return
    if not found.after:
        condition = parse_condition(f"date={form.written}")
        assert isinstance(condition, Compared)
        assert condition.values[0].kind is ValueKind.DATE
    else:
        with pytest.raises(UsageError, match="days are compared without the time"):
            parse_condition(f"date={form.written}")
    at = f"{plain_value(form.written).removesuffix(found.after)} 9:00"
    if len(days) == 1:
        assert parse_moment(at, "--at", UTC, NOW) == datetime.combine(days[0], datetime.min.time(), UTC).replace(
            hour=9
        )
    else:
        with pytest.raises(UsageError, match="is not understood: days and months are written in two orders"):
            parse_moment(at, "--at", UTC, NOW)
