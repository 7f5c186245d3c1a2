"""One lane, while this worker holds it: the story of a message from its claim to its outcome."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from math import inf
from random import Random
from typing import NamedTuple
from uuid import UUID

import structlog

from broadcaster.domain.contents import MessageContent
from broadcaster.domain.decisions import LaneChange, Transition
from broadcaster.domain.outcomes import Outcome, Verdict
from broadcaster.domain.pacing import CLAIM_LEAD, Pacer
from broadcaster.domain.states import LaneHealth, MessageState
from broadcaster.gateway import AskingGate, TimedGate, WAChatPro
from broadcaster.services.sending.followed import Follower, Traced
from broadcaster.services.sending.opt_out_watch import OptOutWatch
from broadcaster.services.sending.outcome_writer import LINGER, OutcomeWriter
from broadcaster.services.sending.prepared_contents import PreparedContent, PreparedContents
from broadcaster.services.sending.sending_store import (
    Claim,
    HeldLane,
    Message,
    OutcomeRow,
    SendingStore,
    outcome_row,
)
from broadcaster.services.sending.standing import Standing

log = structlog.get_logger()

CLAIM_MARGIN = 0.06
"""A message should be claimed this many seconds before its slot, so that it can leave on time."""
SHORT_OF_SLOTS_PAUSE = 0.01
"""A lane that a claim gave fewer slots than it wanted asks again after this many seconds: Postgres's clock may run
slower than the worker's. While a claim gives it none, the pause doubles, up to `DRY_PAUSE`: its rate was lowered, or
that clock was put back.
"""
DRY_PAUSE = 0.5
"""A lane with nothing more due asks again after this many seconds."""
LONGEST_IDLE = 30.0
"""An idle lane is held at most this many seconds for its next slot. For a later slot a tick wakes it."""
HEALTH_RETRY = 0.5
"""Seconds between tries to write a lane's health while Postgres is away."""

_COUNTED_AS = {
    MessageState.SENT: "sent",
    MessageState.FAILED: "failed",
    MessageState.PENDING: "retried",
    MessageState.IN_DOUBT: "in_doubt",
}


@dataclass(frozen=True, slots=True)
class SendPath:
    """What all lanes of a worker process share."""

    store: SendingStore
    outcomes: OutcomeWriter
    contents: PreparedContents
    opt_outs: OptOutWatch
    clock: Callable[[], float]
    """Seconds on a clock that neither another process nor a change of the time of day can set."""
    random: Random
    follower: Follower | None = None
    """Who follows messages on their way; None: nobody."""


class _Latest(NamedTuple):
    """The moment from which on a message does not leave any more, on the path's clock, and why."""

    moment: float
    why: str


