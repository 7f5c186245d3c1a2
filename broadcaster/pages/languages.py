"""The languages of pages: texts by gettext, numbers, moments and durations by Babel (CLDR)."""

from __future__ import annotations

import gettext
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from typing import Literal, cast
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_skeleton, format_timedelta
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent

from broadcaster.domain.durations import duration_parts
from broadcaster.domain.shares import shown_percent
from broadcaster.errors import UsageError, quoted
from broadcaster.settings import Settings

ENGLISH = "en"
"""In which the texts stand in templates and code."""
LANGUAGES = (ENGLISH, "es", "id", "pt")

_TRANSLATIONS = files(__package__) / "translations"


class Catalogs(gettext.NullTranslations):
    """The translations of one language, as its .po files have them: no compiled file has to be kept in step."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._texts: dict[tuple[str | None, str], str] = {}
        self._plurals: dict[tuple[str | None, str], tuple[str, ...]] = {}
        self._form = gettext.c2py("n != 1")
        for catalog in catalogs_of(language):
            self._form = gettext.c2py(catalog.plural_expr)
            for message in catalog:
                if isinstance(message.id, str):
                    self._texts[message.context, message.id] = str(message.string or "")
                else:
                    self._plurals[message.context, message.id[0]] = tuple(message.string or ())

    def gettext(self, message: str) -> str:
        """The text in this language, or as it stands."""
        return self._texts.get((None, message)) or message

    def pgettext(self, context: str, message: str) -> str:
        """The text as it is said of this, or else of anything."""
        return self._texts.get((context, message)) or self.gettext(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """The form of the text that goes with `n`."""
        return self._form_for(None, msgid1, msgid2, n)

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:
        """The same as it is said of this: words agree with what is counted."""
        return self._form_for(context, msgid1, msgid2, n)

    def _form_for(self, context: str | None, msgid1: str, msgid2: str, n: int) -> str:
        forms = self._plurals.get((context, msgid1), ())
        form = self._form(n)
        return forms[form] if form < len(forms) and forms[form] else (msgid1 if n == 1 else msgid2)


@dataclass(frozen=True, slots=True)
class Language:
    """In which a page is written, and whose clocks it shows."""

    locale: Locale
    zone: ZoneInfo
    translations: gettext.NullTranslations

    @property
    def tag(self) -> str:
        """As HTML names it: `id`, `pt-BR`."""
        return str(self.locale).replace("_", "-")

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`."""
        return self.locale.text_direction

    def gettext(self, text: str) -> str:
        """The text in this language."""
        return self.translations.gettext(text)

    def number(self, value: float) -> str:
        """With signs between groups of digits, and at most two decimals."""
        return format_decimal(round(value, 2), locale=self.locale)

    def percent(self, share: float) -> str:
        """A share from 0 to 1. What is more than nothing is not shown as nothing, nor what is less than all as all."""
        return self._percent(*shown_percent(share))

    def percent_as_said(self, said: str) -> str:
        """A share with as many digits as it has in English: of `2.125%` none is left out."""
        digits = said.removesuffix("%")
        return self._percent(float(digits), len(digits.partition(".")[2]))

    def moment(self, at: datetime, *, seconds: bool = False) -> str:
        """Day and time of the day, by 24 hours."""
        return f"{self.day(at)}, {self.clock(at, seconds=seconds)}"

    def clock(self, at: datetime, *, seconds: bool = False) -> str:
        """The time of the day, by 24 hours."""
        return self._by_skeleton("Hms" if seconds else "Hm", at)

    def day(self, day: date) -> str:
        """A day, with its year. Of a moment, that by the zone's clocks."""
        local = day.astimezone(self.zone).date() if isinstance(day, datetime) else day
        return format_skeleton("yMMMd", datetime.combine(local, time()), locale=self.locale)

    def short_day(self, at: datetime) -> str:
        """A day without its year, for axes."""
        return self._by_skeleton("MMMd", at)

    def duration(self, seconds: float) -> str:
        """A span of time in words, by the rule of `domain.durations`: `3 hours, 20 minutes`."""
        return ", ".join(self.span(count, unit) for count, unit in duration_parts(seconds))

    def span(self, count: int, unit: str) -> str:
        """So many of a unit of time (`spans.UNITS`): `2 hours`."""
        granularity = cast("Literal['week', 'day', 'hour', 'minute', 'second']", unit)
        return format_timedelta(timedelta(**{f"{unit}s": count}), granularity, threshold=1e9, locale=self.locale)

    def _percent(self, percent: float, decimals: int) -> str:
        number = f"#,##0.{'0' * decimals}".removesuffix(".")
        pattern = self.locale.percent_formats[None].pattern.replace("#,##0", number)
        return format_percent(percent / 100, pattern, locale=self.locale)

    def _by_skeleton(self, skeleton: str, at: datetime) -> str:
        return format_skeleton(skeleton, at.astimezone(self.zone), fuzzy=True, locale=self.locale)


def language_of(settings: Settings, zone: ZoneInfo, chosen: str | None = None) -> Language:
    """In which pages are written: `chosen`, or else BROADCASTER_LANGUAGE, or else the language of BROADCASTER_LOCALE.

    English where that is none of LANGUAGES. Raises UsageError where `chosen` or the setting is none of them.
    """
    if chosen is not None:
        locale = usable_language(chosen, "--language")
    elif settings.language is not None:
        locale = usable_language(settings.language, "BROADCASTER_LANGUAGE:")
    else:
        locale = _locale(settings.locale or ENGLISH) or Locale(ENGLISH)
    return Language(locale, zone, _translations(locale.language))


def usable_language(text: str, option: str) -> Locale:
    """A locale whose language pages are written in, such as `id` or `pt_BR`. Raises UsageError that names `option`."""
    locale = _locale(text)
    if locale is None:
        raise UsageError(f"{option} {quoted(text)} is no language of pages: choose one of {', '.join(LANGUAGES)}")
    return locale


def catalogs_of(language: str) -> Iterator[Catalog]:
    """What its .po files have: one for each package that has texts."""
    if language == ENGLISH:
        return
    for path in sorted((_TRANSLATIONS / language).iterdir(), key=lambda each: each.name):
        if path.name.endswith(".po"):
            with path.open("rb") as file:
                yield read_po(file, locale=language)


def _locale(text: str) -> Locale | None:
    try:
        locale = Locale.parse(text.strip().replace("-", "_"))
    except (UnknownLocaleError, ValueError, TypeError):
        return None
    return locale if locale.language in LANGUAGES else None


@cache
def _translations(language: str) -> Catalogs:
    return Catalogs(language)
