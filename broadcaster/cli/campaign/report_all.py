"""`broadcaster campaign report --all`: what all campaigns came to together that started since a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from broadcaster.cli.campaign.count_columns import count_columns
from broadcaster.cli.campaign.show import STATE_STYLES
from broadcaster.cli.database import reader
from broadcaster.cli.options.when import given_moment
from broadcaster.cli.output import say, say_json, say_table
from broadcaster.cli.written_page import page_language, write_page
from broadcaster.domain.moments import WholeDay
from broadcaster.domain.states import MessageState
from broadcaster.errors import UsageError
from broadcaster.services.campaigns.full_reports import CampaignsReport, read_campaigns_report
from broadcaster.settings import load
from broadcaster.time_zones import shown_time

_USUAL_SPAN = timedelta(days=30)


def report_all(since: str | None, html: Path | None, language: str | None, *, as_json: bool) -> None:
    """Say, or write as a page, what they came to. Raises UsageError."""
    settings = load()
    moment = given_moment(since, "--since", whole_day=WholeDay.FIRST, looks_back=True)
    if moment is not None and moment > datetime.now(UTC):
        raise UsageError(f"--since: {shown_time(moment, seconds=False)} is yet to come: say when it began")
    written_in = None if html is None else page_language(settings, language)
    with reader(settings) as source:
        told = read_campaigns_report(source, since=moment or datetime.now(UTC) - _USUAL_SPAN)
    if html is not None and written_in is not None:
        from broadcaster.pages.campaigns_page import campaigns_page  # noqa: PLC0415 - start-up time: only for pages

        write_page(
            html, campaigns_page(told, written_in), f"all campaigns since {shown_time(told.since, seconds=False)}"
        )
    elif as_json:
        sums = {state.value: told.count(state) for state in MessageState}
        document = {"since": told.since, "total": told.total, **sums}
        say_json({**document, "campaigns": told.campaigns, "failures": told.failures})
    elif told.campaigns:
        _say_campaigns(told)
    else:
        say(f"no campaign has started since {shown_time(told.since)}")


def _say_campaigns(told: CampaignsReport) -> None:
    say(f"campaigns since {shown_time(told.since, seconds=False)}: {len(told.campaigns):,}; messages: {told.total:,}")
    states = {state.value.replace("_", " "): told.count(state) for state in MessageState}
    say("; ".join(f"{state}: {count:,}" for state, count in states.items() if count))
    say("")
    counts = count_columns(told.campaigns)
    say_table(
        ["NAME", "STATE", *counts, "STARTED"],
        (
            [
                each.name,
                each.said_state,
                *(count(each) for count in counts.values()),
                shown_time(each.started_at, seconds=False),
            ]
            for each in told.campaigns
        ),
        styles=STATE_STYLES,
        folded=["NAME"],
    )
    if told.failures:
        say("")
        say_table(
            ["STATE", "MESSAGES", "CAMPAIGNS", "REASON"],
            ([each.state, each.messages, each.campaigns, each.reason] for each in told.failures),
            styles=STATE_STYLES,
            folded=["REASON"],
        )
