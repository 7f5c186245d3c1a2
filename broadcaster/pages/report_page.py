"""The report of a campaign as a page, from its document (`services.campaigns.full_reports`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from broadcaster.domain.course import Course, TimeSpan
from broadcaster.domain.masking import masked
from broadcaster.domain.states import FINAL_CAMPAIGN_STATES, CampaignState
from broadcaster.pages.charts import Chart, bars_chart, course_chart
from broadcaster.pages.environment import inline_stylesheet, page_environment
from broadcaster.pages.languages import Language
from broadcaster.pages.naming import NAMES, npgettext
from broadcaster.pages.own_words import in_own_words
from broadcaster.pages.state_figures import bars_of_states, state_terms
from broadcaster.pages.told_events import told_events
from broadcaster.pages.told_times import told_hours
from broadcaster.services.campaigns.campaign_reports import CampaignSummary, SentFigures
from broadcaster.services.campaigns.full_reports import MOST_REASONS, CampaignReport, KeptPlan
from broadcaster.services.campaigns.move_reports import ToldMove

_REJECTED = npgettext("rows", "rejected", "rejected")
_REPEATED = npgettext("rows", "repeated", "repeated")
_ACCEPTED = npgettext("messages", "accepted by the gateway", "accepted by the gateway")
_FOUND = npgettext("messages", "in doubt, and found in its chat", "in doubt, and found in their chats")
_SETTLED = npgettext("messages", "settled as sent by an operator", "settled as sent by an operator")
_FEWEST_STEPS = 3
"""Of a course that is worth a chart."""
_MOST_SPANS = 100
_SHORT = 3_600.0
"""Seconds: of what took less, moments are told with their seconds."""
_WORTH_TELLING = 60.0
"""Seconds before or after a plan."""


def report_page(report: CampaignReport, language: Language, *, with_phones: bool = False) -> str:
    """One file, which loads nothing."""
    environment = page_environment(language)
    context = report_context(report, language, with_phones=with_phones)
    return environment.get_template("report.html").render(context, styles=inline_stylesheet())


def report_context(report: CampaignReport, language: Language, *, with_phones: bool = False) -> dict[str, Any]:
    """What `report_body.html` shows. Phones are masked unless they are asked for."""
    summary, failures = report.detail.summary, report.detail.failures
    return {
        "report": report,
        "with_phones": with_phones,
        "phone": _phone_shown(with_phones=with_phones),
        "read_terms": list(_read_terms(report, language)),
        "state_terms": state_terms(summary, language),
        "sent_terms": list(_sent_terms(report.detail.sent, language)),
        "told_share": _told_share(report, language),
        "told_time": _told_time(report, language),
        "told_course": "" if report.course is None else _told_course(report.course, language),
        "begins_at": _first_row(report),
        "course_chart": _course_chart(report.course, language),
        "spans": _spans(report.course, language)[:_MOST_SPANS],
        "hours_by_recipient": summary.hours is not None and summary.hours.goes_by_recipient,
        "limits": [(lane.instance, str(limit)) for lane in report.lanes for limit in lane.limits],
        "lane_chart": _lane_chart(report, language),
        "failures": failures[:MOST_REASONS],
        "more_failures": max(0, len(failures) - MOST_REASONS),
        "told_replies": _told_replies(report, language),
        "times": list(_times(report, language)),
        "moved": _move_line(language),
        "events": told_events(report, language),
    }


def _read_terms(report: CampaignReport, language: Language) -> Iterator[tuple[int, str]]:
    """Of what the rows of its recipients became; nothing where that is not known, or there is nothing to tell."""
    summary = report.detail.summary
    repeated = summary.recipients_repeated
    if repeated is None:
        return
    ngettext = language.translations.ngettext
    yield summary.total, ngettext("message", "messages", summary.total)
    for count, words in ((summary.recipients_rejected, _REJECTED), (repeated, _REPEATED)):
        yield count, language.translations.npgettext("rows", *words, count)


def _sent_terms(sent: SentFigures, language: Language) -> Iterator[tuple[int, str]]:
    """Why messages count as sent; nothing where that is the gateway's yes alone."""
    if sent.found or sent.settled:
        for count, words in ((sent.accepted, _ACCEPTED), (sent.found, _FOUND), (sent.settled, _SETTLED)):
            if count or words is not _SETTLED:
                yield count, language.translations.npgettext("messages", *words, count)