class Lane:
    """Sends the messages of one held lane. It lives on one event loop and is not thread-safe.

    The drain asks when to claim for it and how much (`claim_by`, `want`), and hands over the claimed messages
    (`offer`). A message occupies a place in flight from its claim until its outcome is committed. The same transaction
    may claim the next message for that place, so a crash leaves at most `max_in_flight` in doubt.
    """

    def __init__(
        self,
        held: HeldLane,
        token: UUID,
        lease_ends: float,
        ends: float,
        gateway: WAChatPro,
        path: SendPath,
        changed: Callable[[Lane], None],
    ) -> None:
        """Nothing leaves after `lease_ends`, and nothing is claimed that would leave after `ends`.

        Both are moments on the path's clock. The lane calls `changed` when the drain should look at it again.
        """
        self.held = held
        self.token = token
        self.lease_ends = lease_ends
        self.counts: Counter[str] = Counter()
        self.campaign_ids: set[int] = set()
        """The ids of the campaigns that it has sent messages of."""
        self.trouble: str | None = None
        """What is wrong with the instance since the lane was taken; None: nothing, as far as it was tried."""
        self._ends = ends
        self._gateway = gateway
        self._path = path
        self._changed = changed
        self._pacer = Pacer(held.pace, held.debt, path.clock())
        self._is_paced = held.pace.interval > 0
        self.standing = Standing(held, path.random)
        self._is_probing = held.health is LaneHealth.DOWN
        self._may_leave = True
        self._closed: str | None = None
        self._is_dry = False
        self._ask_again_at = -inf
        self._slots_pause = SHORT_OF_SLOTS_PAUSE
        self._placed = 0
        """Claimed messages without a committed outcome."""
        self._decided = 0
        """Of those, messages whose outcome is committed with the next claim. That claim may use their places."""
        self._unanswered = 0
        """Of those, messages whose request is neither answered nor given up."""
        self._queued = 0
        """Of those, messages that still wait for their turn."""
        self._turns = asyncio.Lock()
        self._resting: asyncio.Future[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        if self._is_probing:
            self._start(self._probe())

    # Between the drain and the lane

    @property
    def is_finished(self) -> bool:
        """Whether nothing is under way and nothing more would be started."""
        return not self._placed and not self._tasks and (self._closed is not None or not self._goes_on())

    @property
    def has_more(self) -> bool:
        """Whether work was left when its time was up."""
        return self._may_leave and self._goes_on()

    def claim_by(self, now: float) -> float:
        """The moment by which it wants a claim; infinity while it wants nothing."""
        if self._closed is not None or self._is_probing or self._places() <= 0:
            return inf
        if not self._is_paced:
            return max(now + LINGER, self._ask_again_at)
        slot = now + max(0.0, self._pacer.wait(now, self._queued))
        return inf if slot >= self._ends else max(slot - CLAIM_MARGIN, self._ask_again_at)

    def want(self, now: float) -> int:
        """How many messages to claim for it now."""
        if self._closed is not None or self._is_probing:
            return 0
        places = self._places()
        if self._is_paced:
            places = min(places, self._pacer.slots(now, self._queued, min(CLAIM_LEAD, self._ends - now)))
        return max(0, places)

    def offer(self, claim: Claim, asked: int, lease_ends: float, seen: float) -> None:
        """Send the messages of a claim for `asked` messages (0: the claim only renewed the lease).

        `seen` is a moment before the claim was sent to Postgres: opt-outs committed later may not be in it, and its
        messages' seconds count from then on.
        """
        self.lease_ends = lease_ends
        if not claim.may_send:
            self.close("the lane is paused, resting, or outside of its windows")
        got = len(claim.messages)
        self.counts["claimed"] += got
        self.counts["skipped"] += claim.skipped
        self._placed += got
        self._unanswered += got
        self._queued += got
        self._path.opt_outs.add(claim.messages, self.held.id, seen)
        for message in claim.messages:
            # Under the lease of its own claim, although that may be renewed: its limits count on it.
            latest = min(
                _Latest(lease_ends, "its turn came too late"),
                _Latest(seen + message.leaves_within, "its window closes, or its campaign expires"),
            )
            self._start(self._send(message, latest))
        found = got + claim.skipped + claim.put_off
        if claim.wait:
            self._ask_again_at = self._path.clock() + claim.wait
        elif asked:
            self._is_dry = found < claim.slots
            self._slots_pause = min(DRY_PAUSE, 2 * self._slots_pause) if not claim.slots else SHORT_OF_SLOTS_PAUSE
            if found < asked:
                self._ask_again_at = self._path.clock() + (DRY_PAUSE if self._is_dry else self._slots_pause)

    def hand_over(self) -> None:
        """Its time is up: claim nothing more, but let claimed messages leave."""
        self.close("its time was up", may_leave=True)

    def close(self, why: str, *, may_leave: bool = False) -> None:
        """Claim nothing more. Unless `may_leave`, hold back claimed messages too."""
        self._may_leave = self._may_leave and may_leave
        self._closed = self._closed or why
        if self._resting is not None and not self._may_leave and not self._resting.done():
            self._resting.set_result(None)
        self._changed(self)

    def abandon(self) -> None:
        """Stop at once; what is under way is left to recovery."""
        for task in self._tasks:
            task.cancel()

    def clock_debt(self) -> float:
        """By how many seconds the lane's clock is later than now: stored when the lane is given back."""
        return self._pacer.debt(self._path.clock())

    def written(self, row: OutcomeRow, moved: bool) -> None:
        """The outcome of a message is committed: its place is free."""
        self.counts[_COUNTED_AS[MessageState(row.state)] if moved else "late"] += 1
        self.campaign_ids.add(row.campaign_id)
        self._placed -= 1
        self._decided -= 1
        self._changed(self)

    def _goes_on(self) -> bool:
        """Whether there is more to send, now or soon."""
        now = self._path.clock()
        if self._is_dry or self._ask_again_at > now + LONGEST_IDLE:
            return False
        return not self._is_paced or self._pacer.wait(now, self._queued) <= LONGEST_IDLE

    def _places(self) -> int:
        """How many more messages may be on their way."""
        most = self.held.max_in_flight if self.standing.is_well else 1
        free = most - self._placed + self._decided
        return min(free, self.held.pace.burst - self._unanswered) if self._is_paced else free

    # The story of a message

    async def _send(self, message: Message, latest: _Latest) -> None:
        """Waits for its turn, makes the request, and writes the outcome."""
        try:
            verdict, duration, heard_at_start = await self._attempt(message, latest)
        except BaseException as error:
            # Nobody knows how far the message came.
            self._placed -= 1
            if isinstance(error, Exception):
                log.warning("left for recovery", instance=self.held.name, error=type(error).__name__)
            raise
        finally:
            self._unanswered -= 1
        transition = self._judge(message, verdict, heard_at_start)
        self._decided += 1
        self._path.outcomes.write(outcome_row(message, verdict, transition, duration), self)
        self._changed(self)

    async def _attempt(self, message: Message, latest: _Latest) -> tuple[Verdict, float | None, int]:
        """One request at the message's turn: its verdict, its seconds, and its standing's `heard` when it left.

        The seconds are None if no request was made: none is from the latest moment on.
        """
        try:
            try:
                prepared = await self._path.contents.of(
                    message.campaign_id, message.content_version, message.variables
                )
            except Exception as error:  # noqa: BLE001 - Postgres is away: provably nothing was sent
                reason = f"held back: cannot read its content: {type(error).__name__}"
                return Verdict(Outcome.NOT_SENT, reason), None, self.standing.heard
            try:
                content = prepared.content.render(message.variables or {})
            except Exception as error:  # noqa: BLE001 - whatever a template does, only its own message fails
                reason = f"cannot be rendered: {type(error).__name__}"
                return Verdict(Outcome.REJECTED, reason), None, self.standing.heard
            held_back = await self._turn(message, latest)
            leaves_until = self._path.opt_outs.leaves_until(message)
        finally:
            self._queued -= 1
            self._path.opt_outs.drop(message)
        if held_back is not None:
            return Verdict(Outcome.NOT_SENT, f"held back: {held_back}"), None, self.standing.heard
        started = self._path.clock()
        try:
            verdict, heard_at_start = await self._request(message, latest, prepared, content, leaves_until)
        finally:
            if self._is_paced:
                self._pacer.replied(self._path.clock())
        ended, follower = self._path.clock(), self._path.follower
        if follower is not None and follower.wants(message.seq):
            traced = Traced(message.campaign_id, message.seq, message.attempt)
            follower.posted(traced, started, ended, verdict.outcome.value, verdict.http_status)
        return verdict, ended - started, heard_at_start

    async def _request(
        self, message: Message, latest: _Latest, prepared: PreparedContent, content: MessageContent, until: float
    ) -> tuple[Verdict, int]:
        """One request of which nothing leaves from `until` on, and its standing's `heard` when it was made.

        Where connecting took too long, a second one asks once more who has opted out when it has its connection. The
        first always asking would cost each message more.
        """
        heard, gate = self.standing.heard, TimedGate(until, self._path.clock)
        verdict = await prepared.send(self._gateway, message.phone, content, gate)
        if gate.refused is None or self._closed is not None:
            return verdict, heard

        async def ask() -> str | None:
            held_back = await self._consent(message, latest)
            return held_back and f"held back: {held_back}"

        self._path.opt_outs.add([message], self.held.id, -inf)
        try:
            heard = self.standing.heard
            return await prepared.send(self._gateway, message.phone, content, AskingGate(ask)), heard
        finally:
            self._path.opt_outs.drop(message)

    async def _turn(self, message: Message, latest: _Latest) -> str | None:
        """Wait until the pace admits one more request, and admit it. Returns None, or why it may not leave."""
        if not self._is_paced:
            return await self._consent(message, latest)
        async with self._turns:
            # Timers may fire a millisecond early.
            while (held_back := await self._consent(message, latest)) is None and (
                wait := self._pacer.wait(self._path.clock())
            ) > 0:
                await self._rest(wait)
            if held_back is None:
                self._pacer.admit(self._path.clock())
            return held_back

    async def _consent(self, message: Message, latest: _Latest) -> str | None:
        """Why the message may not leave now; None: it may, and its phone has not opted out by what still holds."""
        opt_outs = self._path.opt_outs
        try:
            while (held_back := self._held_back(latest)) is None and not opt_outs.is_known(message):
                await opt_outs.look_again()
        except Exception as error:  # noqa: BLE001 - Postgres is away: nobody knows whether it may leave
            return f"cannot read who has opted out: {type(error).__name__}"
        # The next claim skips it.
        return "its phone has opted out" if held_back is None and opt_outs.has_opted_out(message) else held_back

    def _held_back(self, latest: _Latest) -> str | None:
        """Why a message may not leave any more; None: it may."""
        if not self._may_leave:
            return self._closed
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

    # Its health

    def _judge(self, message: Message, verdict: Verdict, heard_at_start: int) -> Transition:
        """Decide where the message goes, and let the reply change the lane's health."""
        judged = self.standing.judge(message, verdict, heard_at_start)
        if judged.change is not None:
            self._change(judged.change)
        return judged.transition

    async def _probe(self) -> None:
        """Probe an unwell lane by reading before a message is tried."""
        change = await self.standing.probe(self._gateway)
        self._is_probing = False
        if change is not None:
            self._change(change)
        self._changed(self)

    def _change(self, change: LaneChange) -> None:
        """Of many replies under way the first trouble counts, unless a later reply refuses the key."""
        refused_now = change.health is LaneHealth.REFUSED and not self.standing.is_refused
        if not (self._may_leave or refused_now):
            return
        self.standing.change(change)
        self.trouble = None
        if change.health is not LaneHealth.OK:
            self.trouble = f"is {change.health}: {change.reason}"
            self.close(change.reason)
        self._start(self._write_health(change))

    async def _write_health(self, change: LaneChange) -> None:
        """Try until it is written or the lease is lost: other workers only keep a rest that is written."""
        while True:
            try:
                await self._path.store.change_lane_health(self.held.id, self.token, change, self.standing.run)
                return
            except Exception as error:  # noqa: BLE001 - Postgres is away
                if self._path.clock() >= self.lease_ends:
                    log.warning("health not written", instance=self.held.name, error=type(error).__name__)
                    return
            await asyncio.sleep(HEALTH_RETRY)

    def _start(self, story: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(story)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # it was logged where it arose
        if not self._placed and not self._tasks:
            self._changed(self)


def _end_rest(resting: asyncio.Future[None]) -> None:
    if not resting.done():
        resting.set_result(None)
