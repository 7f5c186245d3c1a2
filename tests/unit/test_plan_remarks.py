"""What is said of a plan: the numbers add up to all of its messages."""

from __future__ import annotations

from datetime import UTC, datetime

from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.frequency import PersonRule, WaitingPeople
from broadcaster.domain.plan_remarks import said_put_off, said_reach
from broadcaster.domain.skips import Skipped

NOW = datetime(2026, 1, 5, 2, tzinfo=UTC)


def plan(**said: object) -> CampaignPlan:
    """Of 60 messages."""
    fields = {"begins_at": NOW, "ends_at": NOW, "is_paced": True, "expire": 0, "days": [], "waits": [], "messages": 60}
    return CampaignPlan(**{**fields, **said})  # type: ignore[arg-type]


def test_those_who_wait_by_now_and_later_are_told_as_one_number() -> None:
    waiting = [WaitingPeople(PersonRule.COOLDOWN, 26, NOW)]
    some = plan(waiting_people=waiting, put_off={PersonRule.COOLDOWN: 17, PersonRule.CAP: 2})
    assert list(said_put_off(some)) == [
        "about 43 of 60 wait for people who were messaged within its cooldown, 26 of them by now",
        "about 2 of 60 wait for people who have had as many as caps allow",
    ]
    everybody = plan(waiting_people=waiting, put_off={PersonRule.COOLDOWN: 34})
    assert list(said_put_off(everybody)) == [
        "60 of 60 wait for people who were messaged within its cooldown, 26 of them by now"
    ]
    assert not list(said_put_off(plan(waiting_people=waiting)))


def test_who_is_waited_for_is_told_without_a_second_verb() -> None:
    said = WaitingPeople(PersonRule.COOLDOWN, 26, NOW).what(lambda moment: f"{moment:%H:%M}")
    assert said == "people who were messaged within its cooldown (26 messages, the first until 02:00)"


def test_those_who_get_it_and_those_who_are_skipped_are_told_in_one_line() -> None:
    by_now, more = Skipped("cooldown", 25, False), Skipped("cooldown", 20, False, is_about=True)
    said = "skipped about 45 (cooldown): 25 by now, about 20 more"
    assert said_reach(plan(messages=15), [by_now, more]) == f"sent to about 15; {said}"
    assert said_reach(plan(expire_about=True), [by_now]) == "sent to 60; skipped 25 to come (cooldown)"
    assert said_reach(plan(messages=15, expire=3, remaining=2, rest_of=20), [by_now]) == (
        "sent to 10 more; skipped 25 to come (cooldown)"
    )
