"""What a lane has claimed, and how much more it wants."""

from __future__ import annotations

import math
from collections import deque

from broadcaster.domain.pacing import Pace, Pacer
from broadcaster.services.sending.store import Claim, Message

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
LONGEST_IDLE = 30.0
"""Seconds for which an idle lane is held, at most, before its next slot is near; for a later one a tick wakes it."""


class Supply:
    """The messages of one held lane on their way to their turn. Moments are seconds on one monotonic clock."""

    def __init__(
        self, pace: Pace, pacer: Pacer, *, max_in_flight: int, claim_ahead: float, ends: float, probing: bool
    ) -> None:
        """Nothing is claimed more than `claim_ahead` seconds ahead of its slot, nor what would leave after `ends`.

        A lane that is `probing` gets one message at a time.
        """
        self.probing = probing
        self._pace = pace
        self._pacer = pacer
        self._claim_ahead = claim_ahead
        self._ends = ends
        self._ahead = min(claim_ahead, max(SHORTEST_AHEAD, CLAIMED_AHEAD * pace.interval))
        self._claimed: deque[Message] = deque()
        self._before_turn = 0
        """Messages that have been taken and wait for their turn."""
        self._dry = False
        self._unlimited = min(MOST_CLAIMED, max(FEWEST_CLAIMED, 4 * max_in_flight))
        """How many a lane without a rate keeps claimed."""
        self._was_filled = False

    def __len__(self) -> int:
        return len(self._claimed)

    def goes_on(self, now: float) -> bool:
        """Whether there is more to send, now or soon."""
        if self._claimed:
            return True
        return not self._dry and self._next_slot_in(now) <= LONGEST_IDLE + self._claim_ahead

    def want(self, now: float) -> int:
        """How many messages to claim now; 0 while it has enough."""
        if len(self._claimed) > self.low_mark:
            return 0
        wanted = self._keep - len(self._claimed)
        if self._pace.interval:
            wanted = max(1, min(wanted, self._slots_within(self._ahead, now)))
            wanted = min(wanted, self._slots_within(self._ends - now, now))
        return max(0, wanted)

    def patience(self, now: float) -> float:
        """Seconds that a claim may wait: what is claimed lasts for longer."""
        return min(LONGEST_WAIT, max(0.0, self._next_slot_in(now)) / 2)

    def add(self, claim: Claim) -> None:
        """Take what a claim brought."""
        if self._was_filled and len(self._claimed) < self._unlimited // 4:
            self._unlimited = min(MOST_CLAIMED, 2 * self._unlimited)
        self._was_filled = self._was_filled or bool(claim.messages)
        self._claimed.extend(claim.messages)
        self._dry = len(claim.messages) < claim.slots

    def ask_again_in(self, now: float) -> float:
        """Seconds after a claim before which another one is pointless."""
        if self._dry:
            return self._claim_ahead / 4
        if not self._pace.interval:
            return 0.0
        return max(self._ahead / 4, self._next_slot_in(now) - self._ahead)

    @property
    def low_mark(self) -> int:
        """How many claimed messages are few enough to want more."""
        return self._keep // 2

    def turn_in(self, now: float) -> float:
        """Seconds until the pace lets the next claimed message leave; 0 or less: at once."""
        return self._pacer.due_in(now, self._before_turn)

    def take(self) -> Message:
        """The next message; `had_turn` says when it waits for its turn no more."""
        self._before_turn += 1
        return self._claimed.popleft()

    def had_turn(self) -> None:
        """A message that was taken has been admitted, or will not be sent."""
        self._before_turn -= 1

    @property
    def _keep(self) -> int:
        """How many messages to keep claimed."""
        if self.probing:
            return 1
        if self._pace.interval:
            return min(MOST_CLAIMED, math.ceil((self._ahead + self._pace.tolerance) / self._pace.interval) + 1)
        return self._unlimited

    def _next_slot_in(self, now: float) -> float:
        """Seconds until a message that is not claimed yet could leave."""
        return self._pacer.due_in(now, len(self._claimed) + self._before_turn)

    def _slots_within(self, seconds: float, now: float) -> int:
        """How many messages that are not claimed yet could leave within so many seconds."""
        return math.floor((seconds - self._next_slot_in(now)) / self._pace.interval) + 1
