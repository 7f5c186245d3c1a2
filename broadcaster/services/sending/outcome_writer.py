"""Gets every outcome written: only this process knows it, so it is kept until Postgres, or else the disk, has it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from math import inf
from typing import Protocol
from uuid import UUID, uuid4

import msgspec
import psycopg
import structlog

from broadcaster.services.sending.spool import Spool
from broadcaster.services.sending.store import Ask, Claim, OutcomeRow, SendingStore

log = structlog.get_logger()

LINGER = 0.002
"""Seconds that a lone outcome, or a free place, waits for company: little beside a round trip, and a commit saved."""
MOST = 1000
"""Outcomes that share a commit, at most."""
RETRY = 0.5
"""Seconds between tries to write outcomes, or to learn what became of a claim, while Postgres is away."""
_FAULTS_OF_A_ROW = (psycopg.DataError, psycopg.IntegrityError, ValueError)
"""Whatever else goes wrong says nothing of the rows, and passes."""


class Sender(Protocol):
    """Whoever waits for an outcome to be written."""

    def written(self, row: OutcomeRow, moved: bool) -> None:
        """It is committed; `moved` tells whether it took effect, as far as can be known. Or it is spooled."""


_Outcome = tuple[OutcomeRow, Sender]


class OutcomeWriter:
    """Lives on one event loop; any number of senders write through it at once.

    Outcomes that come while a group is being committed are the next group. How many there can be is bounded by the
    messages in flight.
    """

    def __init__(self, store: SendingStore, spool: Spool, clock: Callable[[], float]) -> None:
        self._store = store
        self._spool = spool
        self._clock = clock
        self._waiting: deque[_Outcome] = deque()
        self._group: list[_Outcome] = []
        """What is being committed, or what was when nothing was heard of it."""
        self._commit_by = inf
        self._is_failing = self._is_stopping = self._has_given_up = False

    def write(self, row: OutcomeRow, sender: Sender) -> None:
        """Write the outcome with the next group, and tell `sender` when that is done."""
        if self._has_given_up:
            self._keep([row])
            return
        if not self._waiting and not self._is_failing:
            self._commit_by = self._clock() + LINGER
        self._waiting.append((row, sender))

    def commit_by(self) -> float:
        """The moment by which to commit what waits; infinity where nothing does."""
        return self._commit_by if self._group or self._waiting else inf

    @property
    def is_behind(self) -> bool:
        """Whether more waits than goes with the next group."""
        return len(self._group) + len(self._waiting) > MOST

    async def turn_over(self, asks: Sequence[Ask], claim: UUID) -> dict[int, Claim]:
        """Commit what waits and claim, in one transaction. Raises what the store does: then what waited waits on."""
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
        # A row that is written again without effect most likely took effect the first time, when nothing was heard.
        self._tell([True] * repeated + moved[repeated:])
        return claims

    def committed(self) -> None:
        """The last `turn_over` was committed after all: what it claimed has been found."""
        self._is_failing = False
        self._tell([True] * len(self._group))

    async def replay(self) -> bool:
        """Write what workers of this host could not, under the same guards; False where that has to wait."""
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
        """From now on what cannot be written at once goes to the spool."""
        self._is_stopping = True
        if self._is_failing:
            self._spool_all()

    def give_up(self) -> None:
        """Spool everything that is not written by now, and what comes yet. Nobody is told any more."""
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
            return await self._store.turn_over(rows, asks, claim)
        except _FAULTS_OF_A_ROW as error:
            if not rows:
                raise
            log.warning("writing outcomes one by one", outcomes=len(rows), error=type(error).__name__)
        moved = [await self._record_alone(row) for row in rows]
        _, claims = await self._store.turn_over((), asks, claim) if asks else ([], {})
        return moved, claims

    async def _record_alone(self, row: OutcomeRow) -> bool:
        """As it is; or what is needed of it; or, if even that is refused, left for recovery."""
        refused = ""
        for each in (row, _bare(row)):
            try:
                [moved], _ = await self._store.turn_over([each], (), uuid4())
            except _FAULTS_OF_A_ROW as error:
                refused = type(error).__name__
            else:
                return moved
        log.error("an outcome cannot be written", campaign=row.campaign_id, message=row.seq, error=refused)
        return False

    def _keep(self, rows: Sequence[OutcomeRow]) -> None:
        if not rows:
            return
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
