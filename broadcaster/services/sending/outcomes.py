"""Gets every outcome written: only this process knows it, so it is kept until Postgres, or else the disk, has it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import msgspec
import psycopg
import structlog

from broadcaster.services.sending.group_commit import GroupCommit
from broadcaster.services.sending.spool import Spool
from broadcaster.services.sending.store import OutcomeRow, SendingStore

log = structlog.get_logger()

RETRY = 0.5
"""Seconds between tries to write an outcome while Postgres is away."""
MOST_WAITING = 2000
"""Outcomes kept in memory from which on nothing more is claimed; each is at most about 3 KB."""
_FAULTS_OF_A_ROW = (psycopg.DataError, psycopg.IntegrityError, ValueError)
"""Whatever else goes wrong says nothing of the rows, and passes."""


class OutcomeWriter:
    """Lives on one event loop; any number of senders write through it at once."""

    def __init__(self, store: SendingStore, spool: Spool, *, linger: float, most: int) -> None:
        """`linger` and `most` are the group commit's."""
        self._store = store
        self._spool = spool
        self._group = GroupCommit(self._write_group, linger=linger, most=most)
        self._waiting: set[OutcomeRow] = set()
        self._stopping = asyncio.Event()

    @property
    def is_full(self) -> bool:
        """Whether so many outcomes wait that no more should be caused."""
        return len(self._waiting) >= MOST_WAITING

    async def write(self, row: OutcomeRow) -> bool:
        """Whether the outcome took effect; returns once it is written, or spooled because this process ends."""
        self._waiting.add(row)
        while row in self._waiting:
            try:
                moved = await self._group.commit(row)
            except Exception:  # noqa: BLE001 - logged for its whole group
                if self._stopping.is_set():
                    self._keep([row])
                else:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._stopping.wait(), RETRY)
            else:
                self._waiting.discard(row)
                return moved
        return False

    async def replay(self) -> bool:
        """Write what workers of this host could not, under the same guards; False where that has to wait."""
        try:
            with self._spool.left_behind() as rows:
                moved = await asyncio.gather(*(self._group.commit(row) for row in rows))
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
        """Spool everything that is not written by now."""
        if self._waiting:
            self._keep(list(self._waiting))

    def _keep(self, rows: Sequence[OutcomeRow]) -> None:
        self._waiting.difference_update(rows)
        try:
            self._spool.append(rows)
        except OSError as error:
            # Then they are in doubt, which is what nobody knows any more.
            log.error("outcomes are lost", outcomes=len(rows), error=error.strerror, file=error.filename)
        else:
            log.warning("outcomes left to the next worker of this host", outcomes=len(rows))

    async def _write_group(self, rows: Sequence[OutcomeRow]) -> list[bool]:
        try:
            return await self._store.record(rows)
        except _FAULTS_OF_A_ROW as error:
            log.warning("writing outcomes one by one", outcomes=len(rows), error=type(error).__name__)
        except Exception as error:
            log.warning("outcomes not written yet", outcomes=len(rows), error=type(error).__name__)
            raise
        return [await self._write_alone(row) for row in rows]

    async def _write_alone(self, row: OutcomeRow) -> bool:
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


def _bare(row: OutcomeRow) -> OutcomeRow:
    """Without what the gateway said, which is all of it that we did not make ourselves."""
    reason = "what the gateway said could not be stored"
    return msgspec.structs.replace(row, reason=reason, http_status=None, reply=None, gateway_id=None, duration_ms=None)