def _told_share(report: CampaignReport, language: Language) -> str:
    summary = report.detail.summary
    if not summary.total:
        return ""
    share = language.percent(summary.sent / summary.total)
    return language.gettext("%(share)s of its messages were sent.") % {"share": share}


def _told_time(report: CampaignReport, language: Language) -> str:
    summary = report.detail.summary
    if summary.started_at is None:
        return ""
    took = language.duration(TimeSpan(summary.started_at, summary.finished_at or report.at).seconds)
    if summary.finished_at is None:
        return language.gettext("It has been under way for %(took)s.") % {"took": took}
    return language.gettext("From its start to its end it took %(took)s.") % {"took": took}


def _told_course(course: Course, language: Language) -> str:
    _ = language.gettext
    accepted = course.accepted
    shown = {"accepted": language.number(accepted)}
    permitted = [step.permitted for step in course.steps]
    ngettext = language.translations.ngettext
    if any(each is None for each in permitted):
        told = ngettext(
            "%(accepted)s request was accepted; its instances had no paced limit.",
            "%(accepted)s requests were accepted; its instances had no paced limit.",
            accepted,
        )
    else:
        most = sum(each or 0 for each in permitted)
        shown |= {"permitted": language.number(most), "share": language.percent(min(1.0, accepted / max(1, most)))}
        told = ngettext(
            "%(accepted)s request was accepted where the paces permitted %(permitted)s: %(share)s.",
            "%(accepted)s requests were accepted where the paces permitted %(permitted)s: %(share)s.",
            accepted,
        )
    told %= shown
    if len(course.steps) < _FEWEST_STEPS:
        told += " " + _("That was too short for a chart.")
    return told


def _first_row(report: CampaignReport) -> datetime | None:
    """When the first row of the course begins: steps are of the clock, and begin before the campaign."""
    started = report.detail.summary.started_at
    if report.course is None or started is None:
        return started
    return max(started, report.course.time.begins_at)


def _course_chart(course: Course | None, language: Language) -> Chart | None:
    return None if course is None or len(course.steps) < _FEWEST_STEPS else course_chart(course, language)


class ToldSpan(NamedTuple):
    """When nothing of it could leave, at all or through one instance, and why."""

    span: TimeSpan
    why: str
    instance: str | None = None
    reason: str | None = None


def _spans(course: Course | None, language: Language) -> Sequence[ToldSpan]:
    if course is None:
        return []
    _ = language.gettext
    told = [ToldSpan(span, _("paused")) for span in course.paused]
    told += [ToldSpan(span, _("windows closed")) for span in course.closed]
    told += [ToldSpan(each.span, _(NAMES[each.health]), each.instance, each.reason) for each in course.troubled]
    return sorted(told, key=lambda each: each.span)


def _lane_chart(report: CampaignReport, language: Language) -> Chart | None:
    lanes = sorted(report.detail.lanes, key=lambda lane: -lane.total)
    if not any(lane.total for lane in lanes):
        return None
    return bars_chart([lane.instance for lane in lanes], bars_of_states(lanes, language), language)


def _told_replies(report: CampaignReport, language: Language) -> str:
    replies = report.replies
    shown = {"replies": language.number(replies.replies), "people": language.number(replies.answered)}
    ngettext = language.translations.ngettext
    told = (
        ngettext("%(replies)s, from %(people)s person", "%(replies)s, from %(people)s people", replies.answered)
        % shown
    )
    if sent := report.detail.summary.sent:
        told += f" ({language.percent(min(1.0, replies.answered / sent))})"
    return told


