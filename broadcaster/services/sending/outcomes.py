"""Gets every outcome written: only this process knows it, so it is kept until Postgres, or else the disk, has it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

import msgspec
import psycopg
import structlog

from broadcaster.services.sending.spool import Spool
from broadcaster.services.sending.store import OutcomeRow, SendingStore

log = structlog.get_logger()

LINGER = 0.003
"""Seconds that a lone outcome waits for company: little beside a round trip to the gateway, and a commit saved."""
MOST = 200
"""Outcomes that share a commit, at most."""
RETRY = 0.5
"""Seconds between tries to write outcomes while Postgres is away."""
_FAULTS_OF_A_ROW = (psycopg.DataError, psycopg.IntegrityError, ValueError)
"""Whatever else goes wrong says nothing of the rows, and passes."""


class Sender(Protocol):
    """Whoever waits for an outcome to be written."""

    def written(self, row: OutcomeRow, moved: bool) -> None:
        """It is committed; `moved` tells whether it took effect. Or it is spooled, and has not yet."""


class OutcomeWriter:
    """Lives on one event loop; any number of senders write through it at once.

    Outcomes that come while a group is being committed are the next group. How many there can be is bounded by the
    places in flight, which they keep.
    """

    def __init__(self, store: SendingStore, spool: Spool) -> None:
        self._store = store
        self._spool = spool
        self._waiting: deque[tuple[OutcomeRow, Sender]] = deque()
        self._group: list[tuple[OutcomeRow, Sender]] = []
        """What is being committed."""
        self._writing: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._has_given_up = False

    def write(self, row: OutcomeRow, sender: Sender) -> None:
        """Write the outcome soon, and tell `sender` when it is."""
        if self._has_given_up:
            self._keep([row])
            return
        self._waiting.append((row, sender))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())

    async def replay(self) -> bool:
        """Write what workers of this host could not, under the same guards; False where that has to wait."""
        try:
            with self._spool.left_behind() as rows:
                moved = [
                    each
                    for first in range(0, len(rows), MOST)
                    for each in await self._record(rows[first : first + MOST])
                ]
        except Exception as error:  # noqa: BLE001 - they are safe where they are
            log.warning("outcomes of an earlier worker are left for later", error=type(error).__name__)
            return False
        if moved:
            log.info("outcomes of an earlier worker written", outcomes=len(moved), took_effect=sum(moved))
        return True

    def stop(self) -> None:
        """From now on what cannot be written at once goes to the spool."""
        self._stopping.set()

    def give_up(self) -> None:
        """Spool everything that is not written by now, and what comes yet. Nobody is told any more."""
        self._has_given_up = True
        if self._writing is not None:
            self._writing.cancel()
        left = [*self._group, *self._waiting]
        self._waiting.clear()
        if left:
            self._keep([row for row, _ in left])

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                if len(self._waiting) < MOST:
                    await asyncio.sleep(LINGER)
                self._group = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
                moved = await self._commit([row for row, _ in self._group])
                group, self._group = self._group, []
                for (row, sender), each in zip(group, moved, strict=True):
                    sender.written(row, each)
        finally:
            self._writing = None

    async def _commit(self, rows: Sequence[OutcomeRow]) -> list[bool]:
        """Until Postgres takes them; spooled, and not in effect, where this process ends first."""
        while True:
            try:
                return await self._record(rows)
            except Exception as error:  # noqa: BLE001 - whatever it is, the outcomes are still wanted
                log.warning("outcomes not written yet", outcomes=len(rows), error=type(error).__name__)
            if self._stopping.is_set():
                self._keep(rows)
                return [False] * len(rows)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), RETRY)

    async def _record(self, rows: Sequence[OutcomeRow]) -> list[bool]:
        try:
            return await self._store.record(rows)
        except _FAULTS_OF_A_ROW as error:
            log.warning("writing outcomes one by one", outcomes=len(rows), error=type(error).__name__)
        return [await self._record_alone(row) for row in rows]

    async def _record_alone(self, row: OutcomeRow) -> bool:
        """As it is; or what is needed of it; or, if even that is refused, left for recovery."""
        refused = ""
        for each in (row, _bare(row)):
            try:
                [moved] = await self._store.record([each])
            except _FAULTS_OF_A_ROW as error:
                refused = type(error).__name__
            else:
                return moved
        log.error("an outcome cannot be written", campaign=row.campaign_id, message=row.seq, error=refused)
        return False

    def _keep(self, rows: Sequence[OutcomeRow]) -> None:
        try:
            self._spool.append(rows)
        except OSError as error:
            # Then they are in doubt, which is what nobody knows any more.
            log.error("outcomes are lost", outcomes=len(rows), error=error.strerror, file=error.filename)
        else:
            log.warning("outcomes left to the next worker of this host", outcomes=len(rows))


def _bare(row: OutcomeRow) -> OutcomeRow:
    """Without what the gateway said, which is all of it that we did not make ourselves."""
    reason = "what the gateway said could not be stored"
    return msgspec.structs.replace(row, reason=reason, http_status=None, reply=None, gateway_id=None, duration_ms=None)
