"""Every outcome gets written, in virtual time: in groups, again while Postgres is away, to the disk at the end.

A loop does here what the drain does: it turns over when what waits is due. What the statement does with outcomes and
claims is tested on Postgres (integration/test_postgres_trouble.py and others).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import psycopg
import pytest

from broadcaster.services.sending.outcomes import LINGER, MOST, RETRY, OutcomeWriter
from broadcaster.services.sending.spool import Spool
from broadcaster.services.sending.store import Ask, Claim, OutcomeRow, SendingStore
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


def test_no_group_is_larger_than_the_most_and_what_is_left_of_it_follows_at_once(desk: Desk) -> None:
    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, *range(2 * MOST + 1))
        await asyncio.sleep(1)

    desk.run(use)
    assert [len(each.rows) for each in desk.postgres.committed] == [MOST, MOST, 1]
    assert desk.postgres.began[0] <= LINGER + 1e-4
    assert [b - a for a, b in pairwise(desk.postgres.began)] == pytest.approx([COMMIT, COMMIT], abs=1e-4)
    assert [seq for seq, _ in desk.told.written_] == list(range(2 * MOST + 1))


def test_what_waits_is_due_a_little_after_the_first_of_it_and_nothing_is_due_where_nothing_waits(desk: Desk) -> None:
    async def use(writer: OutcomeWriter) -> None:
        assert writer.commit_by() == inf
        await asyncio.sleep(1)
        first = now()
        desk.write(writer, 1)
        await asyncio.sleep(LINGER / 2)
        desk.write(writer, 2)
        assert writer.commit_by() == first + LINGER
        turning_over = asyncio.create_task(writer.turn_over((), CLAIM))
        await asyncio.sleep(COMMIT / 2)
        next_ = now()
        desk.write(writer, 3)
        await turning_over
        assert writer.commit_by() == next_ + LINGER
        await writer.turn_over((), CLAIM)
        assert writer.commit_by() == inf

    desk.run(use, driven=False)
    assert desk.postgres.seqs() == [[1, 2], [3]]


def test_it_is_behind_while_more_waits_than_goes_with_one_commit(desk: Desk) -> None:
    was_behind = {}

    async def use(writer: OutcomeWriter) -> None:
        was_behind["nothing waits"] = writer.is_behind
        desk.write(writer, *range(MOST))
        was_behind["as much waits as goes"] = writer.is_behind
        desk.write(writer, MOST)
        was_behind["one more waits"] = writer.is_behind
        desk.postgres.trouble = away
        with pytest.raises(psycopg.OperationalError):
            await writer.turn_over((), CLAIM)
        was_behind["none was committed"] = writer.is_behind
        desk.postgres.trouble = lambda _: None
        await writer.turn_over((), CLAIM)
        was_behind["the one waits"] = writer.is_behind
        assert writer.commit_by() < inf

    desk.run(use, driven=False)
    assert was_behind == {
        "nothing waits": False,
        "as much waits as goes": False,
        "one more waits": True,
        "none was committed": True,
        "the one waits": False,
    }


def test_a_sender_is_told_of_what_did_not_take_effect(desk: Desk) -> None:
    class Late(Postgres):
        async def turn_over(
            self, outcomes: Sequence[OutcomeRow], asks: Sequence[Ask], claim: UUID
        ) -> tuple[list[bool], dict[int, Claim]]:
            await super().turn_over(outcomes, asks, claim)
            return [True, False], {}  # a recovery was faster

    desk.postgres = Late()

    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1, 2)
        await asyncio.sleep(1)

    desk.run(use)
    assert desk.told.written_ == [(1, True), (2, False)]


# Claims


def test_claims_go_in_the_same_statement_as_the_outcomes(desk: Desk) -> None:
    desk.asks = ASKS

    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1, 2)
        await asyncio.sleep(1)

    desk.run(use)
    assert desk.postgres.committed == [Statement(desk.postgres.committed[0].rows, ASKS, CLAIM)]
    assert desk.postgres.seqs() == [[1, 2]]
    assert desk.claims == [CLAIMS]


def test_a_claim_waits_for_no_outcomes(desk: Desk) -> None:
    async def use(writer: OutcomeWriter) -> None:
        assert await writer.turn_over(ASKS, CLAIM) == CLAIMS

    desk.run(use, driven=False)
    assert desk.postgres.committed == [Statement([], ASKS, CLAIM)]


def test_senders_know_of_their_outcomes_before_anybody_knows_of_the_claims(desk: Desk) -> None:
    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1, 2)
        turning_over = asyncio.create_task(writer.turn_over(ASKS, CLAIM))
        await asyncio.sleep(COMMIT / 2)
        assert desk.told.written_ == []
        assert await turning_over == CLAIMS
        assert desk.told.written_ == [(1, True), (2, True)]

    desk.run(use, driven=False)


@pytest.mark.parametrize("error", [psycopg.OperationalError("away"), psycopg.DataError("out of range")])
def test_whatever_a_claim_alone_comes_to_is_for_the_caller(desk: Desk, error: Exception) -> None:
    desk.postgres.trouble = lambda _: error

    async def use(writer: OutcomeWriter) -> None:
        with pytest.raises(type(error)):
            await writer.turn_over(ASKS, CLAIM)

    desk.run(use, driven=False)
    assert len(desk.postgres.began) == 1


def test_a_claim_that_fails_after_bad_rows_were_written_one_by_one_loses_none_of_them(desk: Desk) -> None:
    troubles = iter([psycopg.DataError("out of range"), None, None, away(0)])
    desk.postgres.trouble = lambda _: next(troubles, None)
    desk.asks = ASKS

    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1, 2)
        await asyncio.sleep(RETRY / 2)
        assert desk.told.written_ == [], "where a claim is not heard, nothing of its statement is"
        await asyncio.sleep(RETRY)

    desk.run(use)
    assert desk.postgres.seqs() == [[1], [2], [1, 2]]
    assert desk.told.written_ == [(1, True), (2, True)]
    assert desk.claims == [CLAIMS]


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
    assert desk.postgres.seqs() == [[1, 2, 3]]
    assert desk.told.written_ == [(1, True), (2, True), (3, True)]
    assert len(desk.postgres.began) == pytest.approx(10 / (RETRY + COMMIT), abs=3)
    assert desk.spooled() == []


def test_what_comes_while_postgres_is_away_hurries_no_try(desk: Desk) -> None:
    desk.postgres.trouble = away

    async def use(writer: OutcomeWriter) -> None:
        with pytest.raises(psycopg.OperationalError):
            await writer.turn_over(ASKS, CLAIM)
        failed = now()
        await asyncio.sleep(RETRY / 2)
        desk.write(writer, 1)
        assert writer.commit_by() == failed + RETRY
        with pytest.raises(psycopg.OperationalError):
            await writer.turn_over(ASKS, CLAIM)
        assert writer.commit_by() == now() + RETRY
        desk.postgres.trouble = lambda _: None
        assert await writer.turn_over(ASKS, CLAIM) == CLAIMS
        desk.write(writer, 2)
        assert writer.commit_by() == now() + LINGER, "all is well again"

    desk.run(use, driven=False)
    assert desk.postgres.seqs() == [[1]]


def test_what_is_not_committed_stays_in_order_in_front_of_what_came_later(desk: Desk) -> None:
    desk.postgres.trouble = away

    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, *range(MOST + 2))
        await asyncio.sleep(LINGER + COMMIT / 2)
        desk.write(writer, MOST + 2)
        await asyncio.sleep(RETRY / 2)
        desk.write(writer, MOST + 3)
        desk.postgres.trouble = lambda _: None
        await asyncio.sleep(1)

    desk.run(use)
    everything = list(range(MOST + 4))
    assert desk.postgres.seqs() == [everything[:MOST], everything[MOST:]]
    assert desk.told.written_ == [(seq, True) for seq in everything]


def test_what_was_committed_after_all_is_told_and_not_written_again(desk: Desk) -> None:
    desk.postgres.trouble = away

    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1, 2)
        with pytest.raises(psycopg.OperationalError):
            await writer.turn_over(ASKS, CLAIM)
        desk.write(writer, 3)
        assert desk.told.written_ == []
        desk.postgres.trouble = lambda _: None
        writer.committed()
        assert desk.told.written_ == [(1, True), (2, True)]
        await writer.turn_over((), CLAIM)
        assert writer.commit_by() == inf

    desk.run(use, driven=False)
    assert desk.postgres.seqs() == [[3]]
    assert desk.told.written_ == [(1, True), (2, True), (3, True)]


@pytest.mark.parametrize("refused", [psycopg.DataError("out of range"), ValueError("no JSON")])
def test_one_bad_row_is_written_as_far_as_can_be_and_its_neighbours_as_they_are(
    desk: Desk, refused: Exception
) -> None:
    desk.postgres.trouble = lambda rows: refused if any(each.reply == "bad" for each in rows) else None

    async def use(writer: OutcomeWriter) -> None:
        desk.write_rows(writer, row(1), row(2, "bad"), row(3))
        await asyncio.sleep(1)

    desk.run(use)
    first, bad, last = [written for [written] in [each.rows for each in desk.postgres.committed]]
    assert [(each.seq, each.reply) for each in (first, last)] == [(1, "ok"), (3, "ok")]
    assert (bad.seq, bad.state, bad.outcome, bad.claim) == (2, "sent", "accepted", UUID(int=7))
    assert (bad.reply, bad.http_status, bad.gateway_id, bad.duration_ms) == (None, None, None, None)
    assert desk.told.written_ == [(1, True), (2, True), (3, True)]


def test_lanes_get_what_they_claim_in_spite_of_a_bad_row_once_no_other_waits_for_its_place(desk: Desk) -> None:
    desk.postgres.trouble = lambda rows: (
        psycopg.errors.CheckViolation("no") if any(each.seq == 2 for each in rows) else None
    )
    desk.asks = ASKS

    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1, 2, 3)
        await asyncio.sleep(1)

    desk.run(use)
    assert desk.claims == [CLAIMS]
    assert desk.postgres.seqs() == [[1], [3], []]
    assert [each.asks for each in desk.postgres.committed] == [[], [], ASKS]
    assert desk.postgres.committed[-1].claim == CLAIM


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


def test_trouble_of_postgres_while_rows_are_written_one_by_one_loses_none_and_claims_nothing(desk: Desk) -> None:
    troubles = iter([psycopg.DataError("out of range"), None, away(0)])
    desk.postgres.trouble = lambda _: next(troubles, None)
    desk.asks = ASKS

    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1, 2, 3)
        await asyncio.sleep(2)

    desk.run(use)
    assert desk.postgres.seqs() == [[1], [1, 2, 3]]
    assert [each.asks for each in desk.postgres.committed] == [[], ASKS]
    assert desk.told.written_ == [(1, True), (2, True), (3, True)]


# The end


def test_a_writer_that_stops_spools_what_it_cannot_write_at_once_and_goes_on_writing_what_it_can(desk: Desk) -> None:
    desk.postgres.trouble = away

    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1, 2)
        await asyncio.sleep(0.1)
        asked = now()
        writer.stop()
        assert desk.told.written_ == [(1, False), (2, False)]
        assert desk.told.at[-1] == asked, "it waits for the next try no longer"
        assert writer.commit_by() == inf
        desk.postgres.trouble = lambda _: None
        desk.write(writer, 3)
        await asyncio.sleep(RETRY)
        desk.postgres.trouble = away
        desk.write(writer, 4)
        await asyncio.sleep(0.1)

    desk.run(use)
    assert desk.told.written_[2:] == [(3, True), (4, False)]
    assert desk.postgres.seqs() == [[3]]
    assert desk.spooled() == [1, 2, 4]


def test_a_writer_that_stops_during_a_try_waits_for_what_comes_of_it(desk: Desk) -> None:
    desk.postgres.trouble = away

    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1)
        await asyncio.sleep(LINGER + COMMIT + RETRY + COMMIT / 2)
        assert len(desk.postgres.began) == 2
        desk.write(writer, 2)
        writer.stop()
        assert desk.told.written_ == []
        assert desk.spooled() == []
        await asyncio.sleep(COMMIT)
        assert desk.told.written_ == [(1, False), (2, False)]
        await asyncio.sleep(5)

    desk.run(use)
    assert len(desk.postgres.began) == 2
    assert desk.spooled() == [1, 2]


def test_what_a_writer_that_stops_has_spooled_was_committed_after_all_and_nobody_is_told_twice(desk: Desk) -> None:
    desk.postgres.trouble = away

    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1, 2)
        with pytest.raises(psycopg.OperationalError):
            await writer.turn_over(ASKS, CLAIM)
        writer.stop()
        writer.committed()

    desk.run(use, driven=False)
    assert desk.told.written_ == [(1, False), (2, False)]
    assert desk.spooled() == [1, 2]


def test_giving_up_while_a_commit_hangs_spools_that_group_all_that_wait_and_what_comes_yet(desk: Desk) -> None:
    desk.postgres.takes = 1e6

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
        assert writer.commit_by() == inf

    desk.run(use)
    assert len(desk.postgres.began) == 1
    assert desk.told.written_ == []
    assert desk.spooled() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("trouble", [away, lambda _: None])
def test_what_becomes_of_a_commit_after_giving_up_changes_nothing(
    desk: Desk, trouble: Callable[[object], Exception | None]
) -> None:
    desk.postgres.takes = 5.0
    desk.postgres.trouble = trouble
    desk.asks = ASKS

    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1)
        await asyncio.sleep(LINGER * 2)
        desk.write(writer, 2)
        writer.stop()
        writer.give_up()
        await asyncio.sleep(10)
        assert writer.commit_by() == inf

    desk.run(use)
    assert len(desk.postgres.began) == 1
    assert desk.told.written_ == []
    assert desk.spooled() == [1, 2]


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
    assert [len(each.rows) for each in desk.postgres.committed] == [MOST, 1]
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
    assert desk.postgres.committed == []
    living.close()
    assert desk.spooled() == [1]
