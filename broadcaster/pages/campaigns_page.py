"""What several campaigns came to as a page: those since a moment, and those of a schedule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple

from broadcaster.domain.states import MessageState
from broadcaster.pages.charts import Chart, bars_chart
from broadcaster.pages.environment import inline_stylesheet, page_environment
from broadcaster.pages.languages import Language
from broadcaster.pages.state_figures import bars_of_states, state_terms
from broadcaster.services.campaigns.full_reports import CampaignsReport, StartedCampaign

if TYPE_CHECKING:
    # It needs SQLAlchemy.
    from broadcaster.services.schedules.schedule_reports import OccurrenceSummary

_MOST_SHOWN = 500
"""Campaigns: the latest."""
_MOST_DAYS = 12
_FEWEST_DAYS = 2


class _DayFigures(NamedTuple):
    day: date
    campaigns: Sequence[StartedCampaign]

    def count(self, state: MessageState) -> int:
        return sum(campaign.count(state) for campaign in self.campaigns)


def campaigns_page(report: CampaignsReport, language: Language) -> str:
    """Of all that started since a moment: one file, which loads nothing."""
    title = language.gettext("Campaigns")
    if report.since is not None:
        title = language.gettext("Campaigns since %(moment)s") % {"moment": language.moment(report.since)}
    return _page(report, language, title, ())


def schedule_page(
    schedule: str, occurrences: Sequence[OccurrenceSummary], report: CampaignsReport, language: Language
) -> str:
    """Of a schedule, with what became of each occurrence."""
    return _page(report, language, language.gettext("Schedule %(name)s") % {"name": schedule}, occurrences)


def _page(report: CampaignsReport, language: Language, title: str, occurrences: Sequence[OccurrenceSummary]) -> str:
    context = {
        "report": report,
        "title": title,
        "occurrences": occurrences,
        "share": report.count(MessageState.SENT) / report.total if report.total else None,
        "state_terms": state_terms(report, language),
        "shown": report.campaigns[:_MOST_SHOWN],
        "more_campaigns": max(0, len(report.campaigns) - _MOST_SHOWN),
        "days_chart": _days_chart(report.campaigns, language),
    }
    template = page_environment(language).get_template("campaigns_report.html")
    return template.render(context, styles=inline_stylesheet())


def _days_chart(campaigns: Sequence[StartedCampaign], language: Language) -> Chart | None:
    """The latest days on which campaigns started."""
    by_day: dict[date, list[StartedCampaign]] = defaultdict(list)
    for campaign in campaigns:
        if campaign.started_at is not None:
            by_day[campaign.started_at.astimezone(language.zone).date()].append(campaign)
    days = [_DayFigures(day, by_day[day]) for day in sorted(by_day)[-_MOST_DAYS:]]
    if len(days) < _FEWEST_DAYS or not any(campaign.total for each in days for campaign in each.campaigns):
        return None
    labels = [language.short_day(datetime.combine(each.day, datetime.min.time(), language.zone)) for each in days]
    return bars_chart(labels, bars_of_states(days, language), language)
