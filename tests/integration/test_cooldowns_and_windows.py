"""Who may get a message is judged by when it may leave first: a cooldown that is over by then keeps nobody from it."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.care import Care
from broadcaster.domain.frequency import Cap
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.services import dispatch
from broadcaster.services.campaigns.audience_submission import submit_over_audience
from broadcaster.services.campaigns.foreseeing import WhatIf, foresee
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submission_result import Submitted
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.frequency import set_cap
from broadcaster.services.recipients.reader import RecipientOptions, read_recipients
from tests.support.database_clock import DatabaseClock
from tests.support.plan_runs import foreseen, run_to_its_end, run_until
from tests.support.schedules import add_audience
from tests.support.shop import Shop

PEOPLE = 6
HOUR = 3_600


def opens_in(shop: Shop, hours: int) -> OpeningHours:
    """Two hours a day, from so many hours ahead on."""
    now = now_of(shop)
    begins, ends = (now + timedelta(hours=hours + each) for each in (0, 2))
    return OpeningHours(windows=(f"{begins:%H:%M}-{ends:%H:%M}",), zone="UTC")


def now_of(shop: Shop) -> datetime:
    [(now,)] = shop.sql("SELECT now() AT TIME ZONE 'UTC'")
    assert isinstance(now, datetime)
    return now


def by_its_own_window(shop: Shop, hours: int) -> OpeningHours | None:
    shop.add("a", "100/s")
    return opens_in(shop, hours)


def by_the_window_of_its_instance(shop: Shop, hours: int) -> OpeningHours | None:
    shop.add("a", "100/s", hours=opens_in(shop, hours))
    return None


def by_both(shop: Shop, hours: int) -> OpeningHours | None:
    """They meet only where the one of the instance opens for the second time."""
    first, then = opens_in(shop, 1), opens_in(shop, hours)
    shop.add("a", "100/s", hours=OpeningHours(windows=(*first.windows, *then.windows), zone="UTC"))
    return then


SET_UPS = (by_its_own_window, by_the_window_of_its_instance, by_both)
EACH = pytest.mark.parametrize("set_up", SET_UPS, ids=[each.__name__ for each in SET_UPS])


def messaged_before(shop: Shop, clock: DatabaseClock, minutes: float) -> None:
    """All of these people, so long ago."""
    shop.add("b", "100/s")
    shop.submit("before", PEOPLE, "b")
    run_to_its_end(shop, clock, "before")
    clock.step(minutes * 60)


def submit(
    shop: Shop, care: Care, hours: OpeningHours | None, *, dry_run: bool = False, draft: bool = False
) -> Submitted:
    rows = "".join(f"62812{number:07d}\n" for number in range(PEOPLE))
    submission = asked(care, hours, draft=draft)
    with read_recipients(io.BytesIO(f"phone\n{rows}".encode()), RecipientOptions(accept_countries=True)) as recipients:
        return submit_campaign(shop.engine, submission, recipients, dry_run=dry_run)


def asked(care: Care, hours: OpeningHours | None, *, draft: bool = False) -> Submission:
    return Submission(
        name="c", instances=["a"], content=text_content("Hi"), max_attempts=3, hours=hours, care=care, draft=draft
    )


def skips(plan: CampaignPlan) -> dict[str, int]:
    return {str(each.reason): each.messages for each in plan.skips}


SKIPPING = Care(cooldown=3 * HOUR, skips_recent=True)


@EACH
@pytest.mark.parametrize("minutes", [0, 5], ids=["just_now", "a_while_ago"])
def test_whose_cooldown_is_over_once_it_opens_is_sent_to(
    shop: Shop, set_up: Callable[[Shop, int], OpeningHours | None], minutes: int
) -> None:
    clock = DatabaseClock(shop.engine)
    messaged_before(shop, clock, minutes)
    hours = set_up(shop, 6)
    tried = submit(shop, SKIPPING, hours, dry_run=True)
    assert (tried.contention.recent, tried.leaving) == (0, PEOPLE)
    submit(shop, SKIPPING, hours, draft=True)
    drafted = foresee(shop.engine, "c", WhatIf()).plan
    shop.sql("UPDATE campaigns SET state = 'scheduled' WHERE name = 'c'")
    dispatch.start_due_campaigns(shop.engine, grace=shop.settings.acceptance_seconds)
    plan = foreseen(shop, "c")
    assert [skips(each) for each in (drafted, plan)] == [{}, {}]
    run_to_its_end(shop, clock, "c")
    assert shop.states("c") == {"sent": PEOPLE}


@EACH
@pytest.mark.parametrize("minutes", [0, 5], ids=["just_now", "a_while_ago"])
def test_whose_cooldown_is_not_over_once_it_opens_is_skipped(
    shop: Shop, set_up: Callable[[Shop, int], OpeningHours | None], minutes: int
) -> None:
    clock = DatabaseClock(shop.engine)
    messaged_before(shop, clock, minutes)
    hours = set_up(shop, 6)
    care = Care(cooldown=12 * HOUR, skips_recent=True)
    assert submit(shop, care, hours, dry_run=True).contention.cooldown == PEOPLE
    submit(shop, care, hours)
    assert skips(foreseen(shop, "c")) == {"cooldown": PEOPLE}
    run_until(shop, clock, lambda: shop.state("c") == "finished")
    assert shop.states("c") == {"skipped": PEOPLE}


def test_whom_a_cap_lets_go_until_it_opens_does_not_wait_for_that(shop: Shop) -> None:
    clock = DatabaseClock(shop.engine)
    set_cap(shop.engine, Cap(1, 3 * HOUR), grace=shop.settings.acceptance_seconds)
    messaged_before(shop, clock, 5)
    hours = by_its_own_window(shop, 6)
    assert submit(shop, Care(), hours, dry_run=True).contention.recent == 0
    submit(shop, Care(), hours)
    before = foreseen(shop, "c")
    dispatch.start_due_campaigns(shop.engine, grace=shop.settings.acceptance_seconds)
    after = foreseen(shop, "c")
    assert [(plan.waiting_people, plan.put_off) for plan in (before, after)] == [([], {}), ([], {})]
    ended = run_to_its_end(shop, clock, "c")
    assert all(
        plan.ends_at is not None and abs((plan.ends_at - ended).total_seconds()) < 5 for plan in (before, after)
    )


def test_the_members_of_an_audience_are_judged_by_it_too(shop: Shop) -> None:
    clock = DatabaseClock(shop.engine)
    messaged_before(shop, clock, 5)
    add_audience(shop, "people", PEOPLE)
    hours = by_its_own_window(shop, 6)
    submit_over_audience(shop.engine, asked(SKIPPING, hours), "people")
    assert skips(foresee(shop.engine, "c", WhatIf()).plan) == {}
    run_to_its_end(shop, clock, "c")
    assert shop.states("c") == {"sent": PEOPLE}
