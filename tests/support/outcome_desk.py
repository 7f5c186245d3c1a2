"""An outcome writer between a Postgres and a spool that do as a test says, in virtual time.

A loop does here what the drain does: it turns over when what waits is due.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import psycopg
import pytest

from broadcaster.services.sending.outcome_writer import OutcomeWriter
from broadcaster.services.sending.sending_store import Ask, Claim, OutcomeRow, SendingStore
from broadcaster.services.sending.spool import Spool
from tests.support.virtual_time import run_in_virtual_time

COMMIT = 0.004
"""Seconds that a statement takes."""
CLAIM = UUID(int=9)
ASKS = [Ask(1, UUID(int=1), 5), Ask(2, UUID(int=2), 0)]
CLAIMS = {1: Claim(True, 5, []), 2: Claim(True, 0, [])}
"""What the store gives for `ASKS`."""


def row(seq: int, reply: str = "ok") -> OutcomeRow:
    return OutcomeRow(
        segment=0,
        campaign_id=1,
        seq=seq,
        attempt=1,
        claim=UUID(int=7),
        state="sent",
        delay=0.0,
        spent=1,
        outcome="accepted",
        reason="taken",
        http_status=200,
        reply=reply,
        gateway_id="id",
        duration_ms=12,
    )


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Statement:
    """One that was committed."""

    rows: Sequence[OutcomeRow]
    asks: Sequence[Ask]
    claim: UUID

    def seqs(self) -> list[int]:
        return [each.seq for each in self.rows]


@dataclass
class Postgres:
    """What the writer wants of a store. `trouble` is asked before each statement is committed, with its rows."""

    trouble: Callable[[Sequence[OutcomeRow]], Exception | None] = lambda _: None
    began: list[float] = field(default_factory=list)
    committed: list[Statement] = field(default_factory=list)
    takes: float = COMMIT

    async def turn_over(
        self, outcomes: Sequence[OutcomeRow], asks: Sequence[Ask], claim: UUID
    ) -> tuple[list[bool], dict[int, Claim]]:
        self.began.append(now())
        await asyncio.sleep(self.takes)
        if error := self.trouble(outcomes):
            raise error
        self.committed.append(Statement(list(outcomes), list(asks), claim))
        return [True] * len(outcomes), {ask.lane_id: Claim(True, ask.want, []) for ask in asks}

    def seqs(self) -> list[list[int]]:
        return [each.seqs() for each in self.committed]


@dataclass
class Told:
    """A sender, and what it was told and when."""

    written_: list[tuple[int, bool]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)

    def written(self, row: OutcomeRow, moved: bool) -> None:
        self.written_.append((row.seq, moved))
        self.at.append(now())


@dataclass
class Desk:
    """A writer between a Postgres and a spool directory, and what a drain would want of it."""

    directory: Path
    postgres: Postgres = field(default_factory=Postgres)
    told: Told = field(default_factory=Told)
    asks: Sequence[Ask] = ()
    """What is claimed along with every group."""
    claims: list[dict[int, Claim]] = field(default_factory=list)
    look: asyncio.Event = field(default_factory=asyncio.Event)

    def run(self, use: Callable[[OutcomeWriter], Coroutine[Any, Any, object]], *, driven: bool = True) -> None:
        """In virtual time; what is spooled belongs to this process until then."""
        spool = Spool(self.directory)

        async def run() -> None:
            writer = OutcomeWriter(cast(SendingStore, self.postgres), spool, now)
            driving = asyncio.create_task(self.drive(writer)) if driven else None
            await use(writer)
            if driving is not None:
                assert not driving.done() or driving.result()
                driving.cancel()

        run_in_virtual_time(run())
        spool.close()

    async def drive(self, writer: OutcomeWriter) -> None:
        """What the drain does: turn over by the time that what waits is due."""
        while True:
            self.look.clear()
            if now() >= writer.commit_by():
                with suppress(psycopg.OperationalError):
                    self.claims.append(await writer.turn_over(self.asks, CLAIM))
            if not self.look.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.look.wait(), min(writer.commit_by() - now(), 1e6))

    def write(self, writer: OutcomeWriter, *seqs: int) -> None:
        self.write_rows(writer, *map(row, seqs))

    def write_rows(self, writer: OutcomeWriter, *rows: OutcomeRow) -> None:
        for each in rows:
            writer.write(each, self.told)
        self.look.set()

    async def write_unheard(self, writer: OutcomeWriter, *seqs: int) -> None:
        """Write them in a statement of which nothing is heard."""
        self.postgres.trouble = away
        self.write(writer, *seqs)
        with pytest.raises(psycopg.OperationalError):
            await writer.turn_over(ASKS, CLAIM)

    def spooled(self) -> list[int]:
        """What the next worker of this home finds."""
        with pytest.raises(InterruptedError), Spool(self.directory).left_behind() as rows:
            raise InterruptedError  # so that it stays
        return sorted(each.seq for each in rows)


def away(_: object) -> Exception:
    return psycopg.OperationalError("the connection is lost")
