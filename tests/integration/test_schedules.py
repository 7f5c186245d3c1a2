"""Schedules: occurrences exactly once, the misfire and overlap rules, and what operators decide."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from sqlalchemy import Connection, event

from broadcaster.db.engine import transaction
from broadcaster.db.statements import rows
from broadcaster.domain.care import Care, Stops
from broadcaster.domain.condition_parser import parse_condition
from broadcaster.domain.notices import NoticeEvent, troubles
from broadcaster.domain.schedules import Misfire, Overlap
from broadcaster.domain.standstill import Cause
from broadcaster.domain.states import ScheduleState
from broadcaster.errors import BroadcasterError, ConflictError, InputError, NotFoundError, UsageError
from broadcaster.services.audiences.selection import Selection
from broadcaster.services.campaigns import lifecycle, over_audience
from broadcaster.services.campaigns.campaign_reports import list_campaigns
from broadcaster.services.campaigns.full_reports import read_campaigns_report
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.campaigns.stored_campaign import read_campaign
from broadcaster.services.schedules import operator_decisions
from broadcaster.services.schedules.asked_schedules import ScheduleChanges
from broadcaster.services.schedules.due_occurrences import MOST_RECORDED, make_due_occurrences
from broadcaster.services.schedules.editing import add_schedule, set_schedule
from broadcaster.services.schedules.occurrences import start_occurrence
from broadcaster.services.schedules.schedule_reports import (
    list_schedules,
    schedule_report,
    show_schedule,
    upcoming_occurrences,
)
from broadcaster.services.schedules.steering import pause_schedule, remove_schedule, resume_schedule
from broadcaster.services.standstill import find_standstills, find_waiting
from tests.support.schedules import DAY, MONDAY, Calendar, add_audience, new_schedule
from tests.support.shop import Shop
from tests.support.stack import wait_for

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def shop(shop: Shop) -> Shop:
    shop.add("a")
    shop.add("b")
    add_audience(shop, "people", 2)
    return shop


@pytest.fixture
def calendar(shop: Shop) -> Calendar:
    return Calendar(shop)


# Coming due


def test_an_occurrence_becomes_a_campaign_when_it_is_due(calendar: Calendar) -> None:
    calendar.add()
    assert calendar.tick(-SECOND) == []
    assert calendar.tick(SECOND) == ["news 2026-01-05T09:00"]
    assert calendar.tick() == []
    assert calendar.next_at() == MONDAY + DAY
    calendar.send()
    assert sorted(calendar.texts()) == ["N1: 2026-01-05, number 1", "N2: 2026-01-05, number 1"]
    [row] = calendar.rows()
    assert (row.state, row.number, row.due_at, row.campaign_state, row.sent, row.still_open) == (
        "started", 1, MONDAY, "finished", 2, 0,
    )  # fmt: skip


def test_its_campaigns_have_its_care_and_require_consent_as_it_does(calendar: Calendar) -> None:
    care = Care(stops=Stops(failures=0.1), canary=(0.02,), after=60.0, only_known=True)
    calendar.add(care=care, require_consent=True)
    calendar.tick()
    with transaction(calendar.shop.engine) as connection:
        campaign = read_campaign(connection, "news 2026-01-05T09:00")
    assert (campaign.care, campaign.require_consent) == (care, True)
    assert show_schedule(calendar.shop.engine, "news").care == care


def test_many_ticks_at_once_make_each_occurrence_once(calendar: Calendar) -> None:
    calendar.add(every="1s", from_at=MONDAY)
    moments = [MONDAY + step * SECOND for step in range(8) for _ in range(8)]
    with ThreadPoolExecutor(8) as ticks:
        made = list(ticks.map(lambda now: len(list(make_due_occurrences(calendar.shop.engine, now=now))), moments))
    calendar.tick(8 * SECOND)
    assert [row.due_at for row in calendar.rows()] == [MONDAY + step * SECOND for step in range(9)]
    assert {row.number for row in calendar.rows()} == set(range(1, 10))
    assert calendar.states() == ["started"] + ["queued"] * 8
    assert sum(made) + len(calendar.made) == 1


class _DiedError(BroadcasterError):
    """Logged in one line, unlike a bug."""


def test_a_tick_that_dies_at_any_statement_has_done_nothing(calendar: Calendar) -> None:
    calendar.add()
    engine = calendar.shop.engine
    left = 0

    def die(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise _DiedError

    for statements in range(100):
        left = statements
        event.listen(engine, "before_cursor_execute", die)
        with suppress(_DiedError):
            calendar.tick()
        event.remove(engine, "before_cursor_execute", die)
        if calendar.made:
            break
        assert calendar.rows() == []
        assert calendar.shop.sql("SELECT name FROM campaigns") == []
        assert calendar.next_at() == MONDAY
    assert statements > 8
    assert calendar.states() == ["started"]


def test_a_schedule_that_fails_does_not_stop_the_others(calendar: Calendar) -> None:
    calendar.add()
    calendar.set(timezone="Nowhere/Land")
    add_schedule(calendar.shop.engine, new_schedule("other"))
    calendar.shop.sql("UPDATE schedules SET next_at = :at WHERE name = 'other'", at=MONDAY + SECOND)
    assert calendar.tick(SECOND) == ["other 2026-01-05T09:00:01"]


def test_a_campaign_that_has_the_name_already_fails_that_occurrence_only(calendar: Calendar) -> None:
    calendar.add()
    calendar.shop.submit("news 2026-01-05T09:00", 1, "a", first=500)
    assert calendar.tick() == []
    calendar.shop.sql("UPDATE campaigns SET name = 'mine'")
    assert calendar.tick(DAY) == ["news 2026-01-06T09:00"]
    assert [(row.state, row.number) for row in calendar.rows()] == [("failed", None), ("started", 1)]
    assert "is not of this schedule" in str(calendar.rows()[0].reason)


def test_a_schedule_ends_after_its_count_until_it_gets_another_end(calendar: Calendar) -> None:
    calendar.add(count=2)
    for after in (0 * DAY, DAY, DAY):
        calendar.tick(after)
        calendar.send()
    assert calendar.states() == ["started", "started"]
    assert calendar.next_at() is None
    set_schedule(calendar.shop.engine, "news", ScheduleChanges(forever=True))
    assert calendar.next_at() is not None


def test_a_schedule_ends_with_its_last_occurrence(calendar: Calendar) -> None:
    calendar.add()
    calendar.set(until_at=MONDAY + DAY)
    assert calendar.tick() == ["news 2026-01-05T09:00"]
    calendar.send()
    # Noticed late, and after the end; due before it.
    assert calendar.tick(DAY + SECOND) == ["news 2026-01-06T09:00"]
    assert [row.state for row in list_schedules(calendar.shop.engine)] == ["ended"]


def test_starting_an_occurrence_tells_flower_what_it_came_to(calendar: Calendar) -> None:
    calendar.add()
    [name] = calendar.tick()
    for _ in range(2):
        started = start_occurrence(calendar.shop.engine, name)
        assert (started.state, started.total) == ("running", 2)


def test_an_occurrence_that_a_tick_is_starting_just_now_is_told_of_when_it_has_started(
    calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    calendar.add()
    [name] = calendar.tick()
    begun, go_on = Event(), Event()
    take = over_audience._snapshot  # within the transaction that starts it

    def take_slowly(connection: Connection, campaign_id: int, selection: Selection) -> int:
        begun.set()
        assert go_on.wait(30)
        return take(connection, campaign_id, selection)

    monkeypatch.setattr(over_audience, "_snapshot", take_slowly)  # within the transaction that starts it
    engine = calendar.shop.engine
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with ThreadPoolExecutor(2) as threads:
        tick = threads.submit(over_audience.start_audience_campaigns, engine)
        assert begun.wait(30)
        task = threads.submit(start_occurrence, engine, name)
        try:
            wait_for(lambda: task.done() or calendar.shop.sql(waiting) == [(1,)], "the task waits for the tick")
        finally:
            go_on.set()
        assert len(tick.result()) == 1
        started = task.result()
        assert (started.state, started.total) == ("running", 2)


# Misfires: beat stopped, and started again later


@pytest.mark.parametrize(
    ("misfire", "state", "sent"),
    [(Misfire.SKIP, "skipped", 0), (Misfire.CATCH_UP, "started", 2), (Misfire.HOLD, "held", 0)],
)
def test_after_an_outage_the_latest_occurrence_follows_its_rule(
    calendar: Calendar, misfire: Misfire, state: str, sent: int
) -> None:
    calendar.add(misfire=misfire, grace=2 * HOUR)
    calendar.tick(3 * DAY + HOUR)
    calendar.send()
    assert calendar.states() == ["skipped", "skipped", "skipped", state]
    assert len(list(calendar.texts())) == sent
    assert "1:00:00 after it was due" in str(calendar.rows()[-1].reason)
    assert calendar.next_at() == MONDAY + 4 * DAY
    assert calendar.tick() == []


@pytest.mark.parametrize("misfire", Misfire)
def test_after_an_outage_longer_than_its_grace_an_occurrence_is_only_recorded(
    calendar: Calendar, misfire: Misfire
) -> None:
    calendar.add(misfire=misfire, grace=timedelta(minutes=10))
    assert calendar.tick(timedelta(minutes=11)) == []
    assert calendar.states() == ["skipped"]


@pytest.mark.parametrize("misfire", Misfire)
def test_what_is_noticed_in_time_simply_runs(calendar: Calendar, misfire: Misfire) -> None:
    calendar.add(misfire=misfire)
    assert calendar.tick(9 * SECOND) == ["news 2026-01-05T09:00"]


@pytest.mark.parametrize(("late", "state"), [(HOUR / 4, "started"), (3 * HOUR, "skipped")])
def test_who_switches_the_computer_on_at_a_quarter_past_sends_and_who_does_at_noon_does_not(
    calendar: Calendar, late: timedelta, state: str
) -> None:
    calendar.add()
    calendar.tick(late)
    assert calendar.states() == [state]


def test_a_long_outage_of_a_frequent_schedule_is_no_burst(calendar: Calendar) -> None:
    calendar.add(every="10m", from_at=MONDAY, misfire=Misfire.CATCH_UP)
    assert calendar.tick(30 * DAY + timedelta(minutes=5)) == ["news 2026-02-04T09:00"]
    assert calendar.states() == ["skipped"] * (MOST_RECORDED - 1) + ["started"]
    assert str(calendar.rows()[0].reason).endswith("so were earlier ones")


def test_what_comes_due_while_beat_restarts_is_all_run(calendar: Calendar) -> None:
    calendar.add(every="2s", from_at=MONDAY, overlap=Overlap.QUEUE)
    calendar.tick(6 * SECOND)
    assert calendar.states() == ["started", "queued", "queued", "queued"]
    for _ in range(3):
        calendar.send()
        calendar.tick()
    calendar.send()
    assert calendar.states() == ["started"] * 4
    assert len(list(calendar.texts())) == 8


def test_of_what_comes_due_while_beat_restarts_only_the_first_is_run_where_overlaps_are_skipped(
    calendar: Calendar,
) -> None:
    calendar.add(every="2s", from_at=MONDAY, overlap=Overlap.SKIP)
    calendar.tick(6 * SECOND)
    assert calendar.states() == ["started", "skipped", "skipped", "skipped"]
    calendar.send()
    assert len(list(calendar.texts())) == 2


def test_a_held_occurrence_is_sent_once_it_is_approved_with_the_content_of_then(calendar: Calendar) -> None:
    engine = calendar.shop.engine
    calendar.add(misfire=Misfire.HOLD, grace=DAY)
    calendar.tick(3 * HOUR)
    calendar.send()
    set_schedule(engine, "news", ScheduleChanges(content=text_content("Late: {{ occurrence_date }}")))
    made = operator_decisions.approve_occurrence(engine, "news", by="ayu")
    assert (made.campaign, made.number, made.state) == ("news 2026-01-05T09:00", 1, "started")
    calendar.send()
    assert list(calendar.texts()) == ["Late: 2026-01-05"] * 2
    [row] = calendar.rows()
    assert (row.state, row.decided_by) == ("started", "ayu")
    with pytest.raises(NotFoundError, match="no occurrence of schedule 'news' is held"):
        operator_decisions.approve_occurrence(engine, "news", by="ayu")


def test_a_held_occurrence_is_told_until_somebody_decides(calendar: Calendar) -> None:
    shop = calendar.shop
    calendar.add(misfire=Misfire.HOLD, grace=DAY)
    calendar.tick(3 * HOUR)
    [found] = find_waiting(shop.engine, "news")
    assert (found.name, found.says) == ("news", "has an occurrence that waits for you")
    assert found.remedy.command == "broadcaster schedule approve news"
    assert found in list(find_standstills(shop.engine, shop.settings))
    [occasion] = troubles([found])
    assert (occasion.event, occasion.subject) == (NoticeEvent.HELD, "news")
    assert occasion.notice.summary == "schedule news has an occurrence that waits for you"
    operator_decisions.reject_occurrence(shop.engine, "news", by="ayu")
    assert find_waiting(shop.engine) == []


def test_a_held_occurrence_that_is_rejected_is_never_sent_and_takes_no_number(calendar: Calendar) -> None:
    calendar.add(misfire=Misfire.HOLD, grace=DAY)
    calendar.tick(3 * HOUR)
    assert (
        operator_decisions.reject_occurrence(calendar.shop.engine, "news", by="ayu", reason="stale")
        == "2026-01-05T09:00"
    )
    calendar.tick(DAY - 3 * HOUR)
    calendar.send()
    rows = [(row.state, row.number, row.reason, row.decided_by) for row in calendar.rows()]
    assert rows == [("rejected", None, "stale", "ayu"), ("started", 1, None, None)]
    assert len(list(calendar.texts())) == 2


def test_of_several_held_occurrences_the_operator_says_which(calendar: Calendar) -> None:
    engine = calendar.shop.engine
    calendar.add(misfire=Misfire.HOLD, grace=DAY)
    calendar.tick(HOUR)
    calendar.tick(DAY)
    with pytest.raises(UsageError, match=r"2026-01-05T09:00.*2026-01-06T09:00"):
        operator_decisions.approve_occurrence(engine, "news", by="ayu")
    with pytest.raises(NotFoundError, match="no occurrence 'yesterday' that is held"):
        operator_decisions.approve_occurrence(engine, "news", "yesterday", by="ayu")
    operator_decisions.approve_occurrence(engine, "news", "2026-01-06T09:00", by="ayu")
    assert calendar.states() == ["held", "started"]


# Overlap


def test_an_overlapping_occurrence_waits_for_the_one_before_and_keeps_its_content(calendar: Calendar) -> None:
    engine = calendar.shop.engine
    calendar.add(content=text_content("first"))
    calendar.tick()
    set_schedule(engine, "news", ScheduleChanges(content=text_content("second")))
    assert calendar.tick(DAY) == []
    set_schedule(engine, "news", ScheduleChanges(content=text_content("third")))
    assert calendar.tick(DAY) == []
    assert calendar.states() == ["started", "queued", "queued"]
    calendar.send()
    assert calendar.tick() == ["news 2026-01-06T09:00"]
    assert calendar.tick() == []
    calendar.send()
    assert calendar.tick() == ["news 2026-01-07T09:00"]
    calendar.send()
    assert list(calendar.texts()) == ["first"] * 2 + ["second"] * 2 + ["third"] * 2


def test_an_overlapping_occurrence_is_skipped_where_the_rule_says_so(calendar: Calendar) -> None:
    calendar.add(overlap=Overlap.SKIP)
    calendar.tick()
    assert calendar.tick(DAY) == []
    calendar.send()
    assert calendar.tick(DAY) == ["news 2026-01-07T09:00"]
    assert [(row.state, row.number) for row in calendar.rows()] == [
        ("started", 1),
        ("skipped", None),
        ("started", 2),
    ]
    assert str(calendar.rows()[1].reason) == "'news 2026-01-05T09:00' was still being sent"


def test_a_paused_campaign_is_still_being_sent(calendar: Calendar) -> None:
    calendar.add()
    [first] = calendar.tick()
    lifecycle.pause_campaign(calendar.shop.engine, first)
    calendar.tick(DAY)
    assert calendar.states() == ["started", "queued"]
    lifecycle.cancel_campaign(calendar.shop.engine, first)
    assert calendar.tick() == ["news 2026-01-06T09:00"]


def test_a_queued_campaign_that_is_cancelled_lets_the_next_one_go(calendar: Calendar) -> None:
    calendar.add()
    calendar.tick()
    calendar.tick(DAY)
    calendar.tick(DAY)
    lifecycle.cancel_campaign(calendar.shop.engine, "news 2026-01-06T09:00")
    calendar.send()
    assert calendar.tick() == ["news 2026-01-07T09:00"]
    assert calendar.states() == ["started", "skipped", "started"]


def test_a_queued_campaign_may_be_started_by_hand(calendar: Calendar) -> None:
    calendar.add()
    calendar.tick()
    calendar.tick(DAY)
    lifecycle.start_campaign(calendar.shop.engine, "news 2026-01-06T09:00")
    assert calendar.states() == ["started", "started"], "at once, whatever tick comes"
    calendar.tick()
    assert calendar.states() == ["started", "started"]


def test_a_queued_campaign_that_was_started_by_hand_while_its_schedule_is_paused_is_not_skipped(
    calendar: Calendar,
) -> None:
    engine = calendar.shop.engine
    calendar.add()
    calendar.tick()
    calendar.tick(DAY)
    pause_schedule(engine, "news")
    lifecycle.start_campaign(engine, "news 2026-01-06T09:00")
    start_occurrence(engine, "news 2026-01-06T09:00")
    calendar.send()
    resume_schedule(engine, "news")
    calendar.tick()
    assert [(row.state, row.reason, row.campaign_state) for row in calendar.rows()] == [
        ("started", None, "finished"),
        ("started", None, "finished"),
    ]
    assert calendar.rows()[1].decided_at is not None


def test_what_is_queued_says_what_it_waits_for_and_how_it_goes_on(calendar: Calendar) -> None:
    def told(campaign: str | None = None) -> list[str]:
        found = find_standstills(engine, calendar.shop.settings, campaign=campaign)
        return [each.sentence(lambda _: "then") for each in found if each.cause is Cause.QUEUED]

    engine = calendar.shop.engine
    calendar.add()
    [first] = calendar.tick()
    calendar.tick(DAY)
    second, third = "news 2026-01-06T09:00", "news 2026-01-07T09:00"
    assert told(second) == [
        f"campaign {second} is queued behind campaign {first}: "
        f"start it beside that one with `broadcaster campaign start '{second}'`"
    ]
    assert told() == [
        f"schedule news has an occurrence queued behind campaign {first} since then: "
        "see them with `broadcaster schedule report news`"
    ]
    calendar.tick(DAY)
    assert f"campaign {third} is queued behind campaign {second}" in told(third)[0]
    assert f"schedule news has 2 occurrences queued behind campaign {first} since then" in told()[0]
    with transaction(engine) as connection:
        [(campaigns, *_)] = rows(connection, "overall_figures", tuple)
    assert campaigns == {"queued": 2, "scheduled": 1}, "nobody has to start them"
    shop = calendar.shop
    assert shop.sql("SELECT campaign, state::text FROM campaign_report WHERE is_queued ORDER BY 1") == [
        (second, "draft"),
        (third, "draft"),
    ]
    assert {each.name: each.said_state for each in list_campaigns(engine)} == {
        third: "queued",
        second: "queued",
        first: "scheduled",
    }
    assert [row.said_campaign_state for row in calendar.rows()] == ["scheduled", "queued", "queued"]
    report = read_campaigns_report(engine, ids=[each.campaign_id for each in calendar.rows() if each.campaign_id])
    assert sorted(each.said_state for each in report.campaigns) == ["queued", "queued", "scheduled"]
    pause_schedule(engine, "news")
    resume = "go on with `broadcaster schedule resume news`"
    assert told(second) == [f"campaign {second} is queued, and its schedule news is paused: {resume}"]
    assert told() == [f"schedule news has 2 occurrences queued since then: it is paused: {resume}"]


# Operators


def test_an_occurrence_can_be_run_at_once_and_counts(calendar: Calendar) -> None:
    engine = calendar.shop.engine
    calendar.add(count=2)
    made = operator_decisions.make_occurrence_now(engine, "news", by="ayu", now=MONDAY - HOUR)
    assert (made.campaign, made.number, made.state) == ("news 2026-01-05T08:00", 1, "started")
    with pytest.raises(ConflictError, match="this very second"):
        operator_decisions.make_occurrence_now(engine, "news", by="ayu", now=MONDAY - HOUR)
    queued = operator_decisions.make_occurrence_now(engine, "news", by="ayu", now=MONDAY - HOUR + SECOND)
    assert (queued.campaign, queued.state) == ("news 2026-01-05T08:00:01", "queued")
    calendar.tick()
    assert calendar.states() == ["started", "queued"]
    assert calendar.next_at() is None


def test_what_is_run_at_once_does_not_overtake_what_is_queued(calendar: Calendar) -> None:
    calendar.add()
    calendar.tick()
    calendar.tick(DAY)
    calendar.send()
    made = operator_decisions.make_occurrence_now(calendar.shop.engine, "news", by="ayu", now=MONDAY + DAY + HOUR)
    assert made.state == "queued"
    assert calendar.tick() == ["news 2026-01-06T09:00"]
    calendar.send()
    assert calendar.tick() == ["news 2026-01-06T10:00"]


def test_pausing_makes_nothing_missed(calendar: Calendar) -> None:
    engine = calendar.shop.engine
    calendar.add(misfire=Misfire.CATCH_UP)
    pause_schedule(engine, "news")
    assert calendar.tick(3 * DAY) == []
    assert resume_schedule(engine, "news") is ScheduleState.ACTIVE
    following = calendar.next_at()
    assert following is not None
    assert following > datetime.now(UTC)
    assert calendar.rows() == []


def test_what_is_queued_stays_so_while_the_schedule_is_paused(calendar: Calendar) -> None:
    calendar.add()
    calendar.tick()
    calendar.tick(DAY)
    pause_schedule(calendar.shop.engine, "news")
    calendar.send()
    assert calendar.tick() == []
    assert calendar.states() == ["started", "queued"]


def test_changing_the_content_does_not_move_what_is_due(calendar: Calendar) -> None:
    calendar.add()
    for changes in (
        ScheduleChanges(content=text_content("new")),
        ScheduleChanges(count=9),
        ScheduleChanges(priority=3),
    ):
        set_schedule(calendar.shop.engine, "news", changes)
        assert calendar.next_at() == MONDAY


def test_another_rule_counts_from_now(calendar: Calendar) -> None:
    calendar.add()
    set_schedule(calendar.shop.engine, "news", ScheduleChanges(every="2h"))
    [[created]] = calendar.shop.sql("SELECT next_at - interval '2 hours' - now() FROM schedules")
    assert isinstance(created, timedelta)
    assert abs(created) < timedelta(minutes=1)
    [row] = list_schedules(calendar.shop.engine)
    assert (row.cron, row.every) == (None, "2h")


def test_every_part_of_a_schedule_can_be_changed(calendar: Calendar) -> None:
    engine = calendar.shop.engine
    calendar.add()
    add_audience(calendar.shop, "others", 1)
    changes = ScheduleChanges(
        cron="30 8 * * mon",
        timezone="Europe/Berlin",
        audience="others",
        where=[parse_condition("name=N1")],
        instances=["b"],
        max_attempts=7,
        until_at=datetime(2100, 1, 1, tzinfo=UTC),
        count=12,
        misfire=Misfire.HOLD,
        grace=timedelta(hours=2),
        overlap=Overlap.SKIP,
        priority=5,
    )
    set_schedule(engine, "news", changes)
    row = show_schedule(engine, "news")
    assert {
        key: getattr(row, key) for key in ("cron", "timezone", "audience", "instances", "count", "misfire", "overlap")
    } == {
        "cron": "30 8 * * mon",
        "timezone": "Europe/Berlin",
        "audience": "others",
        "instances": ["b"],
        "count": 12,
        "misfire": "hold",
        "overlap": "skip",
    }
    assert (row.grace_seconds, row.priority, row.max_attempts) == (7200, 5, 7)
    assert row.body.startswith("{{ name }}")


def test_who_comes_tomorrow_is_reminded_by_the_schedules_clocks_and_once(calendar: Calendar) -> None:
    calendar.shop.sql("UPDATE audiences SET variables = '{name,date}' WHERE name = 'people'")
    calendar.shop.sql("DELETE FROM audience_members")
    calendar.shop.sql(
        "INSERT INTO audience_members (audience_id, phone, variables)"
        " SELECT a.id, (628120000000 + n)::text, jsonb_build_object("
        "     'name', 'N' || n, 'date', to_char(date '2025-12-31' + n, 'DD/MM/YYYY'))"
        " FROM audiences a, generate_series(1, 28) n WHERE a.name = 'people'"
    )
    calendar.add(cron="0 1 * * *", conditions=[parse_condition("date=today+1", "Asia/Jakarta")])
    # One o'clock on Monday the 5th in Jakarta; in UTC it is still Sunday.
    calendar.set(next_at=MONDAY - timedelta(hours=8))
    calendar.now -= timedelta(hours=8)
    assert calendar.tick() == ["news 2026-01-05T01:00"]
    # The next one waits for it, and starts when it is the 7th already: it is about the 7th all the same.
    assert calendar.tick(DAY) == []
    calendar.send()
    calendar.tick(timedelta(hours=23))
    dates = calendar.shop.sql("SELECT DISTINCT source FROM campaigns ORDER BY source")
    assert dates == [
        ("audience people where date=today+1 (2026-01-06)",),
        ("audience people where date=today+1 (2026-01-07)",),
    ]
    calendar.send()
    assert calendar.shop.accepted() == {"628120000006": 1, "628120000007": 1}


def test_removing_a_schedule_leaves_its_campaigns_and_cancels_what_is_queued(calendar: Calendar) -> None:
    calendar.add()
    calendar.tick()
    calendar.tick(DAY)
    assert remove_schedule(calendar.shop.engine, "news") == ["news 2026-01-06T09:00"]
    calendar.send()
    assert calendar.shop.state("news 2026-01-05T09:00") == "finished"
    assert calendar.shop.state("news 2026-01-06T09:00") == "cancelled"
    assert list_schedules(calendar.shop.engine) == []
    with pytest.raises(NotFoundError, match="no schedule is called 'news'"):
        schedule_report(calendar.shop.engine, "news")


def test_what_is_upcoming_keeps_to_the_count_and_includes_what_is_due(calendar: Calendar) -> None:
    calendar.add(count=3)
    found = upcoming_occurrences(calendar.shop.engine, "news", 10)
    assert found.occurrences == [MONDAY, MONDAY + DAY, MONDAY + 2 * DAY]
    assert found.words == "At 09:00 every day"


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"cron": "0 99 * * *"}, UsageError, "the hour field"),
        ({"every": "2h", "cron": "0 9 * * *"}, UsageError, "exactly one of --cron and --every"),
        ({"timezone": "Asia/Jakrta"}, UsageError, "did you mean Asia/Jakarta"),
        ({"audience": "nobody"}, NotFoundError, "no audience is called 'nobody'"),
        ({"instances": ["z"]}, NotFoundError, "no instance is called 'z'"),
        ({"content": text_content("{{ nmae }}")}, InputError, "did you mean 'name'"),
        ({"conditions": [parse_condition("city=Jakarta")]}, UsageError, "there is no column 'city'"),
        ({"until_at": MONDAY}, UsageError, "would never come due"),
        ({"grace": timedelta(seconds=5)}, UsageError, "--grace must be at least 10s"),
        ({"name": "x" * 75}, UsageError, "use 1 to 74 printable characters"),
    ],
)
def test_a_schedule_that_cannot_work_is_refused(
    shop: Shop, options: dict[str, object], error: type[BroadcasterError], said: str
) -> None:
    name = str(options.pop("name", "news"))
    with pytest.raises(error, match=said):
        add_schedule(shop.engine, new_schedule(name, **options))
    assert list_schedules(shop.engine) == []


def test_a_name_is_used_once(calendar: Calendar) -> None:
    calendar.add()
    with pytest.raises(ConflictError, match="exists already"):
        calendar.add()
