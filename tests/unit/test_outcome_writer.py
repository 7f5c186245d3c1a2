"""Every outcome gets written, in virtual time: in groups, again while Postgres is away, to the disk at the end.

What the statement does with them is tested on Postgres (integration/test_postgres_trouble.py and others).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import psycopg
import pytest

from broadcaster.services.sending.outcomes import LINGER, MOST, RETRY, OutcomeWriter
from broadcaster.services.sending.spool import Spool
from broadcaster.services.sending.store import OutcomeRow, SendingStore
from tests.support.virtual_time import run_in_virtual_time

COMMIT = 0.004
"""Seconds that a statement takes."""


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
class Postgres:
    """What the writer wants of a store. `trouble` is asked before each statement is committed, with its rows."""

    trouble: Callable[[Sequence[OutcomeRow]], Exception | None] = lambda _: None
    began: list[float] = field(default_factory=list)
    groups: list[list[OutcomeRow]] = field(default_factory=list)
    hangs: bool = False

    async def record(self, rows: Sequence[OutcomeRow]) -> list[bool]:
        self.began.append(now())
        await asyncio.sleep(1e6 if self.hangs else COMMIT)
        if error := self.trouble(rows):
            raise error
        self.groups.append(list(rows))
        return [True] * len(rows)

    def seqs(self) -> list[list[int]]:
        return [[each.seq for each in group] for group in self.groups]


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
    """A writer between a Postgres and a spool directory."""

    directory: Path
    postgres: Postgres = field(default_factory=Postgres)
    told: Told = field(default_factory=Told)

    def run(self, use: Callable[[OutcomeWriter], Coroutine[Any, Any, object]]) -> None:
        """In virtual time; what is spooled belongs to this process until then."""
        spool = Spool(self.directory)

        async def run() -> None:
            await use(OutcomeWriter(cast(SendingStore, self.postgres), spool))

        run_in_virtual_time(run())
        spool.close()

    def write(self, writer: OutcomeWriter, *seqs: int) -> None:
        for seq in seqs:
            writer.write(row(seq), self.told)

    def spooled(self) -> list[int]:
        """What the next worker of this host finds."""
        with pytest.raises(InterruptedError), Spool(self.directory).left_behind() as rows:
            raise InterruptedError  # so that it stays
        return sorted(each.seq for each in rows)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "spool")


def away(_: object) -> Exception:
    return psycopg.OperationalError("the connection is lost")


# Groups


def test_outcomes_that_come_close_together_share_a_commit(desk: Desk) -> None:
    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1)
        await asyncio.sleep(LINGER / 2)
        desk.write(writer, 2, 3)
        await asyncio.sleep(1)

    desk.run(use)
    assert desk.postgres.seqs() == [[1, 2, 3]]
    assert desk.told.written_ == [(1, True), (2, True), (3, True)]
    assert desk.told.at[0] == pytest.approx(LINGER + COMMIT, abs=1e-4)


def test_outcomes_that_come_during_a_commit_are_the_next_group(desk: Desk) -> None:
    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1)
        await asyncio.sleep(LINGER + COMMIT / 2)
        desk.write(writer, 2, 3)
        await asyncio.sleep(1)
        desk.write(writer, 4)
        await asyncio.sleep(1)

    desk.run(use)
    assert desk.postgres.seqs() == [[1], [2, 3], [4]]


def test_a_full_group_waits_for_nobody_and_none_is_larger(desk: Desk) -> None:
    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, *range(2 * MOST + 1))
        await asyncio.sleep(1)

    desk.run(use)
    assert [len(group) for group in desk.postgres.groups] == [MOST, MOST, 1]
    assert desk.postgres.began[:2] == pytest.approx([0.0, COMMIT], abs=1e-4)
    assert [seq for seq, _ in desk.told.written_] == list(range(2 * MOST + 1))


def test_a_sender_is_told_of_what_did_not_take_effect(desk: Desk) -> None:
    async def late(_: Sequence[OutcomeRow]) -> list[bool]:
        return [True, False]

    desk.postgres.record = late  # type: ignore[method-assign]  # one that a recovery was faster than

    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1, 2)
        await asyncio.sleep(1)

    desk.run(use)
    assert desk.told.written_ == [(1, True), (2, False)]


# Trouble


def test_outcomes_are_tried_again_until_postgres_takes_them_and_nobody_is_told_before(desk: Desk) -> None:
    desk.postgres.trouble = away

    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1, 2)
        await asyncio.sleep(10)
        assert desk.told.written_ == []
        desk.write(writer, 3)
        desk.postgres.trouble = lambda _: None
        await asyncio.sleep(1)

    desk.run(use)
    assert desk.postgres.seqs() == [[1, 2], [3]]
    assert desk.told.written_ == [(1, True), (2, True), (3, True)]
    assert len(desk.postgres.began) == pytest.approx(10 / (RETRY + COMMIT), abs=3)
    assert desk.spooled() == []


@pytest.mark.parametrize("refused", [psycopg.DataError("out of range"), ValueError("no JSON")])
def test_one_bad_row_is_written_as_far_as_can_be_and_its_neighbours_as_they_are(
    desk: Desk, refused: Exception
) -> None:
    desk.postgres.trouble = lambda rows: refused if any(each.reply == "bad" for each in rows) else None

    async def use(writer: OutcomeWriter) -> None:
        for each in (row(1), row(2, "bad"), row(3)):
            writer.write(each, desk.told)
        await asyncio.sleep(1)

    desk.run(use)
    first, bad, last = [written for [written] in desk.postgres.groups]
    assert [(each.seq, each.reply) for each in (first, last)] == [(1, "ok"), (3, "ok")]
    assert (bad.seq, bad.state, bad.outcome, bad.claim) == (2, "sent", "accepted", UUID(int=7))
    assert (bad.reply, bad.http_status, bad.gateway_id, bad.duration_ms) == (None, None, None, None)
    assert desk.told.written_ == [(1, True), (2, True), (3, True)]


def test_a_row_that_is_refused_even_bare_is_left_to_recovery_and_holds_up_nobody(desk: Desk) -> None:
    desk.postgres.trouble = lambda rows: (
        psycopg.errors.CheckViolation("no") if any(each.seq == 2 for each in rows) else None
    )

    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1, 2, 3)
        await asyncio.sleep(1)

    desk.run(use)
    assert desk.postgres.seqs() == [[1], [3]]
    assert desk.told.written_ == [(1, True), (2, False), (3, True)]


def test_trouble_of_postgres_while_rows_are_written_one_by_one_loses_none(desk: Desk) -> None:
    troubles = iter([psycopg.DataError("out of range"), None, away(0)])
    desk.postgres.trouble = lambda _: next(troubles, None)

    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1, 2, 3)
        await asyncio.sleep(2)

    desk.run(use)
    assert desk.postgres.seqs() == [[1], [1, 2, 3]]
    assert desk.told.written_ == [(1, True), (2, True), (3, True)]


# The end


def test_a_writer_that_stops_spools_what_it_cannot_write_at_once_and_goes_on_writing_what_it_can(desk: Desk) -> None:
    desk.postgres.trouble = away

    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1, 2)
        await asyncio.sleep(0.1)
        asked = now()
        writer.stop()
        await asyncio.sleep(0.1)
        assert desk.told.written_ == [(1, False), (2, False)]
        assert desk.told.at[-1] - asked < 2 * COMMIT, "it waits for the next try no longer"
        desk.postgres.trouble = lambda _: None
        desk.write(writer, 3)
        await asyncio.sleep(0.1)
        desk.postgres.trouble = away
        desk.write(writer, 4)
        await asyncio.sleep(0.1)

    desk.run(use)
    assert desk.told.written_[2:] == [(3, True), (4, False)]
    assert desk.postgres.seqs() == [[3]]
    assert desk.spooled() == [1, 2, 4]


def test_giving_up_while_a_commit_hangs_spools_that_group_all_that_wait_and_what_comes_yet(desk: Desk) -> None:
    desk.postgres.hangs = True

    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1, 2)
        await asyncio.sleep(LINGER * 2)
        desk.write(writer, 3)
        await asyncio.sleep(5)
        assert desk.told.written_ == []
        writer.stop()
        writer.give_up()
        desk.write(writer, 4)
        await asyncio.sleep(5)
        desk.write(writer, 5)
        await asyncio.sleep(5)

    desk.run(use)
    assert len(desk.postgres.began) == 1
    assert desk.told.written_ == []
    assert desk.spooled() == [1, 2, 3, 4, 5]


def test_giving_up_before_a_group_was_begun_spools_it(desk: Desk) -> None:
    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1)
        await asyncio.sleep(LINGER / 2)
        writer.give_up()
        await asyncio.sleep(1)

    desk.run(use)
    assert desk.postgres.began == []
    assert desk.spooled() == [1]


def test_a_writer_with_nothing_left_leaves_nothing_behind(desk: Desk) -> None:
    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1)
        await asyncio.sleep(1)
        writer.stop()
        writer.give_up()

    desk.run(use)
    assert desk.spooled() == []
    assert not desk.directory.exists()


def test_what_neither_postgres_nor_the_disk_takes_holds_up_nobody(desk: Desk) -> None:
    desk.directory.write_text("in the way")
    desk.postgres.trouble = away

    async def use(writer: OutcomeWriter) -> None:
        writer.stop()
        desk.write(writer, 1)
        await asyncio.sleep(0.1)

    desk.run(use)
    assert desk.told.written_ == [(1, False)]


# What others left


def left_behind(desk: Desk, *seqs: int) -> None:
    spool = Spool(desk.directory)
    spool.append([row(seq) for seq in seqs])
    spool.close()


def test_what_others_left_is_written_in_groups_once(desk: Desk) -> None:
    left_behind(desk, *range(MOST))
    left_behind(desk, MOST)

    async def use(writer: OutcomeWriter) -> None:
        assert await writer.replay()
        assert await writer.replay()

    desk.run(use)
    assert [len(group) for group in desk.postgres.groups] == [MOST, 1]
    assert sorted(seq for group in desk.postgres.seqs() for seq in group) == list(range(MOST + 1))
    assert desk.spooled() == []


def test_what_others_left_is_kept_until_postgres_takes_it(desk: Desk) -> None:
    left_behind(desk, 1, 2)
    desk.postgres.trouble = away

    async def use(writer: OutcomeWriter) -> None:
        assert not await writer.replay()
        assert desk.spooled() == [1, 2]
        desk.postgres.trouble = lambda _: None
        assert await writer.replay()

    desk.run(use)
    assert desk.postgres.seqs() == [[1, 2]]


def test_what_a_living_process_spooled_is_left_to_it(desk: Desk) -> None:
    living = Spool(desk.directory)
    living.append([row(1)])

    async def use(writer: OutcomeWriter) -> None:
        assert await writer.replay()

    desk.run(use)
    assert desk.postgres.groups == []
    living.close()
    assert desk.spooled() == [1]
