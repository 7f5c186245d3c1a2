"""Windows that never let anything leave are refused or warned of, through the real command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from broadcaster.crypto import open_vault
from broadcaster.services.instances import add_instance
from broadcaster.settings import Settings
from tests.support.cli import CliResult, RunCli, assert_done, assert_refused

RECIPIENTS = "phone\n+628123456789\n+491701234567\n"
NO_RATE = "has no rate limit"
DAILY = ("--timezone", "UTC", "--audience", "people", "--text", "Hi STOP")
SUBMIT = ("--recipients", "-", "--accept-countries", "--text", "Hi STOP", "--window-zone", "UTC")


@pytest.fixture(autouse=True)
def instances(settings: Settings, engine: Engine, run_cli: RunCli) -> None:
    """`clinic` sends in the mornings, `any` always; and an audience."""
    for name in ("clinic", "any"):
        add_instance(engine, open_vault(settings), name, f"key-{name}", rate_per_second=20 / 60)
    assert_done(run_cli("instance", "set", "clinic", "--window", "09:00-12:00", "--window-zone", "UTC"))
    assert_done(run_cli("audience", "import", "people", "-", "--accept-countries", stdin=RECIPIENTS))


def submit(run_cli: RunCli, *options: str) -> CliResult:
    in_utc = {"BROADCASTER_TIMEZONE": "UTC"}
    return run_cli("campaign", "submit", "w", *SUBMIT, *options, stdin=RECIPIENTS, environ=in_utc)


def warned(result: CliResult) -> CliResult:
    """The command succeeded, and has one warning on stderr."""
    assert result.code == 0, result
    assert result.stderr.startswith("warning: "), result
    assert result.stderr.count("\n") == 1, result.stderr
    return result


def in_days(days: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def test_a_schedule_whose_occurrences_expire_before_their_windows_open_is_refused(run_cli: RunCli) -> None:
    rule = ("--cron", "30 15 * * mon-sat", *DAILY, "--instance", "any")
    windows = ("--window", "Mon-Fri 09:00-15:00")
    said = ("--expires", "10 of the next 10 occurrences", "15:30 UTC expires at", "21:30 UTC", "09:00 UTC")
    for dry_run in (("--dry-run",), ()):
        assert_refused(
            run_cli("schedule", "add", "remind", *rule, *windows, "--expires", "6h", *dry_run), *said, code=2
        )
    assert assert_done(run_cli("schedule", "list", "--json")).json == []

    assert_done(run_cli("schedule", "add", "remind", *rule))
    assert_refused(run_cli("schedule", "set", "remind", *windows, "--expires", "6h"), *said, code=2)
    assert assert_done(run_cli("schedule", "show", "remind", "--json")).json["hours"] is None
    # By clocks that nobody knows yet some may be in time.
    by_recipient = (*windows, "--expires", "6h", "--window-zone", "recipient")
    said_now = assert_done(run_cli("schedule", "set", "remind", *by_recipient)).stdout
    assert "warning: expired before anything of them can be sent: 10 of the next 10 occurrences" in said_now


def test_a_schedule_says_which_occurrences_expire_first_or_leave_a_day_late(run_cli: RunCli) -> None:
    rule = ("--cron", "30 15 * * mon-sat", *DAILY, "--instance", "any")
    windows = ("--window", "Mon-Fri 15:00-18:00")
    added = assert_done(run_cli("schedule", "add", "remind", *rule, *windows, "--expires", "6h", "--dry-run"))
    assert "expired before anything of them can be sent" in added.stdout
    assert "of the next 10 occurrences; that of Sat " in added.stdout
    assert "it is sent Mon-Fri 15:00-18:00 UTC: the next occurrence can be sent from" in added.stdout
    assert "what has not left 6 h after an occurrence expires, that of the next one at" in added.stdout

    late = assert_done(run_cli("schedule", "add", "remind", *rule, "--window", "Mon-Sat 09:00-15:00"))
    assert "sent on another day than they are due, unless you give --expires: 10 of the next 10" in late.stdout
    # What was so before is told again, and is no reason to refuse something else.
    assert "10 of the next 10" in assert_done(run_cli("schedule", "set", "remind", "--priority", "2")).stdout
    document = assert_done(run_cli("schedule", "set", "remind", "--window", "15:00-18:00", "--json"))
    assert document.json["notices"] == []
    assert document.json["hours"] == {"windows": ["15:00-18:00"], "zone": "UTC"}
    assert document.json["first"]["opens_at"] == document.json["first"]["utc"]


def test_a_schedule_says_through_which_instance_its_occurrences_are_never_in_time(run_cli: RunCli) -> None:
    rule = ("--cron", "30 15 * * *", *DAILY, "--instance", "any", "--instance", "clinic", "--expires", "6h")
    added = assert_done(run_cli("schedule", "add", "remind", *rule))
    assert "through instance 'clinic', expired before anything" in added.stdout
    assert "through instance 'clinic' 09:00-12:00 UTC" in added.stdout


def test_windows_that_never_meet_those_of_any_instance_are_refused(run_cli: RunCli) -> None:
    said = ("never meet", "14:00-20:00 UTC", "'clinic' 09:00-12:00 UTC")
    afternoons = ("--window", "14:00-20:00", "--window-zone", "UTC")
    for options in ((), ("--dry-run",), ("--draft",)):
        assert_refused(submit(run_cli, "--instance", "clinic", "--window", "14:00-20:00", *options), *said, code=2)
    over = ("campaign", "submit", "w", "--audience", "people", "--text", "Hi STOP", "--instance", "clinic")
    assert_refused(run_cli(*over, *afternoons), *said, code=2)
    rule = ("--cron", "0 9 * * *", *DAILY, "--instance", "clinic")
    assert_refused(run_cli("schedule", "add", "remind", *rule, *afternoons), *said, code=2)
    assert_done(run_cli("schedule", "add", "remind", *rule))
    assert_refused(run_cli("schedule", "set", "remind", *afternoons), *said, code=2)

    assert assert_done(run_cli("campaign", "list", "--json")).json == []
    assert_done(submit(run_cli, "--instance", "clinic", "--window", "10:00-20:00", "--draft"))
    assert_refused(run_cli("campaign", "set", "w", *afternoons), *said, code=2)
    assert_done(run_cli("campaign", "set", "w", *afternoons, "--instance", "any"))
    assert_refused(run_cli("campaign", "set", "w", "--instance", "clinic"), *said, code=2)


def test_windows_that_never_meet_those_of_some_instances_are_warned_of(run_cli: RunCli) -> None:
    both = ("--instance", "clinic", "--instance", "any")
    said = (
        "nothing is ever sent through 'clinic': windows never meet (14:00-20:00 UTC, through instance 'clinic' 09:00"
    )
    stored = warned(submit(run_cli, *both, "--window", "14:00-20:00", "--draft"))
    assert said in stored.stderr
    # The other one gets all of it.
    assert "how long sending takes cannot be told: some of it is never sent" not in stored.stdout
    changed = warned(run_cli("campaign", "set", "w", "--window", "15:00-20:00"))
    assert said.replace("14:00-20", "15:00-20") in changed.stderr
    rule = ("--cron", "0 15 * * *", *DAILY, *both)
    assert said in assert_done(run_cli("schedule", "add", "remind", *rule, "--window", "14:00-20:00")).stdout


def test_recipients_whose_clocks_never_show_an_open_hour_are_warned_of(run_cli: RunCli) -> None:
    elsewhere = ("--window", "14:00-18:00", "--window-zone", "recipient", "--draft", "--instance", "clinic")
    assert_refused(submit(run_cli, *elsewhere), "never meet", "by each recipient's clock", code=2)
    windows = ("--window", "08:00-12:00", "--window-zone", "recipient", "--draft", "--instance", "clinic")
    # Mornings of Berlin and of UTC have an hour in common the whole year; those of Indonesia are over by then.
    stored = warned(submit(run_cli, *windows))
    assert "1 of 2 recipients are never sent to, those in Asia/" in stored.stderr


def test_other_windows_of_an_instance_name_what_they_never_meet(run_cli: RunCli) -> None:
    assert_done(submit(run_cli, "--instance", "any", "--window", "14:00-20:00", "--draft"))
    rule = ("--cron", "0 15 * * *", *DAILY, "--instance", "any", "--window", "15:00-16:00")
    assert_done(run_cli("schedule", "add", "remind", *rule))
    changed = warned(run_cli("instance", "set", "any", "--window", "09:00-12:00", "--window-zone", "UTC"))
    assert "campaign 'w' (14:00-20:00 UTC), schedule 'remind' (15:00-16:00 UTC)" in changed.stderr
    assert_done(run_cli("campaign", "cancel", "w", "--yes"))
    assert "campaign 'w'" not in warned(run_cli("instance", "set", "any", "--window", "09:00-11:00")).stderr
    assert assert_done(run_cli("instance", "set", "any", "--window", "09:00-15:30")).stderr == ""


def test_the_moment_that_is_said_is_when_both_are_open(run_cli: RunCli) -> None:
    then = in_days(3)
    assert_done(run_cli("instance", "set", "clinic", "--window", f"{then:%a} 09:00-12:00"))
    both = assert_done(submit(run_cli, "--instance", "clinic", "--window", "10:00-20:00", "--dry-run")).stdout
    of_instance = f"through instance 'clinic' {then:%a} 09:00-12:00 UTC"
    assert f"it is sent 10:00-20:00 UTC, {of_instance}: the first of its recipients may" in both
    assert f"be sent to at {then:%a %Y-%m-%d} 10:00 UTC" in both
    # Of an instance alone, too.
    alone = run_cli(
        *("campaign", "submit", "w", "--instance", "clinic", "--dry-run", *SUBMIT[:-2]),
        stdin=RECIPIENTS,
        environ={"BROADCASTER_TIMEZONE": "UTC"},
    )
    assert f"it is sent {of_instance}: the first of its" in assert_done(alone).stdout
    assert f"be sent to at {then:%a %Y-%m-%d} 09:00 UTC" in alone.stdout
    refused = submit(run_cli, "--instance", "clinic", "--window", "10:00-20:00", "--expires", "6h")
    assert_refused(refused, "is before its windows open for the first time", "10:00 UTC", code=2)
    assert_done(submit(run_cli, "--instance", "clinic", "--window", "10:00-20:00"))
    soon = run_cli("campaign", "set", "w", "--expires", "6h")
    assert_refused(soon, "is before anything of it would leave", code=2)


def test_why_nobody_can_tell_how_long_sending_takes(run_cli: RunCli) -> None:
    plain = SUBMIT[:-2]
    assert_done(run_cli("instance", "pause", "any"))
    paused = run_cli("campaign", "submit", "w", "--instance", "any", "--dry-run", *plain, stdin=RECIPIENTS)
    assert_done(paused)
    told = (
        "nothing is sent through 'any' now: it is paused by an operator; go on with `broadcaster instance resume any`"
    )
    assert f"how long sending takes cannot be told: {told}\n" in paused.stdout
    assert paused.stdout.count("is sent through 'any'") == 1
    assert_done(run_cli("instance", "resume", "any"))
    assert_done(run_cli("instance", "set", "any", "--rate", "200/day"))
    counted = run_cli("campaign", "submit", "w", "--instance", "any", "--dry-run", *plain, stdin=RECIPIENTS)
    assert NO_RATE not in assert_done(counted).stdout
    assert_done(run_cli("instance", "set", "any", "--rate", "unlimited"))
    unlimited = run_cli("campaign", "submit", "w", "--instance", "any", "--dry-run", *plain, stdin=RECIPIENTS)
    assert "cannot be told: 'any' has no rate limit" in assert_done(unlimited).stdout


def test_of_several_instances_it_is_said_which_sends_first(run_cli: RunCli) -> None:
    then = in_days(3)
    assert_done(run_cli("instance", "set", "clinic", "--window", f"{then:%a} 09:00-12:00"))
    told = run_cli(
        *("campaign", "submit", "w", "--instance", "clinic", "--instance", "any", "--dry-run", *SUBMIT[:-2]),
        stdin=RECIPIENTS,
        environ={"BROADCASTER_TIMEZONE": "UTC"},
    ).stdout
    of_instance = f"through instance 'clinic' {then:%a} 09:00-12:00 UTC"
    assert (
        f"it is sent at any time through 'any', {of_instance}: the first of its recipients may be sent to now" in told
    )
    assert "may be sent to now, through 'any'\n" in told
