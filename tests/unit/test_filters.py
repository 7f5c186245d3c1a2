"""Filters read what lists have, by a locale, and write it for people. What they cannot read they refuse."""

from __future__ import annotations

import subprocess
import sys

import pytest

from broadcaster.domain.locales import usable_locale
from broadcaster.domain.templates import compile_template
from broadcaster.domain.written_values import ValueFault, ValueFaultError
from broadcaster.errors import UsageError


def shown(value: str, filters: str, locale: str = "en") -> str:
    return compile_template(f"{{{{ x | {filters} }}}}", locale).render({"x": value})


@pytest.mark.parametrize(
    ("value", "filters", "locale", "text"),
    [
        ("2026-04-03", "date", "en", "April 3, 2026"),
        ("2026-04-03", "date", "id", "3 April 2026"),
        ("2026-04-03", 'date("full")', "id", "Jumat, 03 April 2026"),
        ("2026-04-03", 'date("short")', "de", "03.04.26"),
        ("2026-04-03", 'date("%A, %-d %B %Y") | upper', "id", "JUMAT, 3 APRIL 2026"),
        ("2026-04-03 09:30:00", 'date("%d/%m/%y %H:%M")', "id", "03/04/26 09:30"),
        ("2026-04-03T09:30:00+07:00", 'date("%d.%m.")', "de", "03.04."),
        ("2026-04-03", "date(\"100%% le '%d' o'clock\")", "en", "100% le '03' o'clock"),
        ("2026-04-03", 'date("%-d %B")', "ru", "3 апреля"),
        ("2026-04-03", 'date("%B %Y")', "ru", "апрель 2026"),
        ("03/04/2026", 'date("%Y-%m-%d")', "id", "2026-04-03"),
        ("03/04/2026", 'date("%Y-%m-%d")', "en_US", "2026-03-04"),
        ("03/04/2026", 'date("%Y-%m-%d")', "en_GB", "2026-04-03"),
        ("3.4.2026", 'date("%Y-%m-%d")', "de", "2026-04-03"),
        ("2026/4/3", 'date("%Y-%m-%d")', "en", "2026-04-03"),
        ("25/04/2026", 'date("%Y-%m-%d")', "en", "2026-04-25"),
        ("04/25/2026", 'date("%Y-%m-%d")', "en", "2026-04-25"),
        ("4/4/2026", 'date("%Y-%m-%d")', "en", "2026-04-04"),
        ("3 Agustus 2026", 'date("%Y-%m-%d")', "id", "2026-08-03"),
        ("Jumat, 3 April 2026", 'date("%Y-%m-%d")', "id", "2026-04-03"),
        ("03-Apr-2026", 'date("%Y-%m-%d")', "id", "2026-04-03"),
        ("April 3rd, 2026", 'date("%Y-%m-%d")', "en", "2026-04-03"),
        ("09:30", "time", "id", "09.30"),
        ("9.30", 'time("%H:%M")', "id", "09:30"),
        ("9:30 pm", 'time("%H:%M")', "en", "21:30"),
        ("12 a.m.", 'time("%H:%M")', "en", "00:00"),
        ("09:30:00", 'time("%-I:%M %p")', "en", "9:30 AM"),
        ("2026-04-03 14:05:00", 'time("%H:%M")', "en", "14:05"),
        ("1500000", "number", "id", "1.500.000"),
        ("1500000.5", "number", "id", "1.500.000,5"),
        ("150.000", "number", "id", "150.000"),
        ("150.000", "number(2)", "en_US", "150.00"),
        ("1.500.000,50", "number(2)", "id", "1.500.000,50"),
        ("1,500,000.50", "number", "en", "1,500,000.5"),
        ("1,50,000", "number(0)", "en_IN", "1,50,000"),
        ("1 500,5", "number(2)", "fr", "1\u202f500,50"),
        ("2.5", "number(0)", "en", "3"),
        ("1.23456", "number", "en", "1.23456"),
        ("-5", "number", "en", "-5"),
        ("9" * 18, "number(9)", "en", ",".join(["999"] * 6) + ".000000000"),
        ("siti nur'AINI-putri", "title", "id", "Siti Nur'aini-Putri"),
        ("straße", "upper", "de", "STRASSE"),
        ("inv 1/ä?.pdf", "url", "en", "inv%201/%C3%A4%3F.pdf"),
    ],
)
def test_a_filter_shows(value: str, filters: str, locale: str, text: str) -> None:
    assert shown(value, filters, locale) == text


