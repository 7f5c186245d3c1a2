"""For how long it holds what a claim saw of opt-outs, and who has opted out since (invariant I10).

A claim skips whoever had opted out when its snapshot was taken. An opt-out that is committed later is not in it, and
the message is this process's by then. Nothing may leave one second after that commit. The commit came after the claim
was sent to Postgres: so, counted from there, what the claim saw holds for a little less than that second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from broadcaster.services.sending.sending_store import Message, SendingStore

HOLDS = 0.8
"""Seconds for which it holds who had opted out: so long a request may start."""
LEAVES_WITHIN = 0.9
"""Seconds from the same moment within which its body must leave. In between it gets its connection; what is left of
the second is its way to the gateway."""


@dataclass(slots=True)
class _Waiting:
    phone: str
    lane_id: int
    campaign_id: int
    seen: float
    has_opted_out: bool = False


class OptOutWatch:
    """The claimed messages of a process that have not left yet. It lives on one event loop.

    A message that waits longer than `HOLDS` seconds before its request is looked up anew, and all others that wait are
    looked up with it, in one statement.
    """

    def __init__(self, store: SendingStore, clock: Callable[[], float]) -> None:
        """`clock` is that of the send path: what it says cannot be set back, and includes suspensions."""
        self._store = store
        self._clock = clock
        self._waiting: dict[tuple[int, int], _Waiting] = {}
        self._looking: asyncio.Task[None] | None = None

    def add(self, messages: Sequence[Message], lane_id: int, seen: float) -> None:
        """Watch messages of a claim that was sent to Postgres at `seen`, or later, on the clock."""
        for each in messages:
            self._waiting[each.campaign_id, each.seq] = _Waiting(each.phone, lane_id, each.campaign_id, seen)

    def drop(self, message: Message) -> None:
        """It does not wait any more."""
        del self._waiting[message.campaign_id, message.seq]

    def is_known(self, message: Message) -> bool:
        """Whether it still holds what is known of its phone."""
        return self._clock() < self._waiting[message.campaign_id, message.seq].seen + HOLDS

    def has_opted_out(self, message: Message) -> bool:
        """Whether its phone had opted out when it was last looked up."""
        return self._waiting[message.campaign_id, message.seq].has_opted_out

    def leaves_until(self, message: Message) -> float:
        """The moment from which on it may not leave any more by what is known of its phone."""
        return self._waiting[message.campaign_id, message.seq].seen + LEAVES_WITHIN

    async def look_again(self) -> None:
        """Look up all that wait. Who calls meanwhile shares the statement. Raises what the store raises."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
            self._looking.add_done_callback(self._looked)
        await asyncio.shield(self._looking)

    async def _look(self) -> None:
        seen = self._clock()
        waiting = list(self._waiting.values())
        opted_out = await self._store.opted_out(
            [each.phone for each in waiting],
            [each.lane_id for each in waiting],
            [each.campaign_id for each in waiting],
        )
        for place, each in enumerate(waiting):
            each.seen = seen
            each.has_opted_out = place in opted_out

    def _looked(self, look: asyncio.Task[None]) -> None:
        self._looking = None
        if not look.cancelled():
            look.exception()  # whoever waited for it has been told
