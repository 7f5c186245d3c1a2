"""The lanes that a worker process holds: takes their leases, claims messages for them, and gives the lanes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import Context
from itertools import islice, takewhile
from math import inf
from uuid import UUID, uuid4

import structlog

from broadcaster.domain.decisions import LaneChange
from broadcaster.domain.pacing import CLAIM_LEAD
from broadcaster.domain.states import LaneHealth
from broadcaster.errors import BroadcasterError
from broadcaster.gateway import WAChatPro
from broadcaster.services.sending.drain_report import DrainReport
from broadcaster.services.sending.hungry_lanes import HungryLanes
from broadcaster.services.sending.lane import CLAIM_MARGIN, Lane
from broadcaster.services.sending.outcome_writer import RETRY
from broadcaster.services.sending.send_path import SendPath
from broadcaster.services.sending.sending_store import Ask, Claim, HeldLane, Return
from broadcaster.services.sending.tenures import HAND_OVER, Tenure, Tenures

log = structlog.get_logger()

MOST_LANES_A_CLAIM = 500
MOST_MESSAGES_A_CLAIM = 1000
FAIR_SHARE = 20
"""A claim gives each lane room for at least this many messages, however many lanes want some."""
SHORTEST_WAIT = 0.001
"""A lane that got no room in a claim asks again after this many seconds."""
LEASE_MARGIN = 1.0
"""Stop sending this many seconds before the lease ends."""
SHORTEST_TENURE = 0.75
"""The smallest share of its time that a task may get: tasks that began together must not always hand over together."""


class Drain:
    """All lanes that this process holds, whichever task brought them. It lives on one event loop.

    A single loop claims for all of them, so that one claim serves every lane that wants messages.
    """

    def __init__(
        self,
        path: SendPath,
        open_gateway: Callable[[HeldLane], WAChatPro],
        *,
        lease: float,
        seconds: float,
        most_tasks: int,
    ) -> None:
        """`open_gateway` makes the client of a lane; `lease` and `seconds` are how long a lease and a task last. At
        most `most_tasks` tasks wait for their lanes; lanes of further tasks join those.
        """
        self._path = path
        self._open_gateway = open_gateway
        self._lease = lease
        self._seconds = seconds
        self._stopping = False
        self._taking = asyncio.Lock()
        self._feeding: asyncio.Task[None] | None = None
        self._tenures = Tenures(most_tasks)
        self._held: dict[int, Lane] = {}
        """By lane id, the one that was renewed longest ago first."""
        self._hungry = HungryLanes()
        self._changed: set[Lane] = set()
        self._look = asyncio.Event()

    async def run(self, lanes: Sequence[int]) -> DrainReport:
        """Send what is due on the free ones of `lanes`, until nothing is due, the time is up, or the drain is stopped.

        Returns at once if the lanes joined those of another task. That task's report then includes them.
        """
        token = uuid4()
        async with self._taking:
            asked = self._path.clock()
            taken = [] if self._stopping else await self._path.store.take_lanes(lanes, token)
        mine = Tenure(asked + self._seconds * self._path.random.uniform(SHORTEST_TENURE, 1.0))
        tenure = self._tenures.to_join() or mine
        refused: list[tuple[HeldLane, str]] = []
        for held in taken:
            try:
                gateway = self._open_gateway(held)
            except BroadcasterError as error:
                refused.append((held, str(error)))
                continue
            lease_ends = self._lease_ends(asked)
            self._hold(Lane(held, token, lease_ends, tenure.ends, gateway, self._path, self._note), tenure)
        feeding = self._feeding
        for held, why in refused:
            mine.report.troubles[held.name] = f"is {LaneHealth.REFUSED}: {why}"
            try:
                await self._park(held, token, why)
            except Exception as error:  # noqa: BLE001 - its lease ends, and the next holder tries again
                log.warning("cannot park", instance=held.name, error=type(error).__name__)
        if mine.lanes and feeding is not None:
            await self._until_over(mine, feeding)
        return mine.report

    def stop(self) -> None:
        """Claim nothing more. What is already claimed still leaves."""
        self._stopping = True
        self._look.set()

    async def stopped(self) -> None:
        """Wait until no lane is held."""
        if self._feeding is not None:
            await asyncio.wait({self._feeding})

    def abandon(self) -> None:
        """Forget the lanes; their leases end by themselves."""
        if self._feeding is not None:
            self._feeding.cancel()

    # Taking lanes

    def _hold(self, lane: Lane, tenure: Tenure) -> None:
        if lost := self._held.pop(lane.held.id, None):
            lost.close("the lease was lost")
        self._held[lane.held.id] = lane
        self._tenures.add(lane, tenure)
        self._note(lane)
        if self._feeding is None:
            # Not in the name of the task that came first: it goes on for others.
            self._feeding = asyncio.create_task(self._feed(), context=Context())

    async def _park(self, held: HeldLane, token: UUID, why: str) -> None:
        """Leave a lane that cannot even be tried to an operator. The other lanes go on."""
        change = LaneChange(LaneHealth.REFUSED, rest=0.0, failures=held.failures + 1, reason=why)
        await self._path.store.change_lane_health(held.id, token, change, held.run)
        await self._path.store.release_lanes([Return(held.id, token, held.debt, again=False)])

    async def _until_over(self, tenure: Tenure, feeding: asyncio.Task[None]) -> None:
        """Wait for the end of a tenure. Raises the error of the feeding task if that fails."""
        over = asyncio.create_task(tenure.over.wait())
        try:
            await asyncio.wait({over, feeding}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
        if not tenure.over.is_set():
            feeding.result()

    # Feeding them

    def _note(self, lane: Lane) -> None:
        """Remember to look at this lane."""
        self._changed.add(lane)
        self._look.set()

    async def _feed(self) -> None:
        try:
            while self._tenures.lanes:
                self._look.clear()
                now = self._path.clock()
                await self._go_on(self._tenures.end(now, is_stopping=self._stopping), now)
                await self._release(self._look_at_changed(now))
                await self._turn_over()
                await self._wait()
        finally:
            self._tenures.abandon()
            for each in (self._held, self._hungry, self._changed):
                each.clear()
            self._feeding = None

    async def _go_on(self, lanes: Sequence[Lane], now: float) -> None:
        """Let these send on without a task, by the settings of now."""
        if not lanes:
            return
        after = Tenure.without_task(now + self._seconds)
        for lane in lanes:
            self._tenures.add(lane, after)
        try:
            found = await self._path.store.held_lanes([each.held.id for each in lanes], [each.token for each in lanes])
        except Exception:  # noqa: BLE001 - Postgres is away: claims say so, and it is tried again
            after.ends = now + HAND_OVER
            return
        current = {held.id: held for held in found}
        for lane in lanes:
            held = current.get(lane.held.id)
            if held is None:
                lane.close("the lease was lost, or the instance has another account")
                continue
            try:
                lane.go_on(after.ends, held, self._open_gateway(held))
            except BroadcasterError as error:
                lane.close(str(error))

    def _look_at_changed(self, now: float) -> list[Lane]:
        """Note which lanes want more, and by when. Returns the lanes that have finished."""
        finished = []
        for lane in self._changed & self._tenures.lanes:
            if lane.is_finished:
                finished.append(lane)
                self._hungry.discard(lane)
            else:
                self._hungry.add(lane, lane.claim_by(now))
        self._changed.clear()
        return finished

    async def _release(self, finished: Sequence[Lane]) -> None:
        if not finished:
            return
        returns = [
            Return(
                lane.held.id, lane.token, lane.clock_debt(), self._tenures.is_handed_over(lane), lane.standing.new_run
            )
            for lane in finished
        ]
        try:
            await self._path.store.release_lanes(returns)
        except Exception as error:  # noqa: BLE001 - then the leases end by themselves
            names = [lane.held.name for lane in finished]
            log.warning("cannot release", instances=names, error=type(error).__name__)
        for lane in finished:
            if self._held.get(lane.held.id) is lane:
                del self._held[lane.held.id]
            self._tenures.let_go(lane)

    async def _turn_over(self) -> None:
        """One statement that writes outcomes, claims for the lanes that want more, and renews leases that need it."""
        now = self._path.clock()
        if now < self._turn_over_by():
            return
        # When one lane cannot wait any longer, everything that can share the statement goes along.
        asks = self._asks(now)
        if not asks and now < self._path.outcomes.commit_by():
            return
        claims = await self._claim_or_read_back([Ask(lane.held.id, lane.token, want) for lane, want in asks.items()])
        for lane, want in asks.items():
            self._note(lane)
            if self._held.get(lane.held.id) is not lane:
                continue
            del self._held[lane.held.id]
            if claim := claims.get(lane.held.id):
                self._held[lane.held.id] = lane
                lane.offer(claim, want, self._lease_ends(now), now)
            else:
                lane.close("the lease was lost, or a claim under it")

    async def _claim_or_read_back(self, asks: Sequence[Ask]) -> dict[int, Claim]:
        """What a claim took. If the answer to its commit was lost, the claim is read back before anything leaves.

        That is tried until Postgres answers. If the claim is not found, it may still be committed later. So nothing is
        returned, and its lanes are given back: then it finds no lease.
        """
        claim = uuid4()
        try:
            return await self._path.outcomes.turn_over(asks, claim)
        except Exception as error:  # noqa: BLE001 - Postgres is away; sending goes on until the leases end
            told = {"claim": str(claim), "lanes": len(asks), "error": type(error).__name__}
            log.warning("outcomes and claims were not heard of", **told)
        if not asks:
            return {}
        while True:
            await asyncio.sleep(RETRY)
            with suppress(Exception):
                claims = await self._path.store.read_claim(asks, claim)
                if not any(each.messages for each in claims.values()):
                    return {}
                self._path.outcomes.committed()
                return claims

    def _asks(self, now: float) -> dict[Lane, int]:
        """How many messages to claim now, by lane; 0 only renews the lease."""
        most = 0 if self._path.outcomes.is_behind else MOST_LANES_A_CLAIM
        hungry = self._hungry.take(now + CLAIM_LEAD - CLAIM_MARGIN, most)
        room = MOST_MESSAGES_A_CLAIM
        fair_share = max(FAIR_SHARE, room // max(1, len(hungry)))
        asks: dict[Lane, int] = {}
        for lane in hungry:
            if want := min(room, fair_share, lane.want(now)):
                asks[lane] = want
                room -= want
            else:  # no room is left, or a rounding error makes its slot too far away
                self._hungry.add(lane, max(lane.claim_by(now), now + SHORTEST_WAIT))
        soon = now + self._lease / 12
        renewals = takewhile(lambda lane: soon >= self._renewal_of(lane), self._held.values())
        for lane in islice(renewals, MOST_LANES_A_CLAIM):
            asks.setdefault(lane, 0)
        return asks

    async def _wait(self) -> None:
        """Wait until a lane changes or a deadline comes."""
        if not self._tenures.lanes or self._look.is_set():
            return
        until = self._turn_over_by()
        if not self._stopping:
            until = min(until, self._tenures.next_moment())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._look.wait(), max(0.0, until - self._path.clock()))

    def _turn_over_by(self) -> float:
        """The moment when the first lane or outcome cannot wait any longer."""
        outcomes = self._path.outcomes
        # A place is claimed again together with the outcome that frees it, or later.
        claim_by = inf if outcomes.is_behind else self._hungry.first()
        return min(claim_by, self._renew_by(), outcomes.commit_by())

    def _renew_by(self) -> float:
        return next((self._renewal_of(lane) for lane in self._held.values()), inf)

    def _renewal_of(self, lane: Lane) -> float:
        """The moment when a third of its lease has passed."""
        return lane.lease_ends + LEASE_MARGIN - self._lease * 2 / 3

    def _lease_ends(self, asked: float) -> float:
        """The last moment, on this process's clock, to send under a lease that was requested at `asked`."""
        return asked + self._lease - LEASE_MARGIN
