"""One lane, while this worker holds it: the story of a message from claim to outcome."""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any
from uuid import UUID

import structlog

from broadcaster.domain.decisions import LaneChange, decide, lane_change, within_attempts
from broadcaster.domain.outcomes import Outcome, Verdict
from broadcaster.domain.pacing import Pacer
from broadcaster.domain.states import LaneHealth, MessageState
from broadcaster.gateway import WAChatPro
from broadcaster.services.sending import failpoints
from broadcaster.services.sending.contents import Contents, PreparedContent
from broadcaster.services.sending.group_commit import GroupCommit
from broadcaster.services.sending.outcomes import OutcomeWriter
from broadcaster.services.sending.store import (
    Claim,
    HeldLane,
    IntentRow,
    Message,
    SendingStore,
    UnclearIntentError,
    outcome_row,
)

log = structlog.get_logger()

INTENT_LEAD = 0.02
"""Seconds before its slot at which a message's intent is committed, so that it can leave on time."""
CLAIMED_AHEAD = 10
"""Messages that a lane with a rate claims ahead of their slots, at most: what is more urgent waits for them."""
SHORTEST_AHEAD = 0.5
"""Seconds ahead that it claims at least, so that it does not run dry while a claim is late."""
MOST_CLAIMED = 500
"""Messages that one lane keeps claimed, at most."""
FEWEST_CLAIMED = 200
"""Messages that a lane without a limit keeps claimed, until it turns out to be faster than its claims."""
LONGEST_WAIT = 1.0
"""Seconds that a lane may wait for a claim, while others join it."""
LONGEST_HELD = 30.0
"""Seconds for which an idle lane is held, at most, before its next slot is near; for a later one a tick wakes it."""
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
    intents: GroupCommit[IntentRow]
    outcomes: OutcomeWriter
    contents: Contents
    claim_ahead: float
    """Seconds ahead of their slots that messages are claimed, at most."""


