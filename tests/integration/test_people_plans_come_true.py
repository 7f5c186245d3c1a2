"""Plans of campaigns whose people get something of others, and what became of them, on a clock that is stepped."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from broadcaster.domain.care import Care
from broadcaster.domain.frequency import Cap
from broadcaster.services.campaigns import people_beside
from broadcaster.services.campaigns.audience_submission import submit_over_audience
from broadcaster.services.campaigns.foreseeing import WhatIf, foresee
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submission_result import Submitted
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.frequency import set_cap
from broadcaster.services.recipients.reader import RecipientOptions, read_recipients
from tests.support.database_clock import DatabaseClock
from tests.support.plan_runs import foreseen, run_to_its_end, run_until, skips
from tests.support.schedules import add_audience
from tests.support.shop import Shop, drain

PEOPLE = 20
DAY = 86_400
SKIPPING = Care(cooldown=DAY, skips_recent=True)
WAITING = Care(cooldown=DAY)


def submit(shop: Shop, care: Care, starts_in: timedelta, *, dry_run: bool = False) -> Submitted:
    """Campaign `c` to all people through instance `a`."""
    return submit_to(shop, PEOPLE, care, starts_in, dry_run=dry_run)


def submit_to(
    shop: Shop,
    people: int,
    care: Care,
    starts_in: timedelta = timedelta(0),
    *,
    expires_at: datetime | None = None,
    dry_run: bool = False,
) -> Submitted:
    """The same to so many people."""
    rows = "".join(f"62812{number:07d}\n" for number in range(people))
    [(now,)] = shop.sql("SELECT now()")
    submission = Submission(
        name="c",
        instances=["a"],
        content=text_content("Hi"),
        max_attempts=3,
        starts_at=now + starts_in if starts_in else None,  # type: ignore[operator]
        expires_at=expires_at,
        care=care,
    )
    with read_recipients(io.BytesIO(f"phone\n{rows}".encode()), RecipientOptions(accept_countries=True)) as recipients:
        return submit_campaign(shop.engine, submission, recipients, dry_run=dry_run)


def begins_in_the_middle(shop: Shop) -> timedelta:
    """Another one sends to the same people, the first of whom it has reached by then."""
    shop.add("b", "20/h", burst=1)
    shop.submit("other", PEOPLE, "b")
    return timedelta(minutes=29)


def begins_once_all_have_had_the_other(shop: Shop) -> timedelta:
    shop.add("b", "60/h", burst=1)
    shop.submit("other", PEOPLE, "b")
    return timedelta(hours=1)


def begins_once_some_have_had_the_other(shop: Shop) -> timedelta:
    shop.add("b", "60/h", burst=1)
    shop.submit("other", PEOPLE // 2, "b")
    return timedelta(hours=1)


def goes_before_one_that_is_to_start(shop: Shop) -> timedelta:
    shop.add("b", "60/h", burst=1)
    shop.submit("other", PEOPLE, "b")
    shop.sql("UPDATE campaigns SET state = 'scheduled', started_at = NULL, starts_at = now() + interval '5 h'")
    return timedelta(hours=1)


def begins_while_the_other_waits_for_its_limit(shop: Shop) -> timedelta:
    """It has reached half of its people, and nobody else for a day."""
    shop.add("b", "100/s 6/d", burst=1)
    shop.submit("other", 12, "b")
    drain(shop)
    return timedelta(minutes=5)


SET_UPS = (
    begins_in_the_middle,
    begins_once_all_have_had_the_other,
    begins_once_some_have_had_the_other,
    goes_before_one_that_is_to_start,
    begins_while_the_other_waits_for_its_limit,
)


@pytest.mark.parametrize("set_up", SET_UPS, ids=[each.__name__ for each in SET_UPS])
def test_whoever_gets_something_else_before_is_skipped(shop: Shop, set_up: Callable[[Shop], timedelta]) -> None:
    clock = DatabaseClock(shop.engine)
    shop.add("a", "600/h", burst=1)
    starts_in = set_up(shop)
    tried = submit(shop, SKIPPING, starts_in, dry_run=True)
    submit(shop, SKIPPING, starts_in)
    plan, found = foreseen(shop, "c"), foresee(shop.engine, "c", WhatIf())
    again = found.plan
    assert found.messages + skips(again) == PEOPLE
    planned = sum(each.messages for each in tried.days)
    told = [each for each in tried.plan_remarks if each.startswith("sent to ")]
    said = re.compile(rf"sent to (about )?{planned}; skipped (about )?{PEOPLE - planned} ")
    assert [bool(said.match(each)) for each in told] == [True] * (planned < PEOPLE)
    run_until(shop, clock, lambda: all(shop.state(name) == "finished" for name in ("c", "other")))
    became = shop.states("c").get("skipped", 0)
    assert skips(plan) == pytest.approx(became, abs=2)
    assert skips(again) == skips(plan)
    assert planned == plan.messages == PEOPLE - skips(plan)


def test_whoever_gets_something_else_before_waits(shop: Shop) -> None:
    clock = DatabaseClock(shop.engine)
    shop.add("a", "600/h", burst=1)
    submitted = submit(shop, WAITING, begins_once_some_have_had_the_other(shop))
    plan = foreseen(shop, "c")
    assert plan.put_off == {"cooldown": PEOPLE // 2}
    ended = run_to_its_end(shop, clock, "c")
    assert plan.ends_at is not None
    assert submitted.ends_at is not None
    assert (submitted.ends_at - plan.ends_at).total_seconds() == pytest.approx(0, abs=1)
    assert (ended - plan.ends_at).total_seconds() == pytest.approx(0, abs=0.05 * DAY)


def test_whoever_got_something_else_since_the_start_waits(shop: Shop) -> None:
    clock = DatabaseClock(shop.engine)
    set_cap(shop.engine, Cap(1, 2 * DAY), grace=shop.settings.acceptance_seconds)
    shop.add("a", "1000/s 5/d")
    shop.add("b")
    shop.submit("before", 5, "a", first=1_000)
    run_to_its_end(shop, clock, "before")
    shop.submit("c", 5, "a")
    shop.submit("other", 5, "b")
    run_to_its_end(shop, clock, "other")
    plan = foreseen(shop, "c")
    assert plan.put_off == {"cap": 5}
    ended = run_to_its_end(shop, clock, "c")
    assert plan.ends_at is not None
    assert (ended - plan.ends_at).total_seconds() == pytest.approx(0, abs=0.05 * DAY)
    assert (plan.ends_at - plan.begins_at).total_seconds() > 2 * DAY


def test_one_over_an_audience_is_planned_so_too(shop: Shop) -> None:
    shop.add("a", "600/h", burst=1)
    starts_in = begins_once_some_have_had_the_other(shop)
    add_audience(shop, "people", 5)
    shop.sql("UPDATE audience_members SET phone = (628120000000 + (phone::bigint - 628120000001))::text")
    [(now,)] = shop.sql("SELECT now()")
    submission = Submission(
        name="c",
        instances=["a"],
        content=text_content("Hi"),
        max_attempts=3,
        starts_at=now + starts_in,  # type: ignore[operator]
        care=WAITING,
    )
    submit_over_audience(shop.engine, submission, "people")
    plan = foresee(shop.engine, "c", WhatIf()).plan
    assert plan.put_off == {"cooldown": 5}


def test_those_beside_it_who_will_be_skipped_are_not_told_as_messages(shop: Shop) -> None:
    shop.add("a", "600/h", burst=1)
    shop.add("b", "600/h", burst=1)
    shop.submit("first", PEOPLE, "b")
    shop.submit("other", PEOPLE, "a", care=SKIPPING)
    shop.sql("UPDATE campaigns SET starts_at = now() + interval '1 h' WHERE name = 'other'")
    assert submit(shop, WAITING, timedelta(0), dry_run=True).waiting < PEOPLE


def test_of_many_people_some_stand_for_all(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people_beside, "_MOST_LOOKED_UP", 200)  # private: what a test of seconds can reach
    shop.add("a", "60/h")
    shop.add("b", "3000/h")
    shop.submit("other", 400, "b")
    shop.submit("c", 800, "a", care=WAITING)
    assert foreseen(shop, "c").put_off["cooldown"] == pytest.approx(400, rel=0.3)
