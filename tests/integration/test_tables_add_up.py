"""A table that says how many messages came to what leaves none of them out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import Engine

from broadcaster.domain.states import CampaignState, OccurrenceState
from broadcaster.pages.campaigns_page import schedule_page
from broadcaster.services.campaigns.full_reports import CampaignsReport
from broadcaster.services.schedules.schedule_reports import OccurrenceSummary
from broadcaster.settings import Settings
from tests.support.cli import RunCli, assert_done
from tests.support.sample_report import language
from tests.support.shop import Shop, open_shop
from tests.support.stack import running_stack
from tests.support.web_view import running_web

COUNTS = {
    *("Sent", "Failed", "In doubt", "Unknown", "Expired", "Other", "To send", "Skipped", "Open"),
}

PLACES = {"/campaign?name=spring": ">a</a>", "/instance?name=a": ">spring</a>", "/instances": ">a</a>"}
"""Pages, and what stands in the row that is looked at."""
MOVES = (
    ("sending", "seq <= 6"),
    ("in_doubt", "seq <= 6"),
    ("unknown", "seq <= 6"),
    ("expired", "seq BETWEEN 7 AND 9"),
    ("skipped", "seq BETWEEN 10 AND 11"),
)


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    """With 20 messages through `a`, some of each state, and 5 pending through `b`."""
    with open_shop(engine, settings) as opened:
        for name in ("a", "b"):
            opened.add(name)
        opened.submit("spring", 20, "a")
        opened.submit("summer", 5, "b")
        yield opened


@pytest.fixture
def ended(shop: Shop) -> Shop:
    """Of the 20 messages through `a` 6 are unknown, 3 expired and 2 skipped."""
    for state, numbers in MOVES:
        shop.sql(
            f"UPDATE messages SET state = '{state}' FROM campaigns c"
            f" WHERE c.id = campaign_id AND c.name = 'spring' AND {numbers}"
        )
    return shop


def counts(page: str, row: str) -> dict[str, int]:
    """Of the first table row with this text in it, by heading."""
    [found, *_] = [each for each in re.findall(r"<tr.*?</tr>", page, re.DOTALL) if row in each and "<td" in each]
    cells = re.findall(r"<td([^>]*)>(.*?)</td>", found, re.DOTALL)
    labelled = [(re.search(r'data-label="([^"]*)"', attributes), content) for attributes, content in cells]
    named = [(unescape(label[1]), content) for label, content in labelled if label]
    return {label: int(content.split("/")[0]) for label, content in named if label in COUNTS}


def test_what_is_unknown_is_told_of_instances_in_the_browser(
    ended: Shop, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    with running_stack(tmp_path, environ) as stack, running_web(stack) as view:
        visitor = view.visitor()
        told = [counts(visitor.get(where).text, row) for where, row in PLACES.items()]
        listed = counts(visitor.get("/").text, ">spring</a>")
    assert listed == {"Sent": 0, "Failed": 0, "Unknown": 6, "Expired": 3, "Other": 2, "Open": 9}
    wanted = {"Sent": 0, "Failed": 0, "In doubt": 0, "Unknown": 6, "Expired": 3, "Other": 2, "To send": 9}
    assert told == [wanted] * len(PLACES)


def test_a_page_leaves_out_a_column_for_what_there_is_none_of(
    shop: Shop, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    with running_stack(tmp_path, environ) as stack, running_web(stack) as view:
        visitor = view.visitor()
        told = [counts(visitor.get(where).text, row) for where, row in PLACES.items()]
    assert told == [{"Sent": 0, "Failed": 0, "In doubt": 0, "To send": 20}] * len(PLACES)


def test_a_list_of_instances_adds_up(ended: Shop, run_cli: RunCli) -> None:
    header, *rows = assert_done(run_cli("instance", "list")).stdout.splitlines()
    names = re.split(r"\s{2,}", header.strip())
    told = {
        cells[0]: dict(zip(names, cells, strict=True)) for cells in (re.split(r"\s{2,}", row.strip()) for row in rows)
    }
    columns = ("PENDING", "UNKNOWN", "EXPIRED", "OTHER")
    assert {name: tuple(row[column] for column in columns) for name, row in told.items()} == {
        "a": ("9", "6", "3", "2"),
        "b": ("5", "0", "0", "0"),
    }


def test_campaigns_are_listed_with_the_columns_of_instances(ended: Shop, run_cli: RunCli) -> None:
    header, first, second = assert_done(run_cli("campaign", "list")).stdout.splitlines()
    columns = header.split()[2:-1]
    assert columns == ["TOTAL", "SENT", "FAILED", "UNKNOWN", "EXPIRED", "OTHER", "OPEN"]
    assert [first.split()[2:9], second.split()[2:9]] == [[*"5000005"], ["20", *"006329"]]


def test_a_column_for_what_there_is_none_of_is_left_out(shop: Shop, run_cli: RunCli) -> None:
    told = assert_done(run_cli("instance", "list")).stdout
    assert not {"UNKNOWN", "EXPIRED", "OTHER"} & set(told.split())


def test_an_occurrence_on_a_report_adds_up() -> None:
    now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    told = schedule_page(
        "news",
        [occurrence(now, total=20, sent=10, failed=1, skipped=2, expired=4, still_open=3), occurrence(now)],
        CampaignsReport(at=now, since=None, campaigns=[], failures=[]),
        language(),
    )
    assert counts(told, ">20</td>") == {"Sent": 10, "Failed": 1, "Skipped": 2, "Other": 4, "Open": 3}


def occurrence(due_at: datetime, **messages: int) -> OccurrenceSummary:
    counted = ("total", "sent", "failed", "skipped", "cancelled", "expired", "unknown", "still_open")
    shown = {**dict.fromkeys(counted), **messages}
    return OccurrenceSummary(
        schedule_id=1,
        schedule="news",
        due_at=due_at,
        number=1,
        state=OccurrenceState.STARTED,
        reason=None,
        decided_by=None,
        decided_at=None,
        noticed_at=due_at,
        campaign_id=1,
        campaign="news 1",
        campaign_state=CampaignState.RUNNING,
        started_at=due_at,
        finished_at=None,
        rejected=0,
        **shown,
    )
