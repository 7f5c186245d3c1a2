"""What pages show, read and made once for all who look: a hundred open tabs cost one reading a second."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, TypeVar

from broadcaster.errors import UnavailableError

T = TypeVar("T")

FRESH_SECONDS = 1.0
"""For how long something counts as read just now, at least,"""
COST_SHARE = 5
"""and for so many times as long as it took: most of the time nothing is being read."""
LONGEST_FRESH_SECONDS = 60.0
PATIENCE_SECONDS = 10.0
"""How long anybody waits for it."""
MOST_KEPT = 500
"""The most things that are remembered; the longest unused one is forgotten first."""
_THREADS = 8


@dataclass(slots=True)
class _Reading:
    task: asyncio.Future[Any]
    begun: float
    is_made: bool
    """Whether it is made of other readings: what these cost is not its own."""
    ended: float = 0.0

    @property
    def fresh_seconds(self) -> float:
        """What failed is tried again soon, however long that took."""
        if self.is_made or self.task.cancelled() or self.task.exception() is not None:
            return FRESH_SECONDS
        return min(max(FRESH_SECONDS, COST_SHARE * (self.ended - self.begun)), LONGEST_FRESH_SECONDS)


class Readings:
    """Remembers for a moment what was read. To be used on one event loop.

    What fails is remembered as well: while Postgres is away, it is asked once a second, too.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._shown: OrderedDict[Hashable, _Reading] = OrderedDict()
        self._under_way: dict[Hashable, _Reading] = {}
        self._threads = ThreadPoolExecutor(_THREADS, "reading")

    def __len__(self) -> int:
        """How many things are remembered."""
        return len(self._shown)

    async def read(self, key: Hashable, function: Callable[..., T], *arguments: Any) -> T:
        """What a function returns, or returned lately for this `key`. It is called in a thread, and may wait there.

        Raises what it raises, and UnavailableError where it takes longer than PATIENCE_SECONDS.
        """
        return await self._get(key, partial(self.in_thread, function, *arguments), is_made=False)

    async def make(self, key: Hashable, function: Callable[[], Awaitable[T]]) -> T:
        """The same of what is made of other readings."""
        return await self._get(key, function, is_made=True)

    async def in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        """What the function returns, off the event loop, and not remembered."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    def renew(self) -> None:
        """Read all anew: something was changed, so that what was read before, or is being read, may be old."""
        self._shown.clear()
        self._under_way.clear()

    def close(self) -> None:
        """Wait for nothing that is under way."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _get(self, key: Hashable, make: Callable[[], Awaitable[T]], *, is_made: bool) -> T:
        now = self._clock()
        shown = self._shown.get(key)
        age = 0.0 if shown is None else now - shown.ended
        if shown is None or age >= shown.fresh_seconds:
            latest = self._under_way.get(key) or self._begin(key, make, now, is_made)
            # What was read lately is shown while it is read anew, so that nobody waits for that. To make something of
            # other readings takes no time.
            shown = latest if shown is None or is_made or age >= 2 * shown.fresh_seconds else shown
        try:
            # Others wait for it, too.
            found: T = await asyncio.wait_for(asyncio.shield(shown.task), PATIENCE_SECONDS)
        except TimeoutError:
            raise UnavailableError(f"Postgres has not answered for {PATIENCE_SECONDS:g} s") from None
        return found

    def _begin(self, key: Hashable, make: Callable[[], Awaitable[Any]], now: float, is_made: bool) -> _Reading:
        begun = _Reading(asyncio.ensure_future(make()), now, is_made)
        self._under_way[key] = begun
        begun.task.add_done_callback(lambda _: self._end(key, begun))
        return begun

    def _end(self, key: Hashable, reading: _Reading) -> None:
        if not reading.task.cancelled():
            # Whoever waited hears of it; if nobody did, it is no error that was overlooked.
            reading.task.exception()
        if self._under_way.get(key) is not reading:
            return
        del self._under_way[key]
        reading.ended = self._clock()
        self._shown[key] = reading
        self._shown.move_to_end(key)
        while len(self._shown) > MOST_KEPT:
            self._shown.popitem(last=False)
        # What is too old to be shown may be personal, and need not be remembered.
        asyncio.get_running_loop().call_later(2 * reading.fresh_seconds, self._forget, key, reading)

    def _forget(self, key: Hashable, reading: _Reading) -> None:
        if self._shown.get(key) is reading:
            del self._shown[key]
