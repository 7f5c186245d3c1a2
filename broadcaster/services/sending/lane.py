"""One lane, while this worker holds it: the story of a message from claim to outcome."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
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
from broadcaster.services.sending.supply import Supply

log = structlog.get_logger()

INTENT_LEAD = 0.02
"""Seconds before its slot at which a message's intent is committed, so that it can leave on time."""
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
        self._gateway = gateway
        self._path = path
        self._changed = changed
        self._pacer = Pacer(lane.pace, lane.ahead, monotonic())
        self._health, self._failures = lane.health, lane.failures
        self._may_leave = True
        self._closed: str | None = None
        self._closing = asyncio.Event()
        self._supply = Supply(
            lane.pace,
            self._pacer,
            max_in_flight=lane.max_in_flight,
            claim_ahead=path.claim_ahead,
            ends=ends,
            probing=lane.health is not LaneHealth.OK,
        )
        self._arrived = asyncio.Event()
        self._may_ask = True
        paced = bool(lane.pace.interval)
        self._in_flight = asyncio.Semaphore(min(lane.max_in_flight, lane.pace.burst) if paced else lane.max_in_flight)
        self._turns = asyncio.Lock()
        self._under_way: set[asyncio.Task[None]] = set()

    # Between the drain and the lane

    @property
    def finished(self) -> bool:
        """Nothing is under way, and nothing more would be started."""
        return not self._under_way and (self._closed is not None or not self._supply.goes_on(monotonic()))

    @property
    def has_more(self) -> bool:
        """Whether there was work left when its time was up."""
        return self._may_leave and self._supply.goes_on(monotonic())

    def want(self, now: float) -> int:
        """How many messages to claim for it now; 0 while it has enough."""
        has_probe = self._supply.probing and self._under_way
        if self._closed is not None or not self._may_ask or has_probe:
            return 0
        return self._supply.want(now)

    def patience(self, now: float) -> float:
        """Seconds that a claim for it may wait."""
        return self._supply.patience(now)

    def offer(self, claim: Claim, asked: int, lease_ends: float) -> None:
        """Take what a claim brought when `asked` messages were wanted (0: it only renewed the lease)."""
        self.lease_ends = lease_ends
        if not claim.may_send:
            self.close("the lane is paused or resting")
        if asked == 0:
            return
        self.counts["claimed"] += len(claim.messages)
        self._supply.add(claim)
        self._arrived.set()
        self._may_ask = False
        asyncio.get_running_loop().call_later(self._supply.ask_again_in(monotonic()), self._ask_again)

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

    def _ask_again(self) -> None:
        self._may_ask = True
        self._changed(self)

    # The story of a message

    async def run(self) -> None:
        """Launch each claimed message a little before its slot, until closed."""
        while await self._has_claimed():
            await self._in_flight.acquire()
            await self._rest(self._supply.turn_in(monotonic()) - INTENT_LEAD)
            if self._closed is not None:
                return
            self._start(self._send(self._supply.take()))
            if len(self._supply) == self._supply.low_mark:
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
                self._supply.had_turn()
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
        self._supply.probing = change.health is not LaneHealth.OK
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
        while self._closed is None and not self._supply:
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
        if self.finished or not self._supply:
            self._changed(self)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("left for recovery", instance=self.lane.name, error=type(error).__name__)


def _jitter() -> float:
    return random.random()  # noqa: S311 - spreads retries, guards nothing
