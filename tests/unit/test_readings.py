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


class Source:
    """Counts how often it is read. What it says is how often that was; it can be held up, and fail."""

    def __init__(self) -> None:
        self.reads = 0
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.error: Exception | None = None

    def read(self) -> int:
        self.reads += 1
        assert self.goes_on.wait(30)
        if self.error is not None:
            raise self.error
        return self.reads


@pytest.fixture
def source() -> Iterator[Source]:
    made = Source()
    yield made
    made.goes_on.set()


@asynccontextmanager
async def opened() -> AsyncIterator[Readings]:
    made = Readings()
    try:
        yield made
    finally:
        made.close()


def age(readings: Readings, seconds: float) -> None:
    """Let what is remembered be so much older."""
    for kept in readings._shown.values():
        kept.begun -= seconds
        kept.ended -= seconds


async def settled(readings: Readings) -> None:
    while readings._under_way:
        await asyncio.wait([each.task for each in readings._under_way.values()])
        await asyncio.sleep(0)


def test_a_hundred_who_look_at_once_cost_one_reading(source: Source) -> None:
    async def look() -> None:
        async with opened() as readings:
            found = await asyncio.gather(*(readings.read("key", source.read) for _ in range(100)))
            assert (set(found), source.reads) == ({1}, 1)
            assert await readings.read("other", source.read) == 2

    asyncio.run(look())


def test_it_is_read_again_after_a_second_and_the_former_is_shown_meanwhile(source: Source) -> None:
    async def look() -> None:
        async with opened() as readings:
            assert await readings.read("key", source.read) == 1
            assert await readings.read("key", source.read) == 1
            age(readings, FRESH_SECONDS + 0.1)
            source.goes_on.clear()
            assert [await readings.read("key", source.read) for _ in range(3)] == [1, 1, 1], "nobody waits for it"
            source.goes_on.set()
            await settled(readings)
            assert (await readings.read("key", source.read), source.reads) == (2, 2)
            age(readings, 3600)
            assert await readings.read("key", source.read) == 3, "what is old is not shown"

    asyncio.run(look())


def test_what_takes_long_is_read_as_seldom(source: Source) -> None:
    async def look() -> None:
        async with opened() as readings:
            await readings.read("key", source.read)
            [kept] = readings._shown.values()
            kept.begun = kept.ended - 3.0
            age(readings, COST_SHARE * 3.0 - 1.0)
            assert (await readings.read("key", source.read), source.reads) == (1, 1)

    asyncio.run(look())


def test_what_fails_is_told_to_all_and_tried_again_after_a_second(source: Source) -> None:
    async def look() -> None:
        async with opened() as readings:
            source.error = NotFoundError("none")
            found = await asyncio.gather(
                *(readings.read("key", source.read) for _ in range(9)), return_exceptions=True
            )
            assert {str(each) for each in found} == {"none"}
            with pytest.raises(NotFoundError):
                await readings.read("key", source.read)
            assert source.reads == 1
            [kept] = readings._shown.values()
            kept.begun -= 60.0
            source.error = None
            age(readings, 2 * FRESH_SECONDS)
            assert await readings.read("key", source.read) == 2, "however long it took to fail"

    asyncio.run(look())


def test_nobody_waits_for_ever_and_whoever_leaves_stops_no_one_else(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look() -> None:
        async with opened() as readings:
            source.goes_on.clear()
            leaves = asyncio.ensure_future(readings.read("key", source.read))
            stays = asyncio.ensure_future(readings.read("key", source.read))
            await asyncio.sleep(0)
            leaves.cancel()
            monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.01)
            with pytest.raises(UnavailableError, match="Postgres has not answered"):
                await readings.read("key", source.read)
            source.goes_on.set()
            assert (await stays, source.reads) == (1, 1)

    asyncio.run(look())


def test_what_is_too_old_to_be_shown_is_forgotten(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRESH_SECONDS", 0.01)
    monkeypatch.setattr(module, "COST_SHARE", 0)

    async def look() -> None:
        async with opened() as readings:
            await readings.read("key", source.read)
            await asyncio.sleep(0.05)  # of the loop's timers this one is due last
            assert readings._shown == {}

    asyncio.run(look())


def test_what_very_many_asked_for_is_not_all_remembered(source: Source) -> None:
    async def look() -> None:
        async with opened() as readings:
            for number in range(MOST_KEPT + 5):
                await readings.make(number, partial(asyncio.sleep, 0, number))
            assert len(readings._shown) == MOST_KEPT
            assert 0 not in readings._shown

    asyncio.run(look())
