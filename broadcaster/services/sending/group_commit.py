"""Lets many messages share one statement and one commit."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Row = TypeVar("Row")


class GroupCommit(Generic[Row]):
    """Collects rows while a write is under way, and writes all that came in the next one.

    Under load the groups grow by themselves; when idle a row waits for `linger` seconds at most.
    """

    def __init__(
        self, write: Callable[[Sequence[Row]], Awaitable[Sequence[bool]]], *, linger: float, most: int
    ) -> None:
        """`write` commits rows and tells for each, in order, whether it took effect."""
        self._write = write
        self._linger = linger
        self._most = most
        self._waiting: deque[tuple[Row, asyncio.Future[bool]]] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def commit(self, row: Row) -> bool:
        """Whether the row took effect, once that is committed. Raises what `write` raised for its group."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((row, future))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())
        return await future

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                if len(self._waiting) < self._most:
                    await asyncio.sleep(self._linger)
                group = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
                await self._write_group(group)
        finally:
            self._writer = None

    async def _write_group(self, group: list[tuple[Row, asyncio.Future[bool]]]) -> None:
        try:
            results = await self._write([row for row, _ in group])
        except Exception as error:  # noqa: BLE001 - whatever it is, every waiter has to hear of it
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(group, results, strict=True):
            if not future.done():
                future.set_result(result)
