"""One lane, while this worker holds it: what it claims, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from math import inf
from uuid import UUID

import structlog

from broadcaster.domain.decisions import LaneChange, Transition
from broadcaster.domain.pacing import CLAIM_LEAD
from broadcaster.domain.states import LaneHealth, MessageState
from broadcaster.gateway import WAChatPro
from broadcaster.services.sending.lane_requests import Attempted, LaneRequests, Latest
from broadcaster.services.sending.outcome_writer import LINGER
from broadcaster.services.sending.send_path import SendPath
from broadcaster.services.sending.sending_store import (
    Claim,
    HeldLane,
    Message,
    OutcomeRow,
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
LONG = 5.0
"""A request that has been under way for so many seconds takes long: no end of it is in sight."""
HEALTH_RETRY = 0.5
"""Seconds between tries to write a lane's health while Postgres is away."""

_COUNTED_AS = {
    MessageState.SENT: "sent",
    MessageState.FAILED: "failed",
    MessageState.PENDING: "retried",
    MessageState.IN_DOUBT: "in_doubt",
}


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
        self.counts: Counter[str] = Counter()
        self.campaign_ids: set[int] = set()
        """The ids of the campaigns that it has sent messages of."""
        self.trouble: str | None = None
        """What is wrong with the instance since the lane was taken; None: nothing, as far as it was tried."""
        self._ends = ends
        self._path = path
        self._changed = changed
        self.standing = Standing(held, path.random)
        self._requests = LaneRequests(held, lease_ends, gateway, path, self.standing)
        self._is_probing = held.health is LaneHealth.DOWN
        self._is_dry = False
        self._ask_again_at = -inf
        self._slots_pause = SHORT_OF_SLOTS_PAUSE
        self._placed = 0
        """Claimed messages without a committed outcome."""
        self._decided = 0
        """Of those, messages whose outcome is committed with the next claim. That claim may use their places."""
        self._unanswered = 0
        """Of those, messages whose request is neither answered nor given up."""
        self._tasks: set[asyncio.Task[None]] = set()
        if self._is_probing:
            self._start(self._probe(gateway))

    # Between the drain and the lane

    @property
    def lease_ends(self) -> float:
        """The moment until which it is held, on the path's clock."""
        return self._requests.lease_ends

    @property
    def is_finished(self) -> bool:
        """Whether nothing is under way and nothing more would be started."""
        return not self._placed and not self._tasks and (self._requests.closed is not None or not self._goes_on())

    @property
    def has_more(self) -> bool:
        """Whether work was left when its time was up."""
        return self._requests.may_leave and self._goes_on()

    def claim_by(self, now: float) -> float:
        """The moment by which it wants a claim; infinity while it wants nothing."""
        if self._requests.closed is not None or self._is_probing or self._places() <= 0:
            return inf
        if not self._requests.is_paced:
            return max(now + LINGER, self._ask_again_at)
        slot = now + self._requests.wait(now)
        return inf if slot >= self._ends else max(slot - CLAIM_MARGIN, self._ask_again_at)

    def want(self, now: float) -> int:
        """How many messages to claim for it now."""
        if self._requests.closed is not None or self._is_probing:
            return 0
        places = self._places()
        if self._requests.is_paced:
            places = min(places, self._requests.slots(now, min(CLAIM_LEAD, self._ends - now)))
        return max(0, places)

    def offer(self, claim: Claim, asked: int, lease_ends: float, seen: float) -> None:
        """Send the messages of a claim for `asked` messages (0: the claim only renewed the lease).

        `seen` is a moment before the claim was sent to Postgres: opt-outs committed later may not be in it, and its
        messages' seconds count from then on.
        """
        self._requests.lease_ends = lease_ends
        if not claim.may_send:
            self.close("the lane is paused, resting, or outside of its windows")
        got = len(claim.messages)
        self.counts["claimed"] += got
        self.counts["skipped"] += claim.skipped
        self._placed += got
        self._unanswered += got
        self._requests.expect(claim.messages, seen)
        for message in claim.messages:
            # Under the lease of its own claim, although that may be renewed: its limits count on it.
            latest = min(
                Latest(lease_ends, "its turn came too late"),
                Latest(seen + message.leaves_within, "its window closes, or its campaign expires"),
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

    @property
    def may_go_on_from(self) -> float:
        """The moment from which on its oldest request takes long. Infinity: none does, or it may send no more."""
        return self._requests.oldest + LONG if self._requests.may_leave else inf

    def go_on(self, ends: float, held: HeldLane, gateway: WAChatPro) -> None:
        """Claim what leaves until `ends`, by the settings of now. Nothing, if not its time alone has closed it."""
        self.held = held
        self._ends = ends
        self._requests.go_on(held, gateway)
        self._changed(self)

    def close(self, why: str, *, may_leave: bool = False) -> None:
        """Claim nothing more. Unless `may_leave`, hold back claimed messages too."""
        self._requests.close(why, may_leave=may_leave)
        self._changed(self)

    def abandon(self) -> None:
        """Stop at once; what is under way is left to recovery."""
        for task in self._tasks:
            task.cancel()

    def clock_debt(self) -> float:
        """By how many seconds the lane's clock is later than now: stored when the lane is given back."""
        return self._requests.clock_debt()

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
        return self._requests.wait(now) <= LONGEST_IDLE

    def _places(self) -> int:
        """How many more messages may be on their way."""
        most = self.held.max_in_flight if self.standing.is_well else 1
        free = most - self._placed + self._decided
        return min(free, self.held.pace.burst - self._unanswered) if self._requests.is_paced else free

    # The story of a message

    async def _send(self, message: Message, latest: Latest) -> None:
        """Waits for its turn, makes the request, and writes the outcome."""
        try:
            attempt = await self._requests.attempt(message, latest)
        except BaseException as error:
            # Nobody knows how far the message came.
            self._placed -= 1
            if isinstance(error, Exception):
                log.warning("left for recovery", instance=self.held.name, error=type(error).__name__)
            raise
        finally:
            self._unanswered -= 1
        transition = self._judge(message, attempt)
        self._decided += 1
        self._path.outcomes.write(outcome_row(message, attempt.verdict, transition, attempt.seconds), self)
        self._changed(self)

    # Its health

    def _judge(self, message: Message, attempt: Attempted) -> Transition:
        """Decide where the message goes, and let the reply change the lane's health."""
        judged = self.standing.judge(message, attempt.verdict, attempt.departure)
        if judged.change is not None:
            self._change(judged.change)
        return judged.transition

    async def _probe(self, gateway: WAChatPro) -> None:
        """Probe an unwell lane by reading before a message is tried."""
        change = await self.standing.probe(gateway)
        self._is_probing = False
        if change is not None:
            self._change(change)
        self._changed(self)

    def _change(self, change: LaneChange) -> None:
        """Of many replies under way the first trouble counts, unless a later reply refuses the key."""
        refused_now = change.health is LaneHealth.REFUSED and not self.standing.is_refused
        if not (self._requests.may_leave or refused_now):
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
