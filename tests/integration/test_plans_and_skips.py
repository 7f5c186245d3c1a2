"""Plans know who is skipped: what a plan says before the start is what becomes of the campaign."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable

import pytest

from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.care import Care
from broadcaster.domain.frequency import Cap
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.services import dispatch
from broadcaster.services.campaigns import lifecycle
from broadcaster.services.campaigns.audience_submission import submit_over_audience
from broadcaster.services.campaigns.foreseeing import WhatIf, foresee
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.campaigns.planning import plans_of_all
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submission_result import Submitted
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.frequency import set_cap
from broadcaster.services.inbox import inbox_reader
from broadcaster.services.openings import move_openings
from broadcaster.services.recipients.reader import RecipientOptions, read_recipients
from tests.support.people import listens, read_replies, write
from tests.support.plan_runs import foreseen
from tests.support.schedules import add_audience
from tests.support.shop import Shop, drain

PEOPLE = 40
DAY = 86_400
BY_RECIPIENT = OpeningHours(windows=("00:00-24:00",), zone="UTC", is_by_recipient=True)


@pytest.fixture
def shop(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(inbox_reader, "RUN_SECONDS", 0.1)
    shop.add("a", "100/s")
    shop.add("b", "50/s")
    return shop


def phone(number: int) -> str:
    return f"62812{number:07d}"


def opt_out(shop: Shop, *numbers: int, instance: str | None = None) -> None:
    for number in numbers:
        shop.sql(
            "INSERT INTO opt_outs (phone, forms, way, lane_id)"
            " SELECT CAST(:phone AS text), ARRAY[CAST(:phone AS text)], 'command',"
            " coalesce((SELECT id FROM instances WHERE name = :instance), 0)",
            phone=phone(number),
            instance=instance,
        )


def agree(shop: Shop, *numbers: int) -> None:
    for number in numbers:
        shop.sql(
            "INSERT INTO consent_records (phone, forms, source, came_with)"
            " VALUES (:phone, ARRAY[:phone], 'web form', 'a list')",
            phone=phone(number),
        )


def asked(**how: object) -> Submission:
    of_all: dict[str, object] = {
        "name": "c",
        "instances": ["a", "b"],
        "content": text_content("Hi"),
        "max_attempts": 3,
        "draft": True,
    }
    return Submission(**(of_all | how))  # type: ignore[arg-type]


def submit(shop: Shop, *, dry_run: bool = False, **how: object) -> Submitted:
    rows = "".join(f"{phone(number)}\n" for number in range(PEOPLE))
    with read_recipients(io.BytesIO(f"phone\n{rows}".encode()), RecipientOptions(accept_countries=True)) as recipients:
        return submit_campaign(shop.engine, asked(**how), recipients, dry_run=dry_run)


def opted_out(shop: Shop) -> dict[str, object]:
    opt_out(shop, 1, 2, 3)
    opt_out(shop, 3, instance="a")
    return {}


def opted_out_from_one_instance(shop: Shop) -> dict[str, object]:
    opt_out(shop, *range(8), instance="a")
    return {}


def without_consent(shop: Shop) -> dict[str, object]:
    agree(shop, *range(30))
    opt_out(shop, 0, 1, 35)
    return {"require_consent": True}


def by_the_clocks_of_recipients(shop: Shop) -> dict[str, object]:
    return without_consent(shop) | {"hours": BY_RECIPIENT}


def messaged_lately(shop: Shop) -> dict[str, object]:
    shop.submit("before", 12, "a")
    drain(shop)
    passes(shop)
    opt_out(shop, 0, 20)
    return {"care": Care(cooldown=DAY, skips_recent=True)}


def had_as_many_as_a_cap_allows(shop: Shop) -> dict[str, object]:
    set_cap(shop.engine, Cap(1, DAY), grace=shop.settings.acceptance_seconds)
    shop.submit("before", 12, "a")
    drain(shop)
    passes(shop)
    return {"care": Care(skips_recent=True)}


def beyond_caps(shop: Shop) -> dict[str, object]:
    return had_as_many_as_a_cap_allows(shop) | {"care": Care(skips_recent=True, beyond_caps=True)}


def not_known(shop: Shop) -> dict[str, object]:
    listens(shop, "a")
    listens(shop, "b")
    for number in range(25):
        shop.sql("INSERT INTO known_phones SELECT account_id, :phone, true FROM instances", phone=phone(number))
    opt_out(shop, 1, 30)
    return {"care": Care(only_known=True)}


def silent(shop: Shop) -> dict[str, object]:
    listens(shop, "a")
    listens(shop, "b")
    shop.submit("before", 9, "a")
    drain(shop)
    write(shop, phone(2), "hello")
    read_replies(shop, rounds=2)
    opt_out(shop, 1, 30)
    return {"care": Care(max_unanswered=1, after=0.001)}


def for_several_reasons(shop: Shop) -> dict[str, object]:
    agree(shop, *range(5, 40))
    opt_out(shop, 4, 5)
    shop.submit("before", 12, "a")
    drain(shop)
    passes(shop)
    return {"require_consent": True, "care": Care(cooldown=DAY, skips_recent=True)}


SET_UPS = (
    opted_out,
    opted_out_from_one_instance,
    without_consent,
    by_the_clocks_of_recipients,
    messaged_lately,
    had_as_many_as_a_cap_allows,
    beyond_caps,
    not_known,
    silent,
    for_several_reasons,
)


def passes(shop: Shop) -> None:
    """So much time that the outcome of what was sent is known."""
    shop.sql("UPDATE attempts SET finished_at = finished_at - interval '5 min'")
    shop.sql("UPDATE messages SET changed_at = changed_at - interval '5 min' WHERE state = 'sent'")
    shop.sql(
        "UPDATE messaged_phones"
        " SET moments = ARRAY(SELECT m - interval '5 min' FROM unnest(moments) m ORDER BY 1 DESC)"
    )


def skipped(shop: Shop) -> Counter[str]:
    """What was skipped of the campaign, by reason."""
    found = shop.sql(
        "SELECT m.reason, count(*) FROM messages m JOIN campaigns c ON c.id = m.campaign_id"
        " WHERE c.name = 'c' AND m.state = 'skipped' GROUP BY 1"
    )
    return Counter({str(reason): int(str(messages)) for reason, messages in found})


def told(plan: CampaignPlan, *, is_done: bool) -> Counter[str]:
    return Counter({str(each.reason): each.messages for each in plan.skips if each.is_done is is_done})


def on_days(plan: CampaignPlan) -> int:
    return sum(each.messages for each in plan.days)


def run(shop: Shop) -> None:
    dispatch.start_due_campaigns(shop.engine, grace=shop.settings.acceptance_seconds)
    move_openings(shop.engine)
    drain(shop)


@pytest.mark.parametrize("set_up", SET_UPS, ids=[each.__name__ for each in SET_UPS])
def test_a_plan_is_without_those_who_are_skipped_and_says_how_many_they_are(
    shop: Shop, set_up: Callable[[Shop], dict[str, object]]
) -> None:
    how = set_up(shop)
    tried = submit(shop, dry_run=True, **how)
    submit(shop, **how)
    plan = foreseen(shop, "c")
    lifecycle.start_campaign(shop.engine, "c", now=True)
    scheduled = plans_of_all(shop.engine).get("c") or foreseen(shop, "c")
    assert (scheduled.messages, scheduled.skips) == (plan.messages, plan.skips)
    run(shop)
    became = skipped(shop)
    assert told(plan, is_done=False) == became
    assert plan.messages == on_days(plan) == shop.states("c").get("sent", 0) == PEOPLE - became.total()
    if set_up is not opted_out_from_one_instance:
        assert tried.leaving == plan.messages


@pytest.mark.parametrize("set_up", SET_UPS, ids=[each.__name__ for each in SET_UPS])
def test_a_running_campaign_and_its_plan_agree_about_the_skipped(
    shop: Shop, set_up: Callable[[Shop], dict[str, object]]
) -> None:
    how = set_up(shop)
    submit(shop, **how)
    lifecycle.start_campaign(shop.engine, "c", now=True)
    dispatch.start_due_campaigns(shop.engine, grace=shop.settings.acceptance_seconds)
    at_once = skipped(shop)
    opt_out(shop, 15, 16)
    plan = foreseen(shop, "c")
    assert told(plan, is_done=True) == at_once
    assert shop.states("c").get("skipped", 0) == at_once.total()
    assert foresee(shop.engine, "c", WhatIf()).plan.skips == plan.skips
    run(shop)
    assert told(plan, is_done=True) + told(plan, is_done=False) == skipped(shop)
    assert told(plan, is_done=False)["opted_out"] >= 2
    assert plan.messages == shop.states("c")["sent"]


def test_those_who_wait_are_planned_from_when_they_are_free(shop: Shop) -> None:
    shop.submit("before", 12, "a")
    drain(shop)
    passes(shop)
    opt_out(shop, 0)
    submit(shop, care=Care(cooldown=DAY))
    plan = foreseen(shop, "c")
    assert plan.messages == on_days(plan) == PEOPLE - 1
    assert [(each.rule, each.messages) for each in plan.waiting_people] == [("cooldown", 11)]
    assert plan.seconds is not None
    assert DAY - 600 < plan.seconds < DAY + 600
    again = foresee(shop.engine, "c", WhatIf()).plan
    assert (again.messages, again.skips, again.waiting_people) == (plan.messages, plan.skips, plan.waiting_people)


def test_the_plan_of_a_campaign_of_whom_nobody_is_left_says_so(shop: Shop) -> None:
    submit(shop, require_consent=True)
    plan = foreseen(shop, "c")
    assert (plan.messages, plan.days, plan.known_end) == (0, [], None)
    assert told(plan, is_done=False) == Counter(no_consent=PEOPLE)


@pytest.mark.parametrize("is_draft", [True, False])
def test_a_campaign_over_an_audience_is_planned_without_them_too(shop: Shop, is_draft: bool) -> None:
    add_audience(shop, "people", PEOPLE)
    agree(shop, *range(1, 30))
    opt_out(shop, 4, 5)
    shop.submit("before", 13, "a")
    drain(shop)
    passes(shop)
    submission = asked(require_consent=True, care=Care(cooldown=DAY, skips_recent=True), draft=is_draft)
    submit_over_audience(shop.engine, submission, "people")
    found = foresee(shop.engine, "c", WhatIf())
    if is_draft:
        lifecycle.start_campaign(shop.engine, "c", now=True)
    run(shop)
    assert told(found.plan, is_done=False) == skipped(shop)
    assert found.messages == found.plan.messages == on_days(found.plan) == shop.states("c")["sent"]
