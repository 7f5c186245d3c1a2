"""Lanes and the drain that feeds them, in virtual time: how much is claimed and when, and what may leave.

The store hands out as many messages as a test says, the gateway takes as long as it says. What the statements do is
tested on Postgres (integration/test_send_path.py and others).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise
from random import Random
from typing import Any, cast
from uuid import UUID

import pytest

from broadcaster.domain.contents import ContentKind
from broadcaster.domain.decisions import LaneChange
from broadcaster.domain.instances import Wire
from broadcaster.domain.outcomes import Outcome, Verdict
from broadcaster.domain.pacing import CLAIM_LEAD, pace, worst_excess
from broadcaster.domain.states import LaneHealth
from broadcaster.gateway import WAChatPro
from broadcaster.services.sending.contents import Contents
from broadcaster.services.sending.drain import Drain, DrainReport
from broadcaster.services.sending.lane import SendPath
from broadcaster.services.sending.outcomes import OutcomeWriter
from broadcaster.services.sending.spool import Spool
from broadcaster.services.sending.store import (
    Ask,
    CampaignContent,
    Claim,
    HeldLane,
    Message,
    OutcomeRow,
    Return,
    SendingStore,
)
from tests.support.virtual_time import run_in_virtual_time

LEASE = 15.0
ACCEPTED = Verdict(Outcome.ACCEPTED, "taken", health=LaneHealth.OK)
ROUND_TRIP = 0.004
"""Seconds of a statement."""


def now() -> float:
    return asyncio.get_running_loop().time()


def held_lane(number: int = 1, rate: float | None = None, *, burst: int = 2, max_in_flight: int = 8) -> HeldLane:
    return HeldLane(
        id=number,
        name=f"i{number}",
        key_encrypted=b"",
        base_url="http://localhost",
        wire=Wire.JSON,
        reply_rules=None,
        pace=pace(rate, burst),
        max_in_flight=max_in_flight,
        health=LaneHealth.OK,
        failures=0,
        ahead=0.0,
    )


@dataclass
class Sent:
    """A request, and when it came."""

    lane: int
    phone: str
    at: float


@dataclass
class Bench:
    """A drain between a store and gateways that do as they are told."""

    lanes: Sequence[HeldLane]
    backlog: int = 10**9
    """Messages that each lane has due."""
    latency: float = 0.0
    verdicts: Callable[[Sent], Verdict] = lambda _: ACCEPTED
    clock: Callable[[], float] = now
    claims: list[tuple[float, Sequence[Ask]]] = field(default_factory=list)
    granted: Counter[int] = field(default_factory=Counter)
    sent: list[Sent] = field(default_factory=list)
    outcomes: list[tuple[float, OutcomeRow]] = field(default_factory=list)
    health: list[LaneChange] = field(default_factory=list)
    released: list[Return] = field(default_factory=list)
    sending: Counter[int] = field(default_factory=Counter)
    most_sending: Counter[int] = field(default_factory=Counter)
    lane_of: dict[tuple[int, int], int] = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: count(1))

    # What the drain wants of a store

    async def take_lanes(self, lanes: Sequence[int], _token: UUID) -> list[HeldLane]:
        await asyncio.sleep(ROUND_TRIP)
        return [lane for lane in self.lanes if lane.id in lanes]

    async def claim(self, asks: Sequence[Ask], claim: UUID) -> dict[int, Claim]:
        self.claims.append((now(), asks))
        await asyncio.sleep(ROUND_TRIP)
        return {ask.lane_id: Claim(True, ask.want, self.take(ask, claim)) for ask in asks}

    def take(self, ask: Ask, claim: UUID) -> list[Message]:
        messages = []
        for _ in range(min(ask.want, self.backlog - self.granted[ask.lane_id])):
            number = next(self.numbers)
            self.lane_of[(1, number)] = ask.lane_id
            messages.append(Message(claim, 0, 1, number, f"62812{number:07d}", None, 1, 0, 5))
        self.granted[ask.lane_id] += len(messages)
        self.sending[ask.lane_id] += len(messages)
        self.most_sending |= self.sending
        return messages

    async def read_claim(self, asks: Sequence[Ask], claim: UUID) -> dict[int, Claim]:
        await asyncio.sleep(ROUND_TRIP)
        return {ask.lane_id: Claim(True, 0, []) for ask in asks}

    async def record(self, rows: Sequence[OutcomeRow]) -> list[bool]:
        await asyncio.sleep(ROUND_TRIP)
        for row in rows:
            self.outcomes.append((now(), row))
            self.sending[self.lane_of[(row.campaign_id, row.seq)]] -= 1
        return [True] * len(rows)

    async def change_lane_health(self, _lane: int, _token: UUID, change: LaneChange, _reason: str) -> None:
        self.health.append(change)

    async def release_lanes(self, returns: Sequence[Return]) -> None:
        self.released += returns

    async def campaign_content(self, _campaign: int) -> CampaignContent:
        return CampaignContent(1, ContentKind.TEXT, b"Hi", None, None)

    # What it wants of a gateway

    def open_gateway(self, lane: HeldLane) -> WAChatPro:
        return cast(WAChatPro, _Gateway(self, lane.id))

    # The drain

    def run(self, seconds: float = 20.0, *, lease: float = LEASE) -> DrainReport:
        return run_in_virtual_time(
            self.drain(lambda drain: drain.run([lane.id for lane in self.lanes]), seconds, lease)
        )

    async def drain(
        self, use: Callable[[Drain], Coroutine[Any, Any, DrainReport]], seconds: float = 20.0, lease: float = LEASE
    ) -> DrainReport:
        store = cast(SendingStore, self)
        path = SendPath(
            store=store,
            outcomes=OutcomeWriter(store, cast(Spool, None)),
            contents=Contents(store, 1),
            clock=self.clock,
            random=Random(1),
        )
        return await use(Drain(path, self.open_gateway, lease=lease, seconds=seconds, most_tasks=8))

    def moments(self, lane: int = 1) -> list[float]:
        return [sent.at for sent in self.sent if sent.lane == lane]


class _Gateway:
    def __init__(self, bench: Bench, lane: int) -> None:
        self._bench = bench
        self._lane = lane

    async def send(self, phone: str, _body: str) -> Verdict:
        sent = Sent(self._lane, phone, now())
        self._bench.sent.append(sent)
        await asyncio.sleep(self._bench.latency)
        return self._bench.verdicts(sent)


# When messages leave


@pytest.mark.parametrize(("rate", "burst"), [(10.0, 2), (50.0, 50), (1.0, 2), (200.0, 200)])
def test_an_even_pace_has_even_gaps(rate: float, burst: int) -> None:
    bench = Bench([held_lane(rate=rate, burst=burst, max_in_flight=32)], latency=0.002)
    bench.run()
    moments = bench.moments()
    gaps = [b - a for a, b in pairwise(moments[burst:])]
    assert gaps == pytest.approx([1 / rate] * len(gaps), abs=1e-6)
    assert len(moments) >= rate * 14
    assert worst_excess(moments, rate, burst) <= 1e-6


def test_a_slow_gateway_delays_a_lane_but_never_breaks_its_limit() -> None:
    bench = Bench([held_lane(rate=10.0, burst=3)], latency=0.7)
    bench.run()
    assert len(bench.sent) >= 3 / 0.72 * 14
    assert worst_excess(bench.moments(), 10.0, 3) <= 1e-6


def test_a_claim_does_not_bound_what_a_lane_without_a_rate_can_send() -> None:
    bench = Bench([held_lane(number, max_in_flight=32) for number in range(1, 5)], latency=0.001)
    bench.run(2.0)
    # A place goes through a claim, a request and a commit, each with what it waits for company.
    cycle = 2 * ROUND_TRIP + 0.001 + 0.002 + 0.003 + 2 * ROUND_TRIP
    assert len(bench.sent) >= 4 * 32 / cycle * 1.4


# What is claimed


def test_a_message_is_claimed_within_the_lead_of_its_slot() -> None:
    bench = Bench([held_lane(rate=2.0)])
    bench.run()
    claimed = [at for at, asks in bench.claims for ask in asks for _ in range(ask.want)]
    waits = [sent - taken for taken, sent in zip(claimed, bench.moments(), strict=True)]
    assert max(waits) <= CLAIM_LEAD + 1e-6
    assert min(waits[2:]) >= ROUND_TRIP


def test_lanes_share_claims() -> None:
    lanes = [held_lane(number, rate=0.5 + number / 200) for number in range(1, 201)]
    bench = Bench(lanes)
    bench.run()
    seconds = bench.claims[-1][0]
    assert len(bench.sent) >= 180 * 14
    # The moments by which lanes have to be claimed for lie between the lead and the margin of their slots.
    assert len(bench.claims) <= 45 * seconds


def test_a_place_in_flight_is_held_until_the_outcome_is_committed() -> None:
    bench = Bench([held_lane(1, max_in_flight=5), held_lane(2, rate=100.0, burst=100, max_in_flight=3)], latency=0.01)
    bench.run(3.0)
    assert bench.most_sending == {1: 5, 2: 3}


def test_a_lane_with_a_rate_has_no_more_requests_unanswered_than_its_burst() -> None:
    bench = Bench([held_lane(rate=100.0, burst=4, max_in_flight=32)], latency=0.5)
    bench.run(5.0)
    for sent in bench.sent:
        under_way = [other for other in bench.sent if sent.at - 0.5 < other.at <= sent.at]
        assert len(under_way) <= 4


def test_nothing_is_claimed_that_would_leave_after_the_time_is_up() -> None:
    bench = Bench([held_lane(rate=10.0)])
    report = bench.run(2.0)
    assert report.unfinished == [1]
    assert report.counts["i1"]["claimed"] == report.counts["i1"]["sent"] == len(bench.sent)
    assert len(bench.sent) >= 15


def test_a_lane_for_which_nothing_more_is_due_is_given_back() -> None:
    bench = Bench([held_lane()], backlog=20)
    report = run_in_virtual_time(_timed(bench.drain(lambda drain: drain.run([1]))))
    assert report == pytest.approx(0.04, abs=0.03)
    assert [each.lane_id for each in bench.released] == [1]
    assert len(bench.sent) == 20


async def _timed(work: Coroutine[Any, Any, object]) -> float:
    await work
    return now()


@pytest.mark.parametrize(("interval", "is_held"), [(25.0, True), (60.0, False)])
def test_a_lane_is_held_for_its_next_slot_unless_that_is_far_away(interval: float, is_held: bool) -> None:
    bench = Bench([held_lane(rate=1 / interval, burst=1)])
    report = bench.run()
    assert len(bench.sent) == 1
    assert report.unfinished == ([1] if is_held else [])


def test_leases_of_lanes_that_only_wait_are_renewed() -> None:
    bench = Bench([held_lane(rate=1 / 25, burst=1), held_lane(2)], latency=0.0)
    bench.backlog = 50
    bench.run(60.0, lease=6.0)
    renewals = [at for at, asks in bench.claims for ask in asks if ask.lane_id == 1]
    assert max(b - a for a, b in pairwise(renewals)) <= 6.0 / 3 + 0.5


def test_a_lane_that_the_database_allows_nothing_asks_less_and_less_often() -> None:
    class Slower(Bench):
        async def claim(self, asks: Sequence[Ask], claim: UUID) -> dict[int, Claim]:
            claims = await super().claim(asks, claim)
            return claims if now() < 1.0 else {lane: Claim(True, 0, []) for lane in claims}

        def take(self, ask: Ask, claim: UUID) -> list[Message]:
            return super().take(ask, claim) if now() < 1.0 else []

    bench = Slower([held_lane(rate=50.0, burst=50)])
    bench.run(10.0)
    refused = [at for at, _ in bench.claims if at >= 1.0]
    assert len(refused) <= 8 + 2 * 10


# What is held back


def test_trouble_of_the_account_holds_back_what_is_claimed_and_costs_no_attempt() -> None:
    down = Verdict(Outcome.NOT_SENT, "not running", health=LaneHealth.DOWN)
    bench = Bench([held_lane(rate=100.0, burst=100, max_in_flight=50)], verdicts=lambda _: down)
    bench.run()
    assert 1 <= len(bench.sent) <= 50
    assert [change.health for change in bench.health] == [LaneHealth.DOWN]
    assert {(row.state, row.spent) for _, row in bench.outcomes} == {("pending", 0)}
    assert sum(bench.sending.values()) == 0
    assert [each.lane_id for each in bench.released] == [1]


def test_a_lane_in_trouble_sends_one_message_until_it_is_well() -> None:
    troubled = held_lane(max_in_flight=8)
    bench = Bench([HeldLane(**{**_fields(troubled), "health": LaneHealth.DOWN})], latency=0.1, backlog=30)
    bench.run()
    assert bench.moments()[1] - bench.moments()[0] >= 0.1
    assert [ask.want for _, asks in bench.claims for ask in asks][:2] == [1, 8]
    assert len(bench.sent) == 30


def _fields(lane: HeldLane) -> dict[str, Any]:
    return {name: getattr(lane, name) for name in lane.__slots__}


def test_nothing_leaves_once_the_lease_may_have_ended() -> None:
    class Silent(Bench):
        async def claim(self, asks: Sequence[Ask], claim: UUID) -> dict[int, Claim]:
            if now() > 3.0:
                raise ConnectionError("Postgres is away")
            return await super().claim(asks, claim)

        async def read_claim(self, asks: Sequence[Ask], claim: UUID) -> dict[int, Claim]:
            raise ConnectionError("Postgres is away")

    bench = Silent([held_lane(rate=5.0, burst=5)], latency=0.0)

    async def run(drain: Drain) -> DrainReport:
        running = asyncio.create_task(drain.run([1]))
        await asyncio.sleep(30)
        drain.abandon()
        with pytest.raises(asyncio.CancelledError):
            await running
        return DrainReport()

    run_in_virtual_time(bench.drain(run))
    assert max(bench.moments()) <= 3.0 + CLAIM_LEAD + 0.2


def test_a_worker_whose_machine_was_suspended_does_not_believe_in_its_lease() -> None:
    suspended = 0.0

    def clock() -> float:
        return now() + suspended

    class Suspended(Bench):
        async def claim(self, asks: Sequence[Ask], claim: UUID) -> dict[int, Claim]:
            nonlocal suspended
            claims = await super().claim(asks, claim)
            if len(self.claims) == 5:
                # The timers of the loop stand still while the machine does.
                suspended = 60.0
            return claims

    bench = Suspended([held_lane(max_in_flight=4)], clock=clock, latency=0.01)

    async def run(drain: Drain) -> DrainReport:
        running = asyncio.create_task(drain.run([1]))
        await asyncio.sleep(0.5)
        drain.stop()
        return await running

    run_in_virtual_time(bench.drain(run))
    held_back = [row for _, row in bench.outcomes if row.outcome == "not_sent"]
    assert len(held_back) == 4
    assert {row.reason for row in held_back} == {"held back: the lease ran out"}


def test_a_claim_that_was_not_heard_is_read_back_before_anything_else_is_claimed() -> None:
    lost: list[UUID] = []
    kept: dict[int, Claim] = {}

    class Deaf(Bench):
        async def claim(self, asks: Sequence[Ask], claim: UUID) -> dict[int, Claim]:
            claims = await super().claim(asks, claim)
            if len(self.claims) == 3:
                lost.append(claim)
                kept.update(claims)
                raise ConnectionError("the connection is lost")
            return claims

        async def read_claim(self, asks: Sequence[Ask], claim: UUID) -> dict[int, Claim]:
            assert [claim] == lost
            assert len(self.claims) == 3
            if now() < 2.0:
                raise ConnectionError("Postgres is away")
            return kept

    bench = Deaf([held_lane(max_in_flight=6)], backlog=60)
    bench.run()
    assert len(bench.sent) == len({sent.phone for sent in bench.sent}) == 60
    assert sum(bench.sending.values()) == 0
