"""`campaign set` and `schedule set`: windows, expiry, holidays and conditions, shown before and after."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, text

from broadcaster.crypto import open_vault
from broadcaster.services.dispatch import start_due_campaigns
from broadcaster.services.instances import add_instance
from broadcaster.settings import Settings
from tests.support.cli import RunCli, assert_done, assert_refused

PEOPLE = "phone,name,city\n628123456001,Ann,Jakarta\n628123456002,Bob,Solo\n628123456003,Cid,Solo\n"
NEW_YORK = {"BROADCASTER_TIMEZONE": "America/New_York"}
LONG = "Dear {{ name }}, our big sale of shoes and coats ends on SATURDAY at noon. Reply STOP to get no more of these"


@pytest.fixture(autouse=True)
def instance(settings: Settings, engine: Engine) -> None:
    """One called `a`."""
    add_instance(engine, open_vault(settings), "a", "key-a", rate_per_second=20 / 60)


def submit(run_cli: RunCli, *options: str, to_audience: bool = False) -> None:
    whom = ("--audience", "people") if to_audience else ("--recipients", "-")
    if to_audience:
        assert_done(run_cli("audience", "import", "people", "-", stdin=PEOPLE))
    arguments = ("--instance", "a", *whom, "--text", "Hi {{ name }} STOP", *options)
    assert_done(run_cli("campaign", "submit", "c", *arguments, stdin=PEOPLE))


def change(run_cli: RunCli, *options: str) -> str:
    return assert_done(run_cli("campaign", "set", "c", *options, environ=NEW_YORK)).stdout


def changes(run_cli: RunCli, *options: str) -> Any:
    document = assert_done(run_cli("campaign", "set", "c", *options, "--json")).json
    return [tuple(each.values()) for each in document["changes"]]


def hours(run_cli: RunCli) -> Any:
    return assert_done(run_cli("campaign", "show", "c", "--json")).json["hours"]


def test_windows_holidays_and_zone_are_changed_one_by_one(run_cli: RunCli) -> None:
    submit(run_cli, "--draft", "--window", "Mon-Fri 09:00-17:00", "--window-zone", "Asia/Jakarta")
    said = change(run_cli, "--holidays", "ID")
    assert (
        "windows: 'Mon-Fri 09:00-17:00 Asia/Jakarta' -> 'Mon-Fri 09:00-17:00 Asia/Jakarta, not on holidays of ID'"
        in said
    )
    change(run_cli, "--window", "10:00-12:00")
    assert hours(run_cli) == {"windows": ["10:00-12:00"], "zone": "Asia/Jakarta", "holidays": ["ID"]}
    change(run_cli, "--window-zone", "Europe/Berlin", "--holidays", "none")
    assert hours(run_cli) == {"windows": ["10:00-12:00"], "zone": "Europe/Berlin"}
    assert changes(run_cli, "--no-window") == [("windows", "10:00-12:00 Europe/Berlin", None)]
    assert hours(run_cli) is None
    assert_refused(run_cli("campaign", "set", "c", "--window-zone", "UTC"), "--window-zone says whose clocks", code=2)
    contradiction = ("--no-window", "--window", "9:00-10:00")
    assert_refused(run_cli("campaign", "set", "c", *contradiction), "they contradict each other", code=2)


def test_moments_are_shown_by_the_operators_clocks_and_in_utc_for_programs(run_cli: RunCli) -> None:
    submit(run_cli, "--at", "2027-01-10T09:00Z")
    said = change(run_cli, "--at", "2027-01-11T09:00Z", "--expires", "2027-01-12T09:00Z")
    assert "  start: Sun 2027-01-10 04:00 EST -> Mon 2027-01-11 04:00 EST" in said
    assert "  expires: none -> Tue 2027-01-12 04:00 EST" in said
    assert changes(run_cli, "--at", "2027-01-10T09:00Z") == [("start", "2027-01-11T09:00:00Z", "2027-01-10T09:00:00Z")]
    audit = assert_done(run_cli("audit", "--object", "campaign", "c", environ=NEW_YORK)).stdout
    assert "starts_at Sun 2027-01-10 04:00 EST -> Mon 2027-01-11 04:00 EST" in audit
    assert "expires_at - -> Tue 2027-01-12 04:00 EST" in audit
    assert "+00:00" not in audit


def test_windows_are_in_the_trail_in_words(run_cli: RunCli) -> None:
    submit(run_cli, "--draft")
    change(run_cli, "--window", "Mon-Fri 09:00-17:00", "--window-zone", "UTC")
    trail = assert_done(run_cli("audit", "--object", "campaign", "c")).stdout
    assert "windows - -> Mon-Fri 09:00-17:00 UTC" in trail
    assert "hours_id" not in trail


def test_an_expiry_is_a_moment_or_a_span_from_the_start(run_cli: RunCli) -> None:
    submit(run_cli, "--at", "2027-01-10T09:00Z")
    assert changes(run_cli, "--expires", "6h") == [("expires", None, "2027-01-10T15:00:00Z")]
    assert changes(run_cli, "--no-expiry") == [("expires", "2027-01-10T15:00:00Z", None)]
    refused = run_cli("campaign", "set", "c", "--expires", "2027-01-10T08:00Z")
    assert_refused(refused, "--expires", "before anything of it would leave", code=2)
    change(run_cli, "--expires", "6h")
    refused = run_cli("campaign", "set", "c", "--window", "20:00-21:00", "--window-zone", "UTC")
    assert_refused(refused, "--window: campaign 'c' expires at", code=2)
    assert_refused(run_cli("campaign", "set", "c", "--no-expiry", "--expires", "1h"), "they contradict", code=2)


def test_a_paused_campaign_goes_on_in_other_windows(run_cli: RunCli, engine: Engine) -> None:
    submit(run_cli, "--window", "00:00-24:00", "--window-zone", "recipient")
    start_due_campaigns(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE campaign_lanes SET next_due_at = now() + interval '1 day'"))
    assert_done(run_cli("campaign", "pause", "c"))
    change(run_cli, "--window-zone", "UTC", "--window", "09:00-10:00")
    groups = (
        "SELECT count(*) FROM messages m JOIN campaigns c ON c.id = m.campaign_id"
        " JOIN openings o USING (recipient_group)"
    )
    with engine.begin() as connection:
        assert connection.scalar(text(f"{groups} WHERE o.hours_id = c.hours_id")) == 3, "of everybody it is known when"
        assert connection.scalar(text("SELECT next_due_at = '-infinity' FROM campaign_lanes")) is True
    change(run_cli, "--no-window")
    with engine.begin() as connection:
        assert connection.scalar(text(f"{groups} WHERE o.hours_id = c.hours_id")) == 3
    assert "windows" not in assert_done(run_cli("campaign", "show", "c")).stdout
    assert hours(run_cli) is None
    change(run_cli, "--window", "legal", "--window-zone", "recipient")


def test_windows_by_recipient_are_refused_where_nobody_knows_where_they_are(run_cli: RunCli) -> None:
    submit(run_cli, "--draft")
    refused = run_cli("campaign", "set", "c", "--window", "09:00-20:00", "--window-zone", "recipient")
    assert_refused(refused, "do not tell where their recipients are", "--rest-of c")
    assert hours(run_cli) is None


def test_conditions_of_a_campaign_that_has_not_started(run_cli: RunCli, engine: Engine) -> None:
    submit(run_cli, "--at", "in 2h", "--where", "city=Jakarta", to_audience=True)
    said = change(run_cli, "--where", "city=Solo")
    assert "  where: 'city=Jakarta' -> 'city=Solo'" in said
    assert "it goes to those who have got nothing yet: 2" in said
    assert "628123456002  Hi Bob STOP" in said
    assert "audience people where city=Solo" in assert_done(run_cli("campaign", "show", "c")).stdout
    said = change(run_cli, "--where", "city=Soolo", "--dry-run")
    assert "Solo" in said and "nothing yet: 0" in said
    assert changes(run_cli, "--everybody") == [("where", "city=Solo", None)]
    assert_refused(run_cli("campaign", "set", "c", "--where", "town=Solo"), "there is no column 'town'", code=2)
    assert_refused(run_cli("campaign", "set", "c", "--everybody", "--where", "city=Solo"), "they contradict", code=2)
    with engine.begin() as connection:
        connection.execute(text("UPDATE campaigns SET starts_at = now(), state = 'paused', started_at = now()"))
    assert_refused(run_cli("campaign", "set", "c", "--where", "city=Solo"), "has its recipients already")


def test_of_a_long_text_the_words_that_changed_are_shown(run_cli: RunCli) -> None:
    submit(run_cli, "--draft")
    change(run_cli, "--text", LONG)
    said = change(run_cli, "--text", LONG.replace("SATURDAY", "SUNDAY"))
    assert "  text: … coats ends on [SATURDAY -> SUNDAY] at noon. Reply …" in said
    document = assert_done(run_cli("campaign", "set", "c", "--text", LONG, "--json")).json
    assert document["changes"][0]["now"] == LONG


def test_a_schedule_shows_its_hours_and_changes_them_for_the_runs_to_come(run_cli: RunCli) -> None:
    assert_done(run_cli("audience", "import", "people", "-", stdin=PEOPLE))
    rule = ("--cron", "0 9 * * *", "--timezone", "Asia/Jakarta", "--audience", "people", "--instance", "a")
    windows = ("--window", "Mon-Fri 09:00-20:00", "--expires", "6h")
    assert_done(run_cli("schedule", "add", "news", *rule, "--text", "Hi STOP", *windows))
    shown = assert_done(run_cli("schedule", "show", "news")).stdout
    assert "Mon-Fri 09:00-20:00 Asia/Jakarta" in shown
    assert "6 h after it is due" in shown
    assert_done(run_cli("schedule", "run-now", "news"))
    said = assert_done(run_cli("schedule", "set", "news", "--window", "10:00-12:00", "--expires", "2h")).stdout
    assert "  windows: 'Mon-Fri 09:00-20:00 Asia/Jakarta' -> '10:00-12:00 Asia/Jakarta'" in said
    assert "  expires: '6 h after it is due' -> '2 h after it is due'" in said
    [campaign] = assert_done(run_cli("campaign", "list", "--json")).json
    assert campaign["hours"]["windows"] == ["Mon-Fri 09:00-20:00"], "what is a campaign already keeps it"
    document = assert_done(run_cli("schedule", "show", "news", "--json")).json
    assert (document["hours"]["windows"], document["expires_after_seconds"]) == (["10:00-12:00"], 7200)
    assert_done(run_cli("schedule", "set", "news", "--no-window", "--no-expiry", "--json"))
    document = assert_done(run_cli("schedule", "show", "news", "--json")).json
    assert (document["hours"], document["expires_after_seconds"]) == (None, None)
    assert_refused(run_cli("schedule", "set", "news", "--text", "Hi", "--strict"), "opt out")


def test_an_instance_keeps_its_windows_with_other_holidays(run_cli: RunCli) -> None:
    assert_done(run_cli("instance", "set", "a", "--window", "Mon-Fri 9:00-20:00", "--window-zone", "Asia/Jakarta"))
    assert_done(run_cli("instance", "set", "a", "--holidays", "ID"))
    shown = assert_done(run_cli("instance", "show", "a", "--json")).json["hours"]
    assert shown == {"windows": ["Mon-Fri 09:00-20:00"], "zone": "Asia/Jakarta", "holidays": ["ID"]}
