"""`--window`, `--holidays` and `--expires`, through the real command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from broadcaster.crypto import open_vault
from broadcaster.services.dispatch import start_due_campaigns
from broadcaster.services.instances import add_instance
from broadcaster.services.openings import move_openings
from broadcaster.settings import Settings
from tests.support.cli import RunCli, assert_done, assert_refused

RECIPIENTS = "phone\n628123456789\n628123456780\n491701234567\n"


@pytest.fixture(autouse=True)
def instance(settings: Settings, engine: Engine) -> None:
    """One instance called `a`."""
    add_instance(engine, open_vault(settings), "a", "key-a", rate_per_second=20 / 60)


def test_a_campaign_says_when_it_may_be_sent_and_what_it_waits_for(
    run_cli: RunCli, engine: Engine, tmp_path: Path
) -> None:
    off = tmp_path / "off.txt"
    off.write_text("2020-01-01 # long ago\n", encoding="utf-8")
    # An hour that is over everywhere, on a day that comes once a week.
    windows = ("--window", "09:00-20:00", "--window", "legal", "--window-zone", "recipient", "--holidays", str(off))
    arguments = ("submit", "c", "--instance", "a", "--recipients", "-", "--text", "Hi", "--accept-countries", *windows)
    said = assert_done(run_cli("campaign", *arguments, "--expires", "90d", stdin=RECIPIENTS)).stdout
    assert (
        "it is sent 09:00-20:00 by each recipient's clock, legal hours of each recipient's country, not on 1 listed"
        in said
    )
    assert "2 recipients are in ID, where numbers tell no time zone: all zones of it have to be open" in said
    assert "no legal hours are known of DE, ID" in said
    assert "the others expire at" in said
    start_due_campaigns(engine)
    move_openings(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE openings SET opens_at = now() + interval '5 h', closes_at = now() + interval '9 h'"
        )
    shown = assert_done(run_cli("campaign", "show", "c")).stdout
    assert "waits for its window; it opens at" in shown or "stands still" in shown
    assert "windows" in shown
    assert "expires" in shown
    document = assert_done(run_cli("campaign", "show", "c", "--json")).json
    assert document["hours"] == {
        "windows": ["09:00-20:00"], "zone": document["hours"]["zone"], "is_by_recipient": True, "is_legal": True,
        "days_off": ["2020-01-01"],
    }  # fmt: skip


@pytest.mark.parametrize("to", ["file", "audience"])
def test_what_expires_before_its_windows_open_is_refused(run_cli: RunCli, to: str) -> None:
    assert_done(run_cli("audience", "import", "people", "-", "--accept-countries", stdin=RECIPIENTS))
    whom = ("--audience", "people") if to == "audience" else ("--recipients", "-")
    in_three_days = f"{datetime.now(UTC) + timedelta(days=3):%a} 09:00-10:00"
    windows = (
        "--window",
        in_three_days,
        "--window-zone",
        "UTC",
        *(() if to == "audience" else ("--accept-countries",)),
    )
    submit = ("campaign", "submit", "c", "--instance", "a", *whom, "--text", "Hi STOP", *windows)
    refused = run_cli(*submit, "--expires", "6h", stdin=RECIPIENTS)
    assert_refused(refused, "--expires", "is before its windows open for the first time", code=2)
    assert_done(run_cli(*submit, "--expires", "4d", stdin=RECIPIENTS))


@pytest.mark.parametrize("taken_away", [("--any-time",), ("--window", "none")], ids=" ".join)
def test_an_instance_shows_its_windows_until_it_has_none(run_cli: RunCli, taken_away: tuple[str, ...]) -> None:
    assert_done(run_cli("instance", "set", "a", "--window", "Mon-Fri 9:00-20:00", "--window-zone", "Asia/Jakarta"))
    assert "Mon-Fri 09:00-20:00 Asia/Jakarta" in assert_done(run_cli("instance", "show", "a")).stdout
    assert_refused(run_cli("instance", "set", "a", *taken_away, "--window", "9-20"), "contradict each other", code=2)
    assert_done(run_cli("instance", "set", "a", *taken_away))
    assert assert_done(run_cli("instance", "show", "a", "--json")).json["hours"] is None


def test_a_schedule_hands_its_windows_and_expiry_to_its_campaigns(run_cli: RunCli, engine: Engine) -> None:
    assert_done(run_cli("audience", "import", "people", "-", "--accept-countries", stdin=RECIPIENTS))
    rule = ("--cron", "0 9 * * *", "--timezone", "Asia/Jakarta", "--audience", "people", "--instance", "a")
    windows = ("--window", "Mon-Fri 09:00-20:00", "--expires", "6h")
    assert_done(run_cli("schedule", "add", "news", *rule, "--text", "Hi", *windows))
    assert_done(run_cli("schedule", "run-now", "news"))
    [campaign] = assert_done(run_cli("campaign", "list", "--json")).json
    assert campaign["hours"] == {"windows": ["Mon-Fri 09:00-20:00"], "zone": "Asia/Jakarta"}
    assert campaign["expires_at"] > campaign["starts_at"]
