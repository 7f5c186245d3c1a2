"""Reminders of a day, by the real command: who gets them, on which day, and what is told of it before."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from broadcaster.crypto import open_vault
from broadcaster.services import dispatch
from broadcaster.services.instances import add_instance
from broadcaster.settings import Settings
from tests.support.cli import RunCli, assert_done
from tests.support.database_clock import DatabaseClock

SAO_PAULO = "America/Sao_Paulo"
TEXT = 'Hi {{ name }}, see you {{ visit | date("%d/%m/%Y") }}'
DAY = timedelta(days=1)
MIDNIGHT = datetime.now(ZoneInfo(SAO_PAULO)).replace(hour=0, minute=1, second=0, microsecond=0) + DAY
"""Just after the next one there; nearly everywhere else it is another day already."""


@pytest.fixture
def clock(engine: Engine) -> DatabaseClock:
    return DatabaseClock(engine)


@pytest.fixture(autouse=True)
def patients(clock: DatabaseClock, run_cli: RunCli, engine: Engine, settings: Settings) -> None:
    """One for each of the days around that midnight, called by the number of days after it."""
    add_instance(engine, open_vault(settings), "a", "key-a", rate_per_second=20 / 60)
    rows = "".join(f"62812000000{n},D{n},{MIDNIGHT + n * DAY:%Y-%m-%d}\n" for n in range(4))
    assert_done(run_cli("audience", "import", "patients", "-", stdin=f"phone,name,visit\n{rows}"))


def remind(run_cli: RunCli, *options: str, name: str = "remind") -> str:
    tomorrow = ("--audience", "patients", "--where", "visit=today+1", "--text", TEXT)
    submit = ("campaign", "submit", name, "--instance", "a", *tomorrow, *options)
    return assert_done(run_cli(*submit, environ={"BROADCASTER_TIMEZONE": SAO_PAULO})).stdout


def sent_to(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        return list(connection.exec_driver_sql("SELECT variables ->> 'name' FROM messages ORDER BY seq").scalars())


def preview(run_cli: RunCli, name: str = "remind") -> str:
    [message] = assert_done(run_cli("campaign", "preview", name, "--json")).json["messages"]
    return str(message["text"])


def test_today_is_the_day_of_the_start_in_what_is_shown_as_in_what_is_sent(
    run_cli: RunCli, engine: Engine, clock: DatabaseClock
) -> None:
    at = ("--at", f"{MIDNIGHT:%Y-%m-%d %H:%M}")
    the_day_after = MIDNIGHT + DAY
    text = f"Hi D1, see you {the_day_after:%d/%m/%Y}"
    dry = remind(run_cli, *at, "--dry-run")
    assert f"where visit=today+1 ({the_day_after:%Y-%m-%d})" in dry
    assert f"628120000001  {text}" in dry
    assert f"where visit=today+1 ({the_day_after:%Y-%m-%d})" in remind(run_cli, *at)
    assert preview(run_cli) == text
    source = f"audience patients where visit=today+1 ({the_day_after:%Y-%m-%d})"
    assert source in assert_done(run_cli("campaign", "show", "remind")).stdout
    # Late by more than a day, such as of a computer that was switched off: it is about the day that was shown.
    clock.step((MIDNIGHT - datetime.now(MIDNIGHT.tzinfo) + DAY + timedelta(hours=1)).total_seconds())
    assert preview(run_cli) == text
    dispatch.start_due_campaigns(engine)
    assert sent_to(engine) == ["D1"]
    assert source in assert_done(run_cli("campaign", "show", "remind")).stdout


@pytest.mark.parametrize("paused", [False, True])
def test_of_what_an_operator_starts_today_is_the_day_on_which_that_is_done(
    run_cli: RunCli, engine: Engine, clock: DatabaseClock, paused: bool
) -> None:
    """Whatever was the day on which it was drafted, or to be sent."""
    told = remind(run_cli, "--at", f"{MIDNIGHT:%Y-%m-%d %H:%M}", *(() if paused else ("--draft",)))
    assert ("`today` counts on the day on which it starts" in told) is not paused
    if paused:
        assert_done(run_cli("campaign", "pause", "remind"))
    clock.step((MIDNIGHT - datetime.now(MIDNIGHT.tzinfo) + DAY).total_seconds())
    assert preview(run_cli).startswith("Hi D2")
    assert_done(run_cli("campaign", "resume" if paused else "start", "remind"))
    # It is the next day until a worker comes to it.
    clock.step(DAY.total_seconds())
    dispatch.start_due_campaigns(engine)
    assert sent_to(engine) == ["D2"]


def test_what_is_scheduled_can_be_started_now_and_then_today_is_now(
    run_cli: RunCli, engine: Engine, clock: DatabaseClock
) -> None:
    zone = {"BROADCASTER_TIMEZONE": SAO_PAULO}
    remind(run_cli, "--at", f"{MIDNIGHT + DAY:%Y-%m-%d %H:%M}")
    assert preview(run_cli).startswith("Hi D2")
    told = assert_done(run_cli("campaign", "start", "remind", environ=zone)).stdout
    assert f"campaign remind is scheduled\nit starts {MIDNIGHT + DAY:%a %Y-%m-%d} 00:01 -03, in " in told
    assert "`broadcaster campaign start remind --now` starts it at once" in told
    clock.step((MIDNIGHT - datetime.now(MIDNIGHT.tzinfo) + timedelta(minutes=1)).total_seconds())
    assert "scheduled\n" in assert_done(run_cli("campaign", "start", "remind", "--now", environ=zone)).stdout
    dispatch.start_due_campaigns(engine)
    assert sent_to(engine) == ["D1"]
