"""What a worker process holds: takes lanes' leases, keeps their senders fed, and gives the lanes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import chain, islice, takewhile
from math import inf
from random import uniform
from time import monotonic
from uuid import UUID, uuid4

import structlog

from broadcaster.domain.decisions import LaneChange
from broadcaster.domain.states import LaneHealth
from broadcaster.errors import BroadcasterError
from broadcaster.gateway import WAChatPro
from broadcaster.services.sending.lane import LaneSender, SendPath
from broadcaster.services.sending.store import Ask, HeldLane, Return

log = structlog.get_logger()

SHORTEST_WAVE = 0.02
"""Seconds between two claims, at least: lanes that want more meanwhile share the next one."""
MOST_LANES_A_CLAIM = 500
MOST_MESSAGES_A_CLAIM = 1000
FAIR_SHARE = 20
"""Messages that a lane may have of a claim at least, however many want some."""
CLAIM_RETRY = 0.5
"""Seconds between tries to claim while Postgres is away."""
LEASE_MARGIN = 1.0
"""Seconds before a lease ends from which on nothing more leaves under it."""
SHORTEST_TENURE = 0.75
"""The least of a task's time that it may get: tasks that began together must not hand over together for ever."""
HAND_OVER = 1.0
"""Seconds that lanes whose time is up are waited for, to be handed over together; a request may take longer."""


@dataclass(slots=True)
class DrainReport:
    """What became of a task's lanes: counts per instance name, and the lanes (ids) that still have work."""

    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    unfinished: list[int] = field(default_factory=list)

    def add(self, sender: LaneSender) -> None:
        """Account for what a lane has done so far."""
        for what, n in sender.counts.items():
            if n:
                counts = self.counts.setdefault(sender.lane.name, {})
                counts[what] = counts.get(what, 0) + n


