"""Gets every outcome written. Only this process knows an outcome, so it is kept until Postgres or the disk has it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from math import inf
from typing import Protocol
from uuid import UUID, uuid4

import msgspec
import psycopg
import structlog

from broadcaster.services.sending.followed import Follower, Traced
from broadcaster.services.sending.sending_store import Ask, Claim, OutcomeRow, SendingStore
from broadcaster.services.sending.spool import Spool
from broadcaster.services.sending.work_meter import WorkMeter

log = structlog.get_logger()

LINGER = 0.002
"""A lone outcome or free place waits this many seconds for company. That is little beside a round trip and saves a
commit."""
MOST = 1000
"""At most this many outcomes share a commit."""
RETRY = 0.5
"""While Postgres is away, outcomes are tried again, and lost claims read back, after this many seconds."""
_FAULTS_OF_A_ROW = (psycopg.DataError, psycopg.IntegrityError, ValueError)
"""Errors that blame the rows themselves. All others say nothing about the rows, and pass."""


class Sender(Protocol):
    """Whoever waits for an outcome to be written."""

    def written(self, row: OutcomeRow, moved: bool) -> None:
        """The outcome is committed or spooled. `moved` tells whether it took effect, as far as can be known."""


_Outcome = tuple[OutcomeRow, Sender]


class OutcomeWriter:
    """Lives on one event loop; any number of senders write through it at once.

    Outcomes that come while a group is being committed form the next group. Its size is bounded by the messages in
    flight.
    """

    def __init__(
        self, store: SendingStore, spool: Spool, clock: Callable[[], float], follower: Follower | None = None
    ) -> None:
        self._store = store
        self._spool = spool
        self._clock = clock
        self._follower = follower
        self.meter = WorkMeter()
        self._waiting: deque[_Outcome] = deque()
        self._group: list[_Outcome] = []
        """The outcomes being committed, or those whose commit was not heard."""
        self._commit_by = inf
        self._is_failing = self._is_stopping = self._has_given_up = False

    def write(self, row: OutcomeRow, sender: Sender) -> None:
        """Write the outcome with the next group, and tell `sender` when it is written."""
        if self._has_given_up:
            self._keep([row])
            return
        if not self._waiting and not self._is_failing:
            self._commit_by = self._clock() + LINGER
        self._waiting.append((row, sender))

    def commit_by(self) -> float:
        """The moment by which to commit waiting outcomes; infinity if none wait."""
        return self._commit_by if self._group or self._waiting else inf

    @property
    def is_behind(self) -> bool:
        """Whether more outcomes wait than fit into the next group."""
        return len(self._group) + len(self._waiting) > MOST

    async def turn_over(self, asks: Sequence[Ask], claim: UUID) -> dict[int, Claim]:
        """Commit waiting outcomes and claim, in one transaction. If the store raises, the outcomes wait on."""
        self._is_failing = False
        repeated = len(self._group)
        self._group += [self._waiting.popleft() for _ in range(min(MOST - len(self._group), len(self._waiting)))]
        try:
            moved, claims = await self._commit([row for row, _ in self._group], asks, claim)
        except Exception:
            self._is_failing = True
            self._commit_by = self._clock() + RETRY
            if self._is_stopping:
                self._spool_all()
            raise
        # A repeated write without effect most likely took effect the first time, when the answer was lost.
        self._tell([True] * repeated + moved[repeated:])
        return claims

    def committed(self) -> None:
        """The last `turn_over` was committed after all: its claim has been found."""
        self._is_failing = False
        self._tell([True] * len(self._group))

    async def replay(self) -> bool:
        """Write what workers of this home left in the spool, under the same guards. False: it has to wait."""
        took_effect: list[bool] = []
        try:
            with self._spool.left_behind() as rows:
                for first in range(0, len(rows), MOST):
                    moved, _ = await self._commit(rows[first : first + MOST], (), uuid4())
                    took_effect += moved
        except Exception as error:  # noqa: BLE001 - they are safe where they are
            log.warning("outcomes of an earlier worker are left for later", error=type(error).__name__)
            return False
        if took_effect:
            log.info("outcomes of an earlier worker written", outcomes=len(rows), took_effect=sum(took_effect))
        return True

    def stop(self) -> None:
        """From now on outcomes that cannot be written at once go to the spool."""
        self._is_stopping = True
        if self._is_failing:
            self._spool_all()

    def give_up(self) -> None:
        """Spool every unwritten outcome, and every later one. No sender is told any more."""
        self._has_given_up = True
        self._keep([row for row, _ in (*self._group, *self._waiting)])
        self._group, self._waiting = [], deque()

    def _tell(self, moved: Sequence[bool]) -> None:
        group, self._group = self._group, []
        for (row, sender), each in zip(group, moved, strict=not self._has_given_up):
            sender.written(row, each)

    def _spool_all(self) -> None:
        self._group += self._waiting
        self._waiting.clear()
        self._is_failing = False
        self._keep([row for row, _ in self._group])
        self._tell([False] * len(self._group))

    async def _commit(
        self, rows: Sequence[OutcomeRow], asks: Sequence[Ask], claim: UUID
    ) -> tuple[list[bool], dict[int, Claim]]:
        try:
            return await self._turn_over(rows, asks, claim)
        except _FAULTS_OF_A_ROW as error:
            if not rows:
                raise
            log.warning("writing outcomes one by one", outcomes=len(rows), error=type(error).__name__)
        moved = [await self._record_alone(row) for row in rows]
        _, claims = await self._turn_over((), asks, claim) if asks else ([], {})
        return moved, claims

    async def _turn_over(
        self, rows: Sequence[OutcomeRow], asks: Sequence[Ask], claim: UUID
    ) -> tuple[list[bool], dict[int, Claim]]:
        began = self._clock()
        moved, claims = await self._store.turn_over(rows, asks, claim)
        ended = self._clock()
        if self._follower is not None:
            self._follower.committed((Traced(row.campaign_id, row.seq, row.attempt) for row in rows), began, ended)
            messages = (message for each in claims.values() for message in each.messages)
            traced = (Traced(each.campaign_id, each.seq, each.attempt) for each in messages)
            self._follower.claimed(traced, began, ended)
        claimed = sum(len(each.messages) for each in claims.values())
        self.meter.turned_over(ended - began, len(rows), claimed)
        return moved, claims

    async def _record_alone(self, row: OutcomeRow) -> bool:
        """Write the row as it is; else without the gateway's words; else leave it for recovery."""
        refused = ""
        for each in (row, _bare(row)):
            try:
                [moved], _ = await self._store.turn_over([each], (), uuid4())
            except _FAULTS_OF_A_ROW as error:
                refused = type(error).__name__
            else:
                return moved
        of = {"campaign_id": row.campaign_id, "seq": row.seq, "attempt": row.attempt, "claim": str(row.claim)}
        log.error("an outcome cannot be written", **of, error=refused)
        return False

    def _keep(self, rows: Sequence[OutcomeRow]) -> None:
        if not rows:
            return
        try:
            self._spool.append(rows)
        except OSError as error:
            # Then the messages are in doubt: nobody knows their outcomes any more.
            log.error("outcomes are lost", outcomes=len(rows), error=error.strerror, file=error.filename)
        else:
            log.warning("outcomes left to the next worker of this home", outcomes=len(rows))


def _bare(row: OutcomeRow) -> OutcomeRow:
    """The row without the gateway's words: everything else in it is our own."""
    reason = "what the gateway said could not be stored"
    return msgspec.structs.replace(row, reason=reason, http_status=None, reply=None, gateway_id=None, duration_ms=None)
