"""Drains lanes: takes their leases, keeps their senders fed, and gives them back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from uuid import uuid4

import structlog

from broadcaster.domain.decisions import LaneChange
from broadcaster.domain.states import LaneHealth
from broadcaster.errors import BroadcasterError
from broadcaster.gateway import WAChatPro
from broadcaster.services.sending.lane import LaneSender, SendPath
from broadcaster.services.sending.store import HeldLane

log = structlog.get_logger()

SHORTEST_WAVE = 0.02
"""Seconds between two claims of one task, at least: lanes that want more meanwhile share the next one."""
CLAIM_RETRY = 0.5
"""Seconds between tries to claim while Postgres is away."""
LEASE_MARGIN = 1.0
"""Seconds before a lease ends from which on nothing more leaves under it."""


@dataclass(slots=True)
class DrainReport:
    """What a drain did: counts per instance name, and the lanes (ids) that still have work."""

    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    unfinished: list[int] = field(default_factory=list)

    def add(self, sender: LaneSender) -> None:
        """Account for a lane that was given back."""
        counts = {name: n for name, n in sender.counts.items() if n}
        if counts:
            self.counts[sender.lane.name] = counts
        if sender.has_more:
            self.unfinished.append(sender.lane.id)


class Drain:
    """One `send` task: some lanes under one lease token, for a limited time."""

    def __init__(
        self, path: SendPath, open_gateway: Callable[[HeldLane], WAChatPro], *, lease: float, seconds: float
    ) -> None:
        """`open_gateway` makes the client of a lane; `lease` and `seconds` say how long a lease and a drain last."""
        self._path = path
        self._open_gateway = open_gateway
        self._lease = lease
        self._seconds = seconds
        self._token = uuid4()
        self._stopping = False
        self._changed = asyncio.Event()
        self._senders: dict[int, LaneSender] = {}
        self._runs: dict[int, asyncio.Task[None]] = {}
        self._renewed = 0.0
        self._report = DrainReport()

    async def run(self, lanes: Sequence[int]) -> DrainReport:
        """Send what is due on those of `lanes` that are free, until nothing is, the time is up or it is stopped."""
        ends = monotonic() + self._seconds
        await self._take(lanes)
        try:
            while self._senders:
                if monotonic() >= ends or self._stopping:
                    for sender in self._senders.values():
                        sender.hand_over()
                await self._claim()
                await self._release_finished()
                await self._wait(ends)
        finally:
            for run in self._runs.values():
                run.cancel()
        return self._report

    def stop(self) -> None:
        """Claim and start nothing more; what is under way finishes."""
        self._stopping = True
        self._changed.set()

    async def _take(self, lanes: Sequence[int]) -> None:
        asked = self._renewed = monotonic()
        for lane in await self._path.store.take_lanes(lanes, self._token):
            try:
                gateway = self._open_gateway(lane)
            except BroadcasterError as error:
                await self._park(lane, str(error))
                continue
            sender = LaneSender(lane, self._token, self._lease_ends(asked), gateway, self._path, self._changed)
            self._senders[lane.id] = sender
            self._runs[lane.id] = asyncio.create_task(sender.run())

    async def _park(self, lane: HeldLane, why: str) -> None:
        """A lane that cannot even be tried waits for an operator, and the others go on."""
        change = LaneChange(LaneHealth.REFUSED, rest=0.0, failures=lane.failures + 1)
        await self._path.store.change_lane_health(lane.id, self._token, change, why)
        await self._path.store.release_lanes({lane.id: lane.ahead}, self._token)

    async def _claim(self) -> None:
        """One statement: claims for the lanes that want more, and a renewed lease for all when that is time."""
        now = monotonic()
        wants = {lane: want for lane, sender in self._senders.items() if (want := sender.want(now))}
        if self._path.outcomes.is_full:
            wants = {}
        if now - self._renewed >= self._lease / 3:
            wants = {lane: wants.get(lane, 0) for lane in self._senders}
        if not wants:
            return
        try:
            claims = await self._path.store.claim(wants, self._token)
        except Exception as error:  # noqa: BLE001 - Postgres is away; the leases say for how long that is bearable
            log.warning("cannot claim", error=type(error).__name__)
            await asyncio.sleep(CLAIM_RETRY)
            return
        if len(wants) == len(self._senders):
            self._renewed = now
        for lane, want in wants.items():
            if lane in claims:
                self._senders[lane].offer(claims[lane], want, self._lease_ends(now))
            else:
                self._senders[lane].close("the lease was lost")

    async def _release_finished(self) -> None:
        done = {lane: sender for lane, sender in self._senders.items() if sender.finished}
        if not done:
            return
        try:
            ahead = {lane: sender.clock_ahead() for lane, sender in done.items()}
            await self._path.store.release_lanes(ahead, self._token)
        except Exception as error:  # noqa: BLE001 - then the leases end by themselves
            log.warning("cannot release", error=type(error).__name__)
        for lane, sender in done.items():
            del self._senders[lane]
            self._runs.pop(lane).cancel()
            self._report.add(sender)

    async def _wait(self, ends: float) -> None:
        """Until a lane has something to tell, or the next moment at which one may want more."""
        if not self._senders:
            return
        now = monotonic()
        moments = [self._renewed + self._lease / 3, *(sender.ask_at for sender in self._senders.values())]
        if not self._stopping and ends > now:
            moments.append(ends)
        self._changed.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), max(SHORTEST_WAVE, min(moments) - now))

    def _lease_ends(self, asked: float) -> float:
        """The moment on this process's clock after which nothing may leave under a lease asked for at `asked`."""
        return asked + self._lease - LEASE_MARGIN
