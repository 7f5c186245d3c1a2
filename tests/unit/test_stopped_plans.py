"""What is said of plans whose instances stand still, and may go on at any moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from msgspec import structs

from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.plan_remarks import plan_remarks, said_expiry
from broadcaster.domain.planned_parts import OWN
from broadcaster.domain.surroundings import Surroundings
from tests.unit.test_campaign_plans import NOW, Limit, around, parts, said

MINUTE = timedelta(minutes=1)
SLOW = Limit(1 / 60, 1)
SOON = NOW + 10 * MINUTE


def standing_still(surroundings: Surroundings, *, of: int = 1, is_down: bool = True) -> Surroundings:
    """The same with so many of its lanes down, or else paused."""
    trouble = NOW - MINUTE if is_down else None
    lanes = [
        structs.replace(lane, is_stopped=True, is_down=is_down, trouble_since=trouble) if number < of else lane
        for number, lane in enumerate(surroundings.lanes)
    ]
    return replace(surroundings, lanes=lanes)


def test_what_an_instance_that_is_down_has_expires_unless_it_is_well_in_time() -> None:
    plan = standing_still(around({1: SLOW})).plan(parts({1: 299}, expires_at=SOON))
    assert (plan.expire, plan.expire_stopped, plan.is_never_sent) == (299, 299, False)
    assert (
        said_expiry(plan, said) == "all of it, 299 messages, will expire at 04 09:10 unless 'i1' is well again before"
    )


def test_what_a_paused_instance_has_expires_unless_somebody_resumes_it() -> None:
    plan = standing_still(around({1: SLOW}), is_down=False).plan(parts({1: 299}, expires_at=SOON))
    assert list(plan_remarks(plan, said)) == [
        "all of it, 299 messages, will expire at 04 09:10 unless 'i1' is resumed before",
        "nothing is sent through 'i1' now: it is paused by an operator; go on with `broadcaster instance resume i1`",
    ]


def test_where_an_instance_that_is_down_could_not_send_in_time_anyway_it_is_certain() -> None:
    tomorrow = OpeningHours(windows=("06:00-07:00",), zone="UTC")
    plan = standing_still(around({1: SLOW})).plan(parts({1: 5}, hours=tomorrow, expires_at=SOON))
    assert plan.is_never_sent
    assert said_expiry(plan, said) == (
        "all of it, 5 messages, will expire at 04 09:10, since none of it can leave before"
    )


def test_of_several_instances_those_that_stand_still_are_the_reason_for_what_they_have() -> None:
    both = around({1: SLOW, 2: SLOW})
    plan = standing_still(both).plan(parts({1: 30, 2: 5}, expires_at=SOON))
    assert said_expiry(plan, said) == "30 of 35 messages will expire at 04 09:10 unless 'i1' is well again before"
    assert plan.known_end is None, "it ends later if the other one is well again"
    late = standing_still(both).plan(parts({1: 30, 2: 30}, expires_at=SOON))
    assert said_expiry(late, said) == (
        "about 50 of 60 messages will expire at 04 09:10, 20 since they cannot leave before, the others unless 'i1' "
        "is well again before"
    )
    none = standing_still(both, of=2).plan(parts({1: 30, 2: 30}, expires_at=SOON))
    assert said_expiry(none, said).endswith(" unless 'i1', 'i2' are well again before")


def test_of_what_has_begun_only_the_rest_expires() -> None:
    begun = replace(standing_still(around({1: SLOW})), begun={OWN: 300})
    plan = begun.plan(parts({1: 263}, expires_at=SOON))
    assert said_expiry(plan, said).startswith("the rest of it, 263 of 300 messages, will expire at 04 09:10 unless ")
    plan = replace(around({1: SLOW}), begun={OWN: 300}).plan(parts({1: 263}, expires_at=NOW + 60 * MINUTE))
    assert "of the 263 messages that are left will expire at 04 10:00, since they cannot" in said_expiry(plan, said)
