"""The requests of a lane: each leaves at its turn, as long as it may."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from broadcaster.domain.contents import MessageContent
from broadcaster.domain.outcomes import Outcome, Verdict
from broadcaster.domain.pacing import Pacer
from broadcaster.gateway import AskingGate, TimedGate, WAChatPro
from broadcaster.services.sending.followed import Traced
from broadcaster.services.sending.prepared_contents import PreparedContent
from broadcaster.services.sending.send_path import SendPath
from broadcaster.services.sending.sending_store import HeldLane, Message
from broadcaster.services.sending.standing import Departure, Standing


class Latest(NamedTuple):
    """The moment from which on a message does not leave any more, on the path's clock, and why."""

    moment: float
    why: str


class Attempted(NamedTuple):
    """What became of one attempt to send a message."""

    verdict: Verdict
    seconds: float | None
    """From the request to its reply; None: no request was made."""
    departure: Departure
    """When the request left."""


class LaneRequests:
    """The requests of one held lane, at the lane's pace. It lives on one event loop.

    A message that was claimed is expected (`expect`) and then attempted (`attempt`), each of them once.
    """

    def __init__(
        self, held: HeldLane, lease_ends: float, gateway: WAChatPro, path: SendPath, standing: Standing
    ) -> None:
        """Nothing leaves after `lease_ends`, a moment on the path's clock."""
        self.lease_ends = lease_ends
        self.may_leave = True
        """Whether what was claimed may leave."""
        self.closed: str | None = None
        """Why nothing more is claimed; None: the lane is open."""
        self._lane_id = held.id
        self._gateway = gateway
        self._path = path
        self._standing = standing
        self._pace = held.pace
        self._pacer = Pacer(held.pace, held.debt, path.clock())
        self._queued = 0
        """Messages that still wait for their turn."""
        self._under_way: dict[int, float] = {}
        """When each request left that has not ended, the first first, by the number of its departure."""
        self._turns = asyncio.Lock()
        self._resting: asyncio.Future[None] | None = None

    # Between the lane and its requests

    @property
    def is_paced(self) -> bool:
        """Whether a rate holds for them."""
        return self._pace.interval > 0

    @property
    def oldest(self) -> float:
        """When the first of those left that have not ended; infinity: none is under way."""
        return next(iter(self._under_way.values()), inf)

    def wait(self, now: float) -> float:
        """Seconds until one more message than those that wait for their turn may leave."""
        return max(0.0, self._pacer.wait(now, self._queued)) if self.is_paced else 0.0

    def slots(self, now: float, ahead: float) -> int:
        """How many more messages than those that wait for their turn may leave within `ahead` seconds. Paced only."""
        return self._pacer.slots(now, self._queued, ahead)

    def clock_debt(self) -> float:
        """By how many seconds the lane's clock is later than now."""
        return self._pacer.debt(self._path.clock())

    def expect(self, messages: Sequence[Message], seen: float) -> None:
        """Messages that are about to be attempted, of a claim that was sent to Postgres at `seen` or later."""
        self._queued += len(messages)
        self._path.opt_outs.add(messages, self._lane_id, seen)

    def close(self, why: str, *, may_leave: bool) -> None:
        """The lane claims nothing more. Unless `may_leave`, what was claimed is held back too."""
        self.may_leave = self.may_leave and may_leave
        self.closed = self.closed or why
        if self._resting is not None and not self.may_leave and not self._resting.done():
            self._resting.set_result(None)

    def go_on(self, held: HeldLane, gateway: WAChatPro) -> None:
        """Follow the settings that the lane has now, and claim again, unless what was claimed is held back."""
        if self.may_leave:
            self.closed = None
        self._gateway = gateway
        if held.pace != self._pace:
            now = self._path.clock()
            self._pacer = Pacer(held.pace, self._pacer.debt(now), now, len(self._under_way))
            self._pace = held.pace

    async def attempt(self, message: Message, latest: Latest) -> Attempted:
        """One request at the message's turn, or none, if it may not leave: from the latest moment on none does."""
        try:
            try:
                prepared = await self._path.contents.of(
                    message.campaign_id, message.content_version, message.variables
                )
            except Exception as error:  # noqa: BLE001 - Postgres is away: provably nothing was sent
                reason = f"held back: cannot read its content: {type(error).__name__}"
                return self._none(Outcome.NOT_SENT, reason)
            try:
                content = prepared.content.render(message.variables or {})
            except Exception as error:  # noqa: BLE001 - whatever a template does, only its own message fails
                reason = f"cannot be rendered: {type(error).__name__}"
                return self._none(Outcome.REJECTED, reason)
            held_back = await self._turn(message, latest)
            leaves_until = self._path.opt_outs.leaves_until(message)
        finally:
            self._queued -= 1
            self._path.opt_outs.drop(message)
        if held_back is not None:
            return self._none(Outcome.NOT_SENT, f"held back: {held_back}")
        started, departure = self._path.clock(), self._standing.depart()
        number = departure.number
        self._under_way[number] = started
        try:
            verdict, departure = await self._request(message, latest, prepared, content, leaves_until, departure)
        finally:
            del self._under_way[number]
            if self.is_paced:
                self._pacer.replied(self._path.clock())
        ended, follower = self._path.clock(), self._path.follower
        if follower is not None and follower.wants(message.seq):
            traced = Traced(message.campaign_id, message.seq, message.attempt)
            follower.posted(traced, started, ended, verdict.outcome.value, verdict.http_status)
        return Attempted(verdict, ended - started, departure)

    def _none(self, outcome: Outcome, reason: str) -> Attempted:
        """An attempt without a request."""
        return Attempted(Verdict(outcome, reason), None, self._standing.depart())

    async def _request(
        self,
        message: Message,
        latest: Latest,
        prepared: PreparedContent,
        content: MessageContent,
        until: float,
        departure: Departure,
    ) -> tuple[Verdict, Departure]:
        """One request of which nothing leaves from `until` on, and when it was made: at `departure`, or later.

        Where connecting took too long, a second one asks once more who has opted out when it has its connection. The
        first always asking would cost each message more.
        """
        gate = TimedGate(until, self._path.clock)
        verdict = await prepared.send(self._gateway, message.phone, content, gate)
        if gate.refused is None or self.closed is not None:
            return verdict, departure

        async def ask() -> str | None:
            held_back = await self._consent(message, latest)
            return held_back and f"held back: {held_back}"

        self._path.opt_outs.add([message], self._lane_id, -inf)
        try:
            departure = self._standing.depart()
            return await prepared.send(self._gateway, message.phone, content, AskingGate(ask)), departure
        finally:
            self._path.opt_outs.drop(message)

    async def _turn(self, message: Message, latest: Latest) -> str | None:
        """Wait until the pace admits one more request, and admit it. Returns None, or why it may not leave."""
        if not self.is_paced:
            held_back = await self._consent(message, latest)
            if held_back is not None or not self.is_paced:
                return held_back
        async with self._turns:
            # Timers may fire a millisecond early.
            while (held_back := await self._consent(message, latest)) is None and (
                wait := self._pacer.wait(self._path.clock())
            ) > 0:
                await self._rest(wait)
            if held_back is None:
                self._pacer.admit(self._path.clock())
            return held_back

    async def _consent(self, message: Message, latest: Latest) -> str | None:
        """Why the message may not leave now; None: it may, and its phone has not opted out by what still holds."""
        opt_outs = self._path.opt_outs
        try:
            while (held_back := self._held_back(latest)) is None and not opt_outs.is_known(message):
                await opt_outs.look_again()
        except Exception as error:  # noqa: BLE001 - Postgres is away: nobody knows whether it may leave
            return f"cannot read who has opted out: {type(error).__name__}"
        # The next claim skips it.
        return "its phone has opted out" if held_back is None and opt_outs.has_opted_out(message) else held_back

    def _held_back(self, latest: Latest) -> str | None:
        """Why a message may not leave any more; None: it may."""
        if not self.may_leave:
            return self.closed
        now = self._path.clock()
        if now >= self.lease_ends:
            return "the lease ran out"
        return latest.why if now >= latest.moment else None

    async def _rest(self, seconds: float) -> None:
        """Wait `seconds`, but not longer than until everything is held back."""
        loop = asyncio.get_running_loop()
        self._resting = loop.create_future()
        timer = loop.call_later(seconds, _end_rest, self._resting)
        try:
            await self._resting
        finally:
            timer.cancel()


def _end_rest(resting: asyncio.Future[None]) -> None:
    if not resting.done():
        resting.set_result(None)
