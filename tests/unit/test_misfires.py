"""What becomes of occurrences that are noticed late: the misfire rules, and never a burst of old ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from broadcaster.domain.schedules import PUNCTUAL, Fate, Misfire, judge_due

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
GRACE = timedelta(minutes=10)
RUN, HOLD, SKIP = Fate.RUN, Fate.HOLD, Fate.SKIP


def fates(misfire: Misfire, *late: float, grace: timedelta = GRACE) -> list[Fate]:
    """Of occurrences that are so many seconds late, the latest last."""
    return [each.fate for each in judge_due([NOW - timedelta(seconds=s) for s in late], NOW, misfire, grace)]


@pytest.mark.parametrize("misfire", Misfire)
def test_an_occurrence_that_is_noticed_in_time_is_run(misfire: Misfire) -> None:
    assert fates(misfire, 0) == fates(misfire, 1.5) == fates(misfire, 10) == [RUN]


@pytest.mark.parametrize(("misfire", "fate"), [(Misfire.SKIP, SKIP), (Misfire.CATCH_UP, RUN), (Misfire.HOLD, HOLD)])
def test_a_missed_occurrence_follows_its_rule_within_its_grace(misfire: Misfire, fate: Fate) -> None:
    assert fates(misfire, 11) == fates(misfire, 600) == [fate]
    [found] = judge_due([NOW - timedelta(minutes=3)], NOW, misfire, GRACE)
    assert (found.fate, found.reason) == (fate, "missed: noticed 0:03:00 after it was due")


@pytest.mark.parametrize("misfire", Misfire)
def test_a_missed_occurrence_is_skipped_after_its_grace(misfire: Misfire) -> None:
    [found] = judge_due([NOW - timedelta(hours=2, minutes=3)], NOW, misfire, GRACE)
    assert (found.fate, found.reason) == (SKIP, "missed: noticed 2:03:00 after it was due, later than its grace")


@pytest.mark.parametrize(("misfire", "fate"), [(Misfire.SKIP, SKIP), (Misfire.CATCH_UP, RUN), (Misfire.HOLD, HOLD)])
def test_of_several_missed_ones_only_the_latest_may_run_or_wait(misfire: Misfire, fate: Fate) -> None:
    assert fates(misfire, 7200, 360, 180) == [SKIP, SKIP, fate]


@pytest.mark.parametrize("misfire", Misfire)
def test_an_old_one_is_not_run_beside_one_that_is_due_now(misfire: Misfire) -> None:
    assert fates(misfire, 86_400, 0.5) == [SKIP, RUN]


@pytest.mark.parametrize("misfire", Misfire)
def test_a_rule_finer_than_the_tick_loses_nothing(misfire: Misfire) -> None:
    assert fates(misfire, 9, 6, 3, 0, grace=PUNCTUAL) == [RUN] * 4