@dataclass(slots=True, eq=False)
class _Tenure:
    """The lanes that a `send` task waits for, until `ends` and a little."""

    ends: float
    senders: set[LaneSender] = field(default_factory=set)
    report: DrainReport = field(default_factory=DrainReport)
    is_up: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Drain:
    """All lanes that this process holds, whichever tasks brought them. It lives on one event loop.

    One loop of its own feeds them all, so that a claim serves as many lanes as want one.
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
        """`open_gateway` makes the client of a lane; `lease` and `seconds` say how long a lease and a task last.

        No more than `most_tasks` wait for their lanes; the lanes of further ones join theirs.
        """
        self._path = path
        self._open_gateway = open_gateway
        self._lease = lease
        self._seconds = seconds
        self._most_tasks = most_tasks
        self._stopping = False
        self._taking = asyncio.Lock()
        self._feeding: asyncio.Task[None] | None = None
        self._tenures: dict[LaneSender, _Tenure] = {}
        self._waited_for: set[_Tenure] = set()
        self._runs: dict[LaneSender, asyncio.Task[None]] = {}
        """Of lanes that are held, and of those whose lease was lost while they had requests under way."""
        self._held: dict[int, LaneSender] = {}
        """By lane id. The lease that was renewed longest ago comes first."""
        self._hungry: dict[LaneSender, float] = {}
        """Lanes that want more, each with the moment by which."""
        self._changed: set[LaneSender] = set()
        self._look = asyncio.Event()

    async def run(self, lanes: Sequence[int]) -> DrainReport:
        """Send what is due on those of `lanes` that are free, until nothing is, the time is up or it is stopped.

        Returns at once when they joined the lanes of another task, whose report is about them then.
        """
        token = uuid4()
        async with self._taking:
            asked = monotonic()
            taken = [] if self._stopping else await self._path.store.take_lanes(lanes, token)
        mine = _Tenure(asked + self._seconds * uniform(SHORTEST_TENURE, 1.0))  # noqa: S311 - spreads, guards nothing
        tenure = self._to_join() or mine
        refused: list[tuple[HeldLane, str]] = []
        for lane in taken:
            try:
                gateway = self._open_gateway(lane)
            except BroadcasterError as error:
                refused.append((lane, str(error)))
                continue
            lease_ends = self._lease_ends(asked)
            self._hold(LaneSender(lane, token, lease_ends, tenure.ends, gateway, self._path, self._note), tenure)
        feeding = self._feeding
        for lane, why in refused:
            try:
                await self._park(lane, token, why)
            except Exception as error:  # noqa: BLE001 - its lease ends, and whoever takes it next tries again
                log.warning("cannot park", instance=lane.name, error=type(error).__name__)
        if mine.senders and feeding is not None:
            await self._until_over(mine, feeding)
        return mine.report

    def stop(self) -> None:
        """Claim and start nothing more; what is under way finishes."""
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

    def _to_join(self) -> _Tenure | None:
        """The tenure that more lanes have to join, if as many tasks wait as may."""
        to_join = [tenure for tenure in self._waited_for if not tenure.is_up]
        if len(self._waited_for) < self._most_tasks or not to_join:
            return None
        return min(to_join, key=lambda tenure: len(tenure.senders))

    def _hold(self, sender: LaneSender, tenure: _Tenure) -> None:
        if lost := self._held.pop(sender.lane.id, None):
            lost.close("the lease was lost")
        self._held[sender.lane.id] = sender
        self._runs[sender] = asyncio.create_task(sender.run())
        self._tenures[sender] = tenure
        self._waited_for.add(tenure)
        tenure.senders.add(sender)
        self._note(sender)
        if self._feeding is None:
            self._feeding = asyncio.create_task(self._feed())

    async def _park(self, lane: HeldLane, token: UUID, why: str) -> None:
        """A lane that cannot even be tried waits for an operator, and the others go on."""
        change = LaneChange(LaneHealth.REFUSED, rest=0.0, failures=lane.failures + 1)
        await self._path.store.change_lane_health(lane.id, token, change, why)
        await self._path.store.release_lanes([Return(lane.id, token, lane.ahead, again=False)])

    async def _until_over(self, tenure: _Tenure, feeding: asyncio.Task[None]) -> None:
        """Raises what ended the feeding, should it fail."""
        over = asyncio.create_task(tenure.over.wait())
        try:
            await asyncio.wait({over, feeding}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
        if not tenure.over.is_set():
            feeding.result()

    # Feeding them

    def _note(self, sender: LaneSender) -> None:
        """This lane wants to be looked at."""
        self._changed.add(sender)
        self._look.set()

    async def _feed(self) -> None:
        try:
            while self._runs:
                woken = monotonic()
                self._look.clear()
                self._end_tenures(woken)
                await self._release(self._look_at_changed(woken))
                await self._claim()
                await self._wait(woken)
        finally:
            for run in self._runs.values():
                run.cancel()
            for each in (self._tenures, self._waited_for, self._runs, self._held, self._hungry, self._changed):
                each.clear()
            self._feeding = None

    def _end_tenures(self, now: float) -> None:
        for tenure in list(self._waited_for):
            if not tenure.is_up and (self._stopping or now >= tenure.ends):
                tenure.is_up = True
                for sender in tenure.senders:
                    sender.hand_over()
            elif now >= tenure.ends + HAND_OVER and not self._stopping:
                for sender in tenure.senders:
                    tenure.report.add(sender)
                self._end(tenure)

    def _end(self, tenure: _Tenure) -> None:
        self._waited_for.discard(tenure)
        tenure.over.set()

    def _look_at_changed(self, now: float) -> list[LaneSender]:
        """Note which lanes want more; returns those that have finished."""
        finished = []
        for sender in self._changed & self._runs.keys():
            if sender.finished:
                finished.append(sender)
                self._hungry.pop(sender, None)
            elif sender not in self._hungry and sender.want(now):
                self._hungry[sender] = now + sender.patience(now)
        self._changed.clear()
        return finished

    async def _release(self, finished: Sequence[LaneSender]) -> None:
        if not finished:
            return
        returns = [
            Return(sender.lane.id, sender.token, sender.clock_ahead(), self._is_handed_over(sender))
            for sender in finished
        ]
        try:
            await self._path.store.release_lanes(returns)
        except Exception as error:  # noqa: BLE001 - then the leases end by themselves
            log.warning("cannot release", error=type(error).__name__)
        for sender in finished:
            self._let_go(sender)

    def _is_handed_over(self, sender: LaneSender) -> bool:
        """Whether its task wakes it again; a tick does that where the task has not waited for it."""
        return sender.has_more and not self._tenures[sender].over.is_set()

    def _let_go(self, sender: LaneSender) -> None:
        self._runs.pop(sender).cancel()
        if self._held.get(sender.lane.id) is sender:
            del self._held[sender.lane.id]
        tenure = self._tenures[sender]
        if not tenure.over.is_set():
            tenure.report.add(sender)
            if self._is_handed_over(sender):
                tenure.report.unfinished.append(sender.lane.id)
        del self._tenures[sender]
        tenure.senders.discard(sender)
        if not tenure.senders:
            self._end(tenure)

    async def _claim(self) -> None:
        """One statement: claims for lanes that want more, and renewed leases where that is time."""
        now = monotonic()
        wants = self._wants(now)
        if not wants:
            return
        asks = [Ask(sender.lane.id, sender.token, want) for sender, want in wants.items()]
        try:
            claims = await self._path.store.claim(asks)
        except Exception as error:  # noqa: BLE001 - Postgres is away; the leases say for how long that is bearable
            log.warning("cannot claim", error=type(error).__name__)
            await asyncio.sleep(CLAIM_RETRY)
            return
        for sender, want in wants.items():
            self._hungry.pop(sender, None)
            self._note(sender)
            if self._held.get(sender.lane.id) is not sender:
                continue
            del self._held[sender.lane.id]
            if claim := claims.get(sender.lane.id):
                self._held[sender.lane.id] = sender
                sender.offer(claim, want, self._lease_ends(now))
            else:
                sender.close("the lease was lost")

    def _wants(self, now: float) -> dict[LaneSender, int]:
        """How many messages to claim for which lanes now; 0 only renews the lease.

        None, until a lane cannot wait any longer. Then for all that can share the statement.
        """
        is_late, is_full = now >= self._renew_by(), self._path.outcomes.is_full
        if not is_late and (is_full or now < self._claim_by()):
            return {}
        soon = now + self._lease / 12
        renewals = takewhile(lambda sender: soon >= self._renewal_of(sender), self._held.values())
        hungry = [] if is_full else nsmallest(MOST_LANES_A_CLAIM, self._hungry, key=self._hungry.__getitem__)
        room = MOST_MESSAGES_A_CLAIM
        fair_share = max(FAIR_SHARE, room // max(1, len(hungry)))
        wanted: dict[LaneSender, int] = {}
        for sender in hungry:
            if room <= 0:
                break  # the next claim is theirs
            wanted[sender] = min(room, fair_share, sender.want(now))
            room -= wanted[sender]
        wants: dict[LaneSender, int] = {}
        for sender in islice(chain(renewals, wanted) if is_late else chain(wanted, renewals), MOST_LANES_A_CLAIM):
            wants[sender] = wanted.get(sender, 0)
        return wants

    async def _wait(self, woken: float) -> None:
        """Until there is something to look at or something has to be done."""
        if not self._runs:
            return
        moments = [self._claim_by(), self._renew_by()]
        if not self._stopping:
            moments += [tenure.ends + HAND_OVER * tenure.is_up for tenure in self._waited_for]
        with suppress(TimeoutError):
            await asyncio.wait_for(self._look.wait(), max(0.0, min(moments) - monotonic()))
        await asyncio.sleep(max(0.0, woken + SHORTEST_WAVE - monotonic()))

    def _claim_by(self) -> float:
        return min(self._hungry.values(), default=inf)

    def _renew_by(self) -> float:
        return next((self._renewal_of(sender) for sender in self._held.values()), inf)

    def _renewal_of(self, sender: LaneSender) -> float:
        """When a third of its lease has gone by."""
        return sender.lease_ends + LEASE_MARGIN - self._lease * 2 / 3

    def _lease_ends(self, asked: float) -> float:
        """The moment on this process's clock after which nothing may leave under a lease asked for at `asked`."""
        return asked + self._lease - LEASE_MARGIN
