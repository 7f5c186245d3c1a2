"""Openings that plans share are what the hours themselves say, whatever was asked before."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.opening_hours import NOBODY, OpeningHours, RecipientGroup, joint_opening
from broadcaster.domain.plan_terms import ALWAYS, NEVER, OpenSpan
from broadcaster.domain.planned_hours import PlannedHours

BEGIN = datetime(2026, 10, 20, tzinfo=UTC)
SHOP = OpeningHours(windows=("Mon-Fri 09:00-20:00", "Sat 22:00-02:00"), zone="Europe/Berlin")
THEIRS = OpeningHours(windows=("08:00-18:00",), zone="UTC", is_by_recipient=True, holidays=("DE",))
NEVER_TOGETHER = OpeningHours(windows=("04:00-05:00",), zone="Europe/Berlin")
SOUTH = RecipientGroup("BR", ("America/Manaus", "America/Sao_Paulo"))
SETS = list(product((SHOP, None), (THEIRS, None), (NOBODY, SOUTH)))
MOMENTS = st.lists(st.floats(0, 20 * 86_400), min_size=1, max_size=12)


def open_next(all_hours: list[OpeningHours], group: RecipientGroup, moment: float, reserve: float) -> OpenSpan:
    """As the hours say it, asked one opening after the other."""
    while (found := joint_opening(all_hours, group, datetime.fromtimestamp(moment, UTC))) is not None:
        begins, closes = max(moment, found.opens_at.timestamp()), found.closes_at.timestamp()
        if begins < closes - reserve:
            return OpenSpan(begins, closes - reserve)
        moment = closes
    return NEVER


@given(hours=st.sampled_from(SETS), moments=MOMENTS, reserve=st.sampled_from([0.0, 30.0, 7200.0]))
def test_whatever_was_asked_before_the_next_opening_is_that_of_the_hours(
    hours: tuple[OpeningHours | None, OpeningHours | None, RecipientGroup], moments: list[float], reserve: float
) -> None:
    instance, campaign, group = hours
    opening = PlannedHours().opening(instance, campaign, group, reserve)
    all_hours = [each for each in (instance, campaign) if each is not None]
    for ahead in moments:
        moment = BEGIN.timestamp() + ahead
        assert opening(moment) == (open_next(all_hours, group, moment, reserve) if all_hours else ALWAYS)


def test_hours_that_never_meet_are_never_open() -> None:
    assert PlannedHours().opening(SHOP, NEVER_TOGETHER, NOBODY, 0.0)(BEGIN.timestamp()) == NEVER


def test_hours_that_are_longer_open_than_anybody_looks_ahead_go_on_where_that_ends() -> None:
    always = OpeningHours(zone="UTC", days_off=(date(2027, 1, 1),))
    opening, moment = PlannedHours().opening(always, None, NOBODY, 60.0), BEGIN.timestamp() + 5000
    for _ in range(8):
        begins, ends = opening(moment)
        assert begins == moment
        assert timedelta(days=6) < timedelta(seconds=ends - begins) <= timedelta(days=8)
        moment = ends
