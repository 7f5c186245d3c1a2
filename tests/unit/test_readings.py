"""What pages read is read once for all who look."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from broadcaster.errors import NotFoundError, UnavailableError
from broadcaster.web import readings as module
from broadcaster.web.readings import COST_SHARE, FRESH_SECONDS, MOST_KEPT, Readings


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Source:
    """Counts how often it is read. What it says is how often that was; it can be held up, take long, and fail."""

    def __init__(self, clock: Clock) -> None:
        self.reads = 0
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.begun = threading.Event()
        self.seconds = 0.0
        self.error: Exception | None = None
        self._clock = clock

    def read(self) -> int:
        self.reads += 1
        number = self.reads
        self.begun.set()
        assert self.goes_on.wait(30)
        self._clock.now += self.seconds
        if self.error is not None:
            raise self.error
        return number


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source(clock: Clock) -> Iterator[Source]:
    made = Source(clock)
    yield made
    made.goes_on.set()


@asynccontextmanager
async def opened(clock: Clock) -> AsyncIterator[Readings]:
    made = Readings(clock)
    try:
        yield made
    finally:
        made.close()


def test_a_hundred_who_look_at_once_cost_one_reading(clock: Clock, source: Source) -> None:
    async def look() -> None:
        async with opened(clock) as readings:
            found = await asyncio.gather(*(readings.read("key", source.read) for _ in range(100)))
            assert (set(found), source.reads) == ({1}, 1)
            assert await readings.read("other", source.read) == 2

    asyncio.run(look())


def test_it_is_read_again_after_a_second_and_the_former_is_shown_meanwhile(clock: Clock, source: Source) -> None:
    async def look() -> None:
        async with opened(clock) as readings:
            assert await readings.read("key", source.read) == 1
            assert await readings.read("key", source.read) == 1
            clock.now += FRESH_SECONDS + 0.1
            source.goes_on.clear()
            assert [await readings.read("key", source.read) for _ in range(3)] == [1, 1, 1], "nobody waits for it"
            source.goes_on.set()
            clock.now += 3600
            assert (await readings.read("key", source.read), source.reads) == (2, 2), "what is old is not shown"

    asyncio.run(look())


def test_what_is_made_of_readings_is_made_anew_and_not_shown_meanwhile(clock: Clock) -> None:
    times = iter(range(1, 9))

    async def made() -> int:
        return next(times)

    async def look() -> None:
        async with opened(clock) as readings:
            assert [await readings.make("page", made) for _ in range(2)] == [1, 1]
            clock.now += FRESH_SECONDS + 0.1
            assert [await readings.make("page", made) for _ in range(2)] == [2, 2]

    asyncio.run(look())


def test_what_takes_long_is_read_as_seldom(clock: Clock, source: Source) -> None:
    async def look() -> None:
        async with opened(clock) as readings:
            source.seconds = 3.0
            await readings.read("key", source.read)
            clock.now += COST_SHARE * source.seconds - 1.0
            assert (await readings.read("key", source.read), source.reads) == (1, 1)
            clock.now += COST_SHARE * source.seconds + 2.0
            assert await readings.read("key", source.read) == 2

    asyncio.run(look())


def test_what_fails_is_told_to_all_and_tried_again_after_a_second(clock: Clock, source: Source) -> None:
    async def look() -> None:
        async with opened(clock) as readings:
            source.error, source.seconds = NotFoundError("none"), 60.0
            looks = [readings.read("key", source.read) for _ in range(9)]
            found = await asyncio.gather(*looks, return_exceptions=True)
            assert {str(each) for each in found} == {"none"}
            with pytest.raises(NotFoundError):
                await readings.read("key", source.read)
            assert source.reads == 1
            source.error = None
            clock.now += 2 * FRESH_SECONDS
            assert await readings.read("key", source.read) == 2, "however long it took to fail"

    asyncio.run(look())


def test_nobody_waits_for_ever_and_whoever_leaves_stops_no_one_else(
    clock: Clock, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look() -> None:
        async with opened(clock) as readings:
            source.goes_on.clear()
            stays = asyncio.ensure_future(readings.read("key", source.read))
            await asyncio.sleep(0)  # so that it begins to wait
            monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.01)
            for _ in range(2):
                with pytest.raises(UnavailableError, match="Postgres has not answered"):
                    await readings.read("key", source.read)
            source.goes_on.set()
            assert (await stays, source.reads) == (1, 1)

    asyncio.run(look())


def test_what_is_too_old_to_be_shown_is_forgotten(
    clock: Clock, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FRESH_SECONDS", 0.01)

    async def look() -> None:
        async with opened(clock) as readings:
            await readings.read("key", source.read)
            assert len(readings) == 1
            await asyncio.sleep(0.05)  # of the loop's timers this one is due last
            assert len(readings) == 0

    asyncio.run(look())


def test_what_very_many_asked_for_is_not_all_remembered(clock: Clock) -> None:
    async def look() -> None:
        async with opened(clock) as readings:
            for number in range(MOST_KEPT + 5):
                await readings.make(number, partial(_same, number))
            assert len(readings) == MOST_KEPT

    asyncio.run(look())


async def _same(number: int) -> int:
    return number


def test_after_a_change_nobody_is_shown_what_was_read_before(clock: Clock, source: Source) -> None:
    async def look() -> list[int]:
        async with opened(clock) as readings:
            first = await readings.read("key", source.read)
            readings.renew()
            second = await readings.read("key", source.read)
            clock.now += FRESH_SECONDS
            source.goes_on.clear()
            source.begun.clear()
            stale = asyncio.ensure_future(readings.read("other", source.read))
            await asyncio.to_thread(source.begun.wait, 30)
            readings.renew()
            source.goes_on.set()
            fresh = await readings.read("other", source.read)
            await stale
            return [first, second, fresh, await readings.read("other", source.read)]

    assert asyncio.run(look()) == [1, 2, 4, 4]