@pytest.mark.parametrize(
    ("value", "filters", "locale", "fault"),
    [
        ("soon", "date", "id", "This is not a date that can be read: write it like 2026-04-03."),
        ("2026-02-30", "date", "id", "This is not a date that can be read: write it like 2026-04-03."),
        ("04/25/2026", "date", "id", "This is not a date that can be read: write it like 2026-04-03."),
        ("03/04/59", "date", "id", "Of which century this date is cannot be told"),
        ("46115", "date", "id", "This may be the number that Excel keeps for a day: format the column as a date."),
        ("46115,375", "date", "id", "This may be the number that Excel keeps"),
        ("03/04/2026", "date", "en", "Whether the day or the month comes first in this date is open"),
        ("2026-04-03", 'date("%d %H:%M")', "en", "There is no time beside the date, which the text shows."),
        ("2026-04-03", "time", "en", "This is not a time: write it like 09:30."),
        ("25:00", "time", "en", "This is not a time: write it like 09:30."),
        ("13 pm", "time", "en", "This is not a time: write it like 09:30."),
        ("9", "time", "en", "This is not a time: write it like 09:30."),
        ("150.000", "number", "en", "Whether this number has thousands or decimals is open"),
        ("1,500", "number", "en", "Whether this number has thousands or decimals is open"),
        ("Rp 150.000", "number", "id", "This is not a number"),
        ("1.50.0", "number", "id", "This is not a number"),
        ("1e5", "number", "en", "This is not a number"),
        ("9" * 65, "date", "en", "This is too long for a date, a time or a number."),
        ("9" * 19, "number", "en", "This is too long for a number."),
    ],
)
def test_what_cannot_be_read_is_refused_and_never_guessed(value: str, filters: str, locale: str, fault: str) -> None:
    with pytest.raises(ValueFaultError) as caught:
        shown(value, filters, locale)
    assert str(caught.value).startswith(fault)
    assert len(value) < 3 or value not in str(caught.value)


def test_the_rows_that_cannot_be_read_are_found() -> None:
    template = compile_template("{{ name | upper }} {{ day | date }}", "id")
    days = ["2026-04-03", "soon", "", " ", "3/4/2026", "soon"]
    fault = ValueFault("Column 'day': This is not a date that can be read: write it like 2026-04-03.")
    assert template.unreadable({"name": ["x"] * 6, "day": days}) == {1: fault, 5: fault}
    assert template.read_names == ("day",)


def test_a_number_of_a_workbook_is_not_read_as_people_write() -> None:
    template = compile_template("{{ price | number }}", "id")
    prices = ["12.345", "12345", "12.5", "1.200.000"]
    assert template.unreadable({"price": prices}) == {}
    assert list(template.unreadable({"price": prices}, from_cells=True)) == [0]


@pytest.mark.parametrize(("text", "locale"), [("id", "id"), ("en-GB", "en_GB"), (" pt_br ", "pt_BR")])
def test_a_locale_is_known(text: str, locale: str) -> None:
    assert usable_locale(text) == locale


@pytest.mark.parametrize("text", ["", "xx", "indonesian", "id/../en", "../../etc/passwd"])
def test_what_is_no_locale_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no locale: write it like id, en_GB or pt_BR"):
        usable_locale(text)


def test_plain_texts_need_no_babel() -> None:
    program = (
        "import sys; from broadcaster.domain.templates import compile_template as compiled\n"
        "compiled('{{ a | upper }}').render({'a': 'x'}); assert 'babel' not in sys.modules\n"
        "compiled('{{ a | date }}').render({'a': '2026-04-03'}); assert 'babel' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
