"""What may follow a variable's name in a text, as in `{{ date | date("%d/%m/%Y") }}`: a closed set of filters. Pure.

Each takes a value and gives a text. `date`, `time` and `number` read the value first, and refuse what they cannot
read. Babel is imported by the first one that writes for people of a locale: most texts need none of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from broadcaster.domain.locales import DEFAULT_LOCALE
from broadcaster.domain.written_values import ValueReader
from broadcaster.errors import quoted

_KEPT_TEXTS = 1024
"""Of each filter: dates and amounts come again and again."""
_LONGEST_FIELD = 40
"""Characters that one part of a date takes at most in any language, and more."""
_LONGEST_DATE = 200
_MOST_DECIMALS = 9
_LONGEST_NUMBER = 200
_WORD = re.compile(r"[^\s\-/]+")
_STYLES = ("short", "medium", "long", "full")

# CLDR's letters for strftime's: https://unicode.org/reports/tr35/tr35-dates.html#Date_Field_Symbol_Table
_DATE_FIELDS = {
    "d": "dd",
    "-d": "d",
    "m": "MM",
    "-m": "M",
    "b": "MMM",
    "B": "MMMM",
    "y": "yy",
    "Y": "yyyy",
    "a": "EEE",
    "A": "EEEE",
}
_TIME_FIELDS = {"H": "HH", "-H": "H", "I": "hh", "-I": "h", "M": "mm", "S": "ss", "p": "a"}
_FIELD = re.compile(r"%(-?.?)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Filter:
    """One step from a value to what is shown of it. Make one with `make_filter`."""

    apply: Callable[[str], str]
    """Raises ValueFaultError for a value that it cannot read."""
    growth: int
    """A text is at most so many times as long as the value,"""
    extra: int = 0
    """and so many characters longer."""
    read: Callable[[str], object] | None = None
    """The part of `apply` that may refuse a value; None: it takes every one."""
    read_cell: Callable[[str], object] | None = None
    """The same for the cell of a workbook, which has numbers as programs write them."""


def make_filter(name: str, argument: str | int | None, locale: str = DEFAULT_LOCALE) -> Filter:
    """The filter `name`, with what stands in its parentheses: a text, a number, or nothing.

    Raises ValueError that says what is wrong, for people.
    """
    if name in _PLAIN:
        if argument is not None:
            raise ValueError(f"{name} takes nothing in parentheses")
        return _PLAIN[name]
    if name not in _READING:
        raise ValueError(f"unknown filter {quoted(name)}; there are default, {', '.join((*_READING, *_PLAIN))}")
    return _READING[name](argument, ValueReader(locale))


def _date(argument: str | int | None, reader: ValueReader) -> Filter:
    style = _text_of("date", argument, '"%d/%m/%Y"') or "long"
    if style in _STYLES:
        return _reading(reader.date, _styled("date", style, reader.locale), _LONGEST_DATE)
    pattern, fields = _pattern("date", style, {**_DATE_FIELDS, **_TIME_FIELDS})
    read = reader.moment if fields & set(_TIME_FIELDS.values()) else reader.date
    # Without a day, months stand alone, which is another case in many languages.
    if not fields & {"d", "dd"}:
        pattern = pattern.replace("MMMM", "LLLL")
    return _reading(read, _written(pattern, reader.locale), len(style) * _LONGEST_FIELD)


def _time(argument: str | int | None, reader: ValueReader) -> Filter:
    style = _text_of("time", argument, '"%H:%M"') or "short"
    if style in _STYLES[:2]:
        return _reading(reader.time, _styled("time", style, reader.locale), _LONGEST_DATE)
    pattern, _ = _pattern("time", style, _TIME_FIELDS)
    return _reading(reader.time, _written(pattern, reader.locale), len(style) * _LONGEST_FIELD)


def _number(argument: str | int | None, reader: ValueReader) -> Filter:
    if isinstance(argument, str) or not 0 <= (argument or 0) <= _MOST_DECIMALS:
        raise ValueError(f"number takes how many decimals to show, from 0 to {_MOST_DECIMALS}, as in number(2)")
    from babel import Locale  # noqa: PLC0415 - most texts need none of it

    known, decimals = Locale.parse(reader.locale), argument
    pattern: Any = copy(known.decimal_formats[None])
    if decimals is not None:
        pattern.frac_prec = (decimals, decimals)

    def write(value: object) -> str:
        assert isinstance(value, Decimal)
        shown = value if decimals is None else value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
        return str(pattern.apply(shown, known, decimal_quantization=False))

    return replace(_reading(reader.number, write, _LONGEST_NUMBER), read_cell=reader.number_of_cell)


def _reading(read: Callable[[str], object], write: Callable[[object], str], longest: int) -> Filter:
    return Filter(lru_cache(_KEPT_TEXTS)(lambda value: write(read(value))), growth=0, extra=longest, read=read)


def _styled(what: str, style: str, locale: str) -> Callable[[object], str]:
    from babel import Locale  # noqa: PLC0415 - most texts need none of it

    known = Locale.parse(locale)
    formats = known.date_formats if what == "date" else known.time_formats
    pattern: Any = formats[style]
    return lambda value: str(pattern.apply(value, known))


def _written(pattern: str, locale: str) -> Callable[[object], str]:
    from babel import Locale  # noqa: PLC0415 - most texts need none of it
    from babel.dates import parse_pattern  # noqa: PLC0415

    known = Locale.parse(locale)
    parsed: Any = parse_pattern(pattern)
    return lambda value: str(parsed.apply(value, known))


def _pattern(name: str, written: str, fields: dict[str, str]) -> tuple[str, set[str]]:
    """The pattern in CLDR's letters, and which of its fields it has. Raises ValueError."""
    pieces: list[str] = []
    used: set[str] = set()
    end = 0
    for found in _FIELD.finditer(written):
        pieces.append(_literal(written[end : found.start()]))
        end = found.end()
        if found[1] == "%":
            pieces.append("%")
        elif found[1] in fields:
            used.add(fields[found[1]])
            pieces.append(fields[found[1]])
        else:
            known = " ".join(f"%{each}" for each in fields)
            raise ValueError(f"{name} does not know {quoted(found[0])}; there are {known} and %%")
    if not used:
        styles = _STYLES if name == "date" else _STYLES[:2]
        what = f"{name} shows nothing of the value with {quoted(written)}"
        raise ValueError(f"{what}; write one of {', '.join(styles)}, or some of %{' %'.join(fields)}")
    return "".join(pieces) + _literal(written[end:]), used


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'" if text else ""


def _text_of(name: str, argument: str | int | None, example: str) -> str | None:
    """The argument, which has to be a text where there is one."""
    if isinstance(argument, int):
        raise ValueError(f"{name} takes one text in straight quotes, as in {name}({example})")
    return argument


def _title(text: str) -> str:
    """Each word with a capital. Not str.title: that makes `Nur'Aini` of `nur'aini`."""
    return _WORD.sub(lambda found: found[0][0].upper() + found[0][1:].lower(), text)


def _encoded(text: str) -> str:
    """As a part of a URL. What is encoded already, and what separates its parts, stays."""
    return quote(text.strip(), safe="/%:@!$&'()*+,;=~")


_PLAIN: Mapping[str, Filter] = MappingProxyType(
    {
        # A letter has up to three capitals, and a character up to four bytes.
        "upper": Filter(str.upper, growth=3),
        "lower": Filter(str.lower, growth=3),
        "title": Filter(_title, growth=3),
        "url": Filter(_encoded, growth=12),
    }
)
_READING: Mapping[str, Callable[[str | int | None, ValueReader], Filter]] = MappingProxyType(
    {"date": _date, "time": _time, "number": _number}
)
