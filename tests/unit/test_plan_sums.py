"""Nothing is lost in a plan, and nothing is planned twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from broadcaster.domain.care import Care
from broadcaster.domain.failover_plans import FailoverRule
from broadcaster.domain.lanes_now import LaneNow
from broadcaster.domain.opening_hours import NOBODY, OpeningHours, RecipientGroup
from broadcaster.domain.plan_terms import Succession
from broadcaster.domain.planned_parts import PlannedPart
from broadcaster.domain.surroundings import Surroundings
from tests.unit.test_campaign_plans import BY_DAY, NOW, Limit, around, shared

CAMPAIGNS = (1, 2, 3)
CARE = Care(canary=(0.1, 0.4), after=600.0)
moments = st.sampled_from([timedelta(0), timedelta(seconds=40), timedelta(hours=5), timedelta(days=3)])
hours_of_recipients = OpeningHours(windows=("09:00-12:00",), zone="UTC", is_by_recipient=True)
planned_parts = st.builds(
    PlannedPart,
    lane_id=st.integers(1, 3),
    messages=st.integers(0, 60),
    hours=st.sampled_from([None, BY_DAY, hours_of_recipients]),
    group=st.sampled_from([NOBODY, RecipientGroup("ID", ("Asia/Jakarta",)), RecipientGroup("DE", ("Europe/Berlin",))]),
    not_before=st.none() | moments.map(lambda later: NOW + later),
    expires_at=st.sampled_from([None, None, NOW + timedelta(hours=8), NOW + timedelta(days=2)]),
    campaign=st.sampled_from(CAMPAIGNS),
    priority=st.integers(0, 1),
    limits=st.sampled_from([(), (8,)]),
)
counted = st.tuples(st.integers(1, 80), st.integers(5, 200)).map(
    lambda most: [shared(7, "customers", most[0]), shared(8, "promos", most[1])]
)
rules = st.builds(
    FailoverRule,
    st.sampled_from([timedelta(minutes=1), timedelta(hours=6)]),
    st.sampled_from([dict.fromkeys((1, 2, 3)), {1: 1.0, 2: 3.0, 3: 2.0}]),
    st.frozensets(st.integers(1, 3), max_size=2),
    st.dictionaries(st.integers(1, 3), st.integers(0, 40)),
)


@st.composite
def lanes_now(draw: st.DrawFn, lane: LaneNow) -> LaneNow:
    """One that is well, paused, refused or down."""
    health = draw(st.sampled_from(["ok", "ok", "paused", "refused", "down"]))
    since = NOW - timedelta(minutes=30) if health in ("refused", "down") else None
    return structs.replace(
        lane,
        is_stopped=health != "ok",
        is_down=health == "down",
        trouble_since=since,
        rests=draw(st.sampled_from([0.0, 0.0, 900.0])),
        hours=draw(st.sampled_from([None, None, BY_DAY])),
        limits=draw(st.sampled_from([(), (7,)])),
    )


@st.composite
def all_surroundings(draw: st.DrawFn) -> Surroundings:
    """Three lanes; of the campaigns one may have a canary, two may follow each other, and lanes may take over."""
    paces = {key: Limit(draw(st.sampled_from([None, 1.0, 1 / 60])), 1) for key in (1, 2, 3)}
    surroundings = around(paces, counted=draw(counted))
    return replace(
        surroundings.with_canary(1, CARE),
        lanes=[draw(lanes_now(lane)) for lane in surroundings.lanes],
        successions=draw(
            st.sampled_from([(), (Succession([(2, -float("inf")), (3, NOW.timestamp() + 900)], is_skipped=False),)])
        ),
        failovers=draw(st.dictionaries(st.sampled_from(CAMPAIGNS), rules)),
    )


@settings(max_examples=200, deadline=None)
@given(all_surroundings(), st.lists(planned_parts, max_size=8))
def test_what_leaves_expires_and_is_left_of_a_campaign_is_all_of_it(
    surroundings: Surroundings, written: list[PlannedPart]
) -> None:
    sliced = [each for part in written for each in part.sliced(CARE if part.campaign == 1 else None)]
    plans = surroundings.plans(sliced, campaigns=CAMPAIGNS)
    for campaign, plan in plans.items():
        messages = sum(part.messages for part in written if part.campaign == campaign)
        told = sum(day.messages for day in plan.days)
        assert (plan.messages, told + plan.expire + plan.remaining) == (messages, messages)
        assert all(day.messages > 0 for day in plan.days)
        assert all(move.messages > 0 for move in plan.moves)
