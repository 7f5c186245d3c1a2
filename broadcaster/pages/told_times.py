"""When something may be sent and when it recurs, in the language of a page. In English: as commands say it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from markupsafe import Markup, escape

from broadcaster.domain.gaps import Gaps, Rest, Span
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.recurrence import Interval, Recurrence
from broadcaster.domain.simple_rules import simple_rule
from broadcaster.domain.windows import Window, day_runs, parse_window, said_time
from broadcaster.pages.languages import ENGLISH, Language


def told_hours(hours: OpeningHours, language: Language) -> str:
    """`Mon-Fri 09:00-20:00 Europe/Berlin, not on holidays of DE`."""
    return ", ".join(_parts_of_hours(hours, language))


def told_span(span: Span, language: Language) -> str:
    """`20 seconds to 1 minute`."""
    least, most = language.duration(span.least), language.duration(span.most)
    return least if least == most else language.gettext("%(least)s to %(most)s") % {"least": least, "most": most}


def told_rest(rest: Rest, language: Language) -> str:
    """`5 to 10 minutes after 50 messages`."""
    text = language.translations.ngettext(
        "%(span)s after %(count)s message", "%(span)s after %(count)s messages", rest.after
    )
    return text % {"span": told_span(rest.span, language), "count": language.number(rest.after)}


def told_gaps(gaps: Gaps, language: Language) -> Iterator[tuple[str, str]]:
    """What each of them is, and how long."""
    if gaps.gap is not None:
        yield language.gettext("Gap between two messages"), told_span(gaps.gap, language)
    if gaps.rest is not None:
        yield language.gettext("Rest"), told_rest(gaps.rest, language)


def told_rule(recurrence: Recurrence, language: Language) -> Markup:
    """`At 09:00 on Monday through Friday`, `Every 2 hours, counted from 23 Nov 2026, 09:00`.

    English says every rule of cron in words, other languages those that have times of the day and days of the week or
    one of the month. Else the rule is shown as it was given.
    """
    _ = language.gettext
    rule = recurrence.rule
    if isinstance(rule, Interval):
        by_its_clocks = replace(language, zone=rule.zone)
        shown = {"span": language.span(rule.number, rule.unit), "moment": by_its_clocks.moment(rule.anchor)}
        return escape(_("Every %(span)s, counted from %(moment)s") % shown)
    told = recurrence.words if language.locale.language == ENGLISH else _told_cron(rule, language)
    return Markup("<code>{}</code>").format(rule) if told is None else escape(told)


def _told_cron(cron: str, language: Language) -> str | None:
    """None: it is no rule of the kind that can be told."""
    simple = simple_rule(cron)
    if simple is None:
        return None
    _ = language.gettext
    names = language.locale.days["format"]["wide"]
    if simple.day_of_month is not None:
        days = _("on day %(day)s of the month") % {"day": language.number(simple.day_of_month)}
    elif shown := day_runs(simple.weekdays, names).strip():
        days = shown
    else:
        days = _("every day")
    times = _joined([said_time(minute) for minute in simple.minutes], language)
    return _("%(days)s at %(times)s") % {"days": days, "times": times}


def _parts_of_hours(hours: OpeningHours, language: Language) -> Iterator[str]:
    _ = language.gettext
    if hours.shown_windows:
        shown = _joined([_told_window(parse_window(each), language) for each in hours.shown_windows], language)
        if hours.is_by_recipient:
            yield _("%(windows)s by each recipient's clock") % {"windows": shown}
        else:
            yield f"{shown} {hours.zone}"
    if hours.is_legal:
        yield _("legal hours of each recipient's country")
    if hours.holidays:
        yield _("not on holidays of %(countries)s") % {"countries": _joined(hours.holidays, language)}
    if days := len(hours.days_off):
        text = language.translations.ngettext("not on %(days)s listed day", "not on %(days)s listed days", days)
        yield text % {"days": language.number(days)}


def _told_window(window: Window, language: Language) -> str:
    names = language.locale.days["format"]["abbreviated"]
    return f"{day_runs(window.days, names)}{said_time(window.opens)}-{said_time(window.closes)}"


def _joined(texts: Sequence[str], language: Language) -> str:
    word = language.gettext("and")
    return f" {word} ".join(texts)