def _times(report: CampaignReport, language: Language) -> Iterator[tuple[str, str]]:
    """What was foreseen, and what happened."""
    _, summary, planned = language.gettext, report.detail.summary, report.planned
    moment = partial(language.moment, seconds=took_short(summary.started_at, summary.finished_at or report.at))
    yield _("Submitted"), moment(summary.created_at)
    yield _("To start"), moment(summary.starts_at)
    never = _("never") if summary.state in FINAL_CAMPAIGN_STATES else _("not yet")
    yield _("Started"), never if summary.started_at is None else moment(summary.started_at)
    if planned is None:
        yield _("Planned end"), _why_no_plan(report, language)
    else:
        yield _("Planned end"), _told_band(planned.ends_at, planned.earliest_at, planned.latest_at, moment, language)
    if summary.finished_at is not None:
        compared = _told_end(report, summary.finished_at, language)
        yield _("Ended"), f"{moment(summary.finished_at)} ({compared})" if compared else moment(summary.finished_at)
    elif (ahead := report.ahead) is not None and ahead.known_end is not None:
        yield _("Will end"), _told_band(ahead.known_end, ahead.earliest_at, ahead.latest_at, moment, language)
    if summary.expires_at is not None:
        yield _("What has not left expires"), language.moment(summary.expires_at)
    if summary.hours is not None:
        yield _("Windows"), told_hours(summary.hours, language)
    if (stops := stops_of(summary, language)) is not None:
        yield _("Stops itself at"), " ".join(filter(None, stops))


def stops_of(summary: CampaignSummary, language: Language) -> tuple[str, str] | None:
    """At which figures a campaign pauses itself, and since when these are counted; None: at none."""
    care = summary.care
    if care is None or not care.stops.are_given:
        return None
    since = summary.judged_since
    if since is None:
        return in_own_words(str(care.stops), language), ""
    shown = {"moment": language.moment(since, seconds=True)}
    return in_own_words(str(care.stops), language), language.gettext("(counted since %(moment)s)") % shown


def took_short(begins_at: datetime | None, ends_at: datetime) -> bool:
    """Whether it is so little time that minutes do not tell its moments apart."""
    return begins_at is not None and TimeSpan(begins_at, ends_at).seconds < _SHORT


def _told_band(
    ends_at: datetime,
    earliest: datetime | None,
    latest: datetime | None,
    moment: Callable[[datetime], str],
    language: Language,
) -> str:
    early, late = (moment(each or ends_at) for each in (earliest, latest))
    if early == late:
        return early
    return language.gettext("between %(early)s and %(late)s") % {"early": early, "late": late}


def _why_no_plan(report: CampaignReport, language: Language) -> str:
    """Why it is not known when it was foreseen to end."""
    _ = language.gettext
    if report.is_of_schedule:
        return _("none was kept: a schedule submitted it")
    if report.was_draft:
        return _("none was kept: it was submitted as a draft")
    return _("none was kept: nobody could tell when it would end")


def _told_end(report: CampaignReport, finished_at: datetime, language: Language) -> str:
    """How its end came about; nothing where that goes without saying."""
    if report.detail.summary.state is CampaignState.CANCELLED:
        return language.gettext("it was cancelled")
    return "" if report.planned is None else _told_lateness(report.planned, finished_at, language)


def _told_lateness(planned: KeptPlan, finished_at: datetime, language: Language) -> str:
    """How it compares with the band of the plan."""
    late = TimeSpan(planned.latest_at or planned.ends_at, finished_at).seconds
    early = TimeSpan(finished_at, planned.earliest_at or planned.ends_at).seconds
    if late >= _WORTH_TELLING:
        return language.gettext("%(time)s later than planned") % {"time": language.duration(late)}
    if early >= _WORTH_TELLING:
        return language.gettext("%(time)s earlier than planned") % {"time": language.duration(early)}
    return language.gettext("as planned")


def _move_line(language: Language) -> Callable[[ToldMove, Markup, Markup], Markup]:
    def told(move: ToldMove, giver: Markup, taker: Markup) -> Markup:
        number = language.number(move.messages)
        text = language.translations.ngettext(
            "%(number)s message went from %(giver)s to %(taker)s",
            "%(number)s messages went from %(giver)s to %(taker)s",
            move.messages,
        )
        why = language.gettext(NAMES[f"move_{move.reason}"])
        return Markup(escape(text)) % {"number": number, "giver": giver, "taker": taker} + f" ({why})"  # noqa: S704

    return told


def _phone_shown(*, with_phones: bool) -> Callable[[str], str]:
    return str if with_phones else masked
