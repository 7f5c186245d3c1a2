"""Every outcome gets written, in virtual time: in groups, along with claims, again while Postgres is away.

What the statement does with outcomes and claims is tested on Postgres (integration/test_postgres_trouble.py and
others), and what goes to the disk at the end in test_outcome_spooling.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from math import inf
from uuid import UUID

import psycopg
import pytest

from broadcaster.services.sending.outcome_writer import LINGER, MOST, RETRY, OutcomeWriter
from broadcaster.services.sending.sending_store import Ask, Claim, OutcomeRow
from tests.support.outcome_desk import ASKS, CLAIM, CLAIMS, COMMIT, Desk, Postgres, Statement, away, now, row

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


class OddOnesMove(Postgres):
    """Of the others a recovery was faster, or the same outcomes were committed before."""

    async def turn_over(
        self, outcomes: Sequence[OutcomeRow], asks: Sequence[Ask], claim: UUID
    ) -> tuple[list[bool], dict[int, Claim]]:
        _, claims = await super().turn_over(outcomes, asks, claim)
        return [each.seq % 2 == 1 for each in outcomes], claims


def test_a_sender_is_told_of_what_did_not_take_effect(desk: Desk) -> None:
    desk.postgres = OddOnesMove()

    async def use(writer: OutcomeWriter) -> None:
        desk.write(writer, 1, 2)
        await asyncio.sleep(1)

    desk.run(use)
    assert desk.told.written_ == [(1, True), (2, False)]


def test_what_has_no_effect_when_it_is_written_again_counts_as_written_the_first_time(desk: Desk) -> None:
    desk.postgres = OddOnesMove()

    async def use(writer: OutcomeWriter) -> None:
        await desk.write_unheard(writer, 1, 2)
        desk.postgres.trouble = lambda _: None
        desk.write(writer, 3, 4)
        await writer.turn_over((), CLAIM)

    desk.run(use, driven=False)
    assert desk.told.written_ == [(1, True), (2, True), (3, True), (4, False)]


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
    async def use(writer: OutcomeWriter) -> None:
        await desk.write_unheard(writer, 1, 2)
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
