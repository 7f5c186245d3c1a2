"""The model can fail: without any one of its guards, something goes wrong, and the model tells how."""

from __future__ import annotations

from typing import Any

import pytest

from tests.model.search import explore
from tests.model.world import Rules

TWO_MESSAGES = {"lane_of": (0, 0), "max_in_flight": 1}


@pytest.mark.parametrize(
    ("violation", "broken"),
    [
        pytest.param("I7", {"claim_checks_lease": False}, id="a claim does not check the lease"),
        pytest.param(
            "more messages of a lane are sending",
            {"claim_writes_what_frees_its_places": False, **TWO_MESSAGES},
            id="a claim counts on places whose outcomes are not written with it",
        ),
        pytest.param(
            "I7",
            {"outcome_checks_claim": False, "attempts_go_on": False},
            id="outcomes are not guarded by claim token, and a retry numbers attempts anew",
        ),
        # It would be found by what an earlier claim took, whose outcome may have gone with it, unheard as well.
        pytest.param("I3", {"claim_token_is_fresh": False}, id="the claim token is the lease's"),
        pytest.param(
            "I7",
            {"outcome_checks_attempt": False, "outcome_checks_claim": False},
            id="outcomes are guarded by the state alone",
        ),
        pytest.param(
            "more messages of a lane are sending",
            {"unheard_claim_is_read_back": False, **TWO_MESSAGES},
            id="a claim that was not heard counts as one that did not happen",
        ),
        pytest.param(
            "I3", {"unheard_claim_needs_proof": False}, id="a claim that was not heard counts as one that did happen"
        ),
        pytest.param(
            "more messages of a lane are sending",
            {"unfound_claim_closes_lane": False, **TWO_MESSAGES},
            id="after a claim that is not found the holder goes on under the same lease",
        ),
        pytest.param("I4", {"sends_only_in_time": False}, id="a zombie sends after its lease"),
        pytest.param("I4", {"read_timeout_is_unclear": False}, id="a read timeout counts as not sent"),
        pytest.param(
            "more messages of a lane are sending",
            {"take_wants_a_free_lane": False, **TWO_MESSAGES},
            id="a lane is taken before it is recovered",
        ),
        pytest.param(
            "a lane is free while",
            {"release_wants_nothing_sending": False},
            id="a lane is released with something sending",
        ),
        pytest.param(
            "a lane is free while", {"release_sees_the_latest": False}, id="release judges by an old snapshot"
        ),
        pytest.param("I4", {"recovery_doubts": False}, id="recovery makes what was sending pending"),
        pytest.param(
            "a lane is free while",
            {"recovery_sees_the_latest": False, "statements_end_before_leases": False},
            id="recovery judges by an old snapshot, and a statement may outlive a lease",
        ),
        pytest.param(
            "I4", {"absence_waits_for_requests": False}, id="absence is believed while a request may be under way"
        ),
        pytest.param(
            "I4",
            {"absence_waits_for_holders": False},
            id="absence is believed while one who was taken for dead may yet send",
        ),
        pytest.param(
            "a dead end",
            {"cancelled_is_swept": False, "faults": 1},
            id="what comes back to a cancelled campaign stays",
        ),
        pytest.param("I4", {"pause_leaves_what_is_held": False}, id="pause gives back what is held in memory"),
        pytest.param("I1", {"finish_sees_the_latest": False}, id="finish judges by an old snapshot"),
        pytest.param(
            "I4",
            {"settled_as_failed_is_a_word": False, "orders": 2},
            id="a retry of what the operator called failed is not his word",
        ),
    ],
)
def test_without_a_guard_something_goes_wrong(violation: str, broken: dict[str, Any]) -> None:
    result = explore(Rules(**broken))
    assert result.violation is not None, f"the guard makes no difference in {len(result.worlds)} worlds"
    assert result.violation.startswith(violation), f"\n{result}"
    assert result.story


def test_the_shortest_story_is_told() -> None:
    assert str(explore(Rules(pause_leaves_what_is_held=False))).splitlines() == [
        "I4: message 1 is pending, and it was accepted or may yet be",
        "  1. worker A takes the lane",
        "  2. worker A claims message 1 (attempt 1)",
        "  3. the operator pauses the campaign",
        "  4. worker A sends message 1 (attempt 1)",
    ]