class LaneSender:
    """Sends the messages of one held lane. It lives on one event loop and is not thread-safe.

    The drain feeds it (`want`, `offer`) and `run` sends until it is closed or dry.
    """

    def __init__(
        self,
        lane: HeldLane,
        token: UUID,
        lease_ends: float,
        ends: float,
        gateway: WAChatPro,
        path: SendPath,
        changed: Callable[[LaneSender], None],
    ) -> None:
        """Nothing may leave after `lease_ends`, and nothing is claimed that would leave after `ends`.

        Both are moments on this process's monotonic clock. `changed` is called when the drain should look at this
        lane again.
        """
        self.lane = lane
        self.token = token
        self.lease_ends = lease_ends
        self.counts: Counter[str] = Counter()
        self._ends = ends
        self._gateway = gateway
        self._path = path
        self._changed = changed
        self._pacer = Pacer(lane.pace, lane.ahead, monotonic())
        self._health, self._failures = lane.health, lane.failures
        self._may_leave = True
        self._closed: str | None = None
        self._closing = asyncio.Event()
        self._claimed: deque[Message] = deque()
        self._arrived = asyncio.Event()
        self._dry = False
        self._may_ask = True
        paced = bool(lane.pace.interval)
        self._ahead = min(path.claim_ahead, max(SHORTEST_AHEAD, CLAIMED_AHEAD * lane.pace.interval))
        self._in_flight = asyncio.Semaphore(min(lane.max_in_flight, lane.pace.burst) if paced else lane.max_in_flight)
        self._supply = min(MOST_CLAIMED, max(FEWEST_CLAIMED, 4 * lane.max_in_flight))
        self._before_turn = 0
        self._turns = asyncio.Lock()
        self._under_way: set[asyncio.Task[None]] = set()

    # Between the drain and the lane

    @property
    def finished(self) -> bool:
        """Nothing is under way, and nothing more would be started."""
        return not self._under_way and (self._closed is not None or not (self._claimed or self._goes_on))

    @property
    def has_more(self) -> bool:
        """Whether there was work left when its time was up."""
        return self._may_leave and bool(self._claimed or self._goes_on)

    def want(self, now: float) -> int:
        """How many messages to claim for it now; 0 while it has enough."""
        if not self._may_ask or not self._hungry:
            return 0
        wanted = self._keep() - len(self._claimed)
        if self.lane.pace.interval:
            wanted = max(1, min(wanted, self._slots_within(self._ahead, now)))
            wanted = min(wanted, self._slots_within(self._ends - now, now))
        return max(0, wanted)

    def patience(self, now: float) -> float:
        """Seconds that a claim for it may wait: what it has claimed lasts for longer."""
        return min(LONGEST_WAIT, max(0.0, self._next_slot_in(now)) / 2)

    def offer(self, claim: Claim, asked: int, lease_ends: float) -> None:
        """Take what a claim brought when `asked` messages were wanted (0: it only renewed the lease)."""
        self.lease_ends = lease_ends
        if not claim.may_send:
            self.close("the lane is paused or resting")
        if asked == 0:
            return
        if self.counts["claimed"] and len(self._claimed) < self._supply // 4:
            self._supply = min(MOST_CLAIMED, 2 * self._supply)
        self.counts["claimed"] += len(claim.messages)
        self._claimed.extend(claim.messages)
        self._arrived.set()
        self._dry = len(claim.messages) < claim.slots
        self._may_ask = False
        asyncio.get_running_loop().call_later(self._ask_again_in(monotonic()), self._ask_again)

    def hand_over(self) -> None:
        """Its time is up: start nothing more, let what has an intent leave."""
        self.close("its time was up", may_leave=True)

    def close(self, why: str, *, may_leave: bool = False) -> None:
        """Start nothing more; unless `may_leave`, hold back even what has an intent already."""
        self._may_leave = self._may_leave and may_leave
        self._closed = self._closed or why
        self._closing.set()
        self._arrived.set()
        self._changed(self)

    def clock_ahead(self) -> float:
        """Seconds by which the lane's clock is ahead of now, to be stored when it is given back."""
        return self._pacer.ahead(monotonic())

    @property
    def _goes_on(self) -> bool:
        """Whether more is to be claimed for it soon."""
        return not self._dry and self._next_slot_in(monotonic()) <= LONGEST_HELD + self._path.claim_ahead

    @property
    def _hungry(self) -> bool:
        if self._closed is not None or len(self._claimed) > self._keep() // 2:
            return False
        return self._health is LaneHealth.OK or not self._under_way  # otherwise one probe at a time

    def _keep(self) -> int:
        """How many messages to keep claimed."""
        if self._health is not LaneHealth.OK:
            return 1
        if self.lane.pace.interval:
            ahead = self._ahead + self.lane.pace.tolerance
            return min(MOST_CLAIMED, math.ceil(ahead / self.lane.pace.interval) + 1)
        return self._supply

    def _ask_again_in(self, now: float) -> float:
        if self._dry:
            return self._path.claim_ahead / 4
        if not self.lane.pace.interval:
            return 0.0
        return max(self._ahead / 4, self._next_slot_in(now) - self._ahead)

    def _ask_again(self) -> None:
        self._may_ask = True
        self._changed(self)

    def _next_slot_in(self, now: float) -> float:
        """Seconds until a message that is not claimed yet could leave."""
        return self._pacer.due_in(now, len(self._claimed) + self._before_turn)

    def _slots_within(self, seconds: float, now: float) -> int:
        """How many messages that are not claimed yet could leave within so many seconds."""
        return math.floor((seconds - self._next_slot_in(now)) / self.lane.pace.interval) + 1

    # The story of a message

    async def run(self) -> None:
        """Launch each claimed message a little before its slot, until closed."""
        while await self._has_claimed():
            await self._in_flight.acquire()
            await self._rest(self._pacer.due_in(monotonic(), self._before_turn) - INTENT_LEAD)
            if self._closed is not None:
                return
            self._before_turn += 1
            self._start(self._send(self._claimed.popleft()))
            if len(self._claimed) == self._keep() // 2:
                self._changed(self)

    async def _send(self, message: Message) -> None:
        """Intent, POST, outcome. A failure before the intent is committed leaves the message claimed."""
        try:
            try:
                content = await self._path.contents.of(message.campaign_id)
                intended = await self._intend(message, content)
                if intended:
                    await self._turn()
            finally:
                self._before_turn -= 1
            if not intended:
                return
            try:
                verdict, duration = await self._attempt(message, content)
            finally:
                self._pacer.replied(monotonic())
        finally:
            self._in_flight.release()
        self._judge(verdict)
        await self._record(message, content, verdict, duration)

    async def _intend(self, message: Message, content: PreparedContent) -> bool:
        """Whether the intent is committed, so that its request may leave (invariant I3)."""
        attempt = message.attempt + 1
        row = IntentRow(message.segment, message.campaign_id, message.seq, attempt, self.lane.id, self.token)
        try:
            return await self._path.intents.commit(row)
        except UnclearIntentError as error:
            # Nothing more is intended under this lease: what is written here must not meet a later intent.
            self.close(str(error))
            await self._record(message, content, Verdict(Outcome.NOT_SENT, f"held back: {error}"), None)
            return False

    async def _attempt(self, message: Message, content: PreparedContent) -> tuple[Verdict, float | None]:
        """One request, which the pace has admitted already."""
        try:
            payload = content.render(message.variables or {})
        except Exception as error:  # noqa: BLE001 - whatever a template does, only its own message fails
            return Verdict(Outcome.REJECTED, f"cannot be rendered: {type(error).__name__}"), None
        if not self._may_leave:
            return Verdict(Outcome.NOT_SENT, f"held back: {self._closed}"), None
        started = monotonic()
        if started >= self.lease_ends:
            return Verdict(Outcome.NOT_SENT, "held back: the lease ran out"), None
        request = payload.send(self._gateway, message.phone)
        verdict = await (self._with_failpoints(request) if failpoints.ACTIVE else request)
        return verdict, monotonic() - started

    async def _with_failpoints(self, request: Coroutine[Any, Any, Verdict]) -> Verdict:
        await failpoints.reach("before_post")
        verdict = await failpoints.reach_during("post_written", request)
        await failpoints.reach("reply_read")
        return verdict

    async def _record(
        self, message: Message, content: PreparedContent, verdict: Verdict, duration: float | None
    ) -> None:
        decided = decide(verdict, message.spent, content.max_attempts, _jitter())
        transition = within_attempts(decided, message.attempt + 1)
        moved = await self._path.outcomes.write(outcome_row(message, self.token, verdict, transition, duration))
        self.counts[_COUNTED_AS[transition.state] if moved else "late"] += 1

    def _judge(self, verdict: Verdict) -> None:
        """Let the reply change the lane's health. Of many replies under way the first trouble counts."""
        refused_now = verdict.health is LaneHealth.REFUSED and self._health is not LaneHealth.REFUSED
        change = lane_change(verdict, self._health, self._failures, _jitter())
        if change is None or not (self._may_leave or refused_now):
            return
        self._health, self._failures = change.health, change.failures
        if change.health is not LaneHealth.OK:
            self.close(verdict.reason)
        self._start(self._write_health(change, verdict.reason))

    async def _write_health(self, change: LaneChange, reason: str) -> None:
        """Until it is written or the lease is lost: a rest that nobody knows of is not kept."""
        while True:
            try:
                await self._path.store.change_lane_health(self.lane.id, self.token, change, reason)
                return
            except Exception:
                if monotonic() >= self.lease_ends:
                    raise
            await asyncio.sleep(HEALTH_RETRY)

    # Waiting

    async def _has_claimed(self) -> bool:
        """Wait for a claimed message; False when closed."""
        while self._closed is None and not self._claimed:
            self._arrived.clear()
            await self._arrived.wait()
        return self._closed is None

    async def _turn(self) -> None:
        """Wait until the pace admits one more request; first come, first served."""
        if not self.lane.pace.interval:
            self._pacer.admit(monotonic())
            return
        async with self._turns:
            while (wait := self._pacer.wait(monotonic())) > 0:  # noqa: ASYNC110 - timers may fire a millisecond early
                await asyncio.sleep(wait)
            self._pacer.admit(monotonic())

    async def _rest(self, seconds: float) -> None:
        """Wait, unless it is closed meanwhile."""
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), seconds)

    def _start(self, story: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(story)
        self._under_way.add(task)
        task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if self.finished or not self._claimed:
            self._changed(self)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("left for recovery", instance=self.lane.name, error=type(error).__name__)


def _jitter() -> float:
    return random.random()  # noqa: S311 - spreads retries, guards nothing
