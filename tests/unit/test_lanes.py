"""Lanes and the drain that feeds them, in virtual time: how much is claimed and when, and what may leave.

The store hands out as many messages as a test says, the gateway takes as long as it says. What the statements do is
tested on Postgres (integration/test_send_path.py and others).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise
from random import Random
from typing import Any, cast
from uuid import UUID

import pytest

from broadcaster.domain.contents import Content, stored_content
from broadcaster.domain.decisions import LaneChange
from broadcaster.domain.instances import Wire
from broadcaster.domain.outcome_run import HANDFUL, MANY, OutcomeRun
from broadcaster.domain.outcomes import Outcome, Verdict
from broadcaster.domain.pacing import CLAIM_LEAD, pace, worst_excess
from broadcaster.domain.states import LaneHealth
from broadcaster.gateway import BodyGate, Chat, GatewayError, WAChatPro
from broadcaster.services.sending.drain import Drain
from broadcaster.services.sending.drain_report import DrainReport
from broadcaster.services.sending.lane import LONG
from broadcaster.services.sending.opt_out_watch import OptOutWatch
from broadcaster.services.sending.outcome_writer import LINGER, MOST, OutcomeWriter
from broadcaster.services.sending.prepared_contents import PreparedContents
from broadcaster.services.sending.send_path import SendPath
from broadcaster.services.sending.sending_store import (
    Ask,
    Claim,
    HeldLane,
    Message,
    OutcomeRow,
    Return,
    SendingStore,
)
from broadcaster.services.sending.spool import Spool
from broadcaster.services.sending.tenures import HAND_OVER
from tests.support.virtual_time import run_in_virtual_time

LEASE = 15.0
ACCEPTED = Verdict(Outcome.ACCEPTED, "taken", health=LaneHealth.OK)
LOST = Verdict(Outcome.UNKNOWN, "HTTP 500", http_status=500)
ROUND_TRIP = 0.004
"""Seconds of a statement."""

TurnedOver = tuple[list[bool], dict[int, Claim]]


def now() -> float:
    return asyncio.get_running_loop().time()


def held_lane(number: int = 1, rate: float | None = None, *, burst: int = 2, max_in_flight: int = 8) -> HeldLane:
    return HeldLane(
        id=number,
        name=f"i{number}",
        account_id=1,
        key_encrypted=b"",
        base_url="http://localhost",
        wire=Wire.JSON,
        reply_rules=None,
        pace=pace(rate, burst),
        max_in_flight=max_in_flight,
        health=LaneHealth.OK,
        failures=0,
        run=OutcomeRun(),
        debt=0.0,
    )


@dataclass
class Sent:
    """A request, and when it came."""

    lane: int
    phone: str
    at: float


@dataclass
class Statement:
    """One that the drain sent off, whether or not it was committed, and when."""

    at: float
    outcomes: Sequence[OutcomeRow]
    asks: Sequence[Ask]

    @property
    def wanted(self) -> int:
        """How many messages it claims at most."""
        return sum(ask.want for ask in self.asks)


@dataclass
class Bench:
    """A drain between a store and gateways that do as they are told."""

    lanes: Sequence[HeldLane]
    backlog: int = 10**9
    """Messages that each lane has due."""
    latency: float = 0.0
    connecting: float = 0.0
    """Seconds that each connection takes."""
    verdicts: Callable[[Sent], Verdict] = lambda _: ACCEPTED
    clock: Callable[[], float] = now
    statements: list[Statement] = field(default_factory=list)
    granted: Counter[int] = field(default_factory=Counter)
    connects: list[float] = field(default_factory=list)
    """When a request was made: it leaves when it has a connection."""
    sent: list[Sent] = field(default_factory=list)
    outcomes: list[tuple[float, OutcomeRow]] = field(default_factory=list)
    health: list[LaneChange] = field(default_factory=list)
    runs: list[OutcomeRun] = field(default_factory=list)
    reads: list[float] = field(default_factory=list)
    unreadable: Verdict | None = None
    released: list[Return] = field(default_factory=list)
    sending: Counter[int] = field(default_factory=Counter)
    """Places that each lane has taken, as far as is committed."""
    most_sending: Counter[int] = field(default_factory=Counter)
    lane_of: dict[tuple[int, int], int] = field(default_factory=dict)
    """Of messages that are claimed and whose outcome is not committed."""
    numbers: Any = field(default_factory=lambda: count(1))
    stopped: set[str] = field(default_factory=set)
    """Phones that have opted out since they were claimed."""
    looks: list[tuple[float, list[str]]] = field(default_factory=list)
    """When claimed phones were looked up once more, and which."""
    task_ended: float = 0.0
    away_until: float = 0.0
    """So long nobody can read what lanes have become."""

    # What the drain wants of a store

    async def take_lanes(self, lanes: Sequence[int], _token: UUID) -> list[HeldLane]:
        await asyncio.sleep(ROUND_TRIP)
        return [lane for lane in self.lanes if lane.id in lanes]

    async def held_lanes(self, lanes: Sequence[int], _tokens: Sequence[UUID]) -> list[HeldLane]:
        await asyncio.sleep(ROUND_TRIP)
        if now() < self.away_until:
            raise ConnectionError
        return [lane for lane in self.lanes if lane.id in lanes]

    async def turn_over(self, outcomes: Sequence[OutcomeRow], asks: Sequence[Ask], claim: UUID) -> TurnedOver:
        self.statements.append(Statement(now(), outcomes, asks))
        await asyncio.sleep(ROUND_TRIP)
        return self.commit(outcomes, asks, claim)

    def commit(self, outcomes: Sequence[OutcomeRow], asks: Sequence[Ask], claim: UUID) -> TurnedOver:
        """In one moment: what is written first leaves its place to what is claimed then."""
        moved = [self.write(row) for row in outcomes]
        return moved, {ask.lane_id: Claim(True, ask.want, self.take(ask, claim)) for ask in asks}

    def write(self, row: OutcomeRow) -> bool:
        lane = self.lane_of.pop((row.campaign_id, row.seq), None)
        if lane is None:
            return False
        self.outcomes.append((now(), row))
        self.sending[lane] -= 1
        return True

    def take(self, ask: Ask, claim: UUID) -> list[Message]:
        messages = []
        for _ in range(min(ask.want, self.backlog - self.granted[ask.lane_id])):
            number = next(self.numbers)
            self.lane_of[(1, number)] = ask.lane_id
            messages.append(Message(claim, 0, 1, number, f"62812{number:07d}", None, 1, 0, 5, 1))
        self.granted[ask.lane_id] += len(messages)
        self.sending[ask.lane_id] += len(messages)
        self.most_sending |= self.sending
        return messages

    async def read_claim(self, asks: Sequence[Ask], claim: UUID) -> dict[int, Claim]:
        await asyncio.sleep(ROUND_TRIP)
        return {ask.lane_id: Claim(True, 0, []) for ask in asks}

    async def opted_out(self, phones: Sequence[str], _lanes: Sequence[int], _campaigns: Sequence[int]) -> set[int]:
        await asyncio.sleep(ROUND_TRIP)
        self.looks.append((now(), list(phones)))
        return {place for place, phone in enumerate(phones) if phone in self.stopped}

    async def change_lane_health(self, _lane: int, _token: UUID, change: LaneChange, run: OutcomeRun) -> None:
        self.health.append(change)
        self.runs.append(run)

    async def release_lanes(self, returns: Sequence[Return]) -> None:
        self.released += returns

    async def campaign_content(self, _campaign: int, _version: int) -> Content:
        return stored_content("text", b"Hi", None, None)

    # What it wants of a gateway

    def open_gateway(self, lane: HeldLane) -> WAChatPro:
        return cast(WAChatPro, _Gateway(self, lane.id))

    async def reply(self, _sent: Sent) -> None:
        await asyncio.sleep(self.latency)

    # The drain

    def run(self, seconds: float = 20.0, *, lease: float = LEASE) -> DrainReport:
        return run_in_virtual_time(
            self.drain(lambda drain: drain.run([lane.id for lane in self.lanes]), seconds, lease)
        )

    def run_until(
        self, end: float, seconds: float, meanwhile: Callable[[], Coroutine[Any, Any, None]] | None = None
    ) -> DrainReport:
        """The same, and what the drain does until the moment `end` after its task has ended."""

        async def use(drain: Drain) -> DrainReport:
            beside = asyncio.ensure_future(meanwhile()) if meanwhile else None
            report = await drain.run([lane.id for lane in self.lanes])
            self.task_ended = now()
            await asyncio.sleep(end - now())
            if beside is not None:
                await beside
            return report

        return run_in_virtual_time(self.drain(use, seconds))

    async def drain(
        self, use: Callable[[Drain], Coroutine[Any, Any, DrainReport]], seconds: float = 20.0, lease: float = LEASE
    ) -> DrainReport:
        store = cast(SendingStore, self)
        path = SendPath(
            store=store,
            outcomes=OutcomeWriter(store, cast(Spool, None), self.clock),
            contents=PreparedContents(store, 1),
            opt_outs=OptOutWatch(store, self.clock),
            clock=self.clock,
            random=Random(1),
        )
        return await use(Drain(path, self.open_gateway, lease=lease, seconds=seconds, most_tasks=8))

    def moments(self, lane: int = 1) -> list[float]:
        return [sent.at for sent in self.sent if sent.lane == lane]

    def claims(self) -> list[Statement]:
        """Those that renew a lease at least."""
        return [statement for statement in self.statements if statement.asks]


class _Gateway:
    def __init__(self, bench: Bench, lane: int) -> None:
        self._bench = bench
        self._lane = lane

    async def chats(self, limit: int) -> list[Chat]:
        assert limit == 1
        self._bench.reads.append(now())
        await asyncio.sleep(self._bench.latency)
        if self._bench.unreadable:
            raise GatewayError("chats", self._bench.unreadable)
        return []

    async def send(self, phone: str, body: str, *, gate: BodyGate) -> Verdict:
        self._bench.connects.append(now())
        await asyncio.sleep(self._bench.connecting)
        if not await _pass(gate, body):
            return Verdict(Outcome.NOT_SENT, str(gate.refused))
        sent = Sent(self._lane, phone, now())
        self._bench.sent.append(sent)
        await self._bench.reply(sent)
        return self._bench.verdicts(sent)


async def _pass(gate: BodyGate, body: str) -> bool:
    """Whether the body may pass, as the transport asks it."""
    pieces = gate.lead(body.encode())
    passed = [each async for each in pieces] if isinstance(pieces, AsyncIterator) else list(pieces)
    assert passed == ([] if gate.shut() else [body.encode()])
    return bool(passed)


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
    # A place goes through one statement and one request, and waits a little for company.
    cycle = ROUND_TRIP + 0.001 + LINGER
    assert len(bench.sent) >= 4 * 32 / cycle * 1.4


# What is claimed


def test_a_message_is_claimed_within_the_lead_of_its_slot() -> None:
    bench = Bench([held_lane(rate=2.0)])
    bench.run()
    claimed = [statement.at for statement in bench.statements for _ in range(statement.wanted)]
    waits = [sent - taken for taken, sent in zip(claimed, bench.moments(), strict=True)]
    assert max(waits) <= CLAIM_LEAD + 1e-6
    assert min(waits[2:]) >= ROUND_TRIP


def test_lanes_share_statements() -> None:
    lanes = [held_lane(number, rate=0.5 + number / 200) for number in range(1, 201)]
    bench = Bench(lanes)
    bench.run()
    assert len(bench.sent) >= 180 * 14
    # One for the claim and one for the outcome of each message would be two.
    assert len(bench.statements) <= 0.65 * len(bench.sent)


def test_a_place_in_flight_is_held_until_the_outcome_is_committed() -> None:
    bench = Bench([held_lane(1, max_in_flight=5), held_lane(2, rate=100.0, burst=100, max_in_flight=3)], latency=0.01)
    bench.run(3.0)
    assert bench.most_sending == {1: 5, 2: 3}


def test_a_lane_claims_into_the_places_of_the_outcomes_that_go_along_in_the_same_statement() -> None:
    bench = Bench([held_lane(max_in_flight=4)], backlog=40, latency=0.01)
    bench.run()
    turnovers = [(len(statement.outcomes), statement.wanted) for statement in bench.statements]
    assert turnovers == [(0, 4)] + [(4, 4)] * 10
    assert bench.most_sending == {1: 4}
    assert len(bench.sent) == 40


class Together(Bench):
    """Gateways that have answered nothing until the first second is over."""

    async def reply(self, _sent: Sent) -> None:
        await asyncio.sleep(max(0.0, 1.0 - now()))


def test_nothing_is_claimed_while_more_outcomes_wait_than_one_statement_takes() -> None:
    bench = Together([held_lane(number, max_in_flight=32) for number in range(1, 41)], backlog=64)
    bench.run(4.0)
    first, second, *_ = [statement for statement in bench.statements if statement.at >= 1.0]
    assert (len(first.outcomes), first.wanted) == (MOST, 0)
    assert len(second.outcomes) == 40 * 32 - MOST
    assert second.wanted > 0
    assert max(bench.most_sending.values()) == 32
    assert len(bench.sent) == len(bench.outcomes) == 40 * 64


def test_a_drain_waits_quietly_while_postgres_takes_none_of_more_outcomes_than_one_statement_takes() -> None:
    looks = 0

    def clock() -> float:
        nonlocal looks
        looks += 1
        assert looks <= 100_000, "it does not wait"
        return now()

    class Away(Together):
        async def turn_over(self, outcomes: Sequence[OutcomeRow], asks: Sequence[Ask], claim: UUID) -> TurnedOver:
            if 0.5 < now() < 2.2:
                self.statements.append(Statement(now(), outcomes, asks))
                await asyncio.sleep(ROUND_TRIP)
                raise ConnectionError("Postgres is away")
            return await super().turn_over(outcomes, asks, claim)

    bench = Away([held_lane(number, max_in_flight=32) for number in range(1, 41)], backlog=64, clock=clock)
    bench.run(4.0)
    assert len([statement for statement in bench.statements if 0.5 < statement.at < 2.2]) <= 4
    assert max(bench.most_sending.values()) == 32
    assert len(bench.sent) == len(bench.outcomes) == 40 * 64


def test_a_lane_with_a_rate_has_no_more_requests_unanswered_than_its_burst() -> None:
    bench = Bench([held_lane(rate=100.0, burst=4, max_in_flight=32)], latency=0.5)
    bench.run(5.0)
    for sent in bench.sent:
        under_way = [other for other in bench.sent if sent.at - 0.5 < other.at <= sent.at]
        assert len(under_way) <= 4


def test_nothing_is_claimed_that_would_leave_after_the_time_is_up() -> None:
    bench = Bench([held_lane(rate=10.0)])
    report = bench.run(2.0)
    assert report.unfinished == {1: "i1"}
    assert report.counts["i1"]["claimed"] == report.counts["i1"]["sent"] == len(bench.sent)
    assert len(bench.sent) >= 15


class Hanging(Bench):
    """A gateway that is silent for half a minute about the first few messages that it gets."""

    silent: int = 1

    async def reply(self, sent: Sent) -> None:
        await asyncio.sleep(30.0 if self.is_silent(sent) else self.latency)

    def is_silent(self, sent: Sent) -> bool:
        return sent in self.sent[: self.silent]


@pytest.mark.parametrize("rate", [20.0, None])
def test_a_lane_goes_on_while_a_request_of_it_takes_longer_than_its_task(rate: float | None) -> None:
    bench = Hanging([held_lane(rate=rate)], latency=0.2)
    report = bench.run_until(60.0, seconds=8.0)
    assert bench.task_ended <= 8.0 + HAND_OVER + 0.1
    assert report.unfinished == {}
    moments = bench.moments()
    assert moments[-1] > 30.0
    # Its time ends several times meanwhile.
    assert max(after - before for before, after in pairwise(moments)) <= 0.3
    # Given back at the first end of its time at which nothing takes long, for a tick to wake it.
    assert [each.again for each in bench.released] == [False]
    assert moments[-1] <= 30.0 + 8.0


def test_a_lane_goes_on_once_a_request_that_was_young_at_the_end_of_its_time_takes_long() -> None:
    bench = Hanging([held_lane(rate=20.0)], latency=0.2)
    bench.run_until(60.0, seconds=2.0)
    gaps = [after - before for before, after in pairwise(bench.moments())]
    # While it may still end, the lane is about to be given to others.
    assert [gap for gap in gaps if gap > 0.3] == [pytest.approx(LONG, abs=2.0)]


def test_a_gateway_that_always_takes_its_time_keeps_no_lane_from_being_given_back() -> None:
    bench = Bench([held_lane(rate=20.0, burst=100, max_in_flight=100)], latency=LONG - 1)
    bench.run_until(30.0, seconds=3.0)
    assert bench.moments()[-1] <= 3.0
    assert len(bench.released) == 1


def test_a_lane_that_goes_on_follows_what_it_has_become() -> None:
    bench = Hanging([held_lane(rate=None, max_in_flight=8)], latency=0.1)

    async def slower() -> None:
        await asyncio.sleep(5.0)
        bench.lanes = [held_lane(rate=2.0, burst=3, max_in_flight=2)]

    bench.run_until(29.0, seconds=8.0, meanwhile=slower)
    later = [at for at in bench.moments() if at > 9.0]
    assert 30 <= len(later) <= 45
    assert worst_excess(later, 2.0, 3) <= 1e-6
    before = [at for at in bench.moments() if 3.0 < at < 5.0]
    assert len(before) > 100


def test_a_lane_goes_on_as_soon_as_it_can_be_read_what_it_has_become() -> None:
    bench = Hanging([held_lane(rate=20.0)], latency=0.2, away_until=15.0)
    bench.run_until(60.0, seconds=8.0)
    gap = max(after - before for before, after in pairwise(bench.moments()))
    assert 15.0 - 8.0 <= gap <= 15.0 - 6.0 + HAND_OVER + 0.3


def test_a_lane_that_has_another_account_by_now_is_given_back_when_its_requests_have_ended() -> None:
    bench = Hanging([held_lane(rate=20.0)], latency=0.2)

    async def other() -> None:
        await asyncio.sleep(5.0)
        bench.lanes = []

    bench.run_until(60.0, seconds=8.0, meanwhile=other)
    assert bench.moments()[-1] <= 8.1
    assert len(bench.released) == 1


def test_a_lane_does_not_go_on_after_its_time_once_something_else_has_closed_it() -> None:
    bench = Hanging(
        [held_lane(max_in_flight=8)], latency=0.2, verdicts=lambda sent: LOST if sent.at > 4.0 else ACCEPTED
    )

    bench.run_until(45.0, seconds=20.0)
    assert [change.health for change in bench.health] == [LaneHealth.DOWN]
    assert bench.moments()[-1] <= 5.0


def test_a_lane_for_which_nothing_more_is_due_is_given_back() -> None:
    bench = Bench([held_lane()], backlog=20)
    report = run_in_virtual_time(_timed(bench.drain(lambda drain: drain.run([1]))))
    assert report == pytest.approx(0.04, abs=0.03)
    assert [each.lane_id for each in bench.released] == [1]
    assert len(bench.sent) == 20


@pytest.mark.parametrize("is_stopped", [True, False])
def test_a_lane_is_not_given_back_before_its_outcomes_are_committed(is_stopped: bool) -> None:
    class Away(Bench):
        def is_away(self) -> bool:
            return 0.2 < now() < 2.0

        async def turn_over(self, outcomes: Sequence[OutcomeRow], asks: Sequence[Ask], claim: UUID) -> TurnedOver:
            if self.is_away():
                await asyncio.sleep(ROUND_TRIP)
                raise ConnectionError("Postgres is away")
            return await super().turn_over(outcomes, asks, claim)

        async def read_claim(self, asks: Sequence[Ask], claim: UUID) -> dict[int, Claim]:
            if self.is_away():
                raise ConnectionError("Postgres is away")
            return await super().read_claim(asks, claim)

        async def release_lanes(self, returns: Sequence[Return]) -> None:
            assert now() >= 2.0
            assert self.sending[1] == 0
            await super().release_lanes(returns)

    bench = Away([held_lane(max_in_flight=4)], backlog=4, latency=0.3)

    async def run(drain: Drain) -> DrainReport:
        running = asyncio.create_task(drain.run([1]))
        await asyncio.sleep(0.1)
        if is_stopped:
            drain.stop()
        report = await running
        await drain.stopped()
        return report

    report = run_in_virtual_time(bench.drain(run))
    assert report.counts == {"i1": {"claimed": 4, "sent": 4}}
    assert len(bench.outcomes) == 4
    assert [each.lane_id for each in bench.released] == [1]


async def _timed(work: Coroutine[Any, Any, object]) -> float:
    await work
    return now()


@pytest.mark.parametrize(("interval", "is_held"), [(25.0, True), (60.0, False)])
def test_a_lane_is_held_for_its_next_slot_unless_that_is_far_away(interval: float, is_held: bool) -> None:
    bench = Bench([held_lane(rate=1 / interval, burst=1)])
    report = bench.run()
    assert len(bench.sent) == 1
    assert report.unfinished == ({1: "i1"} if is_held else {})


def test_leases_of_lanes_that_only_wait_are_renewed() -> None:
    bench = Bench([held_lane(rate=1 / 25, burst=1), held_lane(2)], latency=0.0)
    bench.backlog = 50
    bench.run(60.0, lease=6.0)
    renewals = [claim.at for claim in bench.claims() for ask in claim.asks if ask.lane_id == 1]
    assert max(b - a for a, b in pairwise(renewals)) <= 6.0 / 3 + 0.5


def test_a_lane_that_the_database_allows_nothing_asks_less_and_less_often() -> None:
    class Slower(Bench):
        def commit(self, outcomes: Sequence[OutcomeRow], asks: Sequence[Ask], claim: UUID) -> TurnedOver:
            if now() < 1.0:
                return super().commit(outcomes, asks, claim)
            moved, _ = super().commit(outcomes, [], claim)
            return moved, {ask.lane_id: Claim(True, 0, []) for ask in asks}

    bench = Slower([held_lane(rate=50.0, burst=50)])
    bench.run(10.0)
    refused = [claim for claim in bench.claims() if claim.at >= 1.0]
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


@pytest.mark.parametrize("health", [LaneHealth.DOWN, LaneHealth.THROTTLED])
def test_a_lane_in_trouble_sends_one_message_until_it_is_well(health: LaneHealth) -> None:
    bench = Bench([_in(health, held_lane(max_in_flight=8))], latency=0.1, backlog=30)
    bench.run()
    assert bench.moments()[1] - bench.moments()[0] >= 0.1
    assert [claim.wanted for claim in bench.claims() if claim.wanted][:2] == [1, 8]
    assert len(bench.sent) == 30


def test_a_lane_that_is_down_is_asked_for_its_chats_before_it_sends_anything() -> None:
    bench = Bench([_in(LaneHealth.DOWN, held_lane())], latency=0.1, backlog=30)
    bench.run()
    assert len(bench.reads) == 1
    assert bench.reads[0] <= bench.moments()[0] - 0.1


def test_a_lane_whose_chats_cannot_be_listed_rests_on_and_sends_nothing() -> None:
    bench = Bench([_in(LaneHealth.DOWN, held_lane())], backlog=30)
    bench.unreadable = Verdict(Outcome.UNKNOWN, "HTTP 502", http_status=502)
    bench.run()
    assert (len(bench.reads), len(bench.sent)) == (1, 0)
    [change] = bench.health
    assert (change.health, change.reason) == (LaneHealth.DOWN, "cannot read its chats: HTTP 502")
    assert change.rest > 0
    assert [each.lane_id for each in bench.released] == [1]


def test_a_handful_of_replies_that_say_nothing_stops_the_lane() -> None:
    bench = Bench([held_lane(max_in_flight=8)], backlog=1000, latency=0.1, verdicts=lambda _: LOST)
    bench.run()
    assert len(bench.sent) <= 8 + HANDFUL
    assert [change.health for change in bench.health] == [LaneHealth.DOWN]
    assert sum(bench.sending.values()) == 0


def test_requests_that_end_late_are_in_a_row_only_if_none_that_left_after_them_was_accepted() -> None:
    def verdict(sent: Sent) -> Verdict:
        return LOST if bench.is_silent(sent) else ACCEPTED

    bench = Hanging([held_lane(max_in_flight=16)], backlog=100, latency=0.1, verdicts=verdict)
    bench.silent = 2 * HANDFUL
    bench.run_until(45.0, seconds=20.0)
    assert len(bench.sent) == 100
    assert [row.state for _, row in bench.outcomes[-2 * HANDFUL :]] == ["in_doubt"] * 2 * HANDFUL
    assert bench.health == []


def test_a_handful_of_refusals_in_words_that_no_rule_knows_stops_the_lane_and_fails_nobody() -> None:
    refused = Verdict(Outcome.REJECTED, "perangkat belum terhubung", LaneHealth.OK, is_recognised=False)
    bench = Bench([held_lane(max_in_flight=8)], backlog=1000, latency=0.1, verdicts=lambda _: refused)
    bench.run()
    assert len(bench.sent) <= 8 + HANDFUL
    assert {(row.state, row.spent) for _, row in bench.outcomes} == {("pending", 0)}
    assert "perangkat belum terhubung" in bench.health[0].reason
    assert bench.runs[0].is_trouble, "whoever takes the lane next knows of it"


@pytest.mark.parametrize(
    ("verdict", "health", "failed"),
    [
        (Verdict(Outcome.REJECTED, "not on WhatsApp", LaneHealth.OK, http_status=200), LaneHealth.DOWN, MANY),
        (Verdict(Outcome.THROTTLED, "HTTP 425", http_status=425), LaneHealth.THROTTLED, 0),
    ],
)
def test_words_about_one_recipient_that_are_said_of_all_stop_the_lane(
    verdict: Verdict, health: LaneHealth, failed: int
) -> None:
    bench = Bench([held_lane(max_in_flight=8)], backlog=1000, latency=0.1, verdicts=lambda _: verdict)
    bench.run()
    assert len(bench.sent) <= failed + 8 + HANDFUL
    assert [change.health for change in bench.health] == [health]
    assert sum(row.state == "failed" for _, row in bench.outcomes) == failed
    assert sum(row.spent for _, row in bench.outcomes) <= failed + HANDFUL
    assert sum(bench.sending.values()) == 0


def test_what_a_lane_has_heard_is_given_back_with_it() -> None:
    refused = Verdict(Outcome.REJECTED, "nope", LaneHealth.OK, is_recognised=False)
    bench = Bench([held_lane()], backlog=2, verdicts=lambda _: refused)
    bench.run()
    assert [each.run.refusals if each.run else None for each in bench.released] == [2]
    bench = Bench([held_lane()], backlog=2)
    bench.run()
    assert [each.run for each in bench.released] == [None], "there is nothing to write"


def _in(health: LaneHealth, lane: HeldLane) -> HeldLane:
    return HeldLane(**{**_fields(lane), "health": health})


def _fields(lane: HeldLane) -> dict[str, Any]:
    return {name: getattr(lane, name) for name in lane.__slots__}


def test_nothing_leaves_once_the_lease_may_have_ended() -> None:
    class Silent(Bench):
        async def turn_over(self, outcomes: Sequence[OutcomeRow], asks: Sequence[Ask], claim: UUID) -> TurnedOver:
            if now() > 3.0:
                raise ConnectionError("Postgres is away")
            return await super().turn_over(outcomes, asks, claim)

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


# When connecting takes long


def outcomes(bench: Bench) -> list[tuple[str, str | None]]:
    return [(row.outcome, row.reason) for _, row in bench.outcomes]


def test_a_message_whose_connection_takes_longer_than_its_consent_holds_is_sent_once() -> None:
    bench = Bench([held_lane(max_in_flight=4)], backlog=12, connecting=1.5)
    report = bench.run()
    assert report.counts == {"i1": {"claimed": 12, "sent": 12}}
    assert len(bench.sent) == len({sent.phone for sent in bench.sent}) == 12
    assert len(bench.connects) == 24, "the second asks when it has its connection, however long that took"


def test_a_quick_connection_asks_nobody_again() -> None:
    bench = Bench([held_lane(max_in_flight=4)], backlog=12, connecting=0.7)
    bench.run()
    assert len(bench.connects) == len(bench.sent) == 12
    assert bench.looks == []


@pytest.mark.parametrize("after", [0.2, 1.2, 2.8])
def test_nothing_leaves_for_who_opts_out_while_it_connects(after: float) -> None:
    bench = Bench([held_lane(max_in_flight=4)], backlog=4, connecting=1.5)
    stopped = "628120000002"

    async def run(drain: Drain) -> DrainReport:
        running = asyncio.create_task(drain.run([1]))
        await asyncio.sleep(after)
        bench.stopped.add(stopped)
        return await running

    report = run_in_virtual_time(bench.drain(run))
    assert report.counts == {"i1": {"claimed": 4, "sent": 3, "retried": 1}}
    assert {sent.phone for sent in bench.sent} == {f"62812{n:07d}" for n in (1, 3, 4)}
    assert [each for each in outcomes(bench) if each[0] != "accepted"] == [
        ("not_sent", "held back: its phone has opted out")
    ]


def test_a_message_that_has_to_leave_within_some_seconds_does_not_leave_after_them() -> None:
    class Closing(Bench):
        def take(self, ask: Ask, claim: UUID) -> list[Message]:
            return [each._replace(leaves_within=2.5) for each in super().take(ask, claim)]

    bench = Closing([held_lane()], backlog=1, connecting=1.5)
    bench.run()
    assert bench.sent == []
    assert outcomes(bench) == [("not_sent", "held back: its window closes, or its campaign expires")]


def test_a_lane_that_ends_makes_no_second_request() -> None:
    """A process that stops waits for one request, and not for two."""
    bench = Bench([held_lane(max_in_flight=1)], backlog=1, connecting=1.5)

    async def run(drain: Drain) -> DrainReport:
        running = asyncio.create_task(drain.run([1]))
        await asyncio.sleep(0.5)
        drain.stop()
        return await running

    assert run_in_virtual_time(bench.drain(run)).counts == {"i1": {"claimed": 1, "retried": 1}}
    assert (len(bench.connects), bench.sent) == (1, [])
    assert outcomes(bench) == [("not_sent", "held back: connecting took too long")]


def test_nothing_leaves_while_nobody_can_say_who_has_opted_out() -> None:
    class Away(Bench):
        async def opted_out(self, *_: object) -> set[int]:
            raise ConnectionError("Postgres is away")

    bench = Away([held_lane()], backlog=1, connecting=1.5)
    bench.run()
    assert bench.sent == []
    assert outcomes(bench) == [("not_sent", "held back: cannot read who has opted out: ConnectionError")]


def test_a_worker_whose_machine_was_suspended_does_not_believe_in_its_lease() -> None:
    suspended = 0.0

    def clock() -> float:
        return now() + suspended

    class Suspended(Bench):
        def commit(self, outcomes: Sequence[OutcomeRow], asks: Sequence[Ask], claim: UUID) -> TurnedOver:
            nonlocal suspended
            if len(self.claims()) == 5:
                # The timers of the loop stand still while the machine does.
                suspended = 60.0
            return super().commit(outcomes, asks, claim)

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


@dataclass
class Deaf(Bench):
    """The drain does not hear of its third statement, and reads back what became of it after two seconds only."""

    is_committed: bool = True
    lost: dict[int, Claim] = field(default_factory=dict)
    statements_at_reading: set[int] = field(default_factory=set)

    async def turn_over(self, outcomes: Sequence[OutcomeRow], asks: Sequence[Ask], claim: UUID) -> TurnedOver:
        if len(self.statements) != 2:
            return await super().turn_over(outcomes, asks, claim)
        if self.is_committed:
            _, self.lost = await super().turn_over(outcomes, asks, claim)
        else:
            self.statements.append(Statement(now(), outcomes, asks))
            await asyncio.sleep(ROUND_TRIP)
        raise ConnectionError("the connection is lost")

    async def read_claim(self, asks: Sequence[Ask], claim: UUID) -> dict[int, Claim]:
        self.statements_at_reading.add(len(self.statements))
        if now() < 2.0:
            raise ConnectionError("Postgres is away")
        messages = [each for lost in self.lost.values() for each in lost.messages if each.claim == claim]
        return {ask.lane_id: Claim(True, 0, messages) for ask in asks}  # of the one lane that there is

    async def reply(self, sent: Sent) -> None:
        """Some do while the claim is read back."""
        await asyncio.sleep(0.01 if int(sent.phone) % 3 else 0.1)

    def written(self) -> list[list[int]]:
        """What each statement brought to write."""
        return [[row.seq for row in statement.outcomes] for statement in self.statements]


def test_a_statement_that_was_not_heard_and_is_found_is_taken_as_heard() -> None:
    bench = Deaf([held_lane(max_in_flight=6)], backlog=60)
    report = bench.run()
    assert bench.statements_at_reading == {3}, "nothing else is sent off meanwhile"
    assert bench.written()[2]
    assert bench.statements[2].wanted > 0
    assert len(bench.sent) == len({sent.phone for sent in bench.sent}) == 60
    assert bench.most_sending == {1: 6}
    assert report.counts == {"i1": {"claimed": 60, "sent": 60}}
    assert sorted(seq for seqs in bench.written() for seq in seqs) == list(range(1, 61)), "each is written once"


def test_of_a_statement_that_was_not_heard_and_is_not_found_the_outcomes_are_written_again_and_no_place_is_used() -> (
    None
):
    bench = Deaf([held_lane(max_in_flight=6)], backlog=60, is_committed=False)
    report = bench.run()
    assert bench.statements_at_reading == {3}
    _, _, lost, again, *later = bench.written()
    assert lost
    assert again[: len(lost)] == lost
    assert len(again) > len(lost), "what came meanwhile goes along"
    assert not any(statement.asks for statement in bench.statements[3:]), "it may yet be committed"
    assert later == []
    assert len(bench.sent) == len(bench.outcomes) == report.counts["i1"]["sent"]
    assert bench.most_sending == {1: 6}
    assert sum(bench.sending.values()) == 0
    assert [each.lane_id for each in bench.released] == [1]
