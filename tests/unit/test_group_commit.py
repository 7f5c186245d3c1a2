"""Many messages, one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from broadcaster.services.sending.group_commit import GroupCommit


class Written:
    """Remembers the groups; a write takes until it is let go."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.begun = asyncio.Event()
        self.go = asyncio.Event()

    async def write(self, rows: Sequence[int]) -> list[bool]:
        self.groups.append(list(rows))
        self.begun.set()
        await self.go.wait()
        if -1 in rows:
            raise ConnectionError("away")
        return [row % 2 == 0 for row in rows]


def test_what_comes_during_a_write_goes_together_in_the_next_one() -> None:
    async def story() -> list[list[int]]:
        written = Written()
        group = GroupCommit(written.write, linger=0, most=100)
        first = asyncio.create_task(group.commit(0))
        await written.begun.wait()
        rest = [asyncio.create_task(group.commit(n)) for n in range(1, 50)]
        await asyncio.sleep(0)
        written.go.set()
        await asyncio.gather(first, *rest)
        return written.groups

    assert asyncio.run(story()) == [[0], list(range(1, 50))]


def test_each_row_hears_its_own_result() -> None:
    async def story() -> list[bool]:
        written = Written()
        written.go.set()
        group = GroupCommit(written.write, linger=0, most=7)
        return await asyncio.gather(*(group.commit(n) for n in range(20)))

    assert asyncio.run(story()) == [n % 2 == 0 for n in range(20)]


def test_no_group_is_larger_than_the_most() -> None:
    async def story() -> list[list[int]]:
        written = Written()
        written.go.set()
        group = GroupCommit(written.write, linger=0, most=7)
        await asyncio.gather(*(group.commit(n) for n in range(20)))
        return written.groups

    assert [len(group) for group in asyncio.run(story())] == [7, 7, 6]


def test_a_write_that_fails_is_heard_by_its_group_and_by_nobody_else() -> None:
    async def story() -> bool:
        written = Written()
        written.go.set()
        group = GroupCommit(written.write, linger=0, most=100)
        with pytest.raises(ConnectionError):
            await group.commit(-1)
        return await group.commit(2)

    assert asyncio.run(story()) is True


def test_a_waiter_that_gave_up_does_not_disturb_its_group() -> None:
    async def story() -> bool:
        written = Written()
        group = GroupCommit(written.write, linger=0, most=100)
        gone, stays = asyncio.create_task(group.commit(0)), asyncio.create_task(group.commit(2))
        await written.begun.wait()
        gone.cancel()
        await asyncio.sleep(0)
        written.go.set()
        return await stays

    assert asyncio.run(story()) is True
