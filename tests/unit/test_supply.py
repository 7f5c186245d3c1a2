"""How much a lane claims, when, and for how long it is held. Seconds on a clock of the tests' own."""

from __future__ import annotations

import pytest

from broadcaster.domain.pacing import Pacer, pace
from broadcaster.services.sending.store import Claim, Message
from broadcaster.services.sending.supply import LONGEST_IDLE, LONGEST_WAIT, Supply

NOW = 100.0
MESSAGES = [Message(0, 1, seq, 1, "628120000000", None, 0, 0) for seq in range(1000)]


def supply(
    rate: float | None, *, burst: int = 2, max_in_flight: int = 8, ends: float = NOW + 20, probing: bool = False
) -> Supply:
    """Of a lane whose clock is not ahead, which claims two seconds ahead."""
    kept = pace(rate, burst)
    return Supply(
        kept,
        Pacer(kept, ahead=0.0, now=NOW),
        max_in_flight=max_in_flight,
        claim_ahead=2.0,
        ends=ends,
        probing=probing,
    )


def fill(lane: Supply, count: int, *, slots: int | None = None) -> None:
    lane.add(Claim(may_send=True, slots=count if slots is None else slots, messages=MESSAGES[:count]))


def send(lane: Supply, count: int) -> None:
    for _ in range(count):
        lane.take()
        lane.had_turn()


def test_a_lane_without_a_rate_wants_more_when_half_of_it_is_gone() -> None:
    lane = supply(None)
    wanted = lane.want(NOW)
    fill(lane, wanted)
    send(lane, wanted // 2 - 1)
    assert lane.want(NOW) == 0
    send(lane, 1)
    assert lane.want(NOW) == wanted // 2


def test_a_lane_without_a_rate_that_outruns_its_claims_keeps_twice_as_many_and_500_at_most() -> None:
    lane = supply(None)
    wants = []
    for _ in range(4):
        wants.append(lane.want(NOW))
        fill(lane, wants[-1])
        send(lane, len(lane))
    assert wants == [200, 200, 400, 500]


@pytest.mark.parametrize(
    ("rate", "wanted"),
    [pytest.param(1.0, 3, id="2 s"), pytest.param(10.0, 11, id="10 messages"), pytest.param(100.0, 51, id="0.5 s")],
)
def test_a_lane_with_a_rate_claims_so_far_ahead_and_the_next_one(rate: float, wanted: int) -> None:
    assert supply(rate).want(NOW) == wanted


def test_nothing_is_wanted_that_would_leave_after_the_end() -> None:
    assert supply(10.0, ends=NOW + 0.22).want(NOW) == 3
    lane = supply(1.0, burst=1, ends=NOW + 0.5)
    assert lane.want(NOW) == 1
    fill(lane, 1)
    assert lane.want(NOW) == 0


def test_a_lane_in_trouble_wants_one_message_until_it_is_well() -> None:
    lane = supply(None, probing=True)
    assert lane.want(NOW) == 1
    fill(lane, 1)
    assert lane.want(NOW) == 0
    send(lane, 1)
    lane.probing = False
    assert lane.want(NOW) == 200


def test_messages_that_wait_for_their_turn_put_off_the_next_one() -> None:
    lane = supply(1.0, burst=1)
    fill(lane, 3)
    lane.take()
    assert lane.turn_in(NOW) == pytest.approx(1.0)
    lane.had_turn()
    assert lane.turn_in(NOW) == pytest.approx(0.0)


def test_a_claim_waits_for_company_while_what_is_claimed_lasts() -> None:
    lane = supply(2.0, burst=1)
    assert lane.patience(NOW) == 0
    fill(lane, 1)
    assert lane.patience(NOW) == pytest.approx(0.25)
    fill(lane, 10)
    assert lane.patience(NOW) == LONGEST_WAIT


def test_a_lane_goes_on_until_no_more_is_due() -> None:
    lane = supply(None)
    assert lane.goes_on(NOW)
    fill(lane, 2, slots=200)
    assert lane.goes_on(NOW)
    send(lane, 2)
    assert not lane.goes_on(NOW)
    assert lane.ask_again_in(NOW) > 0


@pytest.mark.parametrize(("interval", "is_held"), [(LONGEST_IDLE, True), (60.0, False)])
def test_a_lane_is_held_for_its_next_slot_unless_that_is_far_away(interval: float, is_held: bool) -> None:
    lane = supply(1 / interval, burst=1)
    fill(lane, 1)
    lane.take()
    assert lane.goes_on(NOW) is is_held
