"""What the command line makes of numbers, moments and strangers' texts."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from gettext import NullTranslations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from rich.console import Console

from broadcaster.cli import output, own_process
from broadcaster.cli.campaign.progress import Foresight, Snapshot, render, take_snapshot
from broadcaster.cli.csv_output import write_csv
from broadcaster.cli.output import (
    json_item,
    one_line,
    say,
    say_fields,
    say_json,
    say_json_items,
    say_json_with_items,
    say_table,
    warn,
)
from broadcaster.cli.troubles import trouble_line
from broadcaster.domain.causes import standing_still
from broadcaster.domain.content_kinds import ContentKind
from broadcaster.domain.durations import duration
from broadcaster.domain.lanes_now import LaneNow
from broadcaster.domain.meter import (
    LONGEST_WINDOW_SECONDS,
    RATE_WINDOW_SECONDS,
    Meter,
    SpeedLimit,
    said_speed,
    speed_limit,
    speed_of,
)
from broadcaster.domain.pacing import format_rate
from broadcaster.domain.planned_parts import PlannedPart
from broadcaster.domain.standstill import CampaignFacts, Cause, LaneFacts, Part, Remedy, Scene, Standstill, What
from broadcaster.domain.states import CampaignState, LaneHealth, MessageState
from broadcaster.domain.surroundings import Surroundings
from broadcaster.domain.unsettled_causes import UnsettledCampaign, unsettled_campaigns
from broadcaster.pages.languages import Language
from broadcaster.services.campaigns.campaign_reports import CampaignSummary
from broadcaster.services.campaigns.planning import OpenWork

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def snapshot(
    state: str,
    *,
    rate: float = 0.0,
    notes: tuple[str, ...] = (),
    seconds_left: float | None = None,
    **values: Any,
) -> Snapshot:
    known: dict[str, Any] = {
        "name": "promo",
        "id": 1,
        "state": CampaignState(state),
        "state_reason": None,
        "content": ContentKind.TEXT,
        "priority": 0,
        "total": 100,
        "instances": ["main"],
        "recipients_read": 100,
        "recipients_rejected": 0,
        "recipients_repeated": 0,
        "source": "people.csv",
        "created_at": NOON,
        "starts_at": NOON,
        "started_at": None,
        "finished_at": None,
        "audience": None,
        "purged_at": None,
        "locale": "en",
        "expires_at": None,
        "hours": None,
        "require_consent": False,
        "care": None,
        "sharing": None,
        "weights": None,
        "limits": [],
        "judged_since": None,
        "open_slices": None,
        "next_slice_at": None,
        "is_queued": False,
        **{state.value: 0 for state in MessageState},
        "pending": 60,
        "sent": 40,
    }
    return Snapshot(CampaignSummary(**{**known, **values}), rate, notes=notes, seconds_left=seconds_left)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\nlines", "two lines"),
        ("clear\x1b[2Jscreen", "clear\\x1b[2Jscreen"),
        ("right to left \u202eoverride", "right to left \\u202eoverride"),
        ("Grüße 👋", "Grüße 👋"),
    ],
)
def test_a_line_is_one_line_and_commands_no_terminal(text: str, shown: str) -> None:
    assert one_line(text) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (0.2, "1 s"),
        (89, "89 s"),
        (90, "2 min"),
        (3_599, "60 min"),
        (12_000, "3 h 20 min"),
        (7_180, "2 h"),
        (172_740, "47 h 59 min"),
        (172_799, "2 d"),
        (187_200, "2 d 4 h"),
        (1e9, "11,574 d 2 h"),
    ],
)
def test_durations_are_in_the_units_that_people_use(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_the_rate_is_that_of_the_last_seconds() -> None:
    meter = Meter()
    assert meter.rate(0.0, 0) == 0.0
    assert meter.rate(1.0, 100) == 100.0
    assert meter.rate(RATE_WINDOW_SECONDS, 120) == pytest.approx(12.0)
    assert meter.rate(RATE_WINDOW_SECONDS + 1.0, 130) == pytest.approx(30 / RATE_WINDOW_SECONDS)
    assert meter.rate(RATE_WINDOW_SECONDS + 2.0, 5) == 0.0, "retry takes final messages back"


def test_a_slow_rate_is_measured_for_as_long_as_it_takes_to_tell() -> None:
    meter = Meter()
    rates = [meter.rate(3.0 * number, number) for number in range(100)]
    assert max(rates[5:]) == pytest.approx(20 / 60) == min(rates[5:])
    bursts = Meter()
    rates = [bursts.rate(float(second), second // 12 * 4) for second in range(120)]
    assert min(rates[72:]) > 0.32
    assert max(rates[72:]) < 0.42
    stopped = meter.rate(3.0 * 99 + LONGEST_WINDOW_SECONDS, 99)
    assert stopped == 0.0


def test_a_burst_is_no_rate_and_more_than_is_permitted_is() -> None:
    limit = speed_limit([(1.0, 10), (0.5, 5)])
    assert limit == SpeedLimit(1.5, 15)
    meter = Meter()
    meter.rate(0.0, 0, limit)
    assert meter.rate(0.5, 15, limit) == 1.5, "the burst leaves at once"
    assert meter.rate(2.0, 18, limit) == 1.5
    assert meter.rate(RATE_WINDOW_SECONDS, 20, limit) == 1.5
    assert meter.rate(RATE_WINDOW_SECONDS, 200, limit) == 20.0, "more than rate and burst permit is said as it is"
    assert speed_of(3, 10.0, limit) == 0.3
    assert speed_of(100, 1.0, None) == 100.0
    assert speed_limit([(1.0, 10), (None, 5)]) is None
    assert speed_limit([]) is None


def test_a_speed_beside_its_limit_is_in_the_same_unit() -> None:
    beside = {(0.93, 1.0): "56/min of 60/min", (0.93, 2.0): "0.93/s of 2/s", (73 / 60, 12.0): "1.2/s of 12/s"}
    beside |= {(0.0, 1.0): "0/min of 60/min", (11.4, 12.0): "11/s of 12/s", (0.05, 10 / 3600): "180/h of 10/h"}
    for (speed, limit), told in beside.items():
        assert f"{said_speed(speed, limit)} of {format_rate(limit)}" == told
    assert said_speed(0.93) == said_speed(0.93, None) == "56/min"


def test_of_a_few_seconds_no_average_is_told() -> None:
    two_seconds = {"started_at": NOON, "finished_at": NOON + timedelta(seconds=2)}
    half_a_minute = {"started_at": NOON, "finished_at": NOON + timedelta(seconds=30)}
    assert snapshot("finished", **two_seconds).pace == "took 2 s"
    burst = replace(snapshot("finished", **half_a_minute), limit=SpeedLimit(1.0, 20))
    assert burst.pace == "60/min sent on average, took 30 s"


@pytest.mark.parametrize("seconds", [0, 0.2, 75, 89, 90, 3_661, 7_180, 12_000, 172_799, 187_200])
def test_pages_round_durations_as_commands_do(seconds: float) -> None:
    told = Language(Locale("en"), ZoneInfo("UTC"), NullTranslations()).duration(seconds)
    short = {"second": "s", "minute": "min", "hour": "h", "day": "d"}
    assert re.sub(r"(second|minute|hour|day)s?", lambda found: short[found[1]], told).replace(",", "") == duration(
        seconds
    )


def test_the_pace_says_what_is_known_of_the_time() -> None:
    ten_seconds = {"started_at": NOON, "finished_at": NOON + timedelta(seconds=10)}
    half_an_hour = {"started_at": NOON, "finished_at": NOON + timedelta(minutes=30)}
    assert snapshot("running", rate=2.0, seconds_left=30).pace == "2/s, 30 s left"
    assert re.match(r"20/min, 30 min left, until \w{3} 20", snapshot("running", rate=1 / 3, seconds_left=1800).pace)
    assert snapshot("running", rate=1 / 360, seconds_left=1e12).pace == "10/h, 11,574,074 d 2 h left"
    assert snapshot("running", rate=2.0).pace == "2/s"
    assert snapshot("running").pace == ""
    assert snapshot("running", rate=0.1, seconds_left=0.0).pace == "6/min", "later than planned"
    in_doubt = {"pending": 0, "sent": 95, "in_doubt": 4, "sending": 1}
    assert snapshot("running", seconds_left=0.0, **in_doubt).pace == "all have left, and what is in doubt is read back"
    assert snapshot("running", seconds_left=0.0, pending=0, sent=98, sending=2).pace == "all have left"
    assert snapshot("paused", rate=2.0).pace == ""
    assert snapshot("finished", **ten_seconds).pace == "4/s sent on average, took 10 s"
    assert snapshot("finished", **half_an_hour).pace == "1.3/min sent on average, took 30 min"
    assert snapshot("finished", **ten_seconds, sent=0).pace == "took 10 s", "nothing was sent"
    assert re.match(r"starts \w{3} 20", snapshot("scheduled", starts_at=datetime.now(UTC) + timedelta(days=1)).pace)


def test_the_live_view_fits_a_terminal_and_passes_no_control_characters_on() -> None:
    screen = io.StringIO()
    notes = ("instance a is refused (\x1b]0;title\x07): 60 messages wait for it",)
    Console(file=screen, width=80, force_terminal=True, color_system=None).print(
        render(snapshot("running", rate=2.0, notes=notes, sent=38, failed=2, pending=60))
    )
    lines = screen.getvalue().splitlines()
    assert [line.strip() for line in lines[::2]] == [
        "promo  running",
        "60 pending, 38 sent, 2 failed",
        "instance a is refused (\\x1b]0;title\\x07): 60 messages wait for it",
    ]
    assert lines[1].endswith("40 of 100 final  40%")
    assert max(map(len, lines)) <= 80


def test_a_piped_table_has_one_line_for_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    say_table(["NAME", "SENT"], [["[red]" + "x" * 200, 1_234_567], ["two\nlines", 0]], folded=["NAME"])
    header, first, second = capsys.readouterr().out.splitlines()
    assert header.split() == ["NAME", "SENT"]
    assert first.split() == ["[red]" + "x" * 200, "1,234,567"]
    assert second.split() == ["two", "lines", "0"]


def test_a_table_is_as_wide_as_whoever_draws_it_on_a_terminal_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    say_table(["NAME", "WHY"], [["a", "not connected to WhatsApp " * 4], ["b", ""]], folded=["WHY"])
    lines = capsys.readouterr().out.splitlines()
    assert (len(lines), max(map(len, lines)) <= 40) == (6, True)
    assert [line for line in lines if line.endswith(" ")] == []


def test_a_campaign_that_waits_for_an_instance_points_to_what_is_said_of_that() -> None:
    lane = LaneFacts("main", LaneHealth.DOWN, "not connected", since=NOON, not_before=NOON + timedelta(seconds=8))
    news = CampaignFacts("news", CampaignState.RUNNING, NOON, NOON)
    first, second = map(trouble_line, standing_still([(lane, [Part(news, lane, pending=2)])], Scene(NOON)))
    assert "not connected; next try" in first
    assert first.endswith("2 messages wait: see `broadcaster instance check main`")
    assert second == "campaign news stands still: instance main is down, see above; 2 messages wait"


def test_messages_that_are_unknown_and_in_doubt_get_a_sentence_each_and_one_remedy() -> None:
    settle = Remedy("decide yourself with", "broadcaster campaign settle promo")
    doubt = Standstill(
        What.CAMPAIGN, "promo", Cause.IN_DOUBT, "has 7 messages in doubt", settle, detail="their chats are read back"
    )
    unknown = unsettled_campaigns([UnsettledCampaign("promo", 1), UnsettledCampaign("promo", 2)])
    notes = take_snapshot(snapshot("running").summary, Meter(), [doubt, *unknown]).notes
    assert notes == (
        "it has 7 messages in doubt: their chats are read back",
        "it has 1 message unknown: nobody knows whether it was accepted: decide yourself with "
        "`broadcaster campaign settle promo`",
        "it has 2 messages unknown: nobody knows whether they were accepted: decide yourself with "
        "`broadcaster campaign settle promo`",
    )
    alone = take_snapshot(snapshot("running").summary, Meter(), [doubt]).notes
    assert alone == (f"it has 7 messages in doubt: their chats are read back: {settle}",)


ACTED_ON = (
    "\x1b[2J",
    "\x07",
    "\x7f",
    "\x85",
    "\x9b",
    "\u200e",
    "\u202e",
    "\u2066",
    "\u2069",
    "\u061c",
    "\u2028",
    "\ufeff",
)
"""What moves a cursor, ends a line, changes a title, or turns the direction of what is read."""


def acted_on(text: str) -> list[str]:
    return [character for character in text if character not in "\n\t" and not character.isprintable()]


@pytest.mark.parametrize("what", ACTED_ON, ids=ascii)
def test_no_output_holds_what_a_terminal_acts_on(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    stranger = f"Ayu{what}Ratna"
    say(stranger)
    warn(stranger)
    say_fields({"name": stranger})
    say_table(["NAME"], [[stranger]])
    say_json({"name": stranger, stranger: [stranger]})
    say_json([stranger], indent=False)
    written = capsys.readouterr()
    assert acted_on(written.out + written.err) == []
    assert json.loads(written.out.splitlines()[-1]) == [stranger], "JSON loses nothing"


@pytest.mark.parametrize("what", [*ACTED_ON, "\r"], ids=ascii)
def test_a_csv_file_on_standard_output_holds_nothing_of_that_and_a_file_holds_all(
    what: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    table = [["phone", "name"], ["628123456789", f"Ayu{what}Ratna"], ["628123456780", "two\nlines"]]
    shown = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr("sys.stdout", shown)
    write_csv(Path("-"), table)
    shown.flush()
    written = shown.buffer.getvalue().decode()
    assert acted_on(written.replace("\r\n", "")) == []
    assert "two\nlines" in written
    write_csv(tmp_path / "people.csv", table)
    with (tmp_path / "people.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == table


def test_json_has_its_moments_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    say_json([{"at": datetime.fromisoformat("2026-11-23T09:00:00+07:00")}], indent=False)
    assert capsys.readouterr().out == '[{"at":"2026-11-23T02:00:00Z"}]\n'


@pytest.mark.parametrize(
    "documents", [[], [{}], [{"a": [], "b": "two\nlines\u202e"}, {"at": NOON, "of": {"c": [1, {}]}}]]
)
@pytest.mark.parametrize("batch", [1, 500])
def test_a_long_list_is_written_as_a_short_one(
    documents: list[Any], batch: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "_BATCH", batch)  # a long list is soon long
    say_json(documents)
    at_once = capsys.readouterr().out
    say_json_items(map(json_item, documents))
    assert capsys.readouterr().out == at_once
    say_json({"state": "ready", "list": documents})
    at_once = capsys.readouterr().out
    say_json_with_items({"state": "ready"}, "list", (json_item(each) + b"\n" for each in documents))
    assert capsys.readouterr().out == at_once


def test_a_long_table_is_written_as_a_short_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [["shop 1", 1_234, None, "x"], ["\u5e97", 5, "two\nlines\x1b", "down: \u202eno"], ["long" * 20, 0, "a", ""]]
    headers = ["NAME", "SENT", "WHY", "LAST"]
    say_table(headers, rows, styles={"x": "red"}, folded=["NAME"])
    drawn = capsys.readouterr().out
    monkeypatch.setattr(output, "_MOST_DRAWN", 2)  # a long table is soon long
    say_table(headers, rows, styles={"x": "red"}, folded=["NAME"])
    assert capsys.readouterr().out == drawn


def test_a_table_that_would_be_too_narrow_to_be_read_has_a_paragraph_for_each_row(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    rows = [["ann", "Mon 2026-11-23 09:00 WIB", "not connected to WhatsApp since noon"], ["bob", None, "x" * 40]]
    say_table(["NAME", "NEXT", "WHY"], rows, folded=["WHY"])
    assert capsys.readouterr().out.splitlines() == [
        "NAME  ann",
        "NEXT  Mon 2026-11-23 09:00 WIB",
        "WHY   not connected to WhatsApp since",
        "      noon",
        "",
        "NAME  bob",
        f"WHY   {'x' * 34}",
        f"      {'x' * 6}",
    ]


@pytest.mark.parametrize(
    ("interval", "seconds", "sent", "left"),
    [(3.0, 20, 10, 180), (3.0, 20, 2, 180), (0.0, 20, 2, 600)],
    ids=["as fast as its limit", "slower for a while", "without a limit"],
)
def test_the_time_left_goes_by_the_limit_or_else_by_the_rate_of_lately(
    interval: float, seconds: float, sent: int, left: float
) -> None:
    meter = Meter()
    meter.rate(time.monotonic() - seconds, 0)
    now = datetime.now(UTC)
    lane = LaneNow(
        id=1, instance="main", interval=interval, tolerance=0.0, burst=1, debt=0.0, rests=0.0, is_stopped=False,
        hours=None, limits=(), now=now,
    )  # fmt: skip
    around = Surroundings(now=now, lanes=[lane], limits=[], reserve=timedelta(seconds=31), zone=ZoneInfo("UTC"))
    foresight = Foresight(lambda: OpenWork(around, [PlannedPart(lane_id=1, messages=60)]))
    taken = take_snapshot(snapshot("running", sent=sent, pending=100 - sent).summary, meter, foresight=foresight)
    assert taken.seconds_left == pytest.approx(left, rel=0.03)


@pytest.mark.parametrize(
    ("typed", "path", "shown"),
    [
        (".venv/bin/broadcaster", "/usr/bin", ".venv/bin/broadcaster"),
        ("my tools/broadcaster", "/usr/bin", "'my tools/broadcaster'"),
        ("{bin}/broadcaster", "{bin}", "broadcaster"),
        ("/x/broadcaster/__main__.py", "/usr/bin", "broadcaster"),
    ],
)
def test_hints_call_the_command_as_it_was_called(
    typed: str,
    path: str,
    shown: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "broadcaster").touch(mode=0o755)
    monkeypatch.setattr("sys.argv", [typed.format(bin=tmp_path)])
    monkeypatch.setenv("PATH", path.format(bin=tmp_path))
    own_process.name_as_called.cache_clear()
    say("start it with `broadcaster up`, as the broadcaster of this machine")
    own_process.name_as_called.cache_clear()
    assert capsys.readouterr().out == f"start it with `{shown} up`, as the broadcaster of this machine\n"
