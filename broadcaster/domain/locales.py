"""Whose language dates and numbers in texts are written in. Pure; Babel has the data (CLDR)."""

from __future__ import annotations

from functools import cache

from broadcaster.errors import UsageError, quoted

DEFAULT_LOCALE = "en"
"""English of no country: it says neither which of two numbers is the month nor which sign is the decimal one."""


def usable_locale(text: str, option: str = "--locale") -> str:
    """The locale as it is stored, such as `id` or `en_GB`. Raises UsageError that names `option`."""
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415 - most texts need none of it

    try:
        return str(Locale.parse(text.strip().replace("-", "_")))
    except (UnknownLocaleError, ValueError):
        raise UsageError(f"{option} {quoted(text)} is no locale: write it like id, en_GB or pt_BR") from None


@cache
def date_order(locale: str) -> str | None:
    """`dmy`, `mdy` or `ymd`: in which order people there write a date in numbers; None: that is open."""
    from babel import Locale  # noqa: PLC0415 - most texts need none of it

    if locale == DEFAULT_LOCALE:
        return None
    pattern = str(Locale.parse(locale).date_formats["short"].pattern).lower()
    return "".join(sorted("dmy", key=pattern.find))


@cache
def month_numbers(locale: str) -> dict[str, int]:
    """Months by their names there and in English, in lower case and without full stops."""
    from babel import Locale  # noqa: PLC0415 - most texts need none of it

    numbers: dict[str, int] = {}
    for each in (DEFAULT_LOCALE, locale):
        for context in Locale.parse(each).months.values():
            for width in ("wide", "abbreviated"):
                numbers |= {name.casefold().rstrip("."): number for number, name in context.get(width, {}).items()}
    return numbers


@cache
def number_signs(locale: str) -> tuple[str, str] | None:
    """Between groups of digits, and before decimals; None: which is which is open."""
    from babel.numbers import get_decimal_symbol, get_group_symbol  # noqa: PLC0415 - most texts need none of it

    if locale == DEFAULT_LOCALE:
        return None
    return get_group_symbol(locale), get_decimal_symbol(locale)
