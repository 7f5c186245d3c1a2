"""The send protocol, whatever happens: every world that can be reached with so many faults and orders is looked at."""

from __future__ import annotations

import pytest

from tests.model.search import ACTIONS, explore
from tests.model.world import Rules


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(Rules(faults=2, orders=1), id="one message"),
        pytest.param(Rules(faults=1, orders=2), id="one message and a busy operator"),
        pytest.param(Rules(lane_of=(0, 0), faults=1, orders=1, max_attempts=1), id="two messages, one in flight"),
        pytest.param(Rules(lane_of=(0, 0), faults=1, orders=0, max_in_flight=2), id="two messages in flight"),
        pytest.param(Rules(lane_of=(0, 1), faults=1, orders=0, max_attempts=1), id="two lanes"),
    ],
)
def test_no_interleaving_breaks_an_invariant_or_ends_where_nothing_leads_on(rules: Rules) -> None:
    result = explore(rules)
    assert result.violation is None, f"\n{result}"


def test_everything_that_the_model_knows_does_happen() -> None:
    rules = Rules(faults=1, orders=1)
    idle = {action.__name__ for action in ACTIONS}
    for world in explore(rules).worlds:
        idle -= {action.__name__ for action in ACTIONS if action.__name__ in idle and any(action(world, rules))}
        if not idle:
            break
    assert not idle


@pytest.mark.parametrize(
    "rules",
    [
        # Attempts are numbered for good and every claim has a token of its own, so each guard does what both do.
        pytest.param(Rules(orders=0, outcome_checks_claim=False), id="outcomes guarded by attempt alone"),
        pytest.param(Rules(orders=0, outcome_checks_attempt=False), id="outcomes guarded by claim token alone"),
        # What a claim renews reaches beyond the moment at which a recovery that waits for it began.
        pytest.param(Rules(orders=0, recovery_sees_the_latest=False), id="recovery by one snapshot"),
        # A lane whose claim may still come is never released, so that nothing can come between.
        pytest.param(
            Rules(orders=0, release_sees_the_latest=False, closed_lane_is_released=False),
            id="release by one snapshot, but never after a claim that was not heard",
        ),
    ],
)
def test_where_two_guards_do_the_same_one_is_enough(rules: Rules) -> None:
    result = explore(rules)
    assert result.violation is None, f"\n{result}"
